from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import (
    ServerError,
)
from tta_dev_primitives.recovery.hedge import HedgePrimitive, Quantile
from tta_dev_primitives.recovery.retry_budget import RetryBudget
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive
from tta_dev_primitives.testing.clock import FakeClock

from .hedge_calls import Calls


@pytest.fixture
def calls(clock: FakeClock) -> Callable[..., Calls]:
    """Makes a `Calls` on the test's clock."""
    return lambda *script: Calls(clock, *script)


async def test_time_limit_inside_the_step_does_not_take_our_cancellation_for_its_own(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step = calls((60, "slow"), (1, "quick"))
    limited = TimeoutPrimitive(step, 30, clock=clock)
    assert await after(3, HedgePrimitive(limited, delay=2, clock=clock).execute("x")) == "quick"


async def test_time_limit_around_ends_step_and_hedge(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step = calls((60, "slow"), (60, "hedge"))
    limited = TimeoutPrimitive(HedgePrimitive(step, delay=2, clock=clock), 5, clock=clock)
    with pytest.raises(TimeoutError):
        await after(5, limited.execute("x"))
    assert step.ended == [5, 5]


async def test_time_limit_around_needs_no_second_timer_while_hedges_are_waited_for(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step = calls((1, ServerError("busy")), (60, "hedge"))
    limited = TimeoutPrimitive(HedgePrimitive(step, clock=clock), 5, name="outer", clock=clock)
    task = asyncio.ensure_future(limited.execute("x"))
    await clock.sleep_through(2)
    assert clock.pending == 2  # the pause of the hedge, and one limit
    with pytest.raises(TimeoutError, match="outer exceeded 5s"):
        await after(3, task)


@pytest.mark.parametrize(("deadline", "begun"), [(2.0, 1), (2.5, 2), (4.0, 2), (4.5, 3)], ids=str)
async def test_no_hedge_begins_after_the_deadline(
    clock: FakeClock, calls: Any, after: Any, deadline: float, begun: int
) -> None:
    step = calls((60, "a"), (60, "b"), (60, "c"))
    hedged = HedgePrimitive(step, delay=2, max_hedges=2, clock=clock)
    assert await after(60, hedged.execute("x", WorkflowContext(deadline=deadline))) == "a"
    assert len(step.began) == begun


async def test_failure_after_the_deadline_begins_no_hedge(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step = calls((3, ServerError("busy")))
    hedged = HedgePrimitive(step, delay=5, clock=clock)
    with pytest.raises(ServerError):
        await after(3, hedged.execute("x", WorkflowContext(deadline=3)))


async def test_hedges_are_not_waited_for_beyond_the_deadline(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step = calls((1, ServerError("busy")), (60, "late"))
    hedged = HedgePrimitive(step, delay=5, clock=clock)
    with pytest.raises(ServerError) as caught:
        await after(4, hedged.execute("x", WorkflowContext(deadline=4)))
    assert caught.value.__notes__ == ["no hedge answered before the deadline"]
    assert step.ended == [1, 4]


async def test_used_up_budget_stops_new_hedges_only(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    budget = RetryBudget(0, minimum_per_second=0.5, burst=1, clock=clock)
    step = calls((60, "a"), (60, "b"), (5, "c"))
    hedged = HedgePrimitive(step, delay=2, budget=budget, clock=clock)
    both = asyncio.gather(hedged.execute("x"), hedged.execute("y"))
    assert await after(60, both) == ["c", "b"]
    assert step.began == [0, 0, 2]


async def test_budget_lets_one_in_ten_calls_be_hedged(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    budget = RetryBudget(0.1, minimum_per_second=0, clock=clock)
    step = calls(*[(3, n) for n in range(40)])
    hedged = HedgePrimitive(step, delay=2, budget=budget, clock=clock)
    await after(5, asyncio.gather(*[hedged.execute(n) for n in range(30)]))
    assert len(step.began) == 33


async def test_no_hedge_before_the_quantile_is_known(
    clock: FakeClock, calls: Any, after: Any, watcher: Any
) -> None:
    step = calls(*[(1, n) for n in range(9)], (60, "slow"), (0.5, "quick"))
    hedged = HedgePrimitive(step, delay=Quantile(0.5, minimum_samples=9), clock=clock)
    for n in range(9):
        assert hedged.current_delay is None
        assert await after(1, hedged.execute("x")) == n
    assert hedged.current_delay == pytest.approx(1, rel=0.05)
    assert watcher.records == []  # there was nothing to decide
    assert await after(2, hedged.execute("x")) == "quick"


async def test_failure_is_hedged_before_the_quantile_is_known(
    clock: FakeClock, calls: Any, after: Any, watcher: Any
) -> None:
    step = calls((1, ServerError("busy")), (1, "answer"))
    hedged = HedgePrimitive(step, delay=Quantile(), clock=clock)
    assert await after(2, hedged.execute("x")) == "answer"
    assert watcher.records == [("0", observe.HedgeRecord(launched=2, winner=1, delay=0))]


async def test_quantile_does_not_sink_with_every_slow_call_that_is_cut_short(
    clock: FakeClock, after: Any
) -> None:
    """A tenth of the calls is slow for ever; the share that is hedged stays about a tenth."""
    begun = 0

    async def step(x: int) -> None:
        nonlocal begun
        begun += 1
        await clock.sleep(1 + x / 100 if x < 90 else 60)

    async def hedge(x: int) -> None:
        nonlocal hedges
        hedges += 1

    hedges = 0
    hedged = HedgePrimitive(
        step,
        delay=Quantile(0.9, minimum_samples=20, window=100),
        alternatives=[hedge],
        clock=clock,
    )
    for n in range(2000):
        await after(60, hedged.execute(n * 37 % 100))
    assert 150 <= hedges <= 250
    assert hedged.current_delay == pytest.approx(1.9, rel=0.1)


async def test_policy_shares_its_quantile_with_all_it_wraps(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    policy = HedgePrimitive(delay=Quantile(0.5, minimum_samples=2), clock=clock)
    await after(1, policy.wrap(calls((1, "a"))).execute("x"))
    await after(1, policy.wrap(calls((1, "b"))).execute("x"))
    assert policy.current_delay is not None
    assert HedgePrimitive(len, delay=3).current_delay == 3
