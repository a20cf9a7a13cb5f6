from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import TimeoutError  # noqa: A004 - rooted in the stdlib's
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle


async def test_stream_within_the_limit_is_untouched(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    limited = TimeoutPrimitive(source(1, 1, 1), 10, clock=clock)
    assert await after(3, collect(limited.stream("c"))) == ["c0", "c1", "c2"]


async def test_stream_is_limited_as_a_whole(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    """Each chunk is quick, but all together take too long."""
    feed, chunks = source(2, 2, 2), []
    limited = TimeoutPrimitive(feed, 5, fallback=source(0), name="talk", clock=clock)
    context = WorkflowContext()
    with pytest.raises(TimeoutError, match="talk exceeded 5s timeout"):
        await after(5, collect(limited.stream("c", context), chunks))
    assert chunks == ["c0", "c1"]
    assert feed.closed
    assert context.state["timeout_count"] == 1


async def test_stream_without_a_first_chunk_in_time_is_rescued(
    clock: FakeClock, watcher: Any, after: Any, source: Any, collect: Any
) -> None:
    feed = source(60)
    limited = TimeoutPrimitive(feed, 5, fallback=source(9, 9), clock=clock)
    assert await after(5 + 18, collect(limited.stream("c"))) == ["c0", "c1"]
    assert feed.closed
    assert watcher.outcomes["0"] == "fallback"


async def test_time_in_which_the_consumer_holds_a_chunk_counts(
    clock: FakeClock, source: Any
) -> None:
    feed = source(0, 0)
    stream = TimeoutPrimitive(feed, 5, clock=clock).stream("c")
    assert await anext(stream) == "c0"
    clock.advance(6)
    with pytest.raises(TimeoutError):
        await anext(stream)
    assert feed.closed


async def test_closing_the_stream_closes_the_source(clock: FakeClock, source: Any) -> None:
    feed = source(0, 0)
    stream = TimeoutPrimitive(feed, 5, clock=clock).stream("c")
    await anext(stream)
    await stream.aclose()
    assert feed.closed


async def test_timeout_error_of_the_source_itself_is_not_ours(
    clock: FakeClock, source: Any, collect: Any
) -> None:
    async def failing(x: str) -> AsyncIterator[str]:
        raise TimeoutError("socket", 3)
        yield x

    limited = TimeoutPrimitive(failing, 5, fallback=source(0), clock=clock)
    with pytest.raises(TimeoutError, match="socket"):
        await collect(limited.stream("c"))


async def test_stream_may_be_taken_from_several_tasks(
    clock: FakeClock, after: Any, source: Any
) -> None:
    """The limit cancels the task that waits for the chunk, not the one that began."""
    stream = TimeoutPrimitive(source(0, 60), 5, clock=clock).stream("c")
    assert await asyncio.ensure_future(anext(stream)) == "c0"
    with pytest.raises(TimeoutError):
        await after(5, anext(stream))


async def test_looser_stream_limit_inside_a_tighter_one_arms_no_timer(
    clock: FakeClock, after: Any, source: Any
) -> None:
    feed = source(0, 60)
    inner = TimeoutPrimitive(feed, 30, fallback=source(0), name="inner", clock=clock)
    stream = TimeoutPrimitive(inner, 5, name="outer", clock=clock).stream("c")
    assert await anext(stream) == "c0"
    waiting = asyncio.ensure_future(anext(stream))
    await settle()
    assert clock.pending == 2  # the pause of the source, and one limit
    with pytest.raises(TimeoutError, match="outer exceeded 5s"):
        await after(5, waiting)
    assert feed.closed


async def test_nested_stream_limits_let_a_quick_stream_through(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    inner = TimeoutPrimitive(source(1, 1), 30, clock=clock)
    outer = TimeoutPrimitive(inner, 5, clock=clock)
    assert await after(2, collect(outer.stream("c"))) == ["c0", "c1"]


async def test_deadline_of_the_caller_ends_a_stream_without_a_fallback(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    limited = TimeoutPrimitive(source(60), 30, fallback=source(0), name="talk", clock=clock)
    with pytest.raises(TimeoutError, match="talk exceeded 2s timeout"):
        await after(2, collect(limited.stream("c", WorkflowContext(deadline=2))))


async def test_no_stream_is_begun_after_the_callers_deadline(
    clock: FakeClock, source: Any, collect: Any
) -> None:
    clock.advance(3)
    limited = TimeoutPrimitive(source(0), 30, clock=clock)
    with pytest.raises(TimeoutError):
        await collect(limited.stream("c", WorkflowContext(deadline=2)))
