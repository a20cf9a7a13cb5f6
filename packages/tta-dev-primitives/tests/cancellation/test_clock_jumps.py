"""Clocks that do not tick: a wall clock that is set, and a machine that slept for a year."""

from __future__ import annotations

import asyncio

import pytest

from tta_dev_primitives.errors import CircuitOpenError, RateLimitExceededError
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.recovery.budget import BudgetPrimitive
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive
from tta_dev_primitives.recovery.circuit_breaker import CircuitBreakerPrimitive
from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive

YEAR = 366 * 86400.0
JUMPS = pytest.mark.parametrize(
    "jump", [-10 * YEAR, -1.0, 1.0, 10 * YEAR], ids=["years-back", "back", "on", "years-on"]
)


def sleep_for_a_year(clock: FakeClock) -> None:
    """Move the clock on at once: no timer fires on the way, and those that were due fire late."""
    clock._now += YEAR
    clock.advance(0)


async def opened(clock: FakeClock) -> CircuitBreakerPrimitive[str, str]:
    step = MockPrimitive(side_effect=[OSError(), OSError(), *["fine"] * 5])
    breaker = CircuitBreakerPrimitive(
        step, window_seconds=60, minimum_calls=2, open_seconds=30, clock=clock
    )
    for _ in "12":
        with pytest.raises(OSError):
            await breaker.execute("x")
    return breaker


@JUMPS
async def test_wall_clock_does_not_close_a_breaker(clock: FakeClock, jump: float) -> None:
    """A time server is no reason to call what is down, or to leave alone what is up again."""
    breaker = await opened(clock)
    clock.jump(jump)
    with pytest.raises(CircuitOpenError) as caught:
        await breaker.execute("x")
    assert caught.value.retry_after == 30
    clock.advance(30)
    assert await breaker.execute("x") == "fine"


async def test_breaker_lets_a_probe_through_after_a_year(clock: FakeClock) -> None:
    """The clock went on while the machine slept."""
    breaker = await opened(clock)
    sleep_for_a_year(clock)
    assert [await breaker.execute("x") for _ in "123"] == ["fine"] * 3
    assert breaker.state == "closed"


async def test_failures_of_last_year_do_not_count(clock: FakeClock) -> None:
    """A window of a minute holds what a minute holds, however the minutes pass."""
    step = MockPrimitive(side_effect=[OSError(), *["fine"] * 3])
    breaker = CircuitBreakerPrimitive(step, window_seconds=60, minimum_calls=2, clock=clock)
    with pytest.raises(OSError):
        await breaker.execute("x")
    sleep_for_a_year(clock)
    assert [await breaker.execute("x") for _ in "123"] == ["fine"] * 3
    assert (breaker.stats().failures, breaker.stats().calls) == (0, 3)


@JUMPS
async def test_wall_clock_fills_no_rate_limit(clock: FakeClock, jump: float) -> None:
    """Neither is anything given away nor held back."""
    limiter = RateLimitPrimitive(
        lambda x: x, limits=[Limit(2, 10)], max_wait_seconds=0, clock=clock
    )
    for _ in "12":
        await limiter.execute("x")
    clock.jump(jump)
    with pytest.raises(RateLimitExceededError) as caught:
        await limiter.execute("x")
    assert caught.value.retry_after == pytest.approx(5)
    clock.advance(5)
    assert await limiter.execute("x") == "x"


async def test_year_does_not_fill_a_rate_limit_beyond_its_burst(clock: FakeClock) -> None:
    """What could not be held is gone."""
    limiter = RateLimitPrimitive(
        lambda x: x, limits=[Limit(2, 10), Limit(3, 60)], max_wait_seconds=0, clock=clock
    )
    await limiter.execute("x")
    sleep_for_a_year(clock)
    for _ in "12":
        await limiter.execute("x")
    with pytest.raises(RateLimitExceededError):
        await limiter.execute("x")


async def test_those_in_line_are_let_through_after_a_year_as_the_limit_allows(
    clock: FakeClock,
) -> None:
    """A line that slept with the machine is not let through all at once."""
    limiter = RateLimitPrimitive(lambda x: x, limits=[Limit(2, 10)], clock=clock)
    calls = [asyncio.ensure_future(limiter.execute(f"{number}")) for number in range(6)]
    await settle()
    sleep_for_a_year(clock)
    await settle()
    assert [call.done() for call in calls] == [True] * 4 + [False] * 2
    await clock.sleep_through(10)
    assert await asyncio.gather(*calls) == ["0", "1", "2", "3", "4", "5"]


@pytest.mark.parametrize("jump", [-10 * YEAR, -1.0, 1.0, 10 * YEAR])
async def test_wall_clock_ages_nothing_that_is_kept_in_memory(
    clock: FakeClock, jump: float
) -> None:
    """An answer is as old as it is."""
    step = MockPrimitive(side_effect=["first", "second"])
    cache = CachePrimitive(step, ttl_seconds=60, clock=clock)
    assert await cache.execute("x") == "first"
    clock.jump(jump)
    clock.advance(59.9)
    assert await cache.execute("x") == "first"
    clock.advance(0.1)
    assert await cache.execute("x") == "second"


async def test_nothing_kept_is_fresh_after_a_year(clock: FakeClock) -> None:
    """Nor stale: it is gone."""
    step = MockPrimitive(side_effect=["first", "second"])
    cache = CachePrimitive(step, ttl_seconds=60, stale_while_revalidate=60, clock=clock)
    assert await cache.execute("x") == "first"
    sleep_for_a_year(clock)
    assert await cache.execute("x") == "second"


@pytest.mark.parametrize("per", ["hour", "day", "month", 90.0])
async def test_call_that_takes_a_year_is_paid_in_the_period_it_began(
    clock: FakeClock, per: str | float
) -> None:
    """And leaves the new period's money alone."""

    async def slow(x: str) -> str:
        await clock.sleep(YEAR)
        return x

    budget = BudgetPrimitive(
        slow,
        limit=10,
        per=per,  # type: ignore[arg-type]
        estimate=lambda x, _: 4,
        actual=lambda value, x: 3,
        clock=clock,
    )
    call = asyncio.ensure_future(budget.execute("x"))
    await settle()
    assert budget.reserved() == 4
    sleep_for_a_year(clock)
    await settle()
    assert await call == "x"
    assert (budget.spent(), budget.reserved(), budget.remaining()) == (0, 0, 10)


async def test_those_who_waited_for_a_place_for_a_year_are_refused_once(clock: FakeClock) -> None:
    """The place is free for whoever comes next."""
    bulkhead = BulkheadPrimitive(
        lambda x: clock.sleep(x), max_concurrent=1, max_wait_seconds=5, clock=clock
    )
    calls = [asyncio.ensure_future(bulkhead.execute(YEAR)) for _ in "123"]
    await settle()
    sleep_for_a_year(clock)
    await settle()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "NoneType",
        "BulkheadFullError",
        "BulkheadFullError",
    ]
    assert (bulkhead.stats().running, bulkhead.stats().waiting) == (0, 0)
