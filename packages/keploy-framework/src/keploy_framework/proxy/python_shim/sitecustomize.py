"""Lead Python clients that ignore the proxy variables through the proxy; loaded at start.

Python imports this before an app's first line, in any version from 3.8 on. It imports nothing of
the app's: each part waits until the app itself imports the library it is for. Whatever fails here
is said in one line, and the app runs on without it.
"""

# ruff: noqa: INP001 - in a folder that holds nothing else, as PYTHONPATH names it.
from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is slow to load
_PROXY = os.environ.get("KEPLOY_PROXY_URL", "")
_BUNDLE = os.environ.get("KEPLOY_CA_BUNDLE", "")


def _aiohttp(module: Any) -> None:
    """Give requests without a proxy ours; aiohttp reads no variables unless told so."""
    session = module.ClientSession
    direct = session._request
    # These speak to a socket in the file system, where no proxy is.
    local = ("UnixConnector", "NamedPipeConnector")

    def request(self: Any, *args: Any, **keywords: Any) -> Any:
        chosen = keywords.get("proxy") or getattr(self, "_default_proxy", None)
        if chosen is None and type(self.connector).__name__ not in local:
            keywords["proxy"] = _PROXY
        return direct(self, *args, **keywords)

    session._request = request


def _urllib3(module: Any) -> None:
    """Let a plain pool manager ask through one for the proxy."""
    manager = module.PoolManager
    direct = manager.urlopen

    def urlopen(self: Any, *args: Any, **keywords: Any) -> Any:
        if type(self) is not manager:
            return direct(self, *args, **keywords)
        through = self.__dict__.get("_keploy_through")
        if through is None:
            through = module.ProxyManager(_PROXY, headers=self.headers, **self.connection_pool_kw)
            self._keploy_through = through
        return through.urlopen(*args, **keywords)

    manager.urlopen = urlopen


def _certifi(module: Any) -> None:
    """Let those who take their authorities from certifi trust this run's as well."""

    def contents() -> str:
        with open(_BUNDLE, encoding="ascii") as file:  # noqa: PTH123 - pathlib is slow to load
            return file.read()

    module.where = lambda: _BUNDLE
    module.contents = contents


_HOOKS: dict[str, Callable[[Any], None]] = {}
if _PROXY:
    _HOOKS.update({"aiohttp.client": _aiohttp, "urllib3.poolmanager": _urllib3})
if _BUNDLE:
    _HOOKS["certifi.core"] = _certifi


class _AfterImport:
    """Run a hook as its module is imported, whoever finds the module."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        hook = _HOOKS.get(name)
        if hook is None:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None:
                continue
            spec = find(name, path, target)
            if spec is not None:
                _hook_loader(spec.loader, hook, name)
                return spec
        return None


def _hook_loader(loader: Any, hook: Callable[[Any], None], name: str) -> None:
    execute = getattr(loader, "exec_module", None)
    if execute is None or isinstance(loader, type):
        return

    def exec_module(module: ModuleType) -> None:
        execute(module)
        _guarded(hook, module, name)

    # Another class of loader would be noticed by those who read a package's files.
    loader.exec_module = exec_module


def _guarded(hook: Callable[[Any], None], module: ModuleType, name: str) -> None:
    try:
        hook(module)
    except Exception as error:  # noqa: BLE001 - the app must run whatever its libraries look like
        sys.stderr.write(f"keploy: {name} is left as it is: {type(error).__name__}\n")


def _install() -> None:
    # Another file of this kind may find this one a second time.
    if any(type(finder).__name__ == "_AfterImport" for finder in sys.meta_path):
        return
    for name, hook in _HOOKS.items():
        if name in sys.modules:
            _guarded(hook, sys.modules[name], name)
    sys.meta_path.insert(0, _AfterImport())  # pyright: ignore[reportArgumentType] - by shape


def _run_the_next() -> None:
    """Run the ``sitecustomize`` that Python would have run without this one."""
    paths = [os.path.abspath(path or os.curdir) for path in sys.path]  # noqa: PTH100
    # One that stands before this one has run already, and may have called this one.
    after = paths[paths.index(_HERE) + 1 :] if _HERE in paths else paths
    spec = PathFinder.find_spec("sitecustomize", after)
    if spec is None or spec.loader is None:
        return
    from importlib.util import module_from_spec

    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_install()
_run_the_next()
