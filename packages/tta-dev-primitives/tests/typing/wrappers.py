"""What is wrapped keeps its types: around a step, as a decorator, and as a shared policy."""

from __future__ import annotations

from typing import assert_type

from tta_dev_primitives import (
    BudgetPrimitive,
    BulkheadPrimitive,
    CachePrimitive,
    CircuitBreakerPrimitive,
    HedgePrimitive,
    LambdaPrimitive,
    Limit,
    ParallelPrimitive,
    RateLimitPrimitive,
    RetryPrimitive,
    RetryStrategy,
    SequentialPrimitive,
    TimeoutPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
)


async def to_text(x: int) -> str:
    return str(x)


def to_number(x: str) -> float:
    return float(x)


text = LambdaPrimitive(to_text)

# Around a step or a function.
assert_type(CachePrimitive(text), CachePrimitive[int, str])
assert_type(CachePrimitive(to_text, ttl_seconds=60), CachePrimitive[int, str])
assert_type(CachePrimitive(to_number), CachePrimitive[str, float])
assert_type(
    CachePrimitive(primitive=text, cache_key_fn=lambda x, context: str(x), ttl_seconds=60),
    CachePrimitive[int, str],
)
assert_type(RetryPrimitive(text, strategy=RetryStrategy(max_retries=2)), RetryPrimitive[int, str])
assert_type(RetryPrimitive(to_number), RetryPrimitive[str, float])
assert_type(TimeoutPrimitive(primitive=text, timeout_seconds=1), TimeoutPrimitive[int, str])
assert_type(TimeoutPrimitive(to_number, 1, fallback=float), TimeoutPrimitive[str, float])
assert_type(CachePrimitive(RetryPrimitive(TimeoutPrimitive(text))), CachePrimitive[int, str])
TimeoutPrimitive(text, 1, fallback=LambdaPrimitive(to_number))  # expect-error
CachePrimitive(text, cache_key_fn=lambda x, context: [x])  # expect-error
CachePrimitive(text, ttl_seconds="60")  # expect-error
RetryPrimitive(text, RetryStrategy(retries=2))  # expect-error


# As a decorator.
@CachePrimitive(ttl_seconds=60)
async def cached(x: int) -> str:
    return str(x)


@CachePrimitive(ttl_seconds=60)
def cached_plain(x: int, context: WorkflowContext) -> str:
    return str(x)


@RetryPrimitive()
async def retried(x: int) -> str:
    return str(x)


@TimeoutPrimitive(timeout_seconds=1)
@RetryPrimitive(strategy=RetryStrategy(max_retries=1))
@CachePrimitive()
def all_three(x: int) -> str:
    return str(x)


assert_type(cached, CachePrimitive[int, str])
assert_type(cached_plain, CachePrimitive[int, str])
assert_type(retried, RetryPrimitive[int, str])
assert_type(all_three, TimeoutPrimitive[int, str])
assert_type(cached >> to_number, SequentialPrimitive[int, float])
assert_type(retried | all_three, ParallelPrimitive[int, list[str]])
_ = cached >> retried  # expect-error


@CachePrimitive()  # expect-error
def of_two(x: int, y: int) -> str:
    return str(x + y)


# As a policy.
cache, retry, limit = CachePrimitive(), RetryPrimitive(), TimeoutPrimitive(timeout_seconds=2)
assert_type(cache.wrap(text), CachePrimitive[int, str])
assert_type(cache.wrap(to_number), CachePrimitive[str, float])
assert_type(retry.wrap(to_text), RetryPrimitive[int, str])
assert_type(limit.wrap(to_number), TimeoutPrimitive[str, float])
assert_type(limit(retry(cache(text))), TimeoutPrimitive[int, str])
assert_type(cache.wrap(text).primitive, WorkflowPrimitive[int, str])
cache.wrap(3)  # expect-error
assert_type(BudgetPrimitive(limit=1).wrap(text), BudgetPrimitive[int, str])
assert_type(BulkheadPrimitive().wrap(to_text), BulkheadPrimitive[int, str])
assert_type(CircuitBreakerPrimitive().wrap(to_number), CircuitBreakerPrimitive[str, float])
assert_type(HedgePrimitive(text), HedgePrimitive[int, str])
assert_type(HedgePrimitive().wrap(to_number), HedgePrimitive[str, float])
assert_type(RateLimitPrimitive(limits=[Limit(9)]).wrap(text), RateLimitPrimitive[int, str])


async def calls() -> None:
    assert_type(await cached.execute(1), str)
    assert_type(await cache.wrap(to_number).execute("1"), float)
    await cached.execute("one")  # expect-error
    await retry.wrap(to_text).execute("one")  # expect-error
