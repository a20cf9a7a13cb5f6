"""A pytest plugin that keeps tests off the network, with fixtures for time, leaks and blocking.

Load it with `-p tta_dev_primitives.testing.plugin`, or with `pytest_plugins` in the top
`conftest.py`. While it is loaded, connecting to anything but this machine raises
`NetworkForbiddenError`; `--allow-network` turns that off for a run. `--detect-blocking` fails each
test in which a step of a workflow holds the event loop.

What connects below Python's own sockets is not seen: other processes, C libraries with a network
stack of their own, and on Windows the proactor event loop where the address is a number already.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import ipaddress
import os
import socket
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from tta_dev_primitives.errors import ConfigurationError, PrimitiveError

from .clock import FakeClock
from .leaks import LeakCheck

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

    from tta_dev_primitives.core.blocking import BlockingCall

_ADDRESS_POSITION: Final = {"connect": 0, "connect_ex": 0, "sendto": -1, "sendmsg": 3}


class NetworkForbiddenError(PrimitiveError):
    """Raised when a test reaches for the network.

    It is no `OSError`, so that code which copes with a bad network does not hide it.

    Attributes:
        target: Where to.
        test: The test that ran, or None outside of tests.
    """

    retryable = False

    def __init__(self, target: str, test: str | None) -> None:
        who = "code outside any test" if test is None else test
        super().__init__(
            f"{who} reached for the network: {target}. Use a server on 127.0.0.1 or a mock, or run "
            "with --allow-network"
        )
        self.target, self.test = target, test


class NetworkGuard:
    """Replace what connects sockets by what refuses to leave the machine, until removed."""

    def __init__(self) -> None:
        self._replaced: list[tuple[Any, str, Any]] = []  # Any: classes and modules, functions

    def install(self) -> None:
        """Begin to refuse."""
        for name, position in _ADDRESS_POSITION.items():
            if hasattr(socket.socket, name):
                self._replace(socket.socket, name, functools.partial(_guarded_method, position))
        self._replace(socket, "getaddrinfo", _guarded_lookup)
        if importlib.util.find_spec("uvloop") is not None:
            import uvloop

            # It connects without Python's sockets.
            self._replace(uvloop.Loop, "create_connection", _guarded_connection)
            self._replace(uvloop.Loop, "create_datagram_endpoint", _guarded_datagrams)

    def remove(self) -> None:
        """Put everything back."""
        while self._replaced:
            owner, name, original = self._replaced.pop()
            if original is None:
                delattr(owner, name)
            else:
                setattr(owner, name, original)

    def _replace(self, owner: Any, name: str, guard: Callable[[Any], Any]) -> None:
        own = cast("dict[str, Any]", vars(owner)).get(name)  # None where a base class has it
        self._replaced.append((owner, name, own))
        setattr(owner, name, guard(getattr(owner, name)))


def refuse_unless_local(host: object, port: object = None) -> None:
    """Raise unless *host* is this machine.

    Raises:
        NetworkForbiddenError: It is not.
    """
    if not _is_local(host):
        target = f"{host!s}" if port is None else f"{host!s} port {port!s}"
        current = os.environ.get("PYTEST_CURRENT_TEST")
        raise NetworkForbiddenError(target, current and current.rpartition(" ")[0])


def _is_local(host: object) -> bool:
    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode("ascii", "replace")
    if not isinstance(host, str):
        return host is None  # nobody to connect to; getaddrinfo takes it for this machine
    name = host.lower().rstrip(".")
    if name in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name.endswith(".localhost")
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified  # connecting to 0.0.0.0 stays here


def _guarded_method(position: int, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def guarded(self: socket.socket, *args: Any) -> Any:  # Any: as the socket's own
        if self.family in (socket.AF_INET, socket.AF_INET6) and len(args) > max(position, 0):
            address = args[position]
            if isinstance(address, tuple) and address:
                refuse_unless_local(*cast("tuple[Any, ...]", address)[:2])
        return original(self, *args)

    return guarded


def _guarded_lookup(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def guarded(host: object, *args: Any, **kwargs: Any) -> Any:  # Any: as the original
        # Numbers need no lookup, and this machine's own name may stand in its hosts file; where
        # they lead is looked at when somebody connects.
        if not _is_number(host) and host != socket.gethostname():
            refuse_unless_local(host, args[0] if args else kwargs.get("port"))
        return original(host, *args, **kwargs)

    return guarded


def _guarded_connection(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def guarded(self: Any, factory: Any, *args: Any, **kwargs: Any) -> Any:  # Any: uvloop's
        target = (*args, kwargs.get("host"), kwargs.get("port"))
        refuse_unless_local(*target[:2])
        return await original(self, factory, *args, **kwargs)

    return guarded


def _guarded_datagrams(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def guarded(
        self: Any, factory: Any, local_addr: Any = None, remote_addr: Any = None, **kwargs: Any
    ) -> Any:  # Any: uvloop's
        if remote_addr is not None:
            refuse_unless_local(*remote_addr[:2])
        return await original(self, factory, local_addr, remote_addr, **kwargs)

    return guarded


def _is_number(host: object) -> bool:
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return True


_GUARD: Final = pytest.StashKey[NetworkGuard]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--allow-network`, `--detect-blocking` and `--blocking-threshold`."""
    parser.addoption(
        "--allow-network",
        action="store_true",
        help="let tests connect to other machines (tta_dev_primitives.testing.plugin)",
    )
    parser.addoption(
        "--detect-blocking",
        action="store_true",
        help="fail tests in which a step holds the event loop (tta_dev_primitives.testing.plugin)",
    )
    parser.addoption(
        "--blocking-threshold",
        type=float,
        default=0.1,
        metavar="SECONDS",
        help="how long a step may hold the event loop (default: 0.1)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Begin to refuse before test files are imported, and add the fixture that needs a loop."""
    config.pluginmanager.register(_leak_fixture())
    if not config.getoption("--allow-network"):
        config.stash[_GUARD] = NetworkGuard()
        config.stash[_GUARD].install()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Put everything back."""
    if _GUARD in config.stash:
        config.stash[_GUARD].remove()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Run a test; where asked to, find the steps that hold the event loop meanwhile."""
    if not item.config.getoption("--detect-blocking"):
        yield
        return
    with _no_blocking(item.config):
        yield


@pytest.fixture
def assert_no_blocking(request: pytest.FixtureRequest) -> Iterator[list[BlockingCall]]:
    """Fail a test in which a step holds the event loop; what was found stands in the value.

    A test may take out of it what it knows of.
    """
    with _no_blocking(request.config) as found:
        yield found


@contextlib.contextmanager
def _no_blocking(config: pytest.Config) -> Generator[list[BlockingCall], None, None]:
    from tta_dev_primitives.core.blocking import detect_blocking

    threshold_seconds = cast("float", config.getoption("--blocking-threshold"))
    with detect_blocking(threshold_seconds=threshold_seconds) as found:
        yield found
    if found:
        pytest.fail("\n  ".join(["blocking steps:", *map(str, found)]), pytrace=False)


@pytest.fixture
def fake_clock() -> FakeClock:
    """Return a clock that starts at 0 and moves only when told to."""
    return FakeClock()


def _leak_fixture() -> ModuleType:
    """Return a plugin of its own with the fixture `assert_no_leaks`."""
    plugin = ModuleType(f"{__name__}.leaks")
    if importlib.util.find_spec("pytest_asyncio") is None:
        fixture = pytest.fixture(_say_what_is_missing, name="assert_no_leaks")
    else:
        import pytest_asyncio  # no earlier: pytest warns where it wants to load a plugin itself

        fixture = pytest_asyncio.fixture(_check_for_leaks, name="assert_no_leaks")
    vars(plugin)["assert_no_leaks"] = fixture
    return plugin


async def _check_for_leaks() -> AsyncIterator[Callable[..., None]]:
    """Fail a test that leaves a task behind, or something of what is handed to the value."""
    check = LeakCheck()
    yield check.watch
    await check.check()


def _say_what_is_missing() -> None:
    msg = (
        "the assert_no_leaks fixture runs in the test's event loop. Try: uv add --dev "
        "pytest-asyncio, or use `async with assert_no_leaks(...)` of testing.leaks"
    )
    raise ConfigurationError(msg)
