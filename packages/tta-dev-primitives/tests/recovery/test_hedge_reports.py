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
from tta_dev_primitives.recovery.hedge import HedgePrimitive
from tta_dev_primitives.recovery.retry_budget import RetryBudget
from tta_dev_primitives.testing.clock import FakeClock

from .hedge_calls import Answer, Calls


@pytest.fixture
def calls(clock: FakeClock) -> Callable[..., Calls]:
    """Makes a `Calls` on the test's clock."""
    return lambda *script: Calls(clock, *script)


async def test_shadow_reports_hedges_and_begins_none(
    clock: FakeClock, calls: Any, after: Any, watcher: Any
) -> None:
    budget = RetryBudget(1.5, minimum_per_second=0, clock=clock)
    step = calls((7, "answer"))
    hedged = HedgePrimitive(step, delay=2, max_hedges=5, budget=budget, shadow=True, clock=clock)
    assert await after(7, hedged.execute("x")) == "answer"
    assert watcher.records == [
        ("0", observe.HedgeRecord(launched=2, winner=0, delay=2, shadow=True))
    ]
    assert budget.available == 0  # neither filled nor used up for others


async def test_failing_step_in_shadow_fails_at_once(
    clock: FakeClock, calls: Any, after: Any, watcher: Any
) -> None:
    hedged = HedgePrimitive(calls((1, ServerError("busy"))), delay=2, shadow=True, clock=clock)
    with pytest.raises(ServerError):
        await after(1, hedged.execute("x"))
    assert watcher.records == [
        ("0", observe.HedgeRecord(launched=2, winner=None, delay=2, shadow=True))
    ]


@pytest.mark.parametrize(
    ("script", "record"),
    [
        ([(1, "a")], observe.HedgeRecord(1, 0, 2)),
        ([(60, "a"), (1, "b")], observe.HedgeRecord(2, 1, 2)),
        ([(3, "a"), (60, "b")], observe.HedgeRecord(2, 0, 2)),
        ([(60, "a"), (60, "b"), (1, "c")], observe.HedgeRecord(3, 2, 2)),
        ([(1, ServerError("a"))] * 3, observe.HedgeRecord(3, None, 2)),
    ],
    ids=["alone", "hedge-won", "step-won", "second-hedge-won", "all-failed"],
)
async def test_observer_hears_how_the_race_ended(
    clock: FakeClock, calls: Any, after: Any, watcher: Any, script: Any, record: Any
) -> None:
    hedged = HedgePrimitive(calls(*script), delay=2, max_hedges=2, clock=clock)
    call = after(60, hedged.execute("x"))
    if isinstance(script[-1][1], Exception):
        with pytest.raises(ServerError):
            await call
    else:
        await call
    assert watcher.records == [("0", record)]


@pytest.mark.parametrize("cost", [0.25, None], ids=["known", "unknown"])
async def test_cost_of_a_loser_that_answered_too_is_counted(
    clock: FakeClock, calls: Any, watcher: Any, cost: float | None
) -> None:
    """Both answers came in one turn of the loop: one is used, the other was paid for as well."""
    step = calls((3, "used"), (0.9, Answer(cost)))
    task = asyncio.ensure_future(HedgePrimitive(step, delay=2, clock=clock).execute("x"))
    await clock.sleep_through(2.5)
    clock.advance(1)
    assert await task == "used"
    assert watcher.records == [("0", observe.HedgeRecord(2, 0, 2, cost))]


async def test_observer_sees_hedges_where_they_belong(
    clock: FakeClock, calls: Any, after: Any, watcher: Any
) -> None:
    """A timer of the clock begins them, but they belong to the call."""
    hedged = HedgePrimitive(
        calls((60, "a")), alternatives=[calls((1, "b"))], delay=2, clock=clock, name="h"
    )
    await after(3, hedged.execute("x"))
    assert watcher.outcomes == {"0.h": "ok", "0.h/0": "cancelled", "0.h/1": "ok"}


async def test_hedges_are_tallied_per_item_of_a_map(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    hedged = HedgePrimitive(calls((5, "a"), (60, "b")), delay=2, clock=clock)

    async def attempts() -> list[int]:
        return [item.attempts async for item in hedged.map(["x"])]

    assert await after(5, attempts()) == [2]


async def test_places_of_the_caller_are_not_given_up_by_a_hedge(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    """Two calls under one place cannot both give it away while they pause."""

    class Place:
        def give_up(self) -> None: ...
        async def take_again(self) -> None: ...

    place = Place()
    step = calls((60, "a"), (1, "b"))
    context = WorkflowContext(workflow_id="w").with_permit(place)
    await after(3, HedgePrimitive(step, delay=2, clock=clock).execute("x", context))
    assert [seen.permits for seen in step.contexts] == [(place,), ()]
    assert step.contexts[1].state is context.state
