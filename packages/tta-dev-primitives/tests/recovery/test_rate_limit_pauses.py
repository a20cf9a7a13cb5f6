from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.errors import (
    RateLimitedError,
)
from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle

from .limited_calls import Calls, refused, start


@pytest.fixture
def calls(clock: FakeClock) -> Calls:
    return Calls(clock)


async def test_headers_of_one_answer_refuse_those_whose_turn_they_put_off(
    clock: FakeClock, calls: Calls
) -> None:
    """A server that says nothing is left speaks to those who wait, too."""
    limiter = RateLimitPrimitive(calls, limits=[Limit(2, 20)], clock=clock)
    running = start(limiter, 1, 2)
    waiting = start(limiter, 3, deadline=12)
    await settle()
    clock.advance(9)
    limiter._gate.tighten(lambda limit: 0)
    await settle()
    assert waiting[0].done()
    assert await refused(waiting[0]) == 10
    await asyncio.gather(*running)


async def test_pause_after_429_holds_everybody_up(clock: FakeClock, calls: Calls) -> None:
    """One call that was told to wait speaks for all."""
    failed: list[float] = []

    async def step(x: Any) -> Any:
        if not failed:
            failed.append(clock.monotonic())
            raise RateLimitedError("slow down", retry_after=20)
        return await calls(x)

    limiter = RateLimitPrimitive(step, limits=[Limit(100)], clock=clock)
    with pytest.raises(RateLimitedError):
        await limiter.execute(1)
    assert await refused(start(limiter, 2, deadline=19)[0]) == 20
    running = start(limiter, 3, 4)
    limiter._gate.pause(1)  # a shorter one does not shorten it
    await clock.sleep_through(19.9)
    running += start(limiter, 5)
    await settle()
    assert calls.began == []
    await clock.sleep_through(0.1)
    await asyncio.gather(*running)
    assert calls.began == [(3, 20), (4, 20), (5, 20)]


async def test_pause_holds_up_those_who_come_while_nobody_waits(
    clock: FakeClock, calls: Calls
) -> None:
    """Also where the limit itself has long been free."""
    limiter = RateLimitPrimitive(calls, limits=[Limit(100)], clock=clock)
    await limiter.execute(1)
    limiter._gate.pause(20)
    clock.advance(10)
    running = start(limiter, 2)
    await clock.sleep_through(10)
    await running[0]
    assert calls.began == [(1, 0), (2, 20)]


async def test_pause_refuses_those_who_wait_and_would_be_too_late(
    clock: FakeClock, calls: Calls
) -> None:
    limiter = RateLimitPrimitive(calls, limits=[Limit(1, 10)], clock=clock)
    await limiter.execute(1)
    running = start(limiter, 2, deadline=15)
    await settle()
    limiter._gate.pause(16)
    assert await refused(running[0]) == 16
    assert clock.pending == 0


async def test_learning_can_be_switched_off(clock: FakeClock) -> None:
    async def step(x: Any) -> Any:
        raise RateLimitedError("slow down", retry_after=20)

    limiter = RateLimitPrimitive(step, limits=[Limit(100)], learn=False, clock=clock)
    for _ in range(3):
        with pytest.raises(RateLimitedError):
            await limiter.execute(1)
