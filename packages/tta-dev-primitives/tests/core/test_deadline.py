"""Waiting no longer than a moment in time."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Awaitable, Callable

import pytest

from tta_dev_primitives import TimeoutError as OurTimeoutError
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.deadline import Alarm, within
from tta_dev_primitives.testing import FakeClock, settle


async def for_ever() -> None:
    await asyncio.Event().wait()


def started(call: Callable[[], Awaitable[object]]) -> asyncio.Task[object]:
    async def run() -> object:
        return await call()

    return asyncio.ensure_future(run())


async def limited(seconds: float, clock: Clock, name: str = "step") -> None:
    with Alarm(seconds, clock, name):
        await for_ever()


async def test_alarm_ends_the_block_with_a_timeout(clock: FakeClock) -> None:
    """The error carries what passed, and is the stdlib's too."""
    task = started(lambda: limited(2, clock))
    await clock.sleep_through(1.9)
    assert not task.done()
    await clock.sleep_through(0.1)
    with pytest.raises(OurTimeoutError, match="step exceeded 2s timeout") as caught:
        await task
    assert (caught.value.primitive, caught.value.timeout_seconds) == ("step", 2)
    assert isinstance(caught.value, builtins.TimeoutError)
    assert isinstance(caught.value.__cause__, asyncio.CancelledError)
    assert clock.pending == 0


async def test_text_of_the_error_may_show_another_limit(clock: FakeClock) -> None:
    """Where the alarm covers what is left of a limit, people want to read the limit."""

    async def call() -> None:
        with Alarm(0.5, clock, "step", 3):
            await for_ever()

    task = started(call)
    await clock.sleep_through(0.5)
    with pytest.raises(OurTimeoutError, match="exceeded 3s"):
        await task


async def test_block_that_ends_in_time_stops_the_alarm(clock: FakeClock) -> None:
    """No timer stays armed, whether the block returns or raises."""
    with Alarm(2, clock, "step"):
        await asyncio.sleep(0)
    with pytest.raises(LookupError), Alarm(2, clock, "step"):
        raise LookupError
    assert clock.pending == 0
    clock.advance(5)
    await asyncio.sleep(0)


async def test_step_has_cleaned_up_when_the_timeout_is_raised(clock: FakeClock) -> None:
    """It is cancelled, not abandoned."""
    cleaned: list[bool] = []

    async def step() -> None:
        try:
            await for_ever()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    task = started(lambda: within(step(), 1, clock, "step"))
    await clock.sleep_through(1)
    with pytest.raises(OurTimeoutError):
        await task
    assert cleaned == [True]


async def test_error_of_the_cleanup_wins_over_the_timeout(clock: FakeClock) -> None:
    """What the step raised while it was stopped is not hidden, and the task is left uncancelled."""

    async def step() -> None:
        try:
            await for_ever()
        finally:
            raise LookupError("cleanup")

    async def call() -> int:
        with pytest.raises(LookupError, match="cleanup"):
            await within(step(), 1, clock, "step")
        return own_cancellations()

    task = started(call)
    await clock.sleep_through(1)
    assert await task == 0


async def test_step_that_swallows_the_cancellation_is_let_through(clock: FakeClock) -> None:
    """Its result counts; nothing is left pending against the task."""

    async def deaf() -> str:
        try:
            await for_ever()
        except asyncio.CancelledError:
            return "done anyway"
        return "never"

    async def call() -> tuple[str, int]:
        result = await within(deaf(), 1, clock, "step")
        await asyncio.sleep(0)
        return result, own_cancellations()

    task = started(call)
    await clock.sleep_through(1)
    assert await task == ("done anyway", 0)


async def test_cancellation_from_elsewhere_goes_through_unchanged(clock: FakeClock) -> None:
    """It is no timeout."""
    task = started(lambda: limited(2, clock))
    await settle()
    task.cancel("enough")
    with pytest.raises(asyncio.CancelledError, match="enough"):
        await task
    assert task.cancelled()
    assert clock.pending == 0


@pytest.mark.parametrize("alarm_first", [True, False], ids=["alarm first", "cancel first"])
async def test_cancellation_together_with_the_alarm_is_a_cancellation(
    clock: FakeClock, alarm_first: bool
) -> None:
    """Whoever cancelled the task must see it cancelled, even when time is up as well."""
    task = started(lambda: limited(2, clock))
    await settle()
    if alarm_first:
        clock.advance(2)
        task.cancel()
    else:
        task.cancel()
        clock.advance(2)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_alarm_inside_a_cleanup_tells_its_own_cancellation_apart(clock: FakeClock) -> None:
    """A task that is being cancelled already can still be limited."""
    seen: list[type[BaseException]] = []

    async def call() -> None:
        try:
            await for_ever()
        finally:
            try:
                await limited(1, clock)
            except OurTimeoutError as error:
                seen.append(type(error))

    task = started(call)
    await settle()
    task.cancel()
    await clock.sleep_through(1)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == [OurTimeoutError]


@pytest.mark.parametrize(
    ("outer", "inner", "passed", "expected"),
    [(2, 1, 1, "inner"), (1, 2, 1, "outer"), (1, 1, 1, "outer"), (2, 1, 2, "outer")],
    ids=["inner", "outer", "together", "both by the time anyone looks"],
)
async def test_nested_alarms_name_the_limit_that_passed(
    clock: FakeClock, outer: float, inner: float, passed: float, expected: str
) -> None:
    """When both ring at once, the outer one speaks; no cancellation is left over."""

    async def call() -> tuple[str, int]:
        try:
            with Alarm(outer, clock, "outer"):
                await limited(inner, clock, "inner")
        except OurTimeoutError as error:
            await asyncio.sleep(0)
            return error.primitive, own_cancellations()
        return "none", own_cancellations()

    task = started(call)
    await settle()
    clock.advance(passed)
    assert await task == (expected, 0)


async def test_inner_alarm_rings_alone(clock: FakeClock) -> None:
    """The outer block goes on after the inner timeout."""

    async def call() -> str:
        with Alarm(5, clock, "outer"):
            with pytest.raises(OurTimeoutError, match="inner"):
                await limited(1, clock, "inner")
            await clock.sleep(1)
            return "went on"

    task = started(call)
    await clock.sleep_through(3)
    assert await task == "went on"
    assert clock.pending == 0


@pytest.mark.parametrize("seconds", [0, -3], ids=["zero", "negative"])
@pytest.mark.parametrize("kind", ["fake", "system"])
async def test_time_that_is_up_already_rings_at_the_first_wait(seconds: float, kind: str) -> None:
    """The text does not speak of negative limits."""
    clock: Clock = FakeClock() if kind == "fake" else SYSTEM_CLOCK
    with pytest.raises(OurTimeoutError, match="step exceeded 0s timeout"):
        await limited(seconds, clock)


async def test_block_that_moves_the_clock_itself_is_stopped_at_its_next_wait(
    clock: FakeClock,
) -> None:
    """As in real time: a step that overruns without waiting cannot be stopped on the way."""
    went_on: list[str] = []

    async def step() -> None:
        clock.advance(10)
        went_on.append("after the advance")
        await for_ever()

    with pytest.raises(OurTimeoutError):
        await within(step(), 1, clock, "step")
    assert went_on == ["after the advance"]


async def test_overrun_without_a_wait_is_not_a_timeout(clock: FakeClock) -> None:
    """No cancellation is left for whatever comes after the block."""

    async def step() -> str:
        clock.advance(10)
        return "done"

    assert await within(step(), 1, clock, "step") == "done"
    for _ in range(3):
        await asyncio.sleep(0)
    assert own_cancellations() == 0


async def test_within_without_a_deadline_waits_for_ever(clock: FakeClock) -> None:
    """And arms no timer."""
    woken = asyncio.Event()

    async def step() -> str:
        await woken.wait()
        return "done"

    task = started(lambda: within(step(), None, clock, "step"))
    await clock.sleep_through(1e9)
    assert clock.pending == 0
    woken.set()
    assert await task == "done"


async def test_within_takes_a_moment_not_a_duration(clock: FakeClock) -> None:
    """A deadline at 12 leaves two seconds at 10."""
    clock.advance(10)
    task = started(lambda: within(for_ever(), 12, clock, "step"))
    await clock.sleep_through(1.9)
    assert not task.done()
    await clock.sleep_through(0.1)
    with pytest.raises(OurTimeoutError, match="exceeded 2s"):
        await task


async def test_real_clock_rings_too() -> None:
    """The machine's clock, a few milliseconds."""
    with pytest.raises(OurTimeoutError, match=r"exceeded 0\.005s"):
        await limited(0.005, SYSTEM_CLOCK)


def test_alarm_needs_a_task() -> None:
    """There is nothing to cancel in a plain callback."""
    raised: list[BaseException] = []

    async def main() -> None:
        def callback() -> None:
            try:
                Alarm(1, SYSTEM_CLOCK, "step")
            except RuntimeError as error:
                raised.append(error)

        asyncio.get_running_loop().call_soon(callback)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert [str(error) for error in raised] == ["a time limit needs a running asyncio task"]


def own_cancellations() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()
