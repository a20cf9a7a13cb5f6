"""A real app is recorded while real clients use it."""

from __future__ import annotations

import asyncio
import os
import socket
import urllib.request
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from keploy_framework.errors import AppError, KeployPathError, KeployTreeBusyError
from keploy_framework.formats import KeployTree
from keploy_framework.process import Readiness, StopSignal
from keploy_framework.process.ports import answering_host
from keploy_framework.record.recorder import RecordSummary
from keploy_framework.record.run import RecordOptions, record

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="needs /proc")


class Recording:
    """A recording that runs."""

    def __init__(self, task: asyncio.Task[RecordSummary], stop: StopSignal) -> None:
        self._task = task
        self._stop = stop
        self.lines: list[str] = []

    async def finish(self) -> RecordSummary:
        self._stop.set()
        return await self._task


@asynccontextmanager
async def recording(
    tree: KeployTree, options: RecordOptions, **environment: str
) -> AsyncGenerator[Recording]:
    stop = StopSignal()
    ready = asyncio.Event()
    lines: list[str] = []

    def say(line: str) -> None:
        lines.append(line)
        if "http://" in line:
            ready.set()

    task = asyncio.create_task(
        record(tree, options, stop, say=say, environment={**os.environ, **environment})
    )
    running = Recording(task, stop)
    running.lines = lines
    waiting = asyncio.create_task(ready.wait())
    try:
        async with asyncio.timeout(20):
            await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield running
    finally:
        waiting.cancel()
        stop.set()
        await asyncio.gather(task, waiting, return_exceptions=True)


async def get(port: int, path: str, data: bytes | None = None) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data)

    def call() -> bytes:
        with urllib.request.urlopen(request, timeout=10) as response:
            return bytes(response.read())

    return await asyncio.to_thread(call)


async def test_the_apps_own_port_is_recorded(
    tree: KeployTree, app_command: str, app_port: int
) -> None:
    """Calls to the port the app is known by were not recorded."""
    async with recording(tree, RecordOptions(app_command)) as running:
        await get(app_port, "/items", b'{"name": "kettle"}')
        assert await get(app_port, "/items") == b'[{"id": 1, "name": "kettle"}]'
        summary = await running.finish()
    assert await answering_host(app_port) is None
    tests = tree.test_set(summary.test_set).tests()
    assert [case.name for case in tests] == ["post-items-1", "get-items-1"]
    assert tests[0].request.host == f"127.0.0.1:{app_port}"
    assert tests[0].app_port == app_port


async def test_calls_of_the_app_become_its_tests_mocks(
    tree: KeployTree,
    app_command: str,
    app_port: int,
    dependency: Callable[[], list[str]],
) -> None:
    """A call of the app to a server on this machine was not recorded."""
    url = f"{dependency()[0]}/call?x=1"
    options = RecordOptions(app_command)
    async with recording(tree, options, DEPENDENCY_URL=url) as running:
        assert await get(app_port, "/dependency") == b'{"said": {"number": 1}}'
        summary = await running.finish()
    recorded = tree.test_set(summary.test_set)
    (mock,) = recorded.mocks()
    assert mock.request.url == url
    assert [one.name for one in recorded.mappings().by_test["get-dependency-1"]] == [mock.name]


async def test_a_server_told_by_url_becomes_one_mock(
    tree: KeployTree,
    app_command: str,
    app_port: int,
    dependency: Callable[[], list[str]],
) -> None:
    """A call to OPENAI_BASE_URL was recorded twice, once with a port of the recorder."""
    url = f"{dependency()[0]}/v1"
    async with recording(tree, RecordOptions(app_command), OPENAI_BASE_URL=url) as running:
        assert await get(app_port, "/base") == b'{"said": {"number": 1}}'
        summary = await running.finish()
    (mock,) = tree.test_set(summary.test_set).mocks()
    assert mock.request.url == f"{url}/call"


async def test_a_call_of_the_app_to_itself_is_no_mock(
    tree: KeployTree, app_command: str, app_port: int
) -> None:
    """An app that calls itself was answered from a mock of itself."""
    async with recording(tree, RecordOptions(app_command)) as running:
        assert await get(app_port, "/itself") == b'{"said": []}'
        summary = await running.finish()
    assert summary.mocks == 0


async def test_an_app_that_cannot_move_is_recorded_elsewhere(
    tree: KeployTree, app_command: str, app_port: int
) -> None:
    """An app that keeps its port was not recorded, and nobody said why."""
    options = RecordOptions(app_command, move=False)
    async with recording(tree, options) as running:
        (line,) = (one for one in running.lines if "http://" in one)
        relay = int(line.partition("127.0.0.1:")[2].partition(" ")[0])
        assert relay != app_port
        await get(relay, "/items")
        await get(app_port, "/items")
        summary = await running.finish()
    (case,) = tree.test_set(summary.test_set).tests()
    assert case.request.host == f"127.0.0.1:{app_port}"


async def test_the_timer_ends_the_recording(tree: KeployTree, app_command: str) -> None:
    """--record-timer was ignored."""
    options = RecordOptions(app_command, timer_seconds=0.05)
    async with asyncio.timeout(20):
        summary = await record(tree, options, StopSignal())
    assert summary.tests == 0
    assert tree.set_names() == []


async def test_a_crash_keeps_what_was_recorded(
    tree: KeployTree, app_command: str, app_port: int
) -> None:
    """A crash of the app lost the tests before it."""
    async with recording(tree, RecordOptions(app_command)) as running:
        await get(app_port, "/items")
        with pytest.raises(OSError):
            await get(app_port, "/crash")
        async with asyncio.timeout(10):
            while not any("ended with 7" in line for line in running.lines):  # noqa: ASYNC110 - said later
                await asyncio.sleep(0.01)
        summary = await running.finish()
    assert summary.tests == 1
    assert summary.app_code == 7


async def test_a_body_that_never_comes_does_no_harm(
    tree: KeployTree, app_command: str, app_port: int
) -> None:
    """A client that announced 10 GB and left ended the recording, or filled the memory."""
    head = b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 10737418240\r\n\r\n{"
    async with recording(tree, RecordOptions(app_command)) as running:
        _, writer = await asyncio.open_connection("127.0.0.1", app_port)
        writer.write(head)
        await writer.drain()
        assert await get(app_port, "/items") == b"[]"
        writer.transport.abort()
        assert await get(app_port, "/items") == b"[]"
        summary = await running.finish()
    assert summary.tests == 2
    assert sum(summary.lost.values()) == 1


async def test_a_second_recorder_is_refused(
    tree: KeployTree, app_command: str, app_port: int
) -> None:
    """Two recorders wrote into one set."""
    async with recording(tree, RecordOptions(app_command)):
        with pytest.raises(KeployTreeBusyError):
            await record(tree, RecordOptions(app_command), StopSignal())
        assert await get(app_port, "/items") == b"[]"


async def test_a_set_outside_the_folder_is_refused(tree: KeployTree, app_command: str) -> None:
    """A set named ../x was written beside the folder."""
    with pytest.raises(KeployPathError):
        await record(tree, RecordOptions(app_command, test_set="../x"), StopSignal())


async def test_a_port_of_somebody_else_is_told(
    tree: KeployTree, app_command: str, app_port: int
) -> None:
    """The recorder said nothing about a port that was taken, and recorded nothing."""
    taken = pytest.raises(AppError, match=f"port {app_port}")
    with socket.create_server(("127.0.0.1", app_port)), taken as caught:
        await record(tree, RecordOptions(app_command), StopSignal())
    assert caught.value.reason == "port-taken"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("no-such-program-here", "not-found"),
        ("{python} -c 'raise SystemExit(4)'", "ended"),
        ("{python} -c 'import time; time.sleep(60)'", "silent"),
    ],
    ids=["missing", "dies", "silent"],
)
async def test_an_app_that_is_never_ready_leaves_nothing(
    tree: KeployTree, command: str, reason: str, tmp_path: Path
) -> None:
    """A recording that failed to start left files, or its lock."""
    import sys

    options = RecordOptions(
        command.format(python=sys.executable),
        ready=Readiness(seconds=0.5 if "60" in command else 20),
    )
    with pytest.raises(AppError) as caught:
        await record(tree, options, StopSignal())
    assert caught.value.reason == reason
    with tree.recording():
        assert tree.set_names() == []


async def test_a_chosen_set_is_written(tree: KeployTree, app_command: str, app_port: int) -> None:
    """--test-set was ignored."""
    options = replace(RecordOptions(app_command), test_set="checkout")
    async with recording(tree, options) as running:
        await get(app_port, "/items")
        await running.finish()
    assert tree.set_names() == ["checkout"]
    assert tree.test_set("checkout").config().app_command == app_command
