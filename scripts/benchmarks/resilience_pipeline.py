"""The pipeline that Polly documents: total timeout, rate limit, retry, breaker, attempt timeout."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from resilience_peers import PLENTY, Peer, peer
from resilience_policies import compare, step, waits

from tta_dev_primitives import (
    CircuitBreakerPrimitive,
    LambdaPrimitive,
    Limit,
    RateLimitPrimitive,
    RetryPrimitive,
    TimeoutPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
)
from tta_dev_primitives.core.base import FRESH
from tta_dev_primitives.recovery.resilient import resilient

if TYPE_CHECKING:
    from cache_tables import Options, Table
    from resilience_peers import Load, Module, Step

Primitive: TypeAlias = WorkflowPrimitive[int, int]
TOTAL, ATTEMPT = 30.0, 10.0
GOAL = 3.0
NOTE = (
    "Goal G15 is 3 us where a bare await takes 80 ns, with a stretch of 2.1 us (26 x), which is "
    "what Polly publishes for .NET. Each library has these five policies in this order, except "
    "`resilient`, which has the rate limit next to the breaker, where it counts every attempt."
)


class Plus(WorkflowPrimitive[int, int]):
    """Add one, as a step that gets a context: with the deadline, which is then made for it."""

    async def execute(self, input_data: int, context: WorkflowContext = FRESH) -> int:
        return input_data + 1


async def tables(options: Options) -> list[Table]:
    """Measure the five policies together."""
    title = "Five policies: timeout, rate limit, retry, breaker, timeout: G15"
    ours = _ours(LambdaPrimitive(step), GOAL)
    ours["resilient(...) around a primitive"] = (fused(Plus(), coarse=False), GOAL)
    ready = await compare(title, options, ours, PIPELINE, note=NOTE)
    title = "The same five policies around a step that waits for one turn of the event loop"
    waiting = await compare(
        title, options, _ours(LambdaPrimitive(waits), None), PIPELINE, inner=waits
    )
    return [ready, waiting]


def _ours(inner: Primitive, goal: float | None) -> dict[str, tuple[Primitive, float | None]]:
    return {
        "resilient(...)": (fused(inner, coarse=False), goal),
        "nested by hand": (nested(inner, coarse=False), goal),
        "resilient(...), coarse=True": (fused(inner, coarse=True), goal),
        "nested by hand, coarse=True": (nested(inner, coarse=True), goal),
    }


def nested(inner: Primitive, *, coarse: bool) -> Primitive:
    """Return the five primitives, one inside the other."""
    attempt = TimeoutPrimitive(inner, ATTEMPT, coarse=coarse)
    retried = RetryPrimitive(CircuitBreakerPrimitive(attempt))
    limited = RateLimitPrimitive(retried, limits=[Limit(PLENTY, per_seconds=1)])
    return TimeoutPrimitive(limited, TOTAL, coarse=coarse)


def fused(inner: Primitive, *, coarse: bool) -> Primitive:
    """Return the same five policies as one step."""
    return resilient(
        inner,
        timeout=TimeoutPrimitive(timeout_seconds=TOTAL, coarse=coarse),
        rate_limit=RateLimitPrimitive(limits=[Limit(PLENTY, per_seconds=1)]),
        retry=RetryPrimitive(),
        breaker=CircuitBreakerPrimitive(),
        attempt_timeout=TimeoutPrimitive(timeout_seconds=ATTEMPT, coarse=coarse),
    )


def _nopanic(nopanic: Module, innermost: Step) -> Step:
    return nopanic.compose(
        nopanic.timeout(TOTAL),
        nopanic.rate_limit(PLENTY),
        nopanic.retry(attempts=4),
        nopanic.circuit_breaker(),
        nopanic.timeout(ATTEMPT),
    )(innermost)


def _grit(grit: Module, innermost: Step) -> Step:
    attempt = grit.breaker()(grit.timeout(ATTEMPT)(innermost))
    return grit.timeout(TOTAL)(grit.limiter(PLENTY)(grit.retry(tries=4)(attempt)))


async def _hyx(load: Load, innermost: Step) -> Step:
    timeout = load("hyx.timeout").timeout
    attempt = load("hyx.circuitbreaker").consecutive_breaker()(timeout(ATTEMPT)(innermost))
    retried = load("hyx.retry").retry(attempts=4)(attempt)
    limit = load("hyx.ratelimit").tokenbucket(max_executions=PLENTY, per_time_secs=1)
    return timeout(TOTAL)(limit(retried))


async def _tenacity(load: Load, innermost: Step) -> Step:
    tenacity = load("tenacity")
    limiter = load("aiolimiter").AsyncLimiter(PLENTY, 1)
    breaker = await load("purgatory").AsyncCircuitBreakerFactory().get_breaker("service")

    async def attempt(value: int) -> int:
        async with breaker, asyncio.timeout(ATTEMPT):
            return await innermost(value)

    retried = tenacity.retry(stop=tenacity.stop_after_attempt(4))(attempt)

    async def call(value: int) -> int:
        async with asyncio.timeout(TOTAL), limiter:
            return await retried(value)

    return call


async def _stamina(load: Load, innermost: Step) -> Step:
    anyio, pyrate = load("anyio"), load("pyrate_limiter")
    rate = pyrate.Rate(10_000_000, pyrate.Duration.SECOND)
    limiter = pyrate.Limiter(pyrate.StateBucket([rate], pyrate.TokenBucket()))

    async def attempt(value: int) -> int:
        with anyio.fail_after(ATTEMPT):
            return await innermost(value)

    broken = load("aiobreaker").CircuitBreaker(fail_max=5)(attempt)
    retried = load("stamina").retry(on=OSError, attempts=4)(broken)

    async def call(value: int) -> int:
        with anyio.fail_after(TOTAL):
            await limiter.try_acquire_async("service")
            return await retried(value)

    return call


PIPELINE = (
    peer("nopanic", "nopanic", _nopanic),
    peer("grit-toolkit", "grit", _grit),
    Peer(("hyx",), _hyx),
    Peer(("tenacity", "aiolimiter", "purgatory"), _tenacity, "asyncio.timeout"),
    Peer(("stamina", "pyrate-limiter", "aiobreaker", "anyio"), _stamina),
)
