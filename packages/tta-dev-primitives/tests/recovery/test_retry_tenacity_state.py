"""What the schedule of stop and wait objects does, whoever made them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import pytest

from tta_dev_primitives.errors import ConfigurationError, RateLimitedError
from tta_dev_primitives.recovery.retry import RetryPrimitive
from tta_dev_primitives.recovery.retry_tenacity import AttemptState, tenacity_schedule
from tta_dev_primitives.recovery.schedules import constant
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive


def test_tenacity_is_not_imported() -> None:
    code = (
        "import sys; from tta_dev_primitives.recovery import retry_tenacity as adapter; "
        "adapter.tenacity_schedule(stop=bool); sys.exit('tenacity' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_without_an_end_of_its_own_it_is_given_one(clock: FakeClock, after: Any) -> None:
    step = MockPrimitive(raise_error=ValueError())
    with pytest.raises(ValueError):
        await after(9, RetryPrimitive(step, tenacity_schedule(), clock=clock).execute("x"))
    assert (step.call_count, clock.slept) == (4, [0, 0, 0])


async def test_stop_sees_the_wait_that_the_server_asked_for(clock: FakeClock, after: Any) -> None:
    seen: list[float] = []

    def stop(state: AttemptState) -> bool:
        seen.append(state.upcoming_sleep)
        return state.attempt_number == 3

    errors = [ValueError(), RateLimitedError("busy", retry_after=7), ValueError()]
    step = MockPrimitive(side_effect=errors)
    schedule = tenacity_schedule(stop=stop, wait=lambda state: 2)
    with pytest.raises(ValueError):
        await after(30, RetryPrimitive(step, schedule, clock=clock).execute("x"))
    assert clock.slept == [2, 7]
    assert seen == [2, 7, 2]


async def test_state_tells_what_each_attempt_brought(clock: FakeClock, after: Any) -> None:
    states: list[AttemptState] = []

    async def step(x: str) -> str:
        await clock.sleep(2)
        if states:
            return "too short"
        raise ValueError(x)

    def stop(state: AttemptState) -> bool:
        states.append(state)
        return state.attempt_number == 2

    schedule = tenacity_schedule(stop=stop, wait=lambda state: 3)
    retry = RetryPrimitive(step, schedule, retry_result=lambda value: True, clock=clock)
    assert await after(9, retry.execute("x")) == "too short"
    first, second = states
    assert first.outcome.failed
    assert isinstance(first.outcome.exception(), ValueError)
    with pytest.raises(ValueError, match="x"):
        first.outcome.result()
    assert (first.seconds_since_start, first.idle_for, first.outcome.attempt_number) == (2, 0, 1)
    assert not second.outcome.failed
    assert second.outcome.exception() is None
    assert second.outcome.result() == "too short"
    assert (second.seconds_since_start, second.idle_for, second.attempt_number) == (7, 3, 2)
    assert second.outcome.done()
    assert not second.outcome.cancelled()


async def test_it_can_be_joined_with_other_schedules(clock: FakeClock, after: Any) -> None:
    """Each part sees its own attempts, time and waits."""
    seen: list[tuple[int, float, float]] = []

    def stop(state: AttemptState) -> bool:
        seen.append((state.attempt_number, state.seconds_since_start, state.idle_for))
        return state.attempt_number == 2

    step = MockPrimitive(raise_error=ValueError())
    schedule = constant(1).up_to(attempts=2) | tenacity_schedule(stop=stop, wait=lambda _: 4)
    with pytest.raises(ValueError):
        await after(30, RetryPrimitive(step, schedule, clock=clock).execute("x"))
    assert clock.slept == [1, 4]
    assert seen == [(1, 0, 0), (2, 4, 4)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"stop": 3}, "stop must be a stop object of tenacity or another callable, got 3"),
        ({"wait": 0.5}, "wait must be a wait object of tenacity or another callable, got 0.5"),
    ],
    ids=["stop", "wait"],
)
def test_what_cannot_be_called_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        tenacity_schedule(**arguments)


async def test_cancellation_ends_the_wait(clock: FakeClock) -> None:
    step = MockPrimitive(raise_error=ValueError())
    schedule = tenacity_schedule(stop=lambda _: False, wait=lambda _: 5)
    task = asyncio.ensure_future(RetryPrimitive(step, schedule, clock=clock).execute("x"))
    await clock.sleep_through(12)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert step.call_count == 3
