"""Limits on the wait for the first chunk of a stream, and for each one after it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import ConfigurationError, TimeoutError  # noqa: A004 - as above
from tta_dev_primitives.recovery.timeout import StreamTimeoutError, TimeoutPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive

COARSE = pytest.mark.parametrize("coarse", [False, True], ids=["exact", "coarse"])


@COARSE
async def test_late_first_chunk_ends_the_stream(
    clock: FakeClock, after: Any, source: Any, collect: Any, coarse: bool
) -> None:
    """A stream that says nothing was waited for until the limit of the whole."""
    feed = source(60)
    limited = TimeoutPrimitive(
        feed, 100, first_chunk_seconds=2, coarse=coarse, name="talk", clock=clock
    )
    with pytest.raises(StreamTimeoutError) as caught:
        await after(2.02, collect(limited.stream("c")))
    assert str(caught.value) == "talk exceeded 2s timeout while waiting for the first chunk"
    assert (caught.value.primitive, caught.value.timeout_seconds) == ("talk", 2)
    assert caught.value.waited_for == "first chunk"
    assert isinstance(caught.value, TimeoutError)
    assert feed.closed


@COARSE
async def test_stream_that_falls_silent_is_ended(
    clock: FakeClock, after: Any, source: Any, collect: Any, coarse: bool
) -> None:
    """A stream that stopped half-way held its reader until the limit of the whole."""
    feed, chunks = source(5, 1, 60), list[str]()
    limited = TimeoutPrimitive(feed, 100, idle_seconds=3, coarse=coarse, name="talk", clock=clock)
    with pytest.raises(StreamTimeoutError) as caught:
        await after(9.02, collect(limited.stream("c"), chunks))
    assert str(caught.value) == "talk exceeded 3s timeout while waiting for the next chunk"
    assert caught.value.waited_for == "next chunk"
    assert chunks == ["c0", "c1"]
    assert feed.closed


@COARSE
async def test_steady_stream_may_last_longer_than_either_limit(
    clock: FakeClock, after: Any, source: Any, collect: Any, coarse: bool
) -> None:
    """Chunks in time were counted against a limit as if it were one for all of them."""
    limited = TimeoutPrimitive(
        source(4, 2, 2, 2, 2),
        None,
        first_chunk_seconds=5,
        idle_seconds=3,
        coarse=coarse,
        clock=clock,
    )
    chunks = await after(12, collect(limited.stream("c")))
    assert chunks == ["c0", "c1", "c2", "c3", "c4"]


async def test_first_chunk_has_its_own_limit_not_the_idle_one(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    """A slow start was taken for a silence."""
    limited = TimeoutPrimitive(source(10, 0), 30, idle_seconds=1, clock=clock)
    assert await after(10, collect(limited.stream("c"))) == ["c0", "c1"]


async def test_time_in_which_the_consumer_holds_a_chunk_is_no_silence(
    clock: FakeClock, after: Any, source: Any
) -> None:
    """A slow reader was told that the stream is slow."""
    stream = TimeoutPrimitive(source(0, 1), 100, idle_seconds=2, clock=clock).stream("c")
    assert await anext(stream) == "c0"
    clock.advance(50)
    assert await after(1, anext(stream)) == "c1"
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


@pytest.mark.parametrize(
    ("total", "first", "expected"),
    [(3, 2, "while waiting"), (2, 3, "timeout$"), (2, 2, "timeout$")],
    ids=["first chunk", "whole", "together"],
)
async def test_error_names_the_limit_that_passed_first(
    clock: FakeClock,
    after: Any,
    source: Any,
    collect: Any,
    total: float,
    first: float,
    expected: str,
) -> None:
    """The text spoke of another limit than the one that ended the stream."""
    limited = TimeoutPrimitive(source(60), total, first_chunk_seconds=first, clock=clock)
    with pytest.raises(TimeoutError, match=expected):
        await after(2, collect(limited.stream("c")))


async def test_whole_is_still_limited_under_an_idle_limit(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    """A trickle of chunks went on for ever."""
    limited = TimeoutPrimitive(source(*[1] * 100), 5.5, idle_seconds=2, clock=clock)
    with pytest.raises(TimeoutError, match=r"exceeded 5\.5s timeout$"):
        await after(5.5, collect(limited.stream("c")))


async def test_fallback_runs_when_the_first_chunk_is_late(
    clock: FakeClock, after: Any, source: Any, collect: Any, watcher: Any
) -> None:
    """A stream that nobody had seen anything of failed although a rescue was given."""
    limited = TimeoutPrimitive(source(60), 30, source(0), first_chunk_seconds=2, clock=clock)
    assert await after(2, collect(limited.stream("c"))) == ["c0"]
    assert watcher.records == [
        ("0", observe.TimeoutRecord(limit=2, elapsed=2)),
        ("0", observe.FallbackRecord(used="Lambda", index=1, reason="StreamTimeoutError")),
    ]


async def test_fallback_does_not_run_after_a_silence(
    clock: FakeClock, after: Any, source: Any, collect: Any, watcher: Any
) -> None:
    """A second stream was glued to the half of the first."""
    spare, chunks = source(0), list[str]()
    limited = TimeoutPrimitive(source(1, 60), 30, spare, idle_seconds=2, clock=clock)
    context = WorkflowContext()
    with pytest.raises(StreamTimeoutError):
        await after(3, collect(limited.stream("c", context), chunks))
    assert chunks == ["c0"]
    assert spare.begun == 0
    assert context.state["timeout_history"][0]["timeout"] == 2
    assert watcher.records == [("0", observe.TimeoutRecord(limit=2, elapsed=2))]


async def test_limit_of_the_outer_deadline_arms_no_second_timer(
    clock: FakeClock, after: Any, source: Any
) -> None:
    """A looser wait for a chunk armed a timer inside a tighter limit."""
    inner = TimeoutPrimitive(source(60), 900, first_chunk_seconds=30, clock=clock)
    stream = TimeoutPrimitive(inner, 5, name="outer", clock=clock).stream("c")
    waiting = asyncio.ensure_future(anext(stream))
    await settle()
    assert clock.pending == 2  # the pause of the source, and the outer limit
    with pytest.raises(TimeoutError, match=r"outer exceeded 5s timeout$"):
        await after(5, waiting)


async def test_tighter_wait_for_a_chunk_passes_inside_a_tighter_limit(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    """Under an outer limit the inner limits on chunks were forgotten."""
    inner = TimeoutPrimitive(source(60), 900, first_chunk_seconds=2, name="inner", clock=clock)
    outer = TimeoutPrimitive(inner, 5, name="outer", clock=clock)
    with pytest.raises(StreamTimeoutError, match="inner exceeded 2s"):
        await after(2, collect(outer.stream("c")))


async def test_late_first_chunk_is_rescued_before_the_callers_deadline(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    """A deadline set by hand took the rescue away from the other limits."""
    limited = TimeoutPrimitive(source(60), 900, source(0), first_chunk_seconds=2, clock=clock)
    context = WorkflowContext(deadline=10)
    assert await after(2, collect(limited.stream("c", context))) == ["c0"]


async def test_step_without_a_stream_is_limited_by_the_first_chunk(
    clock: FakeClock, after: Any, collect: Any
) -> None:
    """A plain step, whose result is its only chunk, was not."""
    limited = TimeoutPrimitive(lambda x: clock.sleep(60), 30, first_chunk_seconds=2, clock=clock)
    with pytest.raises(StreamTimeoutError):
        await after(2, collect(limited.stream("c")))


async def test_limits_on_chunks_do_not_hold_for_execute(clock: FakeClock, after: Any) -> None:
    """Waiting for a whole result was cut at the limit of its first piece."""
    limited = TimeoutPrimitive(
        lambda x: clock.sleep(9), 30, first_chunk_seconds=1, idle_seconds=1, clock=clock
    )
    assert await after(9, limited.execute("x")) is None


async def test_without_a_limit_of_the_whole_execute_arms_no_timer(
    clock: FakeClock, after: Any
) -> None:
    """None was taken for a number."""
    pending: list[int] = []

    async def step(x: str) -> str:
        pending.append(clock.pending)
        return x

    limited = TimeoutPrimitive(step, None, idle_seconds=1, clock=clock)
    assert await limited.execute("x") == "x"
    assert pending == [0]


@COARSE
async def test_without_a_limit_of_the_whole_the_callers_deadline_still_ends_the_step(
    clock: FakeClock, after: Any, source: Any, collect: Any, coarse: bool
) -> None:
    """A deadline set by hand was not enforced because there was no limit to compare it with."""
    for call in (
        TimeoutPrimitive(lambda x: clock.sleep(60), None, idle_seconds=1, clock=clock).execute,
        lambda x, context: collect(
            TimeoutPrimitive(source(60), None, idle_seconds=1, coarse=coarse, clock=clock).stream(
                x, context
            )
        ),
    ):
        context = WorkflowContext(deadline=clock.monotonic() + 2)
        with pytest.raises(TimeoutError, match=r"exceeded 2s timeout$"):
            await after(2.02, call("x", context))


async def test_cancelled_reader_closes_the_source(
    clock: FakeClock, source: Any, collect: Any
) -> None:
    """A reader who left was answered with a timeout, or left the source open."""
    feed = source(60)
    limited = TimeoutPrimitive(feed, 30, source(0), first_chunk_seconds=5, clock=clock)
    task = asyncio.ensure_future(collect(limited.stream("c")))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert feed.closed


async def test_error_of_the_source_passes_through(
    clock: FakeClock, source: Any, collect: Any
) -> None:
    """A real error was replaced by a word about time."""
    limited = TimeoutPrimitive(
        source(0, KeyError("gone")), 30, source(0), idle_seconds=1, clock=clock
    )
    with pytest.raises(KeyError, match="gone"):
        await collect(limited.stream("c"))
    assert clock.pending == 0


@pytest.mark.parametrize("argument", ["first_chunk_seconds", "idle_seconds"])
@pytest.mark.parametrize("limit", [0, -1, float("nan")], ids=["zero", "negative", "nan"])
def test_limit_that_is_not_positive_is_refused(argument: str, limit: float) -> None:
    """A limit that can never be kept was taken."""
    limits: dict[str, Any] = {argument: limit}
    with pytest.raises(ConfigurationError, match=f"{argument} must be positive"):
        TimeoutPrimitive(str, **limits)


def test_no_limit_at_all_is_refused() -> None:
    """A timeout that limits nothing was built without a word."""
    with pytest.raises(ConfigurationError, match="set first_chunk_seconds or idle_seconds"):
        TimeoutPrimitive(str, None)


async def test_policy_keeps_its_limits_on_every_step(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    """A wrapped step lost the limits on chunks."""
    policy = TimeoutPrimitive(timeout_seconds=30, first_chunk_seconds=2, clock=clock)
    with pytest.raises(StreamTimeoutError):
        await after(2, collect(policy.wrap(source(60)).stream("c")))
    assert await policy.wrap(MockPrimitive(return_value=1)).execute("x") == 1
    with pytest.raises(ConfigurationError, match="wraps nothing yet"):
        await policy.execute("x")
