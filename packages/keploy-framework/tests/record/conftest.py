"""The example app as a command, a tree of recordings, and a check that no task stays."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from keploy_framework.formats import KeployTree
from keploy_framework.process.ports import free_port

EXAMPLE_APP = Path(__file__).parent.parent / "record" / "example_app.py"


@pytest.fixture(autouse=True)
async def no_task_is_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task behind."""
    yield
    left = {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
    assert not left, f"tasks are left: {left}"


@pytest.fixture
def app_port() -> int:
    """The port the example app listens on."""
    return free_port()


@pytest.fixture
def app_command(app_port: int) -> str:
    """The command that starts the example app."""
    return shlex.join([sys.executable, str(EXAMPLE_APP), str(app_port)])


@pytest.fixture
def tree(tmp_path: Path) -> KeployTree:
    """An empty folder of recordings."""
    return KeployTree(tmp_path / "keploy")


@pytest.fixture
async def dependency() -> AsyncIterator[Callable[[], list[str]]]:
    """A server the app depends on; calling it gives the paths it was asked, its URL first."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split()[1].decode())
        body = b'{"number": %d}' % (len(asked) - 1)
        lines = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        writer.write(lines + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    asked.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        yield lambda: asked
