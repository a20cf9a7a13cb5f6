from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import ServerError
from tta_dev_primitives.recovery.hedge import HedgePrimitive, Quantile
from tta_dev_primitives.testing.clock import FakeClock, settle


async def test_quick_stream_is_untouched(
    clock: FakeClock, after: Any, source: Any, collect: Any, watcher: Any
) -> None:
    feed = source(1, 5, 5)
    hedged = HedgePrimitive(feed, delay=2, clock=clock)
    assert await after(11, collect(hedged.stream("c"))) == ["c0", "c1", "c2"]
    assert (feed.begun, feed.closed) == (1, 1)
    assert watcher.records == [("0", observe.HedgeRecord(1, 0, 2))]


async def test_first_chunk_decides_and_the_winner_goes_on(
    clock: FakeClock, after: Any, source: Any, collect: Any, watcher: Any
) -> None:
    slow, quick, chunks = source(60), source(1, 30, 30), []
    hedged = HedgePrimitive(slow, alternatives=[quick], delay=2, clock=clock)
    task = asyncio.ensure_future(collect(hedged.stream("c"), chunks))
    await clock.sleep_through(3)
    assert (chunks, slow.closed, quick.closed) == (["c0"], 1, 0)
    await clock.sleep_through(60)
    assert await task == ["c0", "c1", "c2"]
    assert quick.closed == 1
    assert watcher.records == [("0", observe.HedgeRecord(2, 1, 2))]


async def test_step_whose_chunk_comes_first_goes_on_and_the_hedge_is_closed(
    clock: FakeClock, after: Any, source: Any
) -> None:
    slow, slower = source(3, 5), source(60)
    stream = HedgePrimitive(slow, alternatives=[slower], delay=2, clock=clock).stream("c")
    assert await after(3, anext(stream)) == "c0"
    assert (slower.begun, slower.closed) == (1, 1)
    assert await after(5, anext(stream)) == "c1"
    await stream.aclose()


async def test_winner_is_read_no_faster_than_asked(
    clock: FakeClock, after: Any, source: Any
) -> None:
    quick = source(0, 0, 0)
    stream = HedgePrimitive(source(60), alternatives=[quick], delay=2, clock=clock).stream("c")
    assert await after(2, anext(stream)) == "c0"
    assert await anext(stream) == "c1"
    await settle()
    assert quick.closed == 0
    await stream.aclose()
    assert quick.closed == 1


@pytest.mark.parametrize("taken", [0, 1, 2], ids=["before", "after-first", "after-second"])
async def test_closing_the_stream_closes_the_winner(
    clock: FakeClock, after: Any, source: Any, taken: int
) -> None:
    slow, quick = source(60), source(0, 0, 0)
    stream = HedgePrimitive(slow, alternatives=[quick], delay=2, clock=clock).stream("c")
    if taken:
        await after(2, anext(stream))
    if taken > 1:
        await anext(stream)
    await stream.aclose()
    assert slow.begun == slow.closed
    assert quick.begun == quick.closed


@pytest.mark.parametrize("moment", [1, 3, 5], ids=["alone", "racing", "after-the-race"])
async def test_cancelling_the_reader_closes_all(
    clock: FakeClock, source: Any, collect: Any, moment: float
) -> None:
    slow, quick = source(60), source(2, 60)
    hedged = HedgePrimitive(slow, alternatives=[quick], delay=2, clock=clock)
    task = asyncio.ensure_future(collect(hedged.stream("c")))
    await clock.sleep_through(moment)
    task.cancel()
    await settle()
    assert task.cancelled()
    assert slow.begun == slow.closed
    assert quick.begun == quick.closed


async def test_what_a_generator_holds_stays_in_one_task(
    clock: FakeClock, after: Any, collect: Any
) -> None:
    """A time limit around a yield belongs to a task; a stream moved to another would lose it."""
    tasks: list[Any] = []

    async def strict(x: str) -> AsyncIterator[str]:
        for number in range(3):
            tasks.append(asyncio.current_task())
            yield f"{x}{number}"
        tasks.append(asyncio.current_task())

    async def slow(x: str) -> AsyncIterator[str]:
        await clock.sleep(60)
        yield x

    hedged = HedgePrimitive(slow, alternatives=[strict], delay=2, clock=clock)
    assert await after(2, collect(hedged.stream("c"))) == ["c0", "c1", "c2"]
    assert len(set(tasks)) == 1


async def test_empty_stream_is_a_success(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    """Nothing to say is an answer; it is not asked for again."""
    other = source(0)
    hedged = HedgePrimitive(source(), alternatives=[other], delay=2, clock=clock)
    assert await collect(hedged.stream("c")) == []
    assert other.begun == 0


async def test_empty_stream_of_a_hedge_wins(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    slow = source(60)
    hedged = HedgePrimitive(slow, alternatives=[source()], delay=2, clock=clock)
    assert await after(2, collect(hedged.stream("c"))) == []
    assert slow.closed == 1


async def test_stream_that_fails_before_its_first_chunk_is_replaced_at_once(
    clock: FakeClock, source: Any, collect: Any
) -> None:
    hedged = HedgePrimitive(
        source(ServerError("busy")), alternatives=[source(0, 0)], delay=2, clock=clock
    )
    assert await collect(hedged.stream("c")) == ["c0", "c1"]


async def test_stream_that_breaks_after_its_first_chunk_is_not_replaced(
    clock: FakeClock, source: Any, collect: Any
) -> None:
    other, chunks = source(0), []
    hedged = HedgePrimitive(
        source(0, ServerError("busy")), alternatives=[other], delay=2, clock=clock
    )
    with pytest.raises(ServerError):
        await collect(hedged.stream("c"), chunks)
    assert (chunks, other.begun) == (["c0"], 0)


async def test_winner_that_breaks_later_raises_its_own_error(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    broken = ServerError("half-way")
    broken.__cause__ = OSError("cable")
    quick, chunks = source(1, broken), []
    hedged = HedgePrimitive(source(60), alternatives=[quick], delay=2, clock=clock)
    with pytest.raises(ServerError, match="half-way") as caught:
        await after(3, collect(hedged.stream("c"), chunks))
    assert chunks == ["c0"]
    assert isinstance(caught.value.__cause__, OSError)


async def test_when_no_stream_begins_the_error_of_the_step_is_raised(
    clock: FakeClock, source: Any, collect: Any, watcher: Any
) -> None:
    hedged = HedgePrimitive(
        source(ServerError("busy")), alternatives=[source(ValueError("no"))], clock=clock
    )
    with pytest.raises(ServerError) as caught:
        await collect(hedged.stream("c"))
    assert caught.value.__notes__ == ["hedge 1 failed with ValueError: no"]
    assert watcher.records == [("0", observe.HedgeRecord(2, None, 0.5))]


async def test_what_closing_the_winner_raises_reaches_the_reader(
    clock: FakeClock, after: Any, source: Any
) -> None:
    async def grumpy(x: str) -> AsyncIterator[str]:
        try:
            yield x
            yield x
        finally:
            raise OSError("cannot hang up")

    stream = HedgePrimitive(source(60), alternatives=[grumpy], delay=2, clock=clock).stream("c")
    assert await after(2, anext(stream)) == "c"
    with pytest.raises(OSError, match="cannot hang up"):
        await stream.aclose()


@pytest.mark.parametrize("pause", [0.9, 60], ids=["with-a-chunk", "without"])
async def test_what_closing_a_loser_raises_concerns_nobody(
    clock: FakeClock, source: Any, collect: Any, pause: float
) -> None:
    """Neither the reader nor the loop, which would log a failure that was never looked at."""
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(said))

    async def grumpy(x: str) -> AsyncIterator[str]:
        try:
            await clock.sleep(pause)
            yield x
        finally:
            raise OSError("cannot hang up")

    hedged = HedgePrimitive(source(3), alternatives=[grumpy], delay=2, clock=clock)
    task = asyncio.ensure_future(collect(hedged.stream("c")))
    await clock.sleep_through(2.5)
    clock.advance(1)  # both chunks in one turn of the loop
    assert await task == ["c0"]
    gc.collect()
    await settle()
    assert complaints == []


async def test_reader_is_not_left_waiting_for_a_winner_that_others_cancelled(
    clock: FakeClock, after: Any, source: Any
) -> None:
    tasks: list[Any] = []

    async def quick(x: str) -> AsyncIterator[str]:
        tasks.append(asyncio.current_task())
        yield x
        await clock.sleep(60)

    stream = HedgePrimitive(source(60), alternatives=[quick], delay=2, clock=clock).stream("c")
    assert await after(2, anext(stream)) == "c"
    waiting = asyncio.ensure_future(anext(stream))
    await settle()
    tasks[0].cancel()
    await settle()
    assert waiting.cancelled()


async def test_reader_learns_that_the_winner_was_cancelled_between_two_chunks(
    clock: FakeClock, after: Any, source: Any
) -> None:
    tasks: list[Any] = []

    async def quick(x: str) -> AsyncIterator[str]:
        tasks.append(asyncio.current_task())
        yield x
        yield x

    stream = HedgePrimitive(source(60), alternatives=[quick], delay=2, clock=clock).stream("c")
    assert await after(2, anext(stream)) == "c"
    tasks[0].cancel()
    await settle()
    with pytest.raises(asyncio.CancelledError):
        await anext(stream)


async def test_reader_asks_a_winner_that_is_cleaning_up_after_others_cancelled_it(
    clock: FakeClock, after: Any, source: Any
) -> None:
    tasks: list[Any] = []

    async def quick(x: str) -> AsyncIterator[str]:
        tasks.append(asyncio.current_task())
        try:
            yield x
            yield x
        finally:
            await clock.sleep(5)

    stream = HedgePrimitive(source(60), alternatives=[quick], delay=2, clock=clock).stream("c")
    assert await after(2, anext(stream)) == "c"
    tasks[0].cancel()
    await settle()
    with pytest.raises(asyncio.CancelledError):
        await after(5, anext(stream))


@pytest.mark.parametrize("more", [(5, 5), (5,)], ids=["chunk", "end"])
async def test_reader_who_leaves_as_the_winner_goes_on_leaves_nothing(
    clock: FakeClock, source: Any, collect: Any, more: tuple[float, ...]
) -> None:
    async def ending(x: str) -> AsyncIterator[str]:
        yield x
        await clock.sleep(5)
        for _ in more[1:]:
            yield x

    hedged = HedgePrimitive(source(60), alternatives=[ending], delay=2, clock=clock)
    task = asyncio.ensure_future(collect(hedged.stream("c")))
    await clock.sleep_through(2)
    clock.advance(5)
    task.cancel()
    await settle()
    assert task.cancelled()


async def test_step_that_yields_in_spite_of_being_told_to_stop_is_closed_at_once(
    clock: FakeClock, after: Any, source: Any
) -> None:
    closed = 0

    async def deaf(x: str) -> AsyncIterator[str]:
        nonlocal closed
        try:
            try:
                await clock.sleep(60)
            except asyncio.CancelledError:
                yield "too late"
        finally:
            closed += 1

    stream = HedgePrimitive(deaf, alternatives=[source(0, 0)], delay=2, clock=clock).stream("c")
    assert await after(2, anext(stream)) == "c0"
    assert closed == 1
    await stream.aclose()


async def test_quantile_of_a_stream_is_that_of_its_first_chunk(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    hedged = HedgePrimitive(source(1, 30), delay=Quantile(0.5, minimum_samples=2), clock=clock)
    for _ in range(2):
        await after(31, collect(hedged.stream("c")))
    assert hedged.current_delay == pytest.approx(1, rel=0.05)


async def test_no_hedged_stream_begins_after_the_deadline(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    feed = source(3)
    hedged = HedgePrimitive(feed, delay=2, clock=clock)
    assert await after(3, collect(hedged.stream("c", WorkflowContext(deadline=2)))) == ["c0"]
    assert feed.begun == 1


async def test_stream_may_be_taken_from_several_tasks(
    clock: FakeClock, after: Any, source: Any
) -> None:
    stream = HedgePrimitive(source(60), alternatives=[source(0, 0)], delay=2, clock=clock)
    chunks = stream.stream("c")
    assert await after(2, anext(chunks)) == "c0"
    assert await asyncio.ensure_future(anext(chunks)) == "c1"
    with pytest.raises(StopAsyncIteration):
        await asyncio.ensure_future(anext(chunks))


async def test_stream_that_is_thrown_away_takes_its_hedges_along(
    clock: FakeClock, source: Any
) -> None:
    """Where even the loop gives a generator up, nothing may be awaited."""

    async def leaving(x: str) -> AsyncIterator[str]:
        await clock.sleep(3)
        raise GeneratorExit
        yield x

    other = source(60)
    hedged = HedgePrimitive(leaving, alternatives=[other], delay=2, clock=clock)
    task = asyncio.ensure_future(anext(hedged.stream("c")))
    await clock.sleep_through(3)
    assert isinstance(task.exception(), GeneratorExit)
    assert (other.begun, other.closed) == (1, 1)
