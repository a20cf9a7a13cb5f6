"""The app is found where it listens, and moved where it must make room."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from keploy_framework.errors import AppError
from keploy_framework.process import AppProcess, PortMove, Readiness, StopSignal, wait_until_ready
from keploy_framework.process.ports import (
    answering_host,
    free_port,
    listening_ports,
    wait_until_free,
)

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="needs /proc")

LISTENER = """\
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/up" else 503); self.end_headers()
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("shown as", server.server_address[1], flush=True)
server.serve_forever()
"""
FROM_PORT = LISTENER.replace("int(sys.argv[1])", "int(__import__('os').environ['PORT'])")
ON_EVENT_LOOP = """\
import asyncio, sys
async def main():
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", int(sys.argv[1]))
    print("shown as", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@pytest.mark.parametrize("told", [False, True], ids=["found", "told"])
async def test_the_port_is_found(program: Callable[..., str], told: bool) -> None:
    """The user had to say which port the app listens on."""
    port = free_port()
    async with AppProcess(program(LISTENER, port), environment=os.environ) as app:
        address = await wait_until_ready(app, Readiness(port if told else 0, seconds=20))
        assert address is not None
        assert (address.port, address.public) == (port, port)
        assert listening_ports(app.members()) == [port]
    assert await wait_until_free(port, 5)


@pytest.mark.parametrize("source", [LISTENER, ON_EVENT_LOOP], ids=["thread", "asyncio"])
async def test_a_python_app_makes_room(program: Callable[..., str], source: str) -> None:
    """The relay could not take the app's port, as the app was there."""
    port = free_port()
    with PortMove() as move:
        environment = move.environment(os.environ)
        async with AppProcess(program(source, port), environment=environment) as app:
            address = await wait_until_ready(app, Readiness(seconds=20), move)
            assert address is not None
            assert (address.port, address.public) == (move.hidden, port)
            assert await answering_host(port) is None
            async with asyncio.timeout(10):
                while not app.last_lines:  # noqa: ASYNC110 - another thread adds them
                    await asyncio.sleep(0.01)
            assert app.last_lines == (f"shown as {port}",), "the app believes it is there"


async def test_an_app_that_reads_port_makes_room(program: Callable[..., str]) -> None:
    """An app in another language, told its port by PORT, was not moved."""
    port = free_port()
    with PortMove(port) as move:
        # Without the file for Python it stands for an app in another language.
        environment = move.environment({**os.environ, "PORT": str(port)}, shims=False)
        async with AppProcess(program(FROM_PORT), environment=environment) as app:
            address = await wait_until_ready(app, Readiness(port, seconds=20), move)
    assert address is not None
    assert (address.port, address.public) == (move.hidden, port)


async def test_only_the_named_port_is_moved(program: Callable[..., str]) -> None:
    """A debugger's port was moved instead of the app's."""
    first, second = free_port(), free_port()
    two = LISTENER.replace(
        'print("shown', f'import socket\nother = socket.create_server(("", {first}))\nprint("shown'
    )
    with PortMove(second) as move:
        environment = move.environment(os.environ)
        async with AppProcess(program(two, second), environment=environment) as app:
            address = await wait_until_ready(app, Readiness(second, seconds=20), move)
            assert address is not None
            assert address.public == second
            assert await answering_host(first) is not None


async def test_the_users_own_sitecustomize_still_runs(
    program: Callable[..., str], tmp_path: Path
) -> None:
    """The app missed what its own sitecustomize sets up."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import os; os.environ['OWN'] = 'ran'")
    with PortMove() as move:
        environment = move.environment({**os.environ, "PYTHONPATH": str(own)})
        command = program("import os; print(os.environ.get('OWN'))")
        async with AppProcess(command, environment=environment) as app:
            await app.wait()
    assert app.last_lines == ("ran",)


async def test_health_decides_when_it_is_ready(program: Callable[..., str]) -> None:
    """Tests ran before the app had loaded its data."""
    port = free_port()
    async with AppProcess(program(LISTENER, port), environment=os.environ) as app:
        address = await wait_until_ready(app, Readiness(port, "/up", 20))
        assert address is not None
        with pytest.raises(AppError, match="/down did not answer"):
            await wait_until_ready(app, Readiness(port, "/down", 0.3))


async def test_another_port_is_taken_where_the_told_one_is_a_guess(
    program: Callable[..., str],
) -> None:
    """Tests recorded at port 8000 could not be replayed after the app moved to 9000."""
    port, recorded = free_port(), free_port()
    async with AppProcess(program(LISTENER, port), environment=os.environ) as app:
        wanted = Readiness(recorded, seconds=20, is_port_sure=False)
        address = await wait_until_ready(app, wanted)
    assert address is not None
    assert address.port == port


async def test_an_app_that_dies_at_once_says_how(program: Callable[..., str]) -> None:
    """A failing app was waited for until the time was up."""
    command = program("print('no database'); raise SystemExit(4)")
    async with AppProcess(command, environment=os.environ) as app:
        with pytest.raises(AppError, match="ended with 4") as caught:
            await wait_until_ready(app, Readiness(seconds=20))
    assert caught.value.reason == "ended"
    assert caught.value.last_lines == ("no database",)


async def test_an_app_that_never_listens_says_what_to_do(program: Callable[..., str]) -> None:
    """An app that opens no port hung the command."""
    command = program("import time; time.sleep(60)")
    async with AppProcess(command, environment=os.environ) as app:
        with pytest.raises(AppError, match="--port") as caught:
            await wait_until_ready(app, Readiness(seconds=0.2))
    assert caught.value.reason == "silent"


async def test_stop_ends_the_waiting(program: Callable[..., str]) -> None:
    """Ctrl-C while the app started was not heard."""
    command = program("import time; time.sleep(60)")
    stop = StopSignal()
    stop.set()
    async with AppProcess(command, environment=os.environ) as app:
        assert await wait_until_ready(app, Readiness(seconds=60), stop=stop) is None
