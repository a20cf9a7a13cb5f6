from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tta_dev_primitives.errors import (
    CircuitOpenError,
    RateLimitExceededError,
)
from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive
from tta_dev_primitives.testing.clock import FakeClock

from .limited_calls import refusing


async def test_stream_is_admitted_once_and_settled_at_its_end(
    clock: FakeClock, source: Callable[..., Any], collect: Callable[..., Awaitable[list[Any]]]
) -> None:
    """Tokens of a streamed answer are known with its last chunk only."""
    limit = Limit(10, per_seconds=10, unit="tokens")
    script = source(0, 0, 0)
    limiter = refusing(
        clock, limit, step=script, estimate=lambda x, c: 10, actual=lambda text: len(text)
    )
    stream = limiter.stream("x")
    await anext(stream)
    with pytest.raises(RateLimitExceededError):
        await limiter.execute("x")
    assert await collect(stream) == ["x1", "x2"]
    assert (await limiter.acquire(4)).tokens == 4  # 6 of 10 were used
    with pytest.raises(RateLimitExceededError):
        await limiter.acquire(1)


async def test_stream_reads_the_usage_of_its_last_chunk(
    clock: FakeClock, collect: Callable[..., Awaitable[list[Any]]]
) -> None:
    async def answer(x: str) -> Any:
        yield SimpleNamespace(text="hello", response=None)
        yield SimpleNamespace(response=SimpleNamespace(usage=SimpleNamespace(total_tokens=7)))

    limit = Limit(10, per_seconds=10, unit="tokens")
    limiter = refusing(clock, limit, step=answer, estimate=lambda x, c: 10)
    assert len(await collect(limiter.stream("x"))) == 2
    await limiter.acquire(3)
    with pytest.raises(RateLimitExceededError):
        await limiter.acquire(1)


@pytest.mark.parametrize(
    ("script", "left"),
    [((CircuitOpenError("open"),), 10), ((0, CircuitOpenError("open")), 0), ((OSError(),), 0)],
    ids=["refused", "refused-later", "failed"],
)
async def test_failed_stream_is_given_back_only_if_it_never_began(
    clock: FakeClock,
    source: Callable[..., Any],
    collect: Callable[..., Awaitable[list[Any]]],
    script: tuple[Any, ...],
    left: int,
) -> None:
    limit = Limit(10, per_seconds=10, unit="tokens")
    limiter = refusing(clock, limit, step=source(*script), estimate=lambda x, c: 10)
    with pytest.raises((CircuitOpenError, OSError)):
        await collect(limiter.stream("x"))
    assert limiter._gate.tightest()[1] == left


async def test_closed_stream_keeps_its_estimate_and_closes_upstream(
    clock: FakeClock, source: Callable[..., Any]
) -> None:
    script = source(0, 0)
    limit = Limit(10, per_seconds=10, unit="tokens")
    limiter = refusing(clock, limit, step=script, estimate=lambda x, c: 10, actual=lambda text: 0)
    stream = limiter.stream("x")
    await anext(stream)
    await stream.aclose()
    assert script.closed == 1
    assert limiter._gate.tightest()[1] == 0


async def test_shadow_lets_streams_through_and_settles_nothing_it_did_not_take(
    clock: FakeClock,
    source: Callable[..., Any],
    collect: Callable[..., Awaitable[list[Any]]],
    watcher: Any,
) -> None:
    limiter = RateLimitPrimitive(
        source(0),
        limits=[Limit(5, unit="tokens")],
        estimate=lambda x, context: 5,
        actual=len,
        shadow=True,
        clock=clock,
    )
    streams = [limiter.stream("x"), limiter.stream("y")]
    assert [await anext(stream) for stream in streams] == ["x0", "y0"]
    for stream in streams:
        assert await collect(stream) == []
    assert [record.result for _, record in watcher.records] == ["allowed", "shadow"]
    assert limiter._gate.tightest()[1] == pytest.approx(3)
