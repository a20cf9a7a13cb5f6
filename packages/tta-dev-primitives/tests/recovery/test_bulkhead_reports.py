"""What a bulkhead tells, and what it only tells in the shadow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives import (
    FallbackPrimitive,
    LambdaPrimitive,
)
from tta_dev_primitives.core import observe
from tta_dev_primitives.errors import BulkheadFullError
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive, BulkheadStats
from tta_dev_primitives.testing import FakeClock

from .bulkhead_desk import Desk, People, counts


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def people() -> AsyncIterator[People]:
    async with People() as found:
        yield found


async def test_shadow_counts_and_reports_but_lets_everything_through(
    desk: Desk, people: People, watcher: Any
) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, max_queue=1, shadow=True)
    await people.call(bulkhead, "a", "b", "c")
    assert desk.running == ["a", "b", "c"]
    assert bulkhead.stats() == BulkheadStats(running=3, waiting=0, limit=1, rejected=1)
    assert [record.result for _, record in watcher.records] == ["allowed", "shadow", "shadow"]
    await desk.finish("a", "b", "c")
    assert counts(bulkhead) == (0, 0)
    assert set(watcher.outcomes.values()) == {"ok"}


async def test_shadow_counts_who_would_have_been_too_late(desk: Desk, people: People) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, max_wait_seconds=0, shadow=True)
    await people.call(bulkhead, "a", "b")
    assert desk.running == ["a", "b"]
    assert bulkhead.stats().rejected == 1


async def test_observer_hears_what_was_decided(
    clock: FakeClock, desk: Desk, people: People, watcher: Any
) -> None:
    bulkhead = BulkheadPrimitive(
        LambdaPrimitive(desk, name="desk"), max_concurrent=1, max_queue=1, clock=clock
    )
    await people.call(bulkhead, "a", "b")
    await clock.sleep_through(3)
    with pytest.raises(BulkheadFullError):
        await bulkhead.execute("c")
    assert watcher.outcomes == {"0": "rejected"}
    await desk.finish("a")
    assert watcher.records == [
        ("0", observe.RateLimitRecord(wait=0, limit=1, remaining=0, result="allowed")),
        ("0", observe.RateLimitRecord(wait=0, limit=1, remaining=0, result="rejected")),
        ("0", observe.RateLimitRecord(wait=3, limit=1, remaining=0, result="waited")),
    ]


async def test_observer_hears_of_a_wait_in_vain(
    clock: FakeClock, desk: Desk, people: People, watcher: Any
) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, max_wait_seconds=2, clock=clock)
    await people.call(bulkhead, "a", "b")
    await clock.sleep_through(2)
    assert watcher.records[-1][1] == observe.RateLimitRecord(2, 1, 0, "rejected")
    assert watcher.outcomes == {"0": "rejected"}


async def test_refused_call_may_be_answered_by_a_fallback(desk: Desk, people: People) -> None:
    bulkhead = BulkheadPrimitive(desk, max_concurrent=1, max_queue=0)
    await people.call(bulkhead, "a")
    assert await FallbackPrimitive(bulkhead, lambda x: "sorry").execute("b") == "sorry"
