"""What the error that is raised in the end tells about the others."""

from __future__ import annotations

import asyncio
import gc
import pickle
import traceback
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy, earlier_errors
from tta_dev_primitives.recovery.schedules import Schedule, constant
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive

AT_ONCE = RetryStrategy(max_retries=2, initial_delay=0)
ONCE = RetryStrategy(max_retries=1, initial_delay=0)


async def raised(call: Awaitable[object]) -> Exception:
    try:
        await call
    except Exception as error:
        return error
    raise AssertionError


async def test_earlier_errors_can_be_had_as_they_were(clock: FakeClock) -> None:
    """With their types, data and tracebacks, so that nobody parses notes."""
    first, second, last = ValueError("one"), KeyError("two"), OSError("three")
    step = MockPrimitive(side_effect=[first, second, last])
    assert await raised(RetryPrimitive(step, AT_ONCE, clock=clock).execute("x")) is last
    assert earlier_errors(last) == (first, second)
    assert "in execute" in "".join(traceback.format_exception(second))


async def test_first_error_has_none_before_it(clock: FakeClock) -> None:
    step = MockPrimitive(raise_error=ValueError())
    error = await raised(RetryPrimitive(step, RetryStrategy(0), clock=clock).execute("x"))
    assert earlier_errors(error) == ()
    assert not hasattr(error, "__notes__")


async def test_error_is_not_its_own_predecessor(clock: FakeClock) -> None:
    same, other = ValueError("same"), KeyError("other")
    step = MockPrimitive(side_effect=[same, other, same])
    assert await raised(RetryPrimitive(step, AT_ONCE, clock=clock).execute("x")) is same
    assert earlier_errors(same) == (other,)
    assert same.__notes__ == ["attempt 2 failed with KeyError: 'other'"]


async def test_error_shared_by_many_calls_gathers_each_note_once(clock: FakeClock) -> None:
    """As where all of them waited for one upstream call."""
    shared = ConnectionError("down")
    for _ in range(50):
        step = MockPrimitive(side_effect=[ValueError("one"), shared])
        assert await raised(RetryPrimitive(step, ONCE, clock=clock).execute("x")) is shared
    assert shared.__notes__ == ["attempt 1 failed with ValueError: one"]
    assert len(earlier_errors(shared)) == 1


async def test_error_that_cannot_be_changed_is_raised_all_the_same(clock: FakeClock) -> None:
    """Frozen dataclasses refuse `add_note`, and that refusal hid the real error."""

    @dataclass(frozen=True)
    class FrozenError(Exception):
        code: int

    step = MockPrimitive(side_effect=[FrozenError(1), FrozenError(2)])
    error = await raised(RetryPrimitive(step, ONCE, clock=clock).execute("x"))
    assert error == FrozenError(2)
    assert earlier_errors(error) == (FrozenError(1),)
    assert len(error.__notes__) == 1


async def test_outer_retry_speaks_of_its_own_attempts(clock: FakeClock) -> None:
    errors = [ValueError(str(number)) for number in range(4)]
    inner = RetryPrimitive(MockPrimitive(side_effect=errors), ONCE, clock=clock)
    error = await raised(RetryPrimitive(inner, ONCE, clock=clock).execute("x"))
    assert error is errors[3]
    assert earlier_errors(error) == (errors[1],)
    assert earlier_errors(errors[1]) == (errors[0],)
    assert error.__notes__ == [
        "attempt 1 failed with ValueError: 2",
        "attempt 1 failed with ValueError: 1",
    ]


async def test_error_travels_between_processes_with_its_story(clock: FakeClock) -> None:
    step = MockPrimitive(side_effect=[ValueError("one"), KeyError("two")])
    error = await raised(RetryPrimitive(step, ONCE, clock=clock).execute("x"))
    copy = pickle.loads(pickle.dumps(error))
    assert [str(earlier) for earlier in earlier_errors(copy)] == ["one"]


async def test_predicate_that_fails_shows_the_error_it_was_asked_about(clock: FakeClock) -> None:
    asked = ValueError("what it was about")
    step = MockPrimitive(raise_error=asked)
    error = await raised(
        RetryPrimitive(step, AT_ONCE, retry_on=lambda error: error.code > 3, clock=clock).execute(  # pyright: ignore[reportAttributeAccessIssue]
            "x"
        )
    )
    assert isinstance(error, AttributeError)
    assert error.__context__ is asked


async def give_up(retry: Callable[..., Any]) -> None:
    await raised(retry(RetryStrategy(1, 1, 0)).execute("x"))


async def recover(retry: Callable[..., Any]) -> None:
    await retry(RetryStrategy(2, 1, 0)).execute("x")


async def hand_over(retry: Callable[..., Any]) -> None:
    at_once = constant(0)
    await retry(at_once.up_to(attempts=1) | at_once.up_to(attempts=3)).execute("x")


async def miss_the_deadline(retry: Callable[..., Any]) -> None:
    policy = retry(RetryStrategy(2, 1, 1, jitter=False), clock=LateClock())
    await raised(policy.execute("x", WorkflowContext(deadline=1)))


async def wait_too_long(retry: Callable[..., Any]) -> None:
    await raised(
        retry(RetryStrategy(2, 1, 0.25, jitter=False), clock=LateClock()).execute(
            "x", WorkflowContext(deadline=0.5)
        )
    )


class OwnError(Exception):
    """Unlike built-in errors, one that can be seen to be gone."""


class LateClock(FakeClock):
    """Wakes everybody a second late, as a busy event loop does."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds + 1)
        await asyncio.sleep(0)


@pytest.mark.parametrize("ending", [give_up, recover, hand_over, miss_the_deadline, wait_too_long])
async def test_call_that_is_over_leaves_no_cycle(
    clock: FakeClock, ending: Callable[..., Awaitable[None]]
) -> None:
    """Errors hold the frames they went through, and those all that the step worked on."""
    alive: list[weakref.ref[Exception]] = []

    def retry(
        strategy: RetryStrategy | Schedule, clock: FakeClock = clock
    ) -> RetryPrimitive[str, str]:
        async def step(x: str) -> str:
            if len(alive) == 2:
                return x
            error = OwnError(x)
            alive.append(weakref.ref(error))
            try:
                raise error
            finally:
                del error

        return RetryPrimitive(step, strategy, clock=clock)

    gc.disable()
    try:
        await ending(retry)
        assert alive
        assert [reference() for reference in alive] == [None] * len(alive)
    finally:
        gc.enable()
