from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from tta_dev_primitives.cli.exits import UsageError
from tta_dev_primitives.cli.lines import open_lines, read_in_thread


@pytest.fixture
def pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reader, os.fdopen(write, "wb", buffering=0) as writer:
        yield reader, writer


@pytest.fixture(autouse=True)
def no_reader_left(pipe: tuple[IO[bytes], IO[bytes]]) -> Iterator[None]:
    """The thread ends with its input."""
    yield
    pipe[1].close()
    join_readers()


def join_readers() -> None:
    for thread in threading.enumerate():
        if thread.name == "tta input":
            thread.join(timeout=10)
            assert not thread.is_alive()


async def test_lines_arrive_while_the_writer_holds_the_pipe_open(pipe: Any) -> None:
    reader, writer = pipe
    async with contextlib.aclosing(read_in_thread(reader)) as lines:
        writer.write(b"1\n")
        assert (await anext(lines)).value == 1
        waiting = asyncio.ensure_future(anext(lines))
        await asyncio.sleep(0)
        assert not waiting.done()
        writer.write(b"2\n")
        assert (await waiting).value == 2


async def test_end_of_the_pipe_is_the_end_of_the_lines(pipe: Any) -> None:
    reader, writer = pipe
    writer.write(b"".join(b"%d\n" % number for number in range(500)))
    writer.close()
    assert [line.value async for line in read_in_thread(reader)] == list(range(500))
    join_readers()
    assert reader.closed


async def test_reader_is_a_bounded_way_ahead(pipe: Any) -> None:
    """Nobody takes more lines, so the reader waits before it has read them all."""
    reader, writer = pipe
    writer.write(b"1\n" * 1000)
    writer.close()
    lines = read_in_thread(reader)
    await anext(lines)
    thread = next(thread for thread in threading.enumerate() if thread.name == "tta input")
    thread.join(timeout=0.1)
    assert thread.is_alive()
    await lines.aclose()
    join_readers()


async def test_broken_input_is_raised_where_the_lines_are_taken(pipe: Any) -> None:
    reader, writer = pipe
    writer.write("1\n".encode("utf-16"))
    with pytest.raises(UsageError, match="UTF-16"):
        await anext(read_in_thread(reader))


def test_reader_outlives_its_loop_in_silence(pipe: Any) -> None:
    """The job was stopped while the reader waited for a line that comes too late."""
    reader, writer = pipe

    async def take_one() -> None:
        writer.write(b"1\n")
        await anext(read_in_thread(reader))

    loop = asyncio.new_event_loop()
    task = loop.create_task(take_one())
    loop.run_until_complete(task)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    writer.write(b"2\n3\n")


async def test_named_pipe_is_read_in_a_thread(folder: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes")
    os.mkfifo("queue")
    writer = threading.Thread(target=Path("queue").write_bytes, args=(b"1\n2\n",))
    writer.start()
    with open_lines("queue") as lines:
        assert not isinstance(lines, Iterator)
        assert [line.value async for line in lines] == [1, 2]
    writer.join()


def test_standard_input_that_is_closed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.dup(0)
    os.close(0)
    try:
        with pytest.raises(UsageError, match="cannot read -: Bad file descriptor"), open_lines("-"):
            pass
    finally:
        os.dup2(before, 0)
        os.close(before)
