from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.errors import CircuitOpenError
from tta_dev_primitives.recovery.circuit_breaker import CircuitBreakerPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle


async def test_stream_passes_its_chunks_and_counts_once(
    clock: FakeClock, source: Any, collect: Any
) -> None:
    words = source(0, 0)
    breaker = CircuitBreakerPrimitive(words, clock=clock)
    assert await collect(breaker.stream("x")) == ["x0", "x1"]
    assert (breaker.stats().calls, words.closed) == (1, 1)


async def test_stream_is_refused_before_its_first_chunk(clock: FakeClock, source: Any) -> None:
    words = source(0)
    breaker = CircuitBreakerPrimitive(words, clock=clock)
    breaker.force_open()
    with pytest.raises(CircuitOpenError):
        await anext(breaker.stream("x"))
    assert words.begun == 0


async def test_failure_in_mid_stream_counts(clock: FakeClock, source: Any, collect: Any) -> None:
    breaker = CircuitBreakerPrimitive(source(0, OSError()), minimum_calls=1, clock=clock)
    chunks: list[str] = []
    with pytest.raises(OSError):
        await collect(breaker.stream("x"), chunks)
    assert (chunks, breaker.state) == (["x0"], "open")


async def test_empty_stream_is_a_success(clock: FakeClock, source: Any, collect: Any) -> None:
    breaker = CircuitBreakerPrimitive(source(), minimum_calls=1, clock=clock)
    assert await collect(breaker.stream("x")) == []
    assert (breaker.stats().calls, breaker.stats().failures) == (1, 0)


@pytest.mark.parametrize("script", [(3,), (0, 3), (3, 0)], ids=["only", "later", "first"])
async def test_long_wait_for_any_chunk_is_slow(
    clock: FakeClock, source: Any, collect: Any, after: Any, script: tuple[float, ...]
) -> None:
    breaker = CircuitBreakerPrimitive(
        source(*script), slow_call_seconds=3, minimum_calls=1, clock=clock
    )
    await after(10, collect(breaker.stream("x")))
    assert breaker.state == "open"


async def test_long_stream_with_short_waits_is_not_slow(
    clock: FakeClock, source: Any, collect: Any, after: Any
) -> None:
    """An answer of a thousand words is not slow for being long."""
    breaker = CircuitBreakerPrimitive(
        source(*[1] * 20), slow_call_seconds=3, minimum_calls=1, clock=clock
    )
    await after(30, collect(breaker.stream("x")))
    assert breaker.stats().slow_calls == 0


async def test_slow_reader_does_not_make_the_service_slow(clock: FakeClock, source: Any) -> None:
    breaker = CircuitBreakerPrimitive(
        source(0, 0), slow_call_seconds=3, minimum_calls=1, clock=clock
    )
    async for _ in breaker.stream("x"):
        clock.advance(60)
    assert (breaker.stats().calls, breaker.stats().slow_calls) == (1, 0)


async def test_reader_that_leaves_after_a_chunk_has_been_served(
    clock: FakeClock, source: Any
) -> None:
    words = source(0, 0)
    breaker = CircuitBreakerPrimitive(words, clock=clock)
    chunks = breaker.stream("x")
    await anext(chunks)
    await chunks.aclose()
    assert (breaker.stats().calls, breaker.stats().failures, words.closed) == (1, 0, 1)


async def test_error_in_closing_is_a_failure(clock: FakeClock) -> None:
    async def words(x: str) -> Any:
        try:
            yield x
        finally:
            raise OSError

    breaker = CircuitBreakerPrimitive(words, minimum_calls=1, clock=clock)
    chunks = breaker.stream("x")
    await anext(chunks)
    with pytest.raises(OSError):
        await chunks.aclose()
    assert breaker.state == "open"


async def test_cancelled_while_waiting_for_a_chunk_does_not_count(
    clock: FakeClock, source: Any, collect: Any
) -> None:
    """Neither good nor bad is known of a service that has not answered yet."""
    words = source(0, 60)
    breaker = CircuitBreakerPrimitive(words, slow_call_seconds=90, clock=clock)
    task = asyncio.ensure_future(collect(breaker.stream("x")))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (breaker.stats().calls, words.closed) == (0, 1)


async def test_stream_that_is_never_begun_takes_no_place(clock: FakeClock, source: Any) -> None:
    breaker = CircuitBreakerPrimitive(source(0), clock=clock)
    await breaker.stream("x").aclose()
    assert breaker.stats().calls == 0
