"""What keeps an error from being tried again: deadlines, budgets, places."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import AuthenticationError, BulkheadFullError, RateLimitedError
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive
from tta_dev_primitives.recovery.hedge import HedgePrimitive
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy
from tta_dev_primitives.recovery.retry_budget import RetryBudget
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive

STEADY = RetryStrategy(max_retries=3, initial_delay=1, jitter=False)


class LateClock(FakeClock):
    """Wakes everybody *late* seconds late, as a busy event loop does."""

    late = 0.25

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds + self.late)
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("deadline", "attempts", "slept"),
    [
        (0, 1, []),
        (1, 1, []),
        (1.25, 2, [1]),
        (3, 2, [1]),
        (3.25, 3, [1, 2]),
        (7, 3, [1, 2]),
        (7.25, 4, [1, 2, 4]),
    ],
)
async def test_attempts_and_waits_under_a_deadline(
    clock: FakeClock, after: Any, deadline: float, attempts: int, slept: list[float]
) -> None:
    """They would begin at 0, 1, 3 and 7 seconds; an attempt at the deadline is in vain."""
    step = MockPrimitive(side_effect=[ValueError(number) for number in range(4)])
    call = RetryPrimitive(step, STEADY, clock=clock).execute(
        "x", WorkflowContext(deadline=deadline)
    )
    with pytest.raises(ValueError) as caught:
        await after(60, call)
    assert (step.call_count, clock.slept) == (attempts, slept)
    said = [note for note in getattr(caught.value, "__notes__", []) if "deadline" in note]
    wait = [1, 2, 4, None][attempts - 1]
    expected = f"not tried again: the deadline passes before the {wait} s to wait are over"
    assert said == ([] if attempts == 4 else [expected])


async def test_wait_the_server_asks_for_is_not_begun_beyond_the_deadline(
    clock: FakeClock, after: Any
) -> None:
    step = MockPrimitive(raise_error=RateLimitedError("busy", retry_after=20))
    retry = RetryPrimitive(step, STEADY, clock=clock)
    with pytest.raises(RateLimitedError):
        await after(60, retry.execute("x", WorkflowContext(deadline=20)))
    assert (step.call_count, clock.slept) == (1, [])


async def test_wait_that_ends_late_is_not_followed_by_an_attempt_in_vain(watcher: Any) -> None:
    clock = LateClock()
    step = MockPrimitive(raise_error=ValueError())
    retry = RetryPrimitive(step, STEADY, clock=clock)
    with pytest.raises(ValueError) as caught:
        await retry.execute("x", WorkflowContext(deadline=1.25))
    assert (step.call_count, clock.slept) == (1, [1])
    assert caught.value.__notes__ == ["not tried again: the deadline passed during the wait"]
    assert caught.value.__context__ is None
    assert watcher.records[-1][1] == observe.RetryRecord(1, 4, 1, exhausted=True)


async def test_stream_is_not_begun_anew_after_the_deadline(source: Any, collect: Any) -> None:
    feed = source(ConnectionError("down"))
    retry = RetryPrimitive(feed, STEADY, clock=LateClock())
    with pytest.raises(ConnectionError, match="down"):
        await collect(retry.stream("c", WorkflowContext(deadline=1.25)))
    assert (feed.begun, feed.closed) == (1, 1)


async def test_retry_beyond_the_budget_is_not_made(
    clock: FakeClock, after: Any, watcher: Any
) -> None:
    """Each call earns half a retry: the first gets none, the second one, and not a second one."""
    step = MockPrimitive(side_effect=[ValueError(number) for number in range(3)])
    budget = RetryBudget(0.5, minimum_per_second=0, clock=clock)
    retry = RetryPrimitive(step, STEADY, budget=budget, clock=clock)
    with pytest.raises(ValueError, match="0") as first:
        await after(60, retry.execute("x"))
    assert (step.call_count, clock.slept) == (1, [])
    assert first.value.__notes__ == ["not tried again: the retry budget is used up"]
    assert watcher.records[-1][1] == observe.RetryRecord(1, 4, 0, exhausted=True)
    with pytest.raises(ValueError, match="2") as second:
        await after(60, retry.execute("x"))
    assert (step.call_count, clock.slept) == (3, [1])
    assert second.value.__notes__ == [
        "attempt 1 failed with ValueError: 1",
        "not tried again: the retry budget is used up",
    ]


async def test_one_budget_serves_all_that_the_policy_wraps(clock: FakeClock, after: Any) -> None:
    budget = RetryBudget(0.5, minimum_per_second=0, clock=clock)
    policy = RetryPrimitive(strategy=STEADY, budget=budget, clock=clock)
    good, bad = MockPrimitive(return_value=1), MockPrimitive(side_effect=[ValueError(), 2])
    assert await policy.wrap(good).execute("x") == 1
    assert await after(60, policy.wrap(bad).execute("x")) == 2
    assert budget.available == 0


async def test_hedges_and_retries_draw_on_one_budget(clock: FakeClock, after: Any) -> None:
    """A hedge that was made leaves nothing for the retry that would follow."""

    async def slow(x: str) -> None:
        await clock.sleep(2)
        raise ValueError(x)

    budget = RetryBudget(0.5, minimum_per_second=0, clock=clock)
    hedge = HedgePrimitive(slow, delay=1, budget=budget, hedge_on_error=False, clock=clock)
    retry = RetryPrimitive(hedge, STEADY, budget=budget, clock=clock)
    with pytest.raises(ValueError) as caught:
        await after(60, retry.execute("x"))
    assert "not tried again: the retry budget is used up" in caught.value.__notes__


@pytest.mark.parametrize(
    ("error", "deadline"),
    [(AuthenticationError("no key"), None), (ValueError(), 1.0)],
    ids=["not-worth-it", "too-late"],
)
async def test_retry_that_is_not_wanted_costs_no_budget(
    clock: FakeClock, after: Any, error: Exception, deadline: float | None
) -> None:
    budget = RetryBudget(1, minimum_per_second=0, clock=clock)
    retry = RetryPrimitive(MockPrimitive(raise_error=error), STEADY, budget=budget, clock=clock)
    with pytest.raises(type(error)):
        await after(60, retry.execute("x", WorkflowContext(deadline=deadline)))
    assert budget.available == 1


async def test_last_attempt_takes_no_budget_for_one_more(clock: FakeClock, after: Any) -> None:
    budget = RetryBudget(8, minimum_per_second=0, clock=clock)
    step = MockPrimitive(raise_error=ValueError())
    with pytest.raises(ValueError):
        await after(60, RetryPrimitive(step, STEADY, budget=budget, clock=clock).execute("x"))
    assert budget.available == 8 - 3


async def test_retry_cancelled_during_its_wait_goes_back_into_the_budget(clock: FakeClock) -> None:
    budget = RetryBudget(1, minimum_per_second=0, clock=clock)
    step = MockPrimitive(raise_error=ValueError())
    call = asyncio.ensure_future(
        RetryPrimitive(step, STEADY, budget=budget, clock=clock).execute("x")
    )
    await settle()
    assert budget.available == 0
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert budget.available == 1


async def test_retry_thrown_away_during_its_wait_goes_back_into_the_budget(
    clock: FakeClock,
) -> None:
    budget = RetryBudget(1, minimum_per_second=0, clock=clock)
    step = MockPrimitive(raise_error=ValueError())
    call = RetryPrimitive(step, STEADY, budget=budget, clock=clock).execute("x")
    call.send(None)
    assert budget.available == 0
    call.close()
    assert budget.available == 1


async def test_stream_is_under_the_budget(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    feed = source(ConnectionError("down"))
    budget = RetryBudget(0.5, minimum_per_second=0, clock=clock)
    retry = RetryPrimitive(feed, STEADY, budget=budget, clock=clock)
    with pytest.raises(ConnectionError) as caught:
        await after(60, collect(retry.stream("c")))
    assert feed.begun == 1
    assert caught.value.__notes__ == ["not tried again: the retry budget is used up"]
    assert budget.available == 0.5


async def test_place_in_a_bulkhead_is_free_during_a_wait(clock: FakeClock) -> None:
    """One place: while the first call waits for its second attempt, the second call is served."""
    served: list[tuple[str, float]] = []

    async def step(x: str) -> str:
        served.append((x, clock.monotonic()))
        if served == [("a", 0)]:
            raise ValueError(x)
        return x

    bulkhead = BulkheadPrimitive(RetryPrimitive(step, STEADY, clock=clock), max_concurrent=1)
    first = asyncio.ensure_future(bulkhead.execute("a"))
    second = asyncio.ensure_future(bulkhead.execute("b"))
    await clock.sleep_through(60)
    assert await asyncio.gather(first, second) == ["a", "b"]
    assert served == [("a", 0), ("b", 0), ("a", 1)]


async def test_place_is_kept_where_there_is_nothing_to_wait_for(clock: FakeClock) -> None:
    order: list[str] = []

    async def step(x: str) -> str:
        order.append(x)
        if order == ["a"]:
            raise ValueError(x)
        return x

    at_once = RetryPrimitive(step, RetryStrategy(initial_delay=0), clock=clock)
    bulkhead = BulkheadPrimitive(at_once, max_concurrent=1)
    assert await asyncio.gather(*map(bulkhead.execute, "ab")) == ["a", "b"]
    assert order == ["a", "a", "b"]


async def test_no_place_to_come_back_to_ends_with_the_last_real_error(clock: FakeClock) -> None:
    """Callers handle what the step raised; that a bulkhead was full is a note."""

    async def step(x: str) -> None:
        if x == "a":
            raise ValueError(x)
        await clock.sleep(60)

    budget = RetryBudget(1, minimum_per_second=0, clock=clock)
    retry = RetryPrimitive(step, STEADY, budget=budget, clock=clock)
    bulkhead = BulkheadPrimitive(retry, max_concurrent=1, clock=clock)
    first = asyncio.ensure_future(bulkhead.execute("a", WorkflowContext(deadline=5)))
    await settle()
    second = asyncio.ensure_future(bulkhead.execute("b"))
    await clock.sleep_through(6)
    with pytest.raises(ValueError, match="a") as caught:
        await first
    assert [note[:35] for note in caught.value.__notes__] == ["not tried again: BulkheadFullError:"]
    assert caught.value.__context__ is None
    assert budget.available == 2  # each call earned one, and no retry was made
    await clock.sleep_through(60)
    await second


async def test_refusal_of_the_step_itself_is_an_error_like_others(
    clock: FakeClock, after: Any
) -> None:
    step = MockPrimitive(side_effect=[BulkheadFullError("full", retry_after=3), "done"])
    assert await after(3, RetryPrimitive(step, STEADY, clock=clock).execute("x")) == "done"
    assert clock.slept == [3]


def test_what_was_given_back_can_be_taken_again(clock: FakeClock) -> None:
    budget = RetryBudget(0, minimum_per_second=1, burst=1, clock=clock)
    assert budget.take()
    budget.give_back()
    assert budget.take()
    assert not budget.take()


def test_no_more_is_given_back_than_the_budget_holds(clock: FakeClock) -> None:
    budget = RetryBudget(0, minimum_per_second=1, burst=1, clock=clock)
    assert budget.take()
    clock.advance(1)
    budget.give_back()
    assert budget.available == 1
