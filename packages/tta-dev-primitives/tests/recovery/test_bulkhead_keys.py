"""Places and a queue for each key."""

from __future__ import annotations

import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives import (
    WorkflowContext,
)
from tta_dev_primitives.core.permits import sleep_without_permits
from tta_dev_primitives.errors import BulkheadFullError
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive, BulkheadStats
from tta_dev_primitives.testing import FakeClock

from .bulkhead_desk import Desk, People


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def people() -> AsyncIterator[People]:
    async with People() as found:
        yield found


async def test_each_key_has_places_and_a_queue_of_its_own(desk: Desk, people: People) -> None:
    """One busy customer does not keep the others waiting."""
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, max_queue=1, key=lambda x, _: x[0])
    await people.call(bulkhead, "a1", "a2", "b1")
    assert desk.running == ["a1", "b1"]
    assert bulkhead.stats() == BulkheadStats(running=2, waiting=1, limit=1, rejected=0)
    with pytest.raises(BulkheadFullError):
        await bulkhead.execute("a3")
    assert bulkhead.stats().rejected == 1


class Customer:
    """A key that can be looked after."""


async def test_idle_keys_are_forgotten_and_what_they_refused_still_counts() -> None:
    async def twice(x: Any) -> None:
        if x[1] > 1:
            with pytest.raises(BulkheadFullError):
                await bulkhead.execute((x[0], x[1] - 1))

    bulkhead = BulkheadPrimitive(twice, max_concurrent=1, max_queue=0, key=lambda x, _: x[0])
    customer = Customer()
    await bulkhead.execute((customer, 2))
    known = weakref.ref(customer)
    del customer
    for number in range(1500):
        await bulkhead.execute((number, 1))
    gc.collect()
    assert known() is None
    assert bulkhead.stats().rejected == 1


async def test_key_of_a_call_that_gave_its_place_up_is_not_forgotten(
    clock: FakeClock, people: People, desk: Desk
) -> None:
    """Else it would come back to other places than those of the calls that came since."""

    async def step(x: Any, context: WorkflowContext) -> None:
        if x == "resting":
            await sleep_without_permits(clock, 10, context)
        if x in ("resting", "rival"):
            await desk(x)

    bulkhead = BulkheadPrimitive(
        step, max_concurrent=1, key=lambda x, _: "k" if isinstance(x, str) else x, clock=clock
    )
    await people.call(bulkhead, "resting")
    for number in range(1500):
        await bulkhead.execute(number)
    await people.call(bulkhead, "rival")
    await clock.sleep_through(10)
    assert desk.running == ["rival"]
    await desk.finish("rival")
    assert desk.running == ["resting"]
