"""What the step inside may do with its place."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives import (
    LambdaPrimitive,
    RetryPrimitive,
    RetryStrategy,
    WorkflowContext,
)
from tta_dev_primitives.core.permits import sleep_without_permits
from tta_dev_primitives.errors import BulkheadFullError, PrimitiveError
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive
from tta_dev_primitives.testing import FakeClock, settle

from .bulkhead_desk import Desk, People, counts


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def people() -> AsyncIterator[People]:
    async with People() as found:
        yield found


def resting(clock: FakeClock, desk: Desk, seconds: float = 10) -> Any:
    async def step(x: Any, context: WorkflowContext) -> Any:
        if x.startswith("rest"):
            await sleep_without_permits(clock, seconds, context)
        return await desk(x)

    return step


async def test_others_work_while_a_call_rests(clock: FakeClock, desk: Desk, people: People) -> None:
    bulkhead = BulkheadPrimitive(resting(clock, desk), max_concurrent=1, clock=clock)
    await people.call(bulkhead, "rest", "b")
    assert desk.running == ["b"]
    await desk.finish("b", "rest")
    await clock.sleep_through(10)
    assert await people["rest"] == "rest"
    assert counts(bulkhead) == (0, 0)


async def test_who_comes_back_goes_ahead_of_those_who_had_no_place(
    clock: FakeClock, desk: Desk, people: People
) -> None:
    """Even of more urgent ones: half a call done is worth more than one not begun."""
    bulkhead = BulkheadPrimitive(
        resting(clock, desk),
        max_concurrent=1,
        max_queue=2,
        priority=lambda x, _: x == "urgent",
        clock=clock,
    )
    await people.call(bulkhead, "rest", "b", "c", "urgent")
    await clock.sleep_through(10)
    assert counts(bulkhead) == (1, 3)  # nor is the queue too full for it
    await desk.finish("b")
    assert desk.running == ["rest"]


async def test_call_may_rest_as_often_as_it_likes(
    clock: FakeClock, desk: Desk, people: People
) -> None:
    async def step(x: Any, context: WorkflowContext) -> Any:
        await sleep_without_permits(clock, 1, context)
        await sleep_without_permits(clock, 1, context)
        return await desk(x)

    bulkhead = BulkheadPrimitive(step, max_concurrent=1, clock=clock)
    await people.call(bulkhead, "a", "b")
    await clock.sleep_through(2)
    assert desk.running == ["a"]
    assert counts(bulkhead) == (1, 1)


async def test_cancelled_rest_returns_no_place_twice(
    clock: FakeClock, desk: Desk, people: People
) -> None:
    bulkhead = BulkheadPrimitive(resting(clock, desk), max_concurrent=1, clock=clock)
    await people.call(bulkhead, "rest", "b", "c")
    await people.leave("rest")
    assert desk.running == ["b"]
    assert counts(bulkhead) == (1, 1)


async def test_cancelled_return_returns_no_place_twice(
    clock: FakeClock, desk: Desk, people: People
) -> None:
    bulkhead = BulkheadPrimitive(resting(clock, desk), max_concurrent=1, clock=clock)
    await people.call(bulkhead, "rest", "b")
    await clock.sleep_through(10)
    await people.leave("rest")
    assert counts(bulkhead) == (1, 0)
    await desk.finish("b")
    assert counts(bulkhead) == (0, 0)


async def test_return_waits_no_longer_than_the_deadline(
    clock: FakeClock, desk: Desk, people: People
) -> None:
    bulkhead = BulkheadPrimitive(resting(clock, desk), max_concurrent=1, clock=clock)
    await people.call(bulkhead, "rest", context=WorkflowContext(deadline=12))
    await people.call(bulkhead, "b")
    await clock.sleep_through(12)
    assert isinstance(people["rest"].exception(), BulkheadFullError)
    assert counts(bulkhead) == (1, 0)


async def test_call_that_is_over_takes_no_place_again(clock: FakeClock, people: People) -> None:
    """A task that the step left behind may wake up when the call has long ended."""
    orphans: list[asyncio.Task[None]] = []

    async def careless(x: str, context: WorkflowContext) -> None:
        orphans.append(asyncio.ensure_future(sleep_without_permits(clock, 10, context)))
        await settle(3)

    bulkhead = BulkheadPrimitive(careless, max_concurrent=1)
    await bulkhead.execute("x")
    await clock.sleep_through(10)
    await asyncio.wait(orphans)
    assert counts(bulkhead) == (0, 0)


async def test_call_that_ends_while_a_task_of_it_comes_back_keeps_no_place(
    clock: FakeClock, desk: Desk, people: People
) -> None:
    orphans: list[asyncio.Task[None]] = []

    async def careless(x: str, context: WorkflowContext) -> None:
        if x == "careless":
            orphans.append(asyncio.ensure_future(sleep_without_permits(clock, 1, context)))
        await desk(x)

    bulkhead = BulkheadPrimitive(careless, max_concurrent=1)
    await people.call(bulkhead, "careless", "b")
    await clock.sleep_through(1)
    await desk.finish("careless", "b")
    await asyncio.wait(orphans)
    assert counts(bulkhead) == (0, 0)


async def test_branches_that_rest_at_once_take_one_place_again(
    clock: FakeClock, people: People, desk: Desk
) -> None:
    async def step(x: str, context: WorkflowContext) -> None:
        await asyncio.gather(
            sleep_without_permits(clock, 1, context), sleep_without_permits(clock, 1, context)
        )
        await desk(x)

    bulkhead = BulkheadPrimitive(step, max_concurrent=1)
    await people.call(bulkhead, "a")
    await people.call(bulkhead.wrap(desk), "b")
    await clock.sleep_through(1)
    assert counts(bulkhead) == (1, 1)
    await desk.finish("b")
    assert desk.running == ["a"]
    assert counts(bulkhead) == (1, 0)


async def test_branch_that_rests_twice_waits_for_the_one_place_of_its_call(
    clock: FakeClock, people: People, desk: Desk
) -> None:
    """It comes back the second time while the other branch has not come back from the first."""

    async def twice(context: WorkflowContext) -> None:
        await sleep_without_permits(clock, 1, context)
        await sleep_without_permits(clock, 1, context)

    async def step(x: str, context: WorkflowContext) -> None:
        await asyncio.gather(twice(context), sleep_without_permits(clock, 1, context))
        await desk(x)

    bulkhead = BulkheadPrimitive(step, max_concurrent=1)
    await people.call(bulkhead, "a")
    await people.call(bulkhead.wrap(desk), "b", "c")
    await clock.sleep_through(1)
    await desk.finish("b")
    assert desk.running == ["c"]
    await clock.sleep_through(1)
    await desk.finish("c")
    assert desk.running == ["a"]


async def test_step_that_a_policy_wraps_later_gets_a_permit(clock: FakeClock) -> None:
    """Whatever the policy was put around before."""
    seen: list[int] = []
    policy = BulkheadPrimitive(lambda x: x)
    await policy.wrap(lambda x, context: seen.append(len(context.permits))).execute("x")
    assert seen == [1]


async def test_step_that_takes_no_context_may_stand_behind_one_that_does(clock: FakeClock) -> None:
    """The permit reaches a retry through whatever stands between."""
    seen: list[int] = []
    inner = LambdaPrimitive(lambda x, context: seen.append(len(context.permits)))
    await BulkheadPrimitive(RetryPrimitive(inner, RetryStrategy(0)), clock=clock).execute("x")
    outer = BulkheadPrimitive(BulkheadPrimitive(inner))
    await outer.execute("x")
    with contextlib.suppress(PrimitiveError):
        await anext(outer.stream("x"))
    assert seen == [1, 2, 2]
