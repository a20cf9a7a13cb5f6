"""tenacity's stop and wait objects under our policy, held against tenacity itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.recovery.retry import RetryPrimitive
from tta_dev_primitives.recovery.retry_tenacity import tenacity_schedule
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive

tenacity = pytest.importorskip("tenacity", reason="try: uv run --group benchmarks pytest")


@pytest.mark.parametrize(
    "wait",
    [
        lambda: tenacity.wait_none(),
        lambda: tenacity.wait_fixed(2),
        lambda: tenacity.wait_exponential(multiplier=0.5, max=3),
        lambda: tenacity.wait_exponential(multiplier=1, min=2, max=5),
        lambda: tenacity.wait_incrementing(start=1, increment=2, max=6),
        lambda: tenacity.wait_chain(tenacity.wait_fixed(1), tenacity.wait_fixed(4)),
        lambda: tenacity.wait_fixed(1) + tenacity.wait_exponential(),
        lambda: tenacity.wait_combine(tenacity.wait_fixed(1), tenacity.wait_fixed(0.5)),
        lambda: tenacity.wait_exception(lambda error: float(str(error))),
        lambda: sum([tenacity.wait_fixed(1), tenacity.wait_fixed(2)]),
    ],
    ids=[
        *("none", "fixed", "exponential", "exponential-min", "incrementing", "chain", "added"),
        *("combine", "by-error", "summed"),
    ],
)
@pytest.mark.parametrize(
    "stop",
    [
        lambda: tenacity.stop_after_attempt(5),
        lambda: tenacity.stop_after_attempt(1),
        lambda: tenacity.stop_after_attempt(5) | tenacity.stop_after_attempt(3),
        lambda: tenacity.stop_after_attempt(5) & tenacity.stop_after_attempt(4),
        lambda: lambda state: state.attempt_number > 2 or state.idle_for > 3,
        lambda: lambda state: state.outcome.failed and "2.5" in str(state.outcome.exception()),
    ],
    ids=["attempts", "one", "any", "all", "idle", "by-error"],
)
async def test_attempts_and_waits_are_those_of_tenacity(
    clock: FakeClock, after: Any, stop: Callable[[], Any], wait: Callable[[], Any]
) -> None:
    """The same objects, the same errors: once under tenacity's own loop, once under ours."""
    theirs: list[float] = []

    def failing() -> Callable[[str], Any]:
        numbers = iter([1.0, 1.5, 2.0, 2.5, 3.0])

        async def step(x: str) -> None:
            raise ValueError(next(numbers))

        return step

    async def note(seconds: float) -> None:
        theirs.append(seconds)

    retrying = tenacity.AsyncRetrying(stop=stop(), wait=wait(), sleep=note, reraise=True)
    with pytest.raises(ValueError) as expected:
        await retrying(failing(), "x")
    schedule = tenacity_schedule(stop=stop(), wait=wait())
    with pytest.raises(ValueError) as found:
        await after(100, RetryPrimitive(failing(), schedule, clock=clock).execute("x"))
    assert clock.slept == theirs
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize(
    ("stop", "attempts"),
    [
        (lambda: tenacity.stop_after_delay(6), 3),
        (lambda: tenacity.stop_before_delay(6), 2),
        (lambda: tenacity.stop_before_delay(6.5), 3),
        (lambda: tenacity.stop_after_delay(60) | tenacity.stop_after_attempt(2), 2),
    ],
    ids=["overshoots", "before", "just-before", "any"],
)
async def test_delays_are_those_of_the_policy_s_clock(
    clock: FakeClock, after: Any, stop: Callable[[], Any], attempts: int
) -> None:
    """Attempts begin at 0, 3 and 6 s and take 2 s each."""
    begun: list[float] = []

    async def slow(x: str) -> None:
        begun.append(clock.monotonic())
        await clock.sleep(2)
        raise ValueError(x)

    schedule = tenacity_schedule(stop=stop(), wait=tenacity.wait_fixed(1))
    with pytest.raises(ValueError):
        await after(30, RetryPrimitive(slow, schedule, clock=clock).execute("x"))
    assert begun == [0, 3, 6][:attempts]


async def test_random_waits_stay_in_their_range(clock: FakeClock, after: Any) -> None:
    wait = tenacity.wait_random(1, 2) + tenacity.wait_random_exponential(max=4)
    schedule = tenacity_schedule(stop=tenacity.stop_after_attempt(20), wait=wait)
    step = MockPrimitive(raise_error=ValueError())
    with pytest.raises(ValueError):
        await after(200, RetryPrimitive(step, schedule, clock=clock).execute("x"))
    assert len(clock.slept) == 19
    assert all(1 <= seconds <= 6 for seconds in clock.slept)


async def test_tenacity_objects_themselves_are_refused_with_the_next_move() -> None:
    with pytest.raises(ConfigurationError, match=r"use tenacity_schedule\(\)"):
        RetryPrimitive(str, tenacity.stop_after_attempt(3))
