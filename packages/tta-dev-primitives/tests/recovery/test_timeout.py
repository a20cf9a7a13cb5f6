from __future__ import annotations

import asyncio
import builtins
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import LambdaPrimitive, WorkflowContext
from tta_dev_primitives.errors import ConfigurationError, TimeoutError  # noqa: A004 - rooted in the stdlib's
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive


class Slow:
    """A step that takes *seconds* and remembers how it went."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds
        self.events: list[str] = []

    async def __call__(self, x: Any) -> Any:
        self.events.append("begun")
        try:
            await self.clock.sleep(self.seconds)
        except asyncio.CancelledError:
            self.events.append("cancelled")
            raise
        finally:
            self.events.append("cleaned up")
        return x


async def test_fast_step_returns_its_result_and_leaves_no_timer(
    clock: FakeClock, after: Any
) -> None:
    limited = TimeoutPrimitive(Slow(clock, 1), 2, clock=clock)
    assert await after(1, limited.execute("x")) == "x"
    assert clock.pending == 0


async def test_slow_step_is_cancelled_and_cleaned_up_before_the_error_arrives(
    clock: FakeClock, after: Any
) -> None:
    slow = Slow(clock, 60)
    limited = TimeoutPrimitive(LambdaPrimitive(slow, name="fetch"), 0.1, clock=clock)
    with pytest.raises(TimeoutError, match=r"^fetch exceeded 0\.1s timeout$") as caught:
        await after(0.1, limited.execute("x"))
    assert slow.events == ["begun", "cancelled", "cleaned up"]
    assert isinstance(caught.value, builtins.TimeoutError)
    assert (caught.value.primitive, caught.value.timeout_seconds) == ("fetch", 0.1)


async def test_own_name_stands_in_the_error(clock: FakeClock, after: Any) -> None:
    limited = TimeoutPrimitive(Slow(clock, 60), 1, name="patience", clock=clock)
    with pytest.raises(TimeoutError, match="patience exceeded 1s timeout"):
        await after(1, limited.execute("x"))


async def test_real_clock_limits_too() -> None:
    """The default clock uses the loop's own timers."""
    limited = TimeoutPrimitive(asyncio.sleep, 0.001)
    with pytest.raises(TimeoutError):
        await limited.execute(30)


async def test_step_that_ends_at_the_same_moment_is_not_cancelled_twice(clock: FakeClock) -> None:
    """After a limit that was not heard, later awaits of the same task are not cancelled."""

    async def busy(x: str) -> str:
        clock.advance(5)  # long work without a single await
        return x

    limited = TimeoutPrimitive(busy, 1, clock=clock)
    context = WorkflowContext()
    assert await limited.execute("x", context) == "x"
    await asyncio.sleep(0)
    assert "timeout_count" not in context.state


async def test_busy_step_is_cancelled_when_it_waits_at_last(clock: FakeClock, after: Any) -> None:
    async def busy(x: str) -> str:
        clock.advance(5)
        await clock.sleep(60)
        return x

    with pytest.raises(TimeoutError):
        await after(0, TimeoutPrimitive(busy, 1, clock=clock).execute("x"))


async def test_cancellation_from_outside_goes_through_unchanged(clock: FakeClock) -> None:
    slow = Slow(clock, 60)
    fallback = MockPrimitive("fallback")
    task = asyncio.ensure_future(
        TimeoutPrimitive(slow, 5, fallback=fallback, clock=clock).execute("x")
    )
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert slow.events[-1] == "cleaned up"
    assert fallback.call_count == 0


async def test_cancellation_together_with_the_limit_wins(clock: FakeClock) -> None:
    """A caller who gave up is not answered with a timeout."""
    task = asyncio.ensure_future(TimeoutPrimitive(Slow(clock, 60), 5, clock=clock).execute("x"))
    await settle()
    clock.advance(5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_error_of_the_step_passes_through(clock: FakeClock) -> None:
    failing = MockPrimitive(raise_error=KeyError("gone"))
    with pytest.raises(KeyError, match="gone"):
        await TimeoutPrimitive(failing, 5, clock=clock).execute("x")


async def test_timeout_error_of_the_step_itself_is_not_ours(clock: FakeClock) -> None:
    """The step's own timeout neither runs the fallback nor counts."""
    own = TimeoutError("socket", 3)
    context = WorkflowContext()
    limited = TimeoutPrimitive(
        MockPrimitive(raise_error=own), 5, fallback=MockPrimitive(), clock=clock
    )
    with pytest.raises(TimeoutError) as caught:
        await limited.execute("x", context)
    assert caught.value is own
    assert "timeout_count" not in context.state


async def test_step_that_turns_the_cancellation_into_an_error_keeps_its_error(
    clock: FakeClock, after: Any
) -> None:
    async def translating(x: str) -> None:
        try:
            await clock.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionError("hung up") from None

    with pytest.raises(ConnectionError, match="hung up"):
        await after(5, TimeoutPrimitive(translating, 5, clock=clock).execute("x"))


async def test_fallback_gets_the_same_input_and_no_limit(clock: FakeClock, after: Any) -> None:
    limited = TimeoutPrimitive(
        Slow(clock, 60), 1, fallback=LambdaPrimitive(Slow(clock, 30), name="spare"), clock=clock
    )
    assert await after(31, limited.execute("x")) == "x"


async def test_error_of_the_fallback_is_raised_with_the_timeout_as_its_context(
    clock: FakeClock, after: Any
) -> None:
    fallback = MockPrimitive(raise_error=ValueError("also bad"))
    limited = TimeoutPrimitive(Slow(clock, 60), 1, fallback=fallback, clock=clock)
    with pytest.raises(ValueError, match="also bad") as caught:
        await after(1, limited.execute("x"))
    assert isinstance(caught.value.__context__, TimeoutError)


async def test_timeouts_are_counted_and_remembered_in_the_state(
    clock: FakeClock, after: Any
) -> None:
    context = WorkflowContext()
    plain = TimeoutPrimitive(LambdaPrimitive(Slow(clock, 60), name="a"), 1, clock=clock)
    rescued = TimeoutPrimitive(Slow(clock, 60), 2, fallback=str, name="b", clock=clock)
    with pytest.raises(TimeoutError):
        await after(1, plain.execute("x", context))
    await after(2, rescued.execute("x", context))
    assert context.state["timeout_count"] == 2
    assert context.state["timeout_history"] == [
        {"primitive": "a", "timeout": 1, "had_fallback": False},
        {"primitive": "b", "timeout": 2, "had_fallback": True},
    ]


async def test_state_is_left_alone_when_tracking_is_off(clock: FakeClock, after: Any) -> None:
    context = WorkflowContext()
    limited = TimeoutPrimitive(Slow(clock, 60), 1, fallback=str, track_timeouts=False, clock=clock)
    await after(1, limited.execute("x", context))
    assert context.state == {}


async def test_history_keeps_the_last_thousand(clock: FakeClock, after: Any) -> None:
    context = WorkflowContext(state={"timeout_history": [{"primitive": "old"}] * 1000})
    limited = TimeoutPrimitive(Slow(clock, 60), 1, fallback=str, clock=clock)
    await after(1, limited.execute("x", context))
    assert len(context.state["timeout_history"]) == 1000
    assert context.state["timeout_history"][-1]["primitive"] == "Lambda"


@pytest.mark.parametrize("limit", [0, -1, float("nan")], ids=["zero", "negative", "nan"])
def test_limit_that_is_not_positive_is_refused(limit: float) -> None:
    with pytest.raises(ConfigurationError, match="timeout_seconds must be positive"):
        TimeoutPrimitive(str, limit)


@pytest.mark.parametrize("inner_limit", [30, 5], ids=["looser", "equal"])
async def test_looser_limit_inside_a_tighter_one_arms_no_timer(
    clock: FakeClock, after: Any, inner_limit: float
) -> None:
    pending: list[int] = []

    async def count(x: str) -> str:
        pending.append(clock.pending)
        await clock.sleep(60)
        return x

    inner = TimeoutPrimitive(count, inner_limit, fallback=str, name="inner", clock=clock)
    outer = TimeoutPrimitive(inner, 5, name="outer", clock=clock)
    context = WorkflowContext()
    with pytest.raises(TimeoutError, match="outer exceeded 5s"):
        await after(5, outer.execute("x", context))
    assert pending == [1]
    assert [entry["primitive"] for entry in context.state["timeout_history"]] == ["outer"]


async def test_tighter_limit_inside_a_looser_one_ends_first(clock: FakeClock, after: Any) -> None:
    inner = TimeoutPrimitive(Slow(clock, 60), 5, fallback=lambda x: "rescued", clock=clock)
    outer = TimeoutPrimitive(inner, 30, clock=clock)
    assert await after(5, outer.execute("x")) == "rescued"


async def test_step_sees_the_deadline(clock: FakeClock) -> None:
    clock.advance(100)
    step = MockPrimitive()
    await TimeoutPrimitive(step, 5, clock=clock).execute("x")
    assert step.calls[0][1].deadline == 105


async def test_deadline_that_nobody_enforces_is_enforced_here(clock: FakeClock, after: Any) -> None:
    """A deadline set by hand on the context stops the step although the limit is looser."""
    slow, fallback = Slow(clock, 60), MockPrimitive("fallback")
    limited = TimeoutPrimitive(slow, 30, fallback=fallback, name="outer", clock=clock)
    context = WorkflowContext(deadline=2)
    with pytest.raises(TimeoutError, match="outer exceeded 2s timeout"):
        await after(2, limited.execute("x", context))
    assert slow.events[-1] == "cleaned up"
    assert fallback.call_count == 0
    assert context.state["timeout_count"] == 1


@pytest.mark.parametrize("deadline", [9, 10], ids=["past", "now"])
async def test_nothing_is_begun_at_or_after_the_callers_deadline(
    clock: FakeClock, deadline: float
) -> None:
    step = MockPrimitive()
    clock.advance(10)
    with pytest.raises(TimeoutError, match="mock exceeded 0s timeout"):
        await TimeoutPrimitive(step, 5, clock=clock).execute(
            "x", WorkflowContext(deadline=deadline)
        )
    assert step.call_count == 0


async def test_limit_outside_a_task_says_what_is_missing(clock: FakeClock) -> None:
    """A coroutine stepped by hand has no task that could be cancelled."""
    call = TimeoutPrimitive(Slow(clock, 1), 1, clock=clock).execute("x")
    failure: list[BaseException] = []

    def step_by_hand() -> None:
        try:
            call.send(None)
        except RuntimeError as error:
            failure.append(error)

    asyncio.get_running_loop().call_soon(step_by_hand)
    await settle()
    assert str(failure[0]) == "a time limit needs a running asyncio task"


async def test_observer_hears_of_the_limit_and_the_outcome(
    clock: FakeClock, watcher: Any, after: Any
) -> None:
    limited = TimeoutPrimitive(LambdaPrimitive(Slow(clock, 60), name="step"), 2, clock=clock)
    with pytest.raises(TimeoutError):
        await after(2, limited.execute("x"))
    assert watcher.records == [("0", observe.TimeoutRecord(limit=2, elapsed=2))]
    assert watcher.outcomes == {"0/0.step": "cancelled", "0": "timeout"}


async def test_observer_sees_a_rescued_call_as_a_fallback(
    clock: FakeClock, watcher: Any, after: Any
) -> None:
    limited = TimeoutPrimitive(
        Slow(clock, 60), 2, fallback=MockPrimitive("spare", return_value=1), clock=clock
    )
    assert await after(2, limited.execute("x")) == 1
    assert watcher.records == [
        ("0", observe.TimeoutRecord(limit=2, elapsed=2)),
        ("0", observe.FallbackRecord(used="spare", index=1, reason="TimeoutError")),
    ]
    assert watcher.outcomes["0"] == "fallback"


def test_step_and_fallback_are_its_children() -> None:
    step, fallback = MockPrimitive("step"), MockPrimitive("fallback")
    assert TimeoutPrimitive(step, 1).children() == [("", step)]
    both = TimeoutPrimitive(step, 1, fallback=fallback)
    assert both.children() == [("", step), ("fallback", fallback)]
