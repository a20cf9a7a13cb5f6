"""Rate limits that give back too little, and wait too long."""

from __future__ import annotations

import asyncio

import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import RateLimitExceededError
from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive
from tta_dev_primitives.testing.clock import FakeClock


async def test_refund_of_an_older_call_is_not_lessened_by_those_of_younger_ones(
    clock: FakeClock,
) -> None:
    """A long call whose estimate was too high gives all of the rest back, like the short ones."""
    limiter = RateLimitPrimitive(
        limits=[Limit(1000, 1e9, unit="tokens")], estimate=lambda x, _: 100, clock=clock
    )
    older = await limiter.acquire(100)
    for _ in range(3):
        clock.advance(1)
        (await limiter.acquire(100)).settle(10)
    older.settle(10)
    assert limiter._gate.tightest()[1] == pytest.approx(960, abs=0.01)


def test_nobody_waits_beyond_the_deadline_though_another_loop_was_first(clock: FakeClock) -> None:
    """Its turn was to come in time until somebody of another loop took it."""
    limiter = RateLimitPrimitive(lambda x: x, limits=[Limit(1, 1.0)], clock=clock)
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        first.run_until_complete(limiter.execute("now"))
        patient = first.create_task(limiter.execute("later"))
        first.run_until_complete(asyncio.sleep(0))
        hasty = second.create_task(limiter.execute("in time", WorkflowContext(deadline=1.2)))
        second.run_until_complete(asyncio.sleep(0))
        clock.advance(1.2)
        for loop in (first, second):
            loop.run_until_complete(asyncio.sleep(0.01))
        assert patient.result() == "later"
        assert hasty.done()
        with pytest.raises(RateLimitExceededError):
            hasty.result()
    finally:
        clock.advance(10)
        for loop in (first, second):
            loop.run_until_complete(asyncio.sleep(0.01))
            loop.close()
