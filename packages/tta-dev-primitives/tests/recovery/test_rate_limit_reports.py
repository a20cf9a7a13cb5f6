from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.errors import (
    RateLimitExceededError,
)
from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive

from .limited_calls import echo, refusing, tokens


async def test_shadow_lets_everything_through_and_says_what_it_would_have_done(
    clock: FakeClock, watcher: Any
) -> None:
    """Trying a limit out in production refuses nobody."""
    limits = Limit(9), Limit(10, per_seconds=10, unit="tokens")
    limiter = RateLimitPrimitive(echo, limits=limits, estimate=tokens, shadow=True, clock=clock)
    for weight in (6, 6, 4, 11):
        await limiter.execute(weight)
    results = [record.result for _, record in watcher.records]
    assert results == ["allowed", "shadow", "allowed", "shadow"]
    assert set(watcher.outcomes.values()) == {"ok"}
    assert limiter._gate.tightest() == (limits[1], 0)


async def test_acquire_reports_to_the_call_it_is_part_of(clock: FakeClock, watcher: Any) -> None:
    limiter = refusing(clock, Limit(5))

    async def own_code(x: Any) -> None:
        await limiter.acquire()

    await MockPrimitive(side_effect=lambda x, context: own_code(x)).execute("x")
    assert [record.result for _, record in watcher.records] == ["allowed"]


async def test_shadow_needs_nobody_who_watches(clock: FakeClock) -> None:
    limiter = RateLimitPrimitive(echo, limits=[Limit(1)], shadow=True, clock=clock)
    assert [await limiter.execute(x) for x in range(3)] == [0, 1, 2]


async def test_decisions_are_reported(clock: FakeClock, watcher: Any, after: Any) -> None:
    """Each call says how long it waited, and what is left of the tightest limit."""
    limiter = RateLimitPrimitive(
        echo,
        limits=[Limit(2, per_seconds=2, burst=1), Limit(50)],
        max_wait_seconds=1,
        clock=clock,
    )
    await limiter.execute("x")
    assert await after(1, limiter.execute("x")) == "x"
    waiting = asyncio.ensure_future(limiter.execute("x"))
    await settle()
    with pytest.raises(RateLimitExceededError):
        await limiter.execute("x")
    assert watcher.outcomes["0"] == "rejected"
    await clock.sleep_through(1)
    await waiting
    assert [record for _, record in watcher.records] == [
        observe.RateLimitRecord(0, 2, 0, "allowed"),
        observe.RateLimitRecord(1, 2, 0, "waited"),
        observe.RateLimitRecord(0, 2, 0, "rejected"),
        observe.RateLimitRecord(1, 2, 0, "waited"),
    ]


async def test_call_too_heavy_for_ever_is_reported_as_refused(
    clock: FakeClock, watcher: Any
) -> None:
    limiter = refusing(clock, Limit(5, unit="tokens"), estimate=tokens)
    with pytest.raises(RateLimitExceededError):
        await limiter.execute(6)
    assert watcher.outcomes["0"] == "rejected"
    assert watcher.records[0][1].result == "rejected"
