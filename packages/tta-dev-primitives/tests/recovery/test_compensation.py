from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import (
    CompensationError,
    ConfigurationError,
    TimeoutError,  # noqa: A004 - rooted in the stdlib's
)
from tta_dev_primitives.recovery.compensation import SagaPrimitive
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive


class Undo:
    """An undo step that takes *seconds* and says when it is done."""

    def __init__(self, clock: FakeClock, seconds: float = 0.0) -> None:
        self.clock, self.seconds = clock, seconds
        self.begun: list[Any] = []
        self.done: list[Any] = []
        self.deadlines: list[float | None] = []

    async def __call__(self, x: Any, context: WorkflowContext) -> None:
        self.begun.append(x)
        self.deadlines.append(context.deadline)
        if self.seconds:
            await self.clock.sleep(self.seconds)
        self.done.append(x)


async def test_success_is_not_undone(clock: FakeClock) -> None:
    undo = Undo(clock)
    saga = SagaPrimitive(forward=MockPrimitive(return_value=1), compensation=undo, clock=clock)
    assert await saga.execute("x") == 1
    assert undo.begun == []


async def test_failure_is_undone_and_raised(clock: FakeClock) -> None:
    undo, error = Undo(clock), ValueError("no seats")
    with pytest.raises(ValueError, match="no seats") as caught:
        await SagaPrimitive(MockPrimitive(raise_error=error), undo, clock=clock).execute("x")
    assert caught.value is error
    assert undo.done == ["x"]


async def test_cancellation_is_undone_and_raised(clock: FakeClock) -> None:
    undo = Undo(clock, 5)
    slow = MockPrimitive(side_effect=lambda x, context: clock.sleep(60))
    task = asyncio.ensure_future(SagaPrimitive(slow, undo, clock=clock).execute("x"))
    await settle()
    task.cancel()
    await clock.sleep_through(5)
    assert undo.done == ["x"]
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("times", [1, 3])
async def test_undoing_goes_on_when_the_caller_is_cancelled_meanwhile(
    clock: FakeClock, times: int
) -> None:
    """The cancellation is raised in place of the error, but only when all is undone."""
    undo = Undo(clock, 5)
    task = asyncio.ensure_future(
        SagaPrimitive(MockPrimitive(raise_error=ValueError()), undo, clock=clock).execute("x")
    )
    for _ in range(times):
        await settle()
        task.cancel()
    await clock.sleep_through(4)
    assert not task.done()
    await clock.sleep_through(1)
    assert undo.done == ["x"]
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_undoing_has_its_own_deadline_instead_of_the_callers(
    clock: FakeClock, after: Any
) -> None:
    """The caller's deadline has passed already when undoing begins, and does not stop it."""
    undo = Undo(clock, 5)
    slow = MockPrimitive(side_effect=lambda x, context: clock.sleep(60))
    saga = SagaPrimitive(slow, undo, compensation_timeout_seconds=20, clock=clock)
    with pytest.raises(TimeoutError):
        await after(10 + 5, TimeoutPrimitive(saga, 10, clock=clock).execute("x"))
    assert undo.done == ["x"]
    assert undo.deadlines == [10 + 20]


async def test_undoing_that_takes_too_long_is_stopped(clock: FakeClock, after: Any) -> None:
    undo, error = Undo(clock, 60), ValueError("no seats")
    saga = SagaPrimitive(
        MockPrimitive("book", raise_error=error), undo, compensation_timeout_seconds=7, clock=clock
    )
    with pytest.raises(CompensationError) as caught:
        await after(7, saga.execute("x"))
    assert undo.done == []
    assert caught.value.error is error
    assert isinstance(caught.value.compensation_error, TimeoutError)
    assert "exceeded 7s timeout" in str(caught.value)


async def test_undoing_that_fails_raises_both_errors(clock: FakeClock) -> None:
    error, worse = ValueError("no seats"), OSError("ledger is gone")
    saga = SagaPrimitive(
        MockPrimitive("book", raise_error=error), MockPrimitive(raise_error=worse), clock=clock
    )
    with pytest.raises(CompensationError, match="book failed") as caught:
        await saga.execute("x")
    assert (caught.value.step, caught.value.error, caught.value.compensation_error) == (
        "book",
        error,
        worse,
    )
    assert caught.value.__cause__ is worse
    assert caught.value.__context__ is error
    assert not caught.value.retryable


async def test_undoing_that_cancels_itself_counts_as_failed(clock: FakeClock) -> None:
    """A cancellation nobody asked for must not pass for one that the caller asked for."""
    saga = SagaPrimitive(
        MockPrimitive(raise_error=ValueError()),
        MockPrimitive(raise_error=asyncio.CancelledError()),
        clock=clock,
    )
    with pytest.raises(CompensationError) as caught:
        await saga.execute("x")
    assert isinstance(caught.value.compensation_error, asyncio.CancelledError)


async def test_failed_undoing_is_told_even_to_a_caller_who_gave_up(clock: FakeClock) -> None:
    """As the cause of the cancellation, which nobody further out may answer."""

    async def failing(x: Any) -> None:
        await clock.sleep(5)
        raise OSError("ledger is gone")

    task = asyncio.ensure_future(
        SagaPrimitive(MockPrimitive(raise_error=ValueError()), failing, clock=clock).execute("x")
    )
    await settle()
    task.cancel()
    await clock.sleep_through(5)
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    found: BaseException | None = caught.value
    while found is not None and not isinstance(found, CompensationError):
        found = found.__cause__ or found.__context__
    assert isinstance(found, CompensationError)


async def test_sagas_in_a_row_are_undone_from_the_inside_out(clock: FakeClock) -> None:
    undone: list[str] = []
    inner = SagaPrimitive(
        MockPrimitive(raise_error=ValueError()), lambda x: undone.append("inner"), clock=clock
    )
    outer = SagaPrimitive(inner, lambda x: undone.append("outer"), clock=clock)
    with pytest.raises(ValueError):
        await outer.execute("x")
    assert undone == ["inner", "outer"]


async def test_undoing_shares_the_state_of_the_run(clock: FakeClock) -> None:
    context = WorkflowContext(state={"booking": 7})
    seen: list[int] = []
    saga = SagaPrimitive(
        MockPrimitive(raise_error=ValueError()),
        lambda x, context: seen.append(context.state["booking"]),
        clock=clock,
    )
    with pytest.raises(ValueError):
        await saga.execute("x", context)
    assert seen == [7]


@pytest.mark.parametrize(
    ("seconds", "failure", "result"),
    [(0, None, "ok"), (0, OSError(), "error"), (60, None, "timeout")],
    ids=["undone", "failed", "too-slow"],
)
async def test_observer_hears_how_undoing_went(
    clock: FakeClock,
    after: Any,
    watcher: Any,
    seconds: float,
    failure: Exception | None,
    result: Any,
) -> None:
    async def undo(x: Any) -> None:
        await clock.sleep(seconds)
        if failure is not None:
            raise failure

    step = MockPrimitive("book", raise_error=ValueError())
    with pytest.raises((ValueError, CompensationError)):
        await after(30, SagaPrimitive(step, undo, clock=clock).execute("x"))
    assert ("0", observe.SagaRecord("book", result)) == watcher.records[-1]
    assert watcher.outcomes["0"] == "error"
    assert watcher.outcomes["0/1.undo"] == {"ok": "ok", "error": "error"}.get(result, "cancelled")


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_undoing_needs_some_time(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="compensation_timeout_seconds must be positive"):
        SagaPrimitive(str, str, compensation_timeout_seconds=seconds)


def test_step_and_compensation_are_its_children() -> None:
    step, undo = MockPrimitive(), MockPrimitive()
    assert SagaPrimitive(step, undo).children() == [("forward", step), ("compensation", undo)]
