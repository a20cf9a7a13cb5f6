from __future__ import annotations

from types import SimpleNamespace

import pytest

from tta_dev_primitives.errors import (
    RateLimitExceededError,
)
from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive, used_tokens
from tta_dev_primitives.testing.clock import FakeClock

from .limited_calls import admitted, echo, refusing, tokens


async def test_refused_call_takes_nothing_of_any_limit(clock: FakeClock) -> None:
    """A call that lacked tokens did not use up a request."""
    limits = Limit(2, per_seconds=60), Limit(100, per_seconds=60, unit="tokens")
    limiter = refusing(clock, *limits, estimate=tokens)
    assert await admitted(limiter, 1, 80) == 1
    assert await admitted(limiter, 5, 80) == 0
    assert await admitted(limiter, 5, 20) == 1


async def test_call_heavier_than_the_burst_is_refused_for_good(clock: FakeClock) -> None:
    """It does not wait for ever in front of a gate it will never fit."""
    limiter = RateLimitPrimitive(
        echo, limits=[Limit(100, 60, burst=50, unit="tokens")], estimate=tokens, clock=clock
    )
    with pytest.raises(RateLimitExceededError, match="51 tokens never fits, since 50 is") as caught:
        await limiter.execute(51)
    assert not caught.value.retryable
    assert await limiter.execute(50) == 50


@pytest.mark.parametrize(
    ("used", "left"),
    [(20, 80), (100, 0), (None, 0), (0, 100)],
    ids=["less", "exact", "unknown", "nothing"],
)
async def test_tokens_are_made_up_for_after_the_call(
    clock: FakeClock, used: float | None, left: int
) -> None:
    """An estimate that was too high costs nothing; one that cannot be checked stands."""
    limit = Limit(100, per_seconds=100, unit="tokens")
    limiter = refusing(clock, limit, estimate=tokens, actual=lambda result: used)
    await limiter.execute(100)
    limiter._actual = lambda result: 1
    assert await admitted(limiter, 100, 1) == left


async def test_underestimate_is_owed_by_those_who_come_next(clock: FakeClock) -> None:
    """30 tokens too many are waited for, not forgotten."""
    limit = Limit(10, per_seconds=10, unit="tokens")
    limiter = refusing(clock, limit, estimate=lambda x, c: 1, actual=lambda used: used)
    await limiter.execute(40)
    clock.advance(30.5)
    assert await admitted(limiter, 1) == 0
    clock.advance(0.5)
    assert await admitted(limiter, 1, 0) == 1


async def test_unused_tokens_do_not_bring_the_request_back(clock: FakeClock) -> None:
    """However short the answer was, it was a request."""
    limits = Limit(2), Limit(100, unit="tokens")
    limiter = refusing(clock, *limits, estimate=tokens, actual=lambda result: 0)
    assert await admitted(limiter, 5, 100) == 2


async def test_refund_does_not_count_what_has_flowed_back_already(clock: FakeClock) -> None:
    """A limit that was full again in the meantime is not filled beyond it by a late refund."""
    limiter = refusing(clock, Limit(10, per_seconds=10, unit="tokens"), estimate=tokens)
    late = await limiter.acquire(10)
    clock.advance(10)
    await limiter.acquire(10)
    late.settle(0)
    with pytest.raises(RateLimitExceededError):
        await limiter.acquire(1)


async def test_refund_counts_in_full_while_the_limit_is_busy(clock: FakeClock) -> None:
    """A small burst and slow calls do not make refunds worthless."""
    limiter = refusing(clock, Limit(10, per_seconds=10, burst=4, unit="tokens"), estimate=tokens)
    first = latest = await limiter.acquire(4)
    for _ in range(5):
        clock.advance(2)
        latest = await limiter.acquire(2)
    first.settle(2)
    await limiter.acquire(2)
    with pytest.raises(RateLimitExceededError):
        await limiter.acquire(1)
    latest.settle(0)
    await limiter.acquire(2)


async def test_acquire_settles_and_gives_back_once(clock: FakeClock) -> None:
    """A second `settle`, or a `give_back` after it, does not pay twice."""
    limiter = refusing(clock, Limit(10, per_seconds=10, unit="tokens"), estimate=tokens)
    admission = await limiter.acquire(10)
    admission.settle(4)
    admission.settle(0)
    admission.give_back()
    assert limiter._gate.tightest()[1] == pytest.approx(6)
    other = await limiter.acquire(6)
    other.give_back()
    other.give_back()
    assert limiter._gate.tightest()[1] == pytest.approx(6)


@pytest.mark.parametrize(
    ("result", "used"),
    [
        (SimpleNamespace(usage=SimpleNamespace(input_tokens=5, output_tokens=7)), 12),
        (SimpleNamespace(usage=SimpleNamespace(total_tokens=9, input_tokens=5)), 9),
        (SimpleNamespace(usage=SimpleNamespace(input_tokens=0, output_tokens=0)), None),
        (SimpleNamespace(usage=None), None),
        ("text", None),
    ],
    ids=["ours", "openai", "unsaid", "none", "no-usage"],
)
def test_used_tokens_are_read_where_they_are_said(result: object, used: int | None) -> None:
    """A provider that counts nothing has not said that nothing was used."""
    assert used_tokens(result) == used
