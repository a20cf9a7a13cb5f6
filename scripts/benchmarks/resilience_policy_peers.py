"""Each policy as other libraries have it, around a step, with limits that are not reached."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from resilience_peers import PLENTY, Peer, peer

if TYPE_CHECKING:
    from resilience_peers import Load, Module, Step


def _tenacity_loop(tenacity: Module, step: Step) -> Step:
    async def call(value: int) -> int:
        async for attempt in tenacity.AsyncRetrying(stop=tenacity.stop_after_attempt(3)):
            with attempt:
                return await step(value)
        raise AssertionError

    return call


def _langchain_retry(runnables: Module, step: Step) -> Step:
    return runnables.RunnableLambda(step).with_retry(stop_after_attempt=3).ainvoke


async def _purgatory(load: Load, step: Step) -> Step:
    factory = load("purgatory").AsyncCircuitBreakerFactory()
    breaker = await factory.get_breaker("service")

    async def call(value: int) -> int:
        async with breaker:
            return await step(value)

    return call


def _aiolimiter(aiolimiter: Module, step: Step) -> Step:
    limiter = aiolimiter.AsyncLimiter(PLENTY, 1)

    async def call(value: int) -> int:
        async with limiter:
            return await step(value)

    return call


def _pyrate(pyrate: Module, step: Step) -> Step:
    rate = pyrate.Rate(10_000_000, pyrate.Duration.SECOND)
    limiter = pyrate.Limiter(pyrate.StateBucket([rate], pyrate.TokenBucket()))

    async def call(value: int) -> int:
        await limiter.try_acquire_async("service")
        return await step(value)

    return call


def _langchain_limiter(limiters: Module, step: Step) -> Step:
    limiter = limiters.InMemoryRateLimiter(requests_per_second=PLENTY, max_bucket_size=PLENTY)
    limiter.available_tokens = PLENTY

    async def call(value: int) -> int:
        await limiter.aacquire()
        return await step(value)

    return call


def _hyx_limiter(ratelimit: Module, step: Step) -> Step:
    return ratelimit.tokenbucket(max_executions=PLENTY, per_time_secs=1)(step)


def _anyio_capacity(anyio: Module, step: Step) -> Step:
    limiter = anyio.CapacityLimiter(10)

    async def call(value: int) -> int:
        async with limiter:
            return await step(value)

    return call


async def _semaphore(load: Load, step: Step) -> Step:
    del load
    places = asyncio.Semaphore(10)

    async def call(value: int) -> int:
        async with places:
            return await step(value)

    return call


async def _asyncio_timeout(load: Load, step: Step) -> Step:
    del load

    async def call(value: int) -> int:
        async with asyncio.timeout(30):
            return await step(value)

    return call


async def _wait_for(load: Load, step: Step) -> Step:
    del load
    return lambda value: asyncio.wait_for(step(value), 30)


def _anyio_timeout(anyio: Module, step: Step) -> Step:
    async def call(value: int) -> int:
        with anyio.fail_after(30):
            return await step(value)

    return call


async def _wait_then_hedge(load: Load, step: Step) -> Step:
    del load

    async def call(value: int) -> int:
        first = asyncio.ensure_future(step(value))
        await asyncio.wait((first,), timeout=30)
        return first.result()

    return call


RETRY = (
    peer("nopanic", "nopanic", lambda it, step: it.retry(attempts=3)(step)),
    peer("grit-toolkit", "grit", lambda it, step: it.retry(tries=3)(step)),
    peer("hyx", "hyx.retry", lambda it, step: it.retry(attempts=3)(step)),
    peer(
        "tenacity",
        "tenacity",
        lambda it, step: it.retry(stop=it.stop_after_attempt(3))(step),
        "decorator",
    ),
    peer("tenacity", "tenacity", _tenacity_loop, "loop"),
    peer("stamina", "stamina", lambda it, step: it.retry(on=OSError, attempts=3)(step)),
    peer("langchain-core", "langchain_core.runnables", _langchain_retry),
)
BREAKER = (
    peer("nopanic", "nopanic", lambda it, step: it.circuit_breaker()(step)),
    peer("grit-toolkit", "grit", lambda it, step: it.breaker()(step)),
    peer("hyx", "hyx.circuitbreaker", lambda it, step: it.consecutive_breaker()(step)),
    Peer(("purgatory",), _purgatory),
    peer("aiobreaker", "aiobreaker", lambda it, step: it.CircuitBreaker(fail_max=5)(step)),
)
RATE = (
    peer("nopanic", "nopanic", lambda it, step: it.rate_limit(PLENTY)(step)),
    peer("grit-toolkit", "grit", lambda it, step: it.limiter(PLENTY)(step)),
    peer("hyx", "hyx.ratelimit", _hyx_limiter),
    peer("aiolimiter", "aiolimiter", _aiolimiter),
    peer("pyrate-limiter", "pyrate_limiter", _pyrate, "token bucket"),
    peer("langchain-core", "langchain_core.rate_limiters", _langchain_limiter),
)
BULKHEAD = (
    Peer((), _semaphore, "asyncio.Semaphore"),
    peer("nopanic", "nopanic", lambda it, step: it.bulkhead(10)(step)),
    peer("grit-toolkit", "grit", lambda it, step: it.bulkhead(10)(step)),
    peer("hyx", "hyx.bulkhead", lambda it, step: it.bulkhead(10, 100)(step)),
    peer("anyio", "anyio", _anyio_capacity),
)
TIMEOUT = (
    Peer((), _asyncio_timeout, "asyncio.timeout"),
    Peer((), _wait_for, "asyncio.wait_for"),
    peer("nopanic", "nopanic", lambda it, step: it.timeout(30)(step)),
    peer("grit-toolkit", "grit", lambda it, step: it.timeout(30)(step)),
    peer("hyx", "hyx.timeout", lambda it, step: it.timeout(30)(step)),
    peer("anyio", "anyio", _anyio_timeout, "fail_after"),
)
HEDGE = (
    Peer((), _wait_then_hedge, "a task and asyncio.wait"),
    peer("nopanic", "nopanic", lambda it, step: it.hedge(delay=30)(step)),
    peer("grit-toolkit", "grit", lambda it, step: it.hedge(30)(step)),
)
