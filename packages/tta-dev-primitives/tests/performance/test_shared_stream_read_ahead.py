"""How far upstream is read before, and without, its readers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.testing.clock import settle

from .stream_readers import Kept, Reader, Share, Source, endless, finish, read


@pytest.mark.parametrize("read_ahead", [1, 2, 16])
async def test_upstream_is_read_only_so_far_beyond_the_furthest_reader(
    share: Share, read_ahead: int
) -> None:
    source = Source(*range(100))
    source.let_go()
    stream = share(source, read_ahead=read_ahead)
    slow, quick = stream.subscribe(), stream.subscribe()
    await anext(slow)
    for taken in range(1, 40):
        await anext(quick)
        await settle()
        assert taken < source.pulled <= taken + read_ahead
    await slow.aclose()
    await quick.aclose()


async def test_endless_upstream_that_never_waits_does_not_run_away(share: Share) -> None:
    pulled = 0

    async def numbers() -> AsyncGenerator[int, None]:
        nonlocal pulled
        async for number in endless():
            pulled += 1
            yield number

    chunks = share(numbers, read_ahead=4).subscribe()
    assert [await anext(chunks) for _ in range(10)] == list(range(10))
    await settle()
    assert pulled <= 14
    await chunks.aclose()


async def test_reader_behind_one_who_left_is_not_stuck(share: Share) -> None:
    """The room was full when the furthest reader left."""
    stream = share(endless, read_ahead=4)
    behind = stream.subscribe()
    assert await anext(behind) == 0
    ahead = Reader(stream.subscribe(), take=20)
    await finish(ahead)
    assert [await anext(behind) for _ in range(100)] == list(range(1, 101))
    await behind.aclose()


def test_reading_ahead_by_nothing_is_refused(share: Share) -> None:
    with pytest.raises(ConfigurationError, match="read_ahead must be at least 1, got 0"):
        share(endless, read_ahead=0)


async def test_readers_are_woken_once_for_chunks_that_come_together(share: Share) -> None:
    turns = 0

    async def hundred() -> AsyncGenerator[int, None]:
        for number in range(100):
            yield number

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count_turns())
    [reader] = read(share(hundred, read_ahead=50), 1)
    await finish(reader)
    counting.cancel()
    await asyncio.wait((counting,))
    assert len(reader.got) == 100
    assert turns < 20


async def test_stream_to_be_finished_is_read_on_when_everyone_has_left(
    share: Share, kept: Kept
) -> None:
    source = Source(*range(100))
    stream = share(source, finish=True)
    [reader] = read(stream, 1)
    source.let_go(1)
    await settle()
    await reader.leave()
    assert source.ended == []
    source.let_go()
    assert stream.task is not None
    await stream.task
    assert source.ended == ["whole"]
    assert kept.chunks == [tuple(range(100))]


async def test_stream_to_be_finished_waits_for_no_room_when_everyone_has_left(
    share: Share, kept: Kept
) -> None:
    source = Source(*range(10))
    source.let_go()
    stream = share(source, finish=True, read_ahead=1)
    chunks = stream.subscribe()
    await anext(chunks)
    await settle()
    assert source.pulled == 2
    await chunks.aclose()
    await settle(50)
    assert stream.task is not None
    assert stream.task.done()
    assert kept.chunks == [tuple(range(10))]


async def test_stream_to_be_finished_can_be_joined_when_everyone_has_left(
    share: Share, kept: Kept
) -> None:
    source = Source("a", "b")
    stream = share(source, finish=True)
    [gone] = read(stream, 1)
    source.let_go(1)
    await settle()
    await gone.leave()
    [late] = read(stream, 1)
    source.let_go()
    await finish(late)
    assert late.got == ["a", "b"]
    assert (source.opened, kept.asked) == (1, 1)


async def test_stream_that_is_finished_alone_lets_others_run(share: Share) -> None:
    stream = share(endless, finish=True, read_ahead=1)
    chunks = stream.subscribe()
    await anext(chunks)
    await chunks.aclose()
    await settle()
    assert stream.task is not None
    assert not stream.task.done()
    stream.task.cancel()
    await asyncio.wait((stream.task,))


async def test_owner_finds_the_error_of_a_stream_that_was_finished_alone(
    share: Share, kept: Kept
) -> None:
    source = Source("a", error=ValueError("no"))
    stream = share(source, finish=True)
    [reader] = read(stream, 1)
    await settle()
    await reader.leave()
    source.let_go()
    assert stream.task is not None
    with pytest.raises(ValueError, match="no"):
        await stream.task
    assert kept.asked == 0


async def test_stream_that_is_started_early_waits_for_its_reader(share: Share) -> None:
    source = Source(*range(10))
    source.let_go()
    stream = share(source, read_ahead=3)
    task = stream.start()
    await settle()
    assert source.pulled == 3
    assert stream.start() is task
    [reader] = read(stream, 1)
    await finish(reader)
    assert reader.got == list(range(10))
