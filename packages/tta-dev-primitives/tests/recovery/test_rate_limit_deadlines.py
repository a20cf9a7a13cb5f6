from __future__ import annotations

import asyncio

import pytest

from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle

from .limited_calls import Calls, by_tokens, refused, start


@pytest.fixture
def calls(clock: FakeClock) -> Calls:
    return Calls(clock)


async def test_wait_in_vain_is_refused_at_once(clock: FakeClock, calls: Calls) -> None:
    """A caller whose deadline comes before its turn learns it now, not at the deadline."""
    limiter = RateLimitPrimitive(calls, limits=[Limit(1, 10)], clock=clock)
    running = start(limiter, 1, 2, 3)
    await settle()
    late = start(limiter, 4, deadline=29.9)
    in_time = start(limiter, 5, deadline=30)
    await settle()
    assert late[0].done()
    assert await refused(late[0]) == 30
    await clock.sleep_through(30)
    await asyncio.gather(*running, *in_time)
    assert calls.began == [(1, 0), (2, 10), (3, 20), (5, 30)]


async def test_max_wait_counts_from_the_call(clock: FakeClock, calls: Calls) -> None:
    limiter = RateLimitPrimitive(calls, limits=[Limit(1, 10)], max_wait_seconds=10, clock=clock)
    running = start(limiter, 1, 2, 3)
    await settle()
    assert await refused(running[2]) == 20
    await clock.sleep_through(10)
    assert await asyncio.gather(*running[:2]) == [1, 2]


async def test_passed_deadline_does_not_matter_where_nobody_has_to_wait(
    clock: FakeClock, calls: Calls
) -> None:
    """Ending calls at their deadline is the business of a timeout."""
    limiter = RateLimitPrimitive(calls, limits=[Limit(1, 10)], clock=clock)
    clock.advance(5)
    assert await start(limiter, 1, deadline=1)[0] == 1


async def test_waiter_is_refused_as_soon_as_its_turn_moves_beyond_the_deadline(
    clock: FakeClock, calls: Calls
) -> None:
    """A debt made meanwhile is not waited for in vain; those behind move up."""
    limiter = by_tokens(clock, calls)
    running = await limiter.acquire(10)
    hopeful = start(limiter, ("hopeful", 5), deadline=6)
    patient = start(limiter, ("patient", 5))
    await settle()
    running.settle(12)
    assert await refused(hopeful[0]) == 7
    await clock.sleep_through(7)
    await patient[0]
    assert calls.began == [(("patient", 5), 7)]


async def test_those_in_a_hurry_are_looked_after_when_the_patient_have_gone(
    clock: FakeClock, calls: Calls
) -> None:
    """Leaving is noted, so that it stays known whether anybody could be too late."""
    limiter = by_tokens(clock, calls)
    held = await limiter.acquire(10)
    hurried = start(limiter, ("hurried", 5), deadline=6)
    patient = start(limiter, ("patient", 5))
    await settle()
    patient[0].cancel()
    await settle()
    held.settle(12)
    await settle()
    assert hurried[0].done()
    assert await refused(hurried[0]) == 7
    await asyncio.gather(*patient, return_exceptions=True)


async def test_turn_lost_to_a_cancellation_makes_nobody_too_late(
    clock: FakeClock, calls: Calls
) -> None:
    """Who is being cancelled takes no turn, so those behind are not refused for want of it."""
    limiter = by_tokens(clock, calls)
    held = await limiter.acquire(10)
    running = start(limiter, ("cancelled", 5)) + start(limiter, ("behind", 5), deadline=10)
    await settle()
    running[0].cancel()
    clock.advance(5)
    held.settle(11)
    assert await running[1] == ("behind", 5)
    assert calls.began == [(("behind", 5), 5)]
    await asyncio.gather(running[0], return_exceptions=True)


async def test_turn_lost_to_a_cancellation_lets_newcomers_in_who_are_in_time(
    clock: FakeClock, calls: Calls
) -> None:
    limiter = by_tokens(clock, calls)
    await limiter.acquire(10)
    running = start(limiter, ("cancelled", 5)) + start(limiter, ("heavy", 10), deadline=15)
    await settle()
    running[0].cancel()
    clock.advance(5)
    await settle()
    running += start(limiter, ("hurried", 0), deadline=12)
    await clock.sleep_through(5)
    assert await asyncio.gather(*running[1:]) == [("heavy", 10), ("hurried", 0)]
    assert calls.began == [(("heavy", 10), 10), (("hurried", 0), 10)]
    await asyncio.gather(running[0], return_exceptions=True)


async def test_patient_waiter_joins_a_line_that_has_changed(clock: FakeClock, calls: Calls) -> None:
    """Who would wait for ever needs no plan, and leaves none behind for those who do."""
    limiter = RateLimitPrimitive(calls, limits=[Limit(1, 10)], clock=clock)
    running = start(limiter, 1, 2, 3, 4)
    await settle()
    running[1].cancel()
    await settle()
    running += start(limiter, 5)
    await settle()
    assert await refused(start(limiter, 6, deadline=39.9)[0]) == 40
    running += start(limiter, 7, deadline=40)
    await clock.sleep_through(40)
    await asyncio.gather(*running, return_exceptions=True)
    assert calls.began == [(1, 0), (3, 10), (4, 20), (5, 30), (7, 40)]


async def test_cancelled_waiter_brings_others_back_into_time(
    clock: FakeClock, calls: Calls
) -> None:
    """What is refused is computed from those who wait now, not from those who waited once."""
    limiter = RateLimitPrimitive(calls, limits=[Limit(1, 10)], clock=clock)
    running = start(limiter, 1, 2, 3)
    await settle()
    running[1].cancel()
    await settle()
    in_time = start(limiter, 4, deadline=20)
    await clock.sleep_through(20)
    assert await in_time[0] == 4
    assert [x for x, _ in calls.began] == [1, 3, 4]
    await asyncio.gather(*running, return_exceptions=True)


async def test_limits_of_two_kinds_are_planned_together(clock: FakeClock, calls: Calls) -> None:
    """A heavy call ahead holds up the light one behind it, whose own limit is free."""
    limiter = RateLimitPrimitive(
        calls,
        limits=[Limit(1, 1), Limit(10, 10, unit="tokens")],
        estimate=lambda x, context: x,
        clock=clock,
    )
    running = start(limiter, 10, 9)
    await settle()
    assert await refused(start(limiter, 0, deadline=9.9)[0]) == 10
    running += start(limiter, 0, deadline=10)
    await clock.sleep_through(10)
    await asyncio.gather(*running)
    assert calls.began == [(10, 0), (9, 9), (0, 10)]
