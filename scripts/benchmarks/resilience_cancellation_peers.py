"""Other libraries with small limits, so that cancellations meet them in every state."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from resilience_peers import Peer, peer

from tta_dev_primitives import (
    BulkheadPrimitive,
    CircuitBreakerPrimitive,
    HedgePrimitive,
    LambdaPrimitive,
    RetryPrimitive,
    RetryStrategy,
    TimeoutPrimitive,
)
from tta_dev_primitives.recovery.resilient import resilient

if TYPE_CHECKING:
    from collections.abc import Callable

    from resilience_peers import Call, Load, Module, Step

    from tta_dev_primitives import WorkflowPrimitive

PLACES = 3
SHORT = 0.002  # seconds: limits, delays, and how long a circuit is open


def ours(
    build: Callable[[Step], WorkflowPrimitive[int, Any]], detail: str = ""
) -> Peer:  # Any: int, or a list of them
    """Return one of our primitives in the shape of a peer."""

    async def open_it(load: Load, step: Step) -> Call:
        del load
        return build(step).execute

    return Peer((), open_it, f"ours ({detail})" if detail else "ours")


async def _semaphore(load: Load, step: Step) -> Call:
    del load
    places = asyncio.Semaphore(PLACES)

    async def call(value: int) -> int:
        async with places:
            return await step(value)

    return call


def _capacity(anyio: Module, step: Step) -> Call:
    places = anyio.CapacityLimiter(PLACES)

    async def call(value: int) -> int:
        async with places:
            return await step(value)

    return call


async def _timeout(load: Load, step: Step) -> Call:
    del load

    async def call(value: int) -> int:
        async with asyncio.timeout(SHORT):
            return await step(value)

    return call


async def _wait_for(load: Load, step: Step) -> Call:
    del load
    return lambda value: asyncio.wait_for(step(value), SHORT)


def _fail_after(anyio: Module, step: Step) -> Call:
    async def call(value: int) -> int:
        with anyio.fail_after(SHORT):
            return await step(value)

    return call


async def _purgatory(load: Load, step: Step) -> Call:
    factory = load("purgatory").AsyncCircuitBreakerFactory(default_threshold=2, default_ttl=SHORT)
    breaker = await factory.get_breaker("service")

    async def call(value: int) -> int:
        async with breaker:
            return await step(value)

    return call


def _aiobreaker(aiobreaker: Module, step: Step) -> Call:
    async def function(value: int) -> int:  # it decorates functions only, not methods
        return await step(value)

    opened = timedelta(seconds=SHORT)
    return aiobreaker.CircuitBreaker(fail_max=2, timeout_duration=opened)(function)


def _pipeline(step: Step) -> WorkflowPrimitive[int, int]:
    places = BulkheadPrimitive(TimeoutPrimitive(step, 30), max_concurrent=PLACES)
    quickly = RetryStrategy(max_retries=2, initial_delay=SHORT / 10)
    return TimeoutPrimitive(RetryPrimitive(places, quickly), 60)


def _fused(step: Step) -> WorkflowPrimitive[int, int]:
    quickly = RetryStrategy(max_retries=2, initial_delay=SHORT / 10)
    return resilient(step, timeout=60, retry=quickly, bulkhead=PLACES, attempt_timeout=30)


def _fused_breaker(step: Step) -> WorkflowPrimitive[int, int]:
    breaker = CircuitBreakerPrimitive[int, int](minimum_calls=2, open_seconds=SHORT)
    return resilient(step, retry=None, breaker=breaker)


FAN_OUT = (ours(lambda step: LambdaPrimitive(step) | step | step),)
BULKHEAD = (
    ours(lambda step: BulkheadPrimitive(step, max_concurrent=PLACES)),
    ours(_pipeline, "inside a retry, between two timeouts"),
    ours(_fused, "the same by resilient"),
    Peer((), _semaphore, "asyncio.Semaphore"),
    peer("nopanic", "nopanic", lambda it, step: it.bulkhead(PLACES)(step)),
    peer("grit-toolkit", "grit", lambda it, step: it.bulkhead(PLACES)(step)),
    peer("hyx", "hyx.bulkhead", lambda it, step: it.bulkhead(PLACES, 100)(step)),
    peer("anyio", "anyio", _capacity),
)
BREAKER = (
    ours(lambda step: CircuitBreakerPrimitive(step, minimum_calls=2, open_seconds=SHORT)),
    ours(_fused_breaker, "by resilient"),
    peer(
        "nopanic",
        "nopanic",
        lambda it, step: it.circuit_breaker(min_calls=2, reset_timeout=SHORT)(step),
    ),
    peer("grit-toolkit", "grit", lambda it, step: it.breaker(2, SHORT)(step)),
    peer(
        "hyx",
        "hyx.circuitbreaker",
        lambda it, step: it.consecutive_breaker(failure_threshold=2, recovery_time_secs=SHORT)(
            step
        ),
    ),
    Peer(("purgatory",), _purgatory),
    peer("aiobreaker", "aiobreaker", _aiobreaker),
)
HEDGE = (
    ours(lambda step: HedgePrimitive(step, delay=SHORT)),
    peer("nopanic", "nopanic", lambda it, step: it.hedge(delay=SHORT)(step)),
    peer("grit-toolkit", "grit", lambda it, step: it.hedge(SHORT)(step)),
)
TIMEOUT = (
    ours(lambda step: TimeoutPrimitive(step, SHORT)),
    ours(lambda step: resilient(step, timeout=SHORT), "by resilient, with a retry inside"),
    Peer((), _timeout, "asyncio.timeout"),
    Peer((), _wait_for, "asyncio.wait_for"),
    peer("nopanic", "nopanic", lambda it, step: it.timeout(SHORT)(step)),
    peer("grit-toolkit", "grit", lambda it, step: it.timeout(SHORT)(step)),
    peer("hyx", "hyx.timeout", lambda it, step: it.timeout(SHORT)(step)),
    peer("anyio", "anyio", _fail_after, "fail_after"),
)
