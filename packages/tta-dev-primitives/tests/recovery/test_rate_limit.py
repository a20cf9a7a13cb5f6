from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.errors import (
    CircuitOpenError,
    RateLimitedError,
    RateLimitExceededError,
)
from tta_dev_primitives.recovery.rate_limit import Limit
from tta_dev_primitives.recovery.rates.gate import Gate
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive

from .limited_calls import admitted, echo, refusing


@pytest.mark.parametrize(
    ("limit", "at_once", "after_a_second"),
    [
        (Limit(10, per_seconds=1), 10, 10),
        (Limit(10, per_seconds=1, burst=1), 1, 1),
        (Limit(10, per_seconds=1, burst=3), 3, 3),
        (Limit(60), 60, 1),
        (Limit(1, per_seconds=3, burst=2), 2, 0),
        (Limit(7, per_seconds=0.3), 7, 7),
    ],
    ids=["whole", "one-by-one", "small-burst", "per-minute", "slow", "odd-numbers"],
)
async def test_burst_goes_through_and_then_the_rate(
    clock: FakeClock, limit: Limit, at_once: int, after_a_second: int
) -> None:
    """Rounding neither takes a call from a full burst nor adds one."""
    limiter = refusing(clock, limit)
    assert await admitted(limiter, 100) == at_once
    clock.advance(1)
    assert await admitted(limiter, 100) == after_a_second


@pytest.mark.parametrize("began", [0.0, 0.3, 12_345_678.9], ids=["new", "early", "late"])
def test_rounding_refuses_nothing_that_fits(began: float) -> None:
    """Intervals that no binary fraction can hold do not cost the last call of a burst."""
    clock = FakeClock(start=began)
    gate = Gate([Limit(60, per_seconds=7, burst=13)], clock)
    for _ in range(50):
        assert sum(gate.take(0) is not None for _ in range(20)) == 13
        clock.advance(13 * 7 / 60)


async def test_even_pace_is_kept_to_the_moment(clock: FakeClock) -> None:
    """Each call comes back exactly one interval after the one before."""
    limiter = refusing(clock, Limit(4, per_seconds=1, burst=1))
    assert await admitted(limiter, 2) == 1
    clock.advance(0.249)
    assert await admitted(limiter, 1) == 0
    clock.advance(0.001)
    assert await admitted(limiter, 2) == 1


async def test_refusal_says_when_to_come_back(clock: FakeClock) -> None:
    limiter = refusing(clock, Limit(1, per_seconds=8), name="search")
    await limiter.execute("x")
    clock.advance(3)
    with pytest.raises(RateLimitExceededError, match="search: the next turn comes in 5s") as caught:
        await limiter.execute("x")
    assert caught.value.retry_after == 5
    assert caught.value.retryable
    clock.advance(caught.value.retry_after)
    assert await limiter.execute("x") == "x"


async def test_several_windows_hold_together(clock: FakeClock) -> None:
    """The slow window stops what the fast one would let through."""
    limiter = refusing(clock, Limit(2, per_seconds=1), Limit(5, per_seconds=60))
    through = 0
    for _ in range(10):
        through += await admitted(limiter, 10)
        clock.advance(1)
    assert through == 5


@pytest.mark.parametrize(
    ("error", "through"),
    [(CircuitOpenError("open"), 1), (ValueError("bad answer"), 0), (RateLimitedError("429"), 0)],
    ids=["refused-further-in", "failed", "refused-by-the-server"],
)
async def test_only_a_call_that_never_began_is_given_back(
    clock: FakeClock, error: Exception, through: int
) -> None:
    """Providers count failed requests, so we do; a breaker's refusal reached no provider."""
    step = MockPrimitive(side_effect=[error, 1])
    limiter = refusing(clock, Limit(1), Limit(9, unit="tokens"), estimate=lambda x, c: 9, step=step)
    with pytest.raises(type(error)):
        await limiter.execute(1)
    assert await admitted(limiter, 1) == through


async def test_call_cancelled_in_the_middle_stays_counted(clock: FakeClock) -> None:
    """The server has the request, whether or not anybody waits for the answer."""

    async def hang(x: Any) -> None:
        await clock.sleep(60)

    limiter = refusing(clock, Limit(1), step=hang)
    call = asyncio.ensure_future(limiter.execute(1))
    await settle()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await admitted(limiter, 1) == 0


async def test_wrapped_steps_share_the_limit(clock: FakeClock) -> None:
    policy = refusing(clock, Limit(3))
    first, second = policy.wrap(echo), policy(echo)
    assert await admitted(first, 2) + await admitted(second, 2) == 3
