"""Loaded by the app's Python before the app: binds its port elsewhere.

It must never break an app: whatever is missing or odd leaves the app as it is. Nothing is
imported for it; modules are changed when the app imports them.
"""

# pyright: basic
# ruff: noqa: ANN001, ANN003, ANN202, ANN204, BLE001, INP001, S110, SIM105

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is slow here


def _claim(port, note):
    """Tell whether *port* is the one to move; the first that asks decides where none is told."""
    wanted = int(os.environ.get("KEPLOY_MOVE_FROM") or "0")
    if wanted and port != wanted:
        return False
    try:
        with open(note) as file:  # noqa: PTH123
            return int(file.read()) == port
    except FileNotFoundError:
        pass
    own = f"{note}.{os.getpid()}"
    with open(own, "w") as file:  # noqa: PTH123
        file.write(str(port))
    try:
        os.link(own, note)
    except FileExistsError:
        return _claim(port, note)
    finally:
        os.unlink(own)  # noqa: PTH108
    return True


def _moved(port):
    try:
        hidden = int(os.environ["KEPLOY_MOVE_TO"])
        if isinstance(port, int) and port not in (0, hidden):
            return hidden if _claim(port, os.environ["KEPLOY_MOVE_NOTE"]) else port
    except Exception:
        pass
    return port


def _shown(name):
    """Give a socket's own name with the port the app asked for."""
    try:
        if name[1] == int(os.environ["KEPLOY_MOVE_TO"]):
            with open(os.environ["KEPLOY_MOVE_NOTE"]) as file:  # noqa: PTH123
                return (name[0], int(file.read()), *name[2:])
    except Exception:
        pass
    return name


def _change_socket(module):
    plain = module.socket
    bind, getsockname = plain.bind, plain.getsockname

    def moved_bind(self, address):
        if (
            self.family in (module.AF_INET, module.AF_INET6)
            and self.type == module.SOCK_STREAM
            and isinstance(address, tuple)
            and len(address) > 1
        ):
            address = (address[0], _moved(address[1]), *address[2:])
        return bind(self, address)

    def shown_name(self):
        name = getsockname(self)
        return _shown(name) if isinstance(name, tuple) else name

    plain.bind, plain.getsockname = moved_bind, shown_name


def _change_uvloop(module):
    create_server = module.Loop.create_server

    async def moved_server(self, factory, host=None, port=None, **options):
        return await create_server(self, factory, host, _moved(port), **options)

    module.Loop.create_server = moved_server


_CHANGES = {"socket": _change_socket, "uvloop": _change_uvloop}


class _Loader:
    def __init__(self, loader, change):
        self._loader, self._change = loader, change

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        try:
            self._change(module)
        except Exception:
            pass


class _Finder:
    def find_spec(self, name, path=None, target=None):
        change = _CHANGES.pop(name, None)
        if change is None:
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, change)  # pyright: ignore[reportAttributeAccessIssue]
        return spec


def _load_the_next():
    """Load the sitecustomize that this one hides, if there is one."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    path = [place for place in sys.path if os.path.abspath(place or ".") != _HERE]  # noqa: PTH100
    spec = PathFinder.find_spec("sitecustomize", path)
    if spec is None or spec.loader is None:
        return
    before, sys.path = sys.path, path
    try:
        spec.loader.exec_module(module_from_spec(spec))
    finally:
        if sys.path is path:
            sys.path = before


if os.environ.get("KEPLOY_MOVE_TO"):
    if "socket" in sys.modules:
        _change_socket(sys.modules["socket"])
        del _CHANGES["socket"]
    sys.meta_path.insert(0, _Finder())
_load_the_next()
