"""The pytest plugin: tests stay on this machine, and leave nothing behind."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.testing.plugin import (
    NetworkForbiddenError,
    NetworkGuard,
    refuse_unless_local,
)

pytest_plugins = ["pytester"]

# Documentation addresses (RFC 5737, RFC 3849): nobody answers there, should a test get through.
FAR, FAR6, FAR_NAME = "192.0.2.1", "2001:db8::1", "api.example.com"


@pytest.fixture
def guarded() -> Iterator[None]:
    """The guard, in this very process."""
    guard = NetworkGuard()
    guard.install()
    try:
        yield
    finally:
        guard.remove()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "localhost", "LOCALHOST.", "a.localhost",
     "0.0.0.0", "::", "", None, b"localhost"],
    ids=repr,
)  # fmt: skip
def test_this_machine_is_no_network(host: object) -> None:
    """In all its names."""
    refuse_unless_local(host)


@pytest.mark.parametrize(
    "host",
    [FAR, FAR6, FAR_NAME, "10.0.0.1", "fe80::1%eth0", "::ffff:192.0.2.1", "localhost.example.com",
     "127.0.0.1.example.com", "<broadcast>", "169.254.169.254", FAR_NAME.encode()],
    ids=repr,
)  # fmt: skip
def test_other_machines_are_refused(host: object) -> None:
    """Private networks and those that only look like this machine included."""
    with pytest.raises(NetworkForbiddenError):
        refuse_unless_local(host)


def test_error_names_the_target_the_test_and_the_way_out() -> None:
    """And is not taken for a bad network that another try could mend."""
    with pytest.raises(NetworkForbiddenError) as caught:
        refuse_unless_local(FAR_NAME, 443)
    name = "test_error_names_the_target_the_test_and_the_way_out"
    assert f"::{name} reached for the network: {FAR_NAME} port 443. " in str(caught.value)
    assert str(caught.value).endswith("or run with --allow-network")
    assert (caught.value.target, str(caught.value.test).rpartition("::")[2]) == (
        f"{FAR_NAME} port 443",
        name,
    )
    assert not caught.value.retryable
    assert not isinstance(caught.value, OSError)


def test_code_outside_of_tests_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """For instance while a test file is imported."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    with pytest.raises(NetworkForbiddenError, match=r"^code outside any test reached"):
        refuse_unless_local(FAR)


@pytest.mark.parametrize(
    ("kind", "method", "arguments"),
    [
        (socket.SOCK_STREAM, "connect", ((FAR, 80),)),
        (socket.SOCK_STREAM, "connect", ((FAR_NAME, 80),)),
        (socket.SOCK_STREAM, "connect_ex", ((FAR, 80),)),
        (socket.SOCK_DGRAM, "connect", ((FAR, 53),)),
        (socket.SOCK_DGRAM, "sendto", (b"x", (FAR, 53))),
        (socket.SOCK_DGRAM, "sendto", (b"x", 0, (FAR, 53))),
        (socket.SOCK_DGRAM, "sendmsg", ([b"x"], [], 0, (FAR, 53))),
    ],
    ids=["connect", "by name", "connect_ex", "udp connect", "sendto", "with flags", "sendmsg"],
)
@pytest.mark.usefixtures("guarded")
def test_no_way_out_of_a_socket(kind: int, method: str, arguments: tuple[Any, ...]) -> None:
    """Whichever call a library uses."""
    with socket.socket(socket.AF_INET, kind) as out, pytest.raises(NetworkForbiddenError):
        getattr(out, method)(*arguments)


@pytest.mark.usefixtures("guarded")
def test_no_way_out_over_ipv6() -> None:
    """It has addresses of four parts."""
    with socket.socket(socket.AF_INET6) as out, pytest.raises(NetworkForbiddenError):
        out.connect((FAR6, 80, 0, 0))


@pytest.mark.usefixtures("guarded")
def test_name_is_refused_before_it_is_looked_up() -> None:
    """A lookup is network already, and offline it would fail with another error."""
    with pytest.raises(NetworkForbiddenError, match=f"{FAR_NAME} port 443"):
        socket.create_connection((FAR_NAME, 443))
    with pytest.raises(NetworkForbiddenError, match=f"{FAR_NAME} port 80"):
        socket.getaddrinfo(host=FAR_NAME, port=80)


@pytest.mark.usefixtures("guarded")
def test_lookups_that_ask_nobody_work() -> None:
    """Numbers, and this machine."""
    for host in (FAR, "localhost", "127.0.0.1", None):
        assert socket.getaddrinfo(host, 80)


@pytest.mark.usefixtures("guarded")
def test_sockets_on_this_machine_work() -> None:
    """Over TCP and UDP."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        server.accept()[0].close()
        assert client.recv(1) == b""
    with (
        socket.socket(type=socket.SOCK_DGRAM) as receiver,
        socket.socket(type=socket.SOCK_DGRAM) as out,
    ):
        receiver.bind(("127.0.0.1", 0))
        out.sendto(b"x", receiver.getsockname())
        out.connect(receiver.getsockname())
        out.sendmsg([b"y"])
        assert receiver.recv(9) + receiver.recv(9) == b"xy"


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no unix sockets")
@pytest.mark.usefixtures("guarded")
def test_unix_sockets_work(tmp_path: Path) -> None:
    """They never leave the machine."""
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)


def loops() -> list[Any]:
    found = [pytest.param(asyncio.new_event_loop, id="asyncio")]
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop

        found.append(pytest.param(uvloop.new_event_loop, id="uvloop"))
    return found


async def connect(host: str) -> None:
    await asyncio.open_connection(host, 80)


async def connect_by_keywords(host: str) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_connection(asyncio.Protocol, host=host, port=80)


async def send(host: str) -> None:
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(host, 53))


@pytest.mark.parametrize("make_loop", loops())
@pytest.mark.parametrize("way", [connect, connect_by_keywords, send])
@pytest.mark.parametrize("host", [FAR, FAR_NAME])
@pytest.mark.usefixtures("guarded")
def test_no_way_out_of_an_event_loop(make_loop: Any, way: Any, host: str) -> None:
    """uvloop connects without Python's sockets."""
    with (
        asyncio.Runner(loop_factory=make_loop) as runner,
        pytest.raises(NetworkForbiddenError),
    ):
        runner.run(way(host))


@pytest.mark.parametrize("make_loop", loops())
@pytest.mark.usefixtures("guarded")
def test_event_loop_reaches_servers_on_this_machine(make_loop: Any) -> None:
    """By TCP, by UDP, and on a socket that is connected already."""

    async def use() -> bytes:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        loop = asyncio.get_running_loop()
        async with server:
            transport, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=(host, port)
            )
            transport.close()
            unconnected, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, (host, 0)
            )
            unconnected.close()
            with socket.create_connection((host, port)) as connected:
                connected.setblocking(False)
                reader, writer = await asyncio.open_connection(sock=connected)
                assert await reader.read() == b""
                writer.close()
            reader, writer = await asyncio.open_connection(host, port)
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
            return answer

    with asyncio.Runner(loop_factory=make_loop) as runner:
        assert runner.run(use()) == b""


def test_guard_puts_everything_back() -> None:
    """One inside another included."""
    before = (dict(vars(socket.socket)), socket.getaddrinfo)
    outer, inner = NetworkGuard(), NetworkGuard()
    outer.install()
    inner.install()
    inner.remove()
    with socket.socket() as out, pytest.raises(NetworkForbiddenError):
        out.connect((FAR, 80))
    outer.remove()
    assert (dict(vars(socket.socket)), socket.getaddrinfo) == before


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs pytest with the plugin on one test file, inside this process or in its own."""

    def run(text: str, *options: str, subprocess: bool = False) -> pytest.RunResult:
        monkeypatch.delenv("PYTEST_CURRENT_TEST")
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        pytester.makepyfile(text)
        plugin = ("-p", "tta_dev_primitives.testing.plugin", "-W", "error")
        if subprocess:
            return pytester.runpytest_subprocess(*plugin, *options)
        # This file has imported it.
        quiet = ("-W", "ignore:Module already imported so cannot be rewritten")
        return pytester.runpytest_inprocess(*plugin, *quiet, *options)

    return run


WITH_LOOPS = (
    "-p", "pytest_asyncio.plugin", "-o", "asyncio_mode=strict",
    "-o", "asyncio_default_fixture_loop_scope=function",
)  # fmt: skip
NETWORK = f"""
import socket

def test_far():
    with socket.socket() as out:
        out.settimeout(0.01)
        out.connect(({FAR!r}, 80))
"""


@pytest.mark.parametrize("subprocess", [False, True], ids=["here", "process of its own"])
def test_plugin_refuses_the_network_and_names_the_test(
    run: Callable[..., Any], subprocess: bool
) -> None:
    """As a user runs it."""
    result = run(NETWORK, *WITH_LOOPS, subprocess=subprocess)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*.py::test_far reached for the network: {FAR} port 80.*"])


def test_plugin_lets_the_network_be_used_where_asked(run: Callable[..., Any]) -> None:
    """The test then fails by itself, on an address that nobody has."""
    result = run(NETWORK, "--allow-network")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*reached for the network*")


def test_plugin_is_on_guard_while_test_files_are_imported(run: Callable[..., Any]) -> None:
    """Where no test runs yet."""
    result = run(f"import socket\nsocket.create_connection(({FAR_NAME!r}, 80))")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*code outside any test reached for the network*"])


def test_plugin_puts_everything_back_after_the_run(run: Callable[..., Any]) -> None:
    """A process that goes on has its network again."""
    before = (dict(vars(socket.socket)), socket.getaddrinfo)
    run("def test_it(): pass").assert_outcomes(passed=1)
    assert (dict(vars(socket.socket)), socket.getaddrinfo) == before


LEAKS = """
import asyncio
import pytest

pytestmark = pytest.mark.asyncio
kept = []

async def test_clean(fake_clock, assert_no_leaks):
    assert_no_leaks(fake_clock)
    sleeping = asyncio.ensure_future(fake_clock.sleep(5))
    await asyncio.sleep(0)
    fake_clock.advance(5)
    await sleeping

async def test_timer(fake_clock, assert_no_leaks):
    assert_no_leaks(fake_clock)
    fake_clock.call_later(1, print)

async def test_task(assert_no_leaks):
    kept.append(asyncio.create_task(asyncio.Event().wait(), name="straggler"))
"""


def test_plugin_gives_a_clock_and_finds_leaks(run: Callable[..., Any]) -> None:
    """A test that leaves something behind has an error, one that does not has none."""
    result = run(LEAKS, *WITH_LOOPS)
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines_random(
        ["*has pending = 1, and had 0 before*", "*task still running: straggler*"]
    )


def test_plugin_works_without_pytest_asyncio(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the fixture that needs a loop, which says so."""
    monkeypatch.setitem(sys.modules, "pytest_asyncio", None)  # as if it were not installed
    result = run(
        """
        def test_time(fake_clock):
            assert fake_clock.monotonic() == 0

        def test_leaks(assert_no_leaks):
            pass
        """
    )
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*uv add --dev pytest-asyncio*"])


BLOCKS = """
import time
from tta_dev_primitives import LambdaPrimitive

def blocks(x):
    time.sleep(0.15)

def run():
    LambdaPrimitive(blocks).run(1)
"""


@pytest.mark.parametrize(
    ("options", "failed"),
    [([], 0), (["--detect-blocking"], 1), (["--detect-blocking", "--blocking-threshold=0.05"], 1),
     (["--detect-blocking", "--blocking-threshold", "9"], 0)],
    ids=["not asked", "asked", "with a threshold", "with a high one"],
)  # fmt: skip
def test_plugin_fails_tests_with_blocking_steps_where_asked(
    run: Callable[..., Any], options: list[str], failed: int
) -> None:
    """With the step and the line; the others pass."""
    result = run(BLOCKS + "def test_quick(): pass\ndef test_slow(): run()", *options)
    result.assert_outcomes(passed=2 - failed, failed=failed)
    if failed:
        result.stdout.fnmatch_lines(
            [
                "blocking steps:",
                "  blocks (0.blocks) held the event loop for 0.1* at *.py:* in blocks",
            ]
        )


def test_error_of_a_test_is_not_hidden_by_its_blocking_step(run: Callable[..., Any]) -> None:
    """It says more."""
    result = run(BLOCKS + "def test_it(): run(); assert 1 == 2", "--detect-blocking")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 1 == 2*"])


def test_fixture_finds_blocking_steps_in_one_test(run: Callable[..., Any]) -> None:
    """Those that the test takes out of the value are forgiven."""
    result = run(
        BLOCKS
        + """
def test_quick(assert_no_blocking): pass
def test_slow(assert_no_blocking): run()
def test_unwatched(): run()
def test_known(assert_no_blocking):
    run()
    assert assert_no_blocking.pop().primitive == "blocks"
"""
    )
    result.assert_outcomes(passed=4, errors=1)
    result.stdout.fnmatch_lines(["*at teardown of test_slow*", "blocking steps:"])


def test_threshold_of_the_run_counts_for_the_fixture(run: Callable[..., Any]) -> None:
    """One setting for both."""
    result = run(BLOCKS + "def test_slow(assert_no_blocking): run()", "--blocking-threshold=9")
    result.assert_outcomes(passed=1)
