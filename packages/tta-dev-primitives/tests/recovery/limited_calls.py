"""What the tests of rate limits share: limiters, and callers of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import RateLimitExceededError
from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive
from tta_dev_primitives.testing.clock import FakeClock


async def echo(x: Any) -> Any:
    return x


def refusing(clock: FakeClock, *limits: Limit, **options: Any) -> RateLimitPrimitive[Any, Any]:
    """A limiter that never waits, so that what fits can be counted."""
    options = {"max_wait_seconds": 0, "clock": clock, **options}
    return RateLimitPrimitive(options.pop("step", echo), limits=limits, **options)


async def admitted(limiter: RateLimitPrimitive[Any, Any], calls: int, x: Any = 1) -> int:
    """How many of *calls* calls are let through now."""
    through = 0
    for _ in range(calls):
        try:
            await limiter.execute(x)
        except RateLimitExceededError:
            continue
        through += 1
    return through


def tokens(x: float, context: WorkflowContext) -> float:
    return x


class Calls:
    """A step that notes when each input came through."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.began: list[tuple[Any, float]] = []

    async def __call__(self, x: Any) -> Any:
        self.began.append((x, self.clock.monotonic()))
        return x


def start(limiter: RateLimitPrimitive[Any, Any], *inputs: Any, **context: Any) -> list[Any]:
    return [asyncio.ensure_future(limiter.execute(x, WorkflowContext(**context))) for x in inputs]


async def refused(call: Any) -> float | None:
    """What the refusal of *call* says about when to come back."""
    with pytest.raises(RateLimitExceededError) as caught:
        await call
    return caught.value.retry_after


def by_tokens(clock: FakeClock, calls: Calls) -> RateLimitPrimitive[Any, Any]:
    return RateLimitPrimitive(
        calls,
        limits=[Limit(10, 10, unit="tokens")],
        estimate=lambda x, context: x[1],
        actual=lambda x: None,
        clock=clock,
    )
