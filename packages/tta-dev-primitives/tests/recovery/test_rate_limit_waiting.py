from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle

from .limited_calls import Calls, by_tokens, start


@pytest.fixture
def calls(clock: FakeClock) -> Calls:
    return Calls(clock)


async def test_waiters_come_through_in_order_at_their_moments(
    clock: FakeClock, calls: Calls
) -> None:
    limiter = RateLimitPrimitive(calls, limits=[Limit(2, 1, burst=1)], clock=clock)
    running = start(limiter, *range(5))
    await clock.sleep_through(2)
    await asyncio.gather(*running)
    assert calls.began == [(0, 0), (1, 0.5), (2, 1), (3, 1.5), (4, 2)]
    assert clock.pending == 0


async def test_one_timer_serves_all_waiters(clock: FakeClock, calls: Calls) -> None:
    """A thousand waiters cost one timer, and no task but their own."""
    limiter = RateLimitPrimitive(calls, limits=[Limit(1000, 1, burst=1)], clock=clock)
    before = len(asyncio.all_tasks())
    running = start(limiter, *range(1000))
    await settle()
    assert clock.pending == 1
    assert len(asyncio.all_tasks()) == before + 1000 - 1  # the first is through already
    await clock.sleep_through(1)
    await asyncio.gather(*running)
    assert [x for x, _ in calls.began] == list(range(1000))


async def test_light_call_does_not_overtake_a_heavy_one(clock: FakeClock, calls: Calls) -> None:
    """A heavy call would starve if every light one went first."""
    limiter = by_tokens(clock, calls)
    running = start(limiter, ("first", 8), ("heavy", 6), ("light", 1))
    await clock.sleep_through(4)
    assert calls.began[1:] == [(("heavy", 6), 4)]
    await clock.sleep_through(1)
    await asyncio.gather(*running)
    assert calls.began[2:] == [(("light", 1), 5)]


async def test_newcomer_stands_behind_those_who_wait(clock: FakeClock, calls: Calls) -> None:
    """Even if it would fit at this moment."""
    limiter = by_tokens(clock, calls)
    running = start(limiter, ("first", 8), ("heavy", 6))
    await settle()
    running += start(limiter, ("light", 2))
    await clock.sleep_through(60)
    await asyncio.gather(*running)
    assert [x[0] for x, _ in calls.began] == ["first", "heavy", "light"]


async def test_cancelled_waiter_makes_way(clock: FakeClock, calls: Calls) -> None:
    """Those behind a heavy call that nobody wants any more do not wait for its share."""
    limiter = by_tokens(clock, calls)
    running = start(limiter, ("first", 8), ("heavy", 9), ("light", 2))
    await settle()
    running[1].cancel()
    await settle()
    assert [x[0] for x, _ in calls.began] == ["first", "light"]
    assert clock.pending == 0
    with pytest.raises(asyncio.CancelledError):
        await running[1]
    await asyncio.gather(running[0], running[2])


async def test_waiter_cancelled_as_its_turn_comes_gives_it_back(
    clock: FakeClock, calls: Calls
) -> None:
    """A cancellation can fall between being let through and going on."""
    limiter = RateLimitPrimitive(calls, limits=[Limit(1, 10)], clock=clock)
    running = start(limiter, "first", "cancelled", "behind")
    await settle()
    clock.advance(10)  # the second is through, and has not run yet
    running[1].cancel()
    await settle()
    assert [x for x, _ in calls.began] == ["first", "behind"]
    with pytest.raises(asyncio.CancelledError):
        await running[1]
    await asyncio.gather(running[0], running[2])


async def test_turn_of_a_waiter_that_is_being_cancelled_goes_to_the_next(
    clock: FakeClock, calls: Calls
) -> None:
    """The same gap from the other side: cancelled first, then due."""
    limiter = RateLimitPrimitive(calls, limits=[Limit(1, 10)], clock=clock)
    running = start(limiter, "first", "cancelled", "behind")
    await settle()
    running[1].cancel()
    clock.advance(10)
    await settle()
    assert [x for x, _ in calls.began] == ["first", "behind"]
    assert limiter._gate.waiting == 0
    with pytest.raises(asyncio.CancelledError):
        await running[1]
    await asyncio.gather(running[0], running[2])


async def test_refund_wakes_those_it_is_enough_for(clock: FakeClock, calls: Calls) -> None:
    limiter = by_tokens(clock, calls)
    running = await limiter.acquire(10)
    waiting = start(limiter, ("a", 3), ("b", 3), ("c", 3))
    await settle()
    running.settle(4)
    await settle()
    assert [x[0] for x, _ in calls.began] == ["a", "b"]
    await clock.sleep_through(3)
    await asyncio.gather(*waiting)
    assert calls.began[2] == (("c", 3), 3)


async def test_refund_brings_the_next_turn_forward(clock: FakeClock, calls: Calls) -> None:
    """Even if it is not enough for anybody yet."""
    limiter = by_tokens(clock, calls)
    running = await limiter.acquire(10)
    waiting = start(limiter, ("heavy", 8))
    await settle()
    running.settle(8)
    await clock.sleep_through(6)
    await waiting[0]
    assert calls.began == [(("heavy", 8), 6)]


async def test_stream_waits_its_turn(clock: FakeClock, source: Any, collect: Any) -> None:
    limiter = RateLimitPrimitive(source(0), limits=[Limit(1, 10)], clock=clock)
    await collect(limiter.stream("x"))
    waiting = asyncio.ensure_future(collect(limiter.stream("y")))
    await clock.sleep_through(9.9)
    assert not waiting.done()
    await clock.sleep_through(0.1)
    assert await waiting == ["y0"]


async def test_real_clock_and_its_timers_do_as_well() -> None:
    limiter = RateLimitPrimitive(lambda x: x, limits=[Limit(200, 1, burst=1)])
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(limiter.execute(x) for x in range(5)))
    assert asyncio.get_running_loop().time() - began >= 0.0199
