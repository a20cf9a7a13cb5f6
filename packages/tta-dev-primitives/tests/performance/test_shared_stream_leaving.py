"""Readers who are cancelled, close their stream or forget it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncGenerator

import pytest

from tta_dev_primitives.testing.clock import settle

from .stream_readers import Kept, Reader, Share, Source, finish, read


@pytest.mark.parametrize("who", [0, 1, 2], ids=["the first", "a follower", "the last"])
async def test_reader_that_is_cancelled_harms_nobody(share: Share, kept: Kept, who: int) -> None:
    source = Source("a", "b", "c")
    readers = read(share(source), 3)
    source.let_go(1)
    await settle()
    gone = readers.pop(who)
    await gone.leave()
    source.let_go()
    await finish(*readers)
    assert gone.task.cancelled()
    assert gone.got == ["a"]
    assert [reader.got for reader in readers] == [["a", "b", "c"]] * 2
    assert (source.opened, source.ended) == (1, ["whole"])
    assert kept.chunks == [("a", "b", "c")]


@pytest.mark.parametrize("who", [0, 1], ids=["the first", "a follower"])
async def test_reader_that_closes_its_stream_harms_nobody(
    share: Share, kept: Kept, who: int
) -> None:
    source = Source("a", "b", "c")
    stream = share(source)
    gone, stays = [Reader(stream.subscribe(), take=take) for take in ((1, None), (None, 1))[who]]
    if who == 1:
        gone, stays = stays, gone
    source.let_go(1)
    await settle()
    assert gone.task.done()
    source.let_go()
    await finish(stays)
    assert stays.got == ["a", "b", "c"]
    assert kept.chunks == [("a", "b", "c")]


@pytest.mark.parametrize("chunks_taken", [0, 1], ids=["before the first chunk", "in the middle"])
async def test_last_reader_to_be_cancelled_stops_upstream_before_it_goes_on(
    share: Share, kept: Kept, chunks_taken: int
) -> None:
    source = Source("a", "b")
    source.cleanup_turns = 5
    ended_when_reader_left: list[list[str]] = []
    stream = share(source)

    async def reader() -> None:
        try:
            async for _ in stream.subscribe():
                pass
        finally:
            ended_when_reader_left.append(list(source.ended))

    readers = [asyncio.create_task(reader()) for _ in range(3)]
    source.let_go(chunks_taken)
    await settle()
    for task in readers:
        task.cancel()
    await asyncio.wait(readers)
    assert ended_when_reader_left == [[], [], ["stopped"]]
    assert kept.asked == 0


async def test_last_reader_to_close_its_stream_stops_upstream_first(
    share: Share, kept: Kept
) -> None:
    """Upstream waits for room at that time, between two chunks."""
    source = Source(*"abcdef")
    source.cleanup_turns = 5
    chunks = share(source, read_ahead=2).subscribe()
    source.let_go()
    assert await anext(chunks) == "a"
    await settle()
    await chunks.aclose()
    assert source.ended == ["stopped"]
    assert kept.asked == 0


@pytest.mark.parametrize("waiting", [True, False], ids=["asking", "closing"])
async def test_reader_who_is_cancelled_while_it_stops_upstream_still_waits_for_its_end(
    share: Share, waiting: bool
) -> None:
    source = Source("a", "b")
    source.cleanup_turns = 50
    stream = share(source)
    reader = Reader(stream.subscribe(), take=None if waiting else 1)
    await settle()
    if not waiting:
        source.let_go(1)
        await settle(5)
    for _ in range(3):
        reader.task.cancel()
        await settle(5)
        assert not reader.task.done()
    await asyncio.wait((reader.task,))
    assert reader.task.cancelled()
    assert source.ended == ["stopped"]


async def test_stream_that_was_stopped_cannot_be_joined(share: Share) -> None:
    stream = share(Source("a"))
    [reader] = read(stream, 1)
    await settle()
    await reader.leave()
    assert not stream.joinable
    with pytest.raises(RuntimeError, match="was stopped when its last reader left"):
        await anext(stream.subscribe())


@pytest.mark.parametrize("goes_on", [True, False], ids=["with chunks", "to its end"])
async def test_upstream_that_does_not_want_to_stop_is_not_taken_for_whole(
    share: Share, kept: Kept, goes_on: bool
) -> None:
    """It was cut short, whatever it says."""
    told: list[str] = []
    ended: list[str] = []

    async def stubborn() -> AsyncGenerator[str, None]:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                yield "a"
                await asyncio.Event().wait()
            while goes_on:
                told.append("more")
                yield "more"
        finally:
            ended.append("ended")

    [reader] = read(share(stubborn), 1)
    await settle()
    await reader.leave()
    assert reader.got == ["a"]
    assert ended == ["ended"]
    assert len(told) == goes_on
    assert kept.asked == 0


async def test_upstream_that_fails_when_everyone_has_left_is_not_complained_about(
    share: Share, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails_to_stop() -> AsyncGenerator[str, None]:
        try:
            yield "a"
            await asyncio.Event().wait()
        finally:
            raise ValueError("no")

    [reader] = read(share(fails_to_stop), 1)
    await settle()
    await reader.leave()
    assert reader.task.cancelled()
    del reader
    gc.collect()
    assert caplog.records == []


async def test_reader_that_is_forgotten_without_being_closed_leaves(share: Share) -> None:
    """Nobody would ever tell upstream to stop."""
    source = Source("a", "b")
    stream = share(source)
    chunks = stream.subscribe()
    source.let_go(1)
    assert await anext(chunks) == "a"
    assert stream.readers == 1
    del chunks
    gc.collect()
    await settle()
    assert stream.readers == 0
    assert source.ended == ["stopped"]


async def test_readers_who_come_and_go_while_upstream_is_silent_leave_nothing(
    share: Share,
) -> None:
    def futures() -> int:
        gc.collect()
        return sum(type(known) is asyncio.Future for known in gc.get_objects())

    stream = share(Source("a"))
    [stays] = read(stream, 1)
    await settle()
    before = futures()

    async def come_and_go() -> None:
        [gone] = read(stream, 1)
        await settle(3)
        await gone.leave()

    for _ in range(20):
        await come_and_go()
    assert futures() < before + 10  # the loop itself holds one or the other
    await stays.leave()


async def test_forgotten_reader_does_not_stop_the_others(share: Share) -> None:
    source = Source("a", "b")
    stream = share(source)
    chunks = stream.subscribe()
    [stays] = read(stream, 1)
    source.let_go(1)
    await anext(chunks)
    del chunks
    gc.collect()
    await settle()
    source.let_go()
    await finish(stays)
    assert stays.got == ["a", "b"]
