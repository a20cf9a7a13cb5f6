"""Retry against a model that has no event loop, no tasks and no clock: only a number."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import LLMError
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy
from tta_dev_primitives.testing.clock import FakeClock

# Quarters of seconds add up exactly, so the deadline's edge is the same edge on both sides.
quarters = st.integers(0, 40).map(lambda n: n / 4)
draws = st.sampled_from([0.0, 0.25, 0.5, 0.75])


@dataclass(frozen=True)
class Attempt:
    duration: float
    ok: bool = False
    retryable: bool = True
    retry_after: float | None = None


@dataclass(frozen=True)
class Outcome:
    began: list[float]
    ok: bool
    ended: float


attempts = st.builds(
    Attempt,
    duration=quarters,
    ok=st.sampled_from([False, False, False, True]),
    retryable=st.sampled_from([True, True, True, False]),
    retry_after=st.none() | quarters,
)
strategies = st.builds(
    RetryStrategy,
    max_retries=st.integers(0, 5),
    backoff_base=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    initial_delay=quarters,
    max_delay=quarters,
    jitter=st.booleans(),
    max_retry_after=quarters,
)


def model(
    strategy: RetryStrategy, script: list[Attempt], jitter: list[float], deadline: float | None
) -> Outcome:
    now, began = 0.0, []
    for number, attempt in enumerate(script[: strategy.max_retries + 1]):
        began.append(now)
        now += attempt.duration
        if attempt.ok:
            return Outcome(began, True, now)
        if not attempt.retryable or number == strategy.max_retries:
            break
        wait = strategy.initial_delay
        for _ in range(number):
            wait *= strategy.backoff_base
        wait = min(wait, strategy.max_delay)
        if strategy.jitter:
            wait *= jitter[number]
        if attempt.retry_after is not None:
            if attempt.retry_after > strategy.max_retry_after:
                break
            wait = max(wait, attempt.retry_after)
        if deadline is not None and now + wait >= deadline:
            break
        now += wait
    return Outcome(began, False, now)


async def real(
    strategy: RetryStrategy, script: list[Attempt], jitter: list[float], deadline: float | None
) -> Outcome:
    clock = FakeClock()
    began: list[float] = []
    remaining = iter(jitter)

    async def step(x: None) -> None:
        attempt = script[len(began)]
        began.append(clock.monotonic())
        await clock.sleep(attempt.duration)
        if not attempt.ok:
            raise LLMError("no", retryable=attempt.retryable, retry_after=attempt.retry_after)

    retry = RetryPrimitive(step, strategy, clock=clock, random=lambda: next(remaining))
    task = asyncio.ensure_future(retry.execute(None, WorkflowContext(deadline=deadline)))
    ended: list[float] = []
    task.add_done_callback(lambda _: ended.append(clock.monotonic()))
    await clock.sleep_through(1000)
    await asyncio.wait([task])
    return Outcome(began, task.exception() is None, ended[0])


@settings(max_examples=150, deadline=None)
@given(
    strategies,
    st.lists(attempts, min_size=6, max_size=6),
    st.lists(draws, min_size=6, max_size=6),
    st.none() | quarters.map(lambda n: n * 3),
)
@example(RetryStrategy(2, 1.0, 1.0, 1.0, jitter=False), [Attempt(0.0)] * 6, [0.0] * 6, 1.0)
@example(RetryStrategy(2, 1.0, 0.0, 1.0, jitter=False), [Attempt(0.0)] * 6, [0.0] * 6, 0.0)
def test_attempts_and_their_times_are_those_of_the_model(
    strategy: RetryStrategy, script: list[Attempt], jitter: list[float], deadline: float | None
) -> None:
    """However attempts, waits and the deadline fall: the same calls at the same moments."""
    assert asyncio.run(real(strategy, script, jitter, deadline)) == model(
        strategy, script, jitter, deadline
    )
