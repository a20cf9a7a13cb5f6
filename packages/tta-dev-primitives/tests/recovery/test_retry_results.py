"""Trying again because of what came back."""

from __future__ import annotations

from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy, earlier_errors
from tta_dev_primitives.recovery.retry_budget import RetryBudget
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive

STEADY = RetryStrategy(max_retries=3, initial_delay=1, jitter=False)


def is_empty(value: str) -> bool:
    return not value


async def test_unwanted_results_are_waited_out_like_errors(
    clock: FakeClock, after: Any, watcher: Any
) -> None:
    step = MockPrimitive(side_effect=["", ValueError(), "", "done"])
    retry = RetryPrimitive(step, STEADY, retry_result=is_empty, clock=clock)
    assert await after(60, retry.execute("x")) == "done"
    assert clock.slept == [1, 2, 4]
    assert [record for path, record in watcher.records if path == "0"] == [
        observe.RetryScheduledRecord(attempt=1, delay=1, error_type="unwanted_result"),
        observe.RetryScheduledRecord(attempt=2, delay=2, error_type="ValueError"),
        observe.RetryScheduledRecord(attempt=3, delay=4, error_type="unwanted_result"),
        observe.RetryRecord(attempts=4, max_attempts=4, delay_total=7, exhausted=False),
    ]


async def test_wanted_result_is_returned_at_once(clock: FakeClock, watcher: Any) -> None:
    retry = RetryPrimitive(lambda x: x, STEADY, retry_result=is_empty, clock=clock)
    assert await retry.execute("x") == "x"
    assert clock.slept == []
    assert watcher.records == [("0", observe.RetryRecord(1, 4, 0, exhausted=False))]


async def test_last_result_is_returned_even_if_unwanted(
    clock: FakeClock, after: Any, watcher: Any
) -> None:
    """Nothing failed, so there is no error to raise; the observers hear that it was given up."""
    step = MockPrimitive(side_effect=[ValueError(), 0, 0, 0.0])
    retry = RetryPrimitive(step, STEADY, retry_result=lambda value: not value, clock=clock)
    assert isinstance(await after(60, retry.execute("x")), float)
    assert step.call_count == 4
    assert watcher.records[-1] == ("0", observe.RetryRecord(4, 4, 7, exhausted=True))


async def test_error_after_unwanted_results_says_so(clock: FakeClock, after: Any) -> None:
    """But not what the results were: they may be long, or secret."""
    step = MockPrimitive(side_effect=["", KeyError("why"), "", ValueError("last")])
    retry = RetryPrimitive(step, STEADY, retry_result=is_empty, clock=clock)
    with pytest.raises(ValueError, match="last") as caught:
        await after(60, retry.execute("x"))
    assert caught.value.__notes__ == [
        "attempt 1 returned what retry_result refuses",
        "attempt 2 failed with KeyError: 'why'",
        "attempt 3 returned what retry_result refuses",
    ]
    assert [type(error) for error in earlier_errors(caught.value)] == [KeyError]


async def test_unwanted_result_is_returned_where_the_deadline_comes_first(
    clock: FakeClock, after: Any
) -> None:
    step = MockPrimitive(return_value="")
    retry = RetryPrimitive(step, STEADY, retry_result=is_empty, clock=clock)
    assert await after(60, retry.execute("x", WorkflowContext(deadline=1))) == ""
    assert (step.call_count, clock.slept) == (1, [])


async def test_unwanted_result_is_returned_where_the_budget_is_used_up(
    clock: FakeClock, after: Any
) -> None:
    step = MockPrimitive(return_value="")
    budget = RetryBudget(0, minimum_per_second=0, clock=clock)
    retry = RetryPrimitive(step, STEADY, retry_result=is_empty, budget=budget, clock=clock)
    assert await after(60, retry.execute("x")) == ""
    assert (step.call_count, clock.slept) == (1, [])


async def test_streams_are_not_judged_by_their_chunks(
    clock: FakeClock, source: Any, collect: Any
) -> None:
    """They have been seen by then."""
    retry = RetryPrimitive(source(0), STEADY, retry_result=lambda value: True, clock=clock)
    assert await collect(retry.stream("c")) == ["c0"]


async def test_predicate_that_fails_is_not_taken_for_a_failed_attempt(clock: FakeClock) -> None:
    step = MockPrimitive(return_value=None)
    retry = RetryPrimitive(step, STEADY, retry_result=lambda value: value.missing, clock=clock)
    with pytest.raises(AttributeError, match="missing"):
        await retry.execute("x")
    assert step.call_count == 1


async def test_unwanted_result_is_returned_where_the_wait_ends_too_late() -> None:
    class LateClock(FakeClock):
        async def sleep(self, seconds: float) -> None:
            self.advance(seconds + 1)

    step = MockPrimitive(return_value="")
    retry = RetryPrimitive(step, STEADY, retry_result=is_empty, clock=LateClock())
    assert await retry.execute("x", WorkflowContext(deadline=1.5)) == ""
    assert step.call_count == 1
