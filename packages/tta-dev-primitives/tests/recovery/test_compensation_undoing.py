"""How undoing goes on when the caller is cancelled, an undo fails or hangs, or all is to end."""

from __future__ import annotations

import asyncio
import builtins
from typing import Any

import pytest

from tta_dev_primitives.core.base import LambdaPrimitive, WorkflowContext
from tta_dev_primitives.errors import CompensationError, TimeoutError  # noqa: A004
from tta_dev_primitives.recovery.compensation import Effect, SagaPrimitive, undo_reports
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive


class Undos:
    """Undos that take some time or fail, and note when each began and ended."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.began: list[tuple[str, float]] = []
        self.ended: list[tuple[str, float]] = []
        self.deadlines: dict[str, float | None] = {}

    def undo(
        self, name: str, seconds: float = 0, error: BaseException | None = None
    ) -> LambdaPrimitive[Any, None]:
        async def undo(effect: Effect[Any, Any], context: WorkflowContext) -> None:
            self.began.append((name, self.clock.monotonic()))
            self.deadlines[name] = context.deadline
            try:
                await self.clock.sleep(seconds)
                if error is not None:
                    raise error
            finally:
                self.ended.append((name, self.clock.monotonic()))

        return LambdaPrimitive(undo, name=f"undo {name}")

    def saga(
        self, error: BaseException | None = None, *undos: Any, **settings: Any
    ) -> SagaPrimitive[str, Any]:
        """A saga of a step for each of *undos*, of which the last fails with *error*."""
        last = len(undos) - 1
        steps = [
            MockPrimitive(f"step {number}", raise_error=error if number == last else None)
            for number in range(len(undos))
        ]
        saga = SagaPrimitive(steps[0], undo=undos[0], clock=self.clock, **settings)
        for step, undo in zip(steps[1:], undos[1:], strict=True):
            saga = saga.then(step, undo)
        return saga


@pytest.fixture
def undos(clock: FakeClock) -> Undos:
    return Undos(clock)


async def test_undos_run_one_after_the_other(undos: Undos, after: Any) -> None:
    saga = undos.saga(ValueError(), undos.undo("a", 1), undos.undo("b", 2), undos.undo("c", 3))
    with pytest.raises(ValueError):
        await after(6, saga.execute("x"))
    assert undos.began == [("c", 0), ("b", 3), ("a", 5)]
    assert undos.ended == [("c", 3), ("b", 5), ("a", 6)]


async def test_cancelled_step_is_undone_with_those_before_it(
    clock: FakeClock, undos: Undos
) -> None:
    slow = MockPrimitive(side_effect=lambda x, context: clock.sleep(60))
    saga = undos.saga(None, undos.undo("a", 1)).then(slow, undos.undo("b", 1))
    task = asyncio.ensure_future(saga.execute("x"))
    await settle()
    task.cancel()
    await clock.sleep_through(2)
    assert undos.ended == [("b", 1), ("a", 2)]
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert undo_reports(caught.value)[0].undone == ("mock", "step 0")


async def test_caller_is_held_until_all_is_undone_however_often_cancelled(
    clock: FakeClock, undos: Undos
) -> None:
    saga = undos.saga(ValueError(), undos.undo("a", 2), undos.undo("b", 2))
    task = asyncio.ensure_future(saga.execute("x"))
    await settle()
    for _ in range(7):
        task.cancel()
        await clock.sleep_through(0.5)
        assert not task.done()
    await clock.sleep_through(0.5)
    assert undos.ended == [("b", 2), ("a", 4)]
    assert task.cancelled()


async def test_failed_undo_does_not_keep_the_others_from_running(undos: Undos) -> None:
    error, worse = ValueError("no seats"), OSError("ledger is gone")
    saga = undos.saga(error, undos.undo("a"), undos.undo("b", error=worse), undos.undo("c"))
    with pytest.raises(
        CompensationError, match=r"step 2 failed .* undoing step 1 failed"
    ) as caught:
        await saga.execute("x")
    assert [name for name, _ in undos.ended] == ["c", "b", "a"]
    assert (caught.value.step, caught.value.error) == ("step 2", error)
    assert caught.value.compensation_error is worse
    assert caught.value.__cause__ is worse


async def test_failed_undo_of_the_step_itself_is_told_in_fewer_words(undos: Undos) -> None:
    saga = undos.saga(ValueError(), undos.undo("a"), undos.undo("b", error=OSError()))
    with pytest.raises(CompensationError, match=r"step 1 failed .* its compensation failed too"):
        await saga.execute("x")


async def test_several_failed_undos_are_raised_as_a_group(undos: Undos) -> None:
    first, second = OSError("a"), KeyError("b")
    saga = undos.saga(ValueError(), undos.undo("a", error=first), undos.undo("b", error=second))
    with pytest.raises(CompensationError, match="undoing step 1, step 0 failed") as caught:
        await saga.execute("x")
    group = caught.value.compensation_error
    assert isinstance(group, ExceptionGroup)
    assert group.exceptions == (second, first)


@pytest.mark.parametrize(
    ("seconds", "shares"),
    [((0, 0, 0), (10, 15, 30)), ((60, 60, 60), (10, 20, 30)), ((0, 0, 6), (10, 18, 30))],
    ids=["quick", "all-hang", "unused-time-is-left-to-the-others"],
)
async def test_each_undo_may_take_an_equal_share_of_what_is_left(
    undos: Undos, after: Any, seconds: tuple[float, ...], shares: tuple[float, ...]
) -> None:
    """One that hangs cannot use up the time of those after it, and all together take 30 s."""
    a, b, c = (undos.undo(name, time) for name, time in zip("abc", seconds, strict=True))
    saga = undos.saga(ValueError(), a, b, c, compensation_timeout_seconds=30)
    with pytest.raises((ValueError, CompensationError)):
        await after(30, saga.execute("x"))
    assert tuple(undos.deadlines[name] for name in "cba") == shares


async def test_steps_without_an_undo_have_no_share(undos: Undos) -> None:
    saga = undos.saga(ValueError(), None, undos.undo("a"), None, compensation_timeout_seconds=9)
    with pytest.raises(ValueError):
        await saga.execute("x")
    assert undos.deadlines == {"a": 9}


async def test_undo_that_hangs_is_stopped_and_the_others_run(undos: Undos, after: Any) -> None:
    saga = undos.saga(
        ValueError(), undos.undo("a", 1), undos.undo("b", 60), compensation_timeout_seconds=10
    )
    with pytest.raises(CompensationError) as caught:
        await after(6, saga.execute("x"))
    assert undos.ended == [("b", 5), ("a", 6)]
    assert isinstance(caught.value.compensation_error, TimeoutError)
    assert caught.value.compensation_error.primitive == "undo b"


async def test_undo_that_is_deaf_overdraws_the_time_and_the_next_one_still_begins(
    clock: FakeClock, undos: Undos, after: Any
) -> None:
    """Python cannot stop it; what does not wait is undone even when no time is left."""

    async def deaf(effect: Effect[Any, Any]) -> None:
        for _ in range(2):
            try:
                await clock.sleep(40)
            except asyncio.CancelledError:
                continue

    gone: list[str] = []
    saga = undos.saga(
        ValueError(), lambda effect: gone.append("a"), deaf, compensation_timeout_seconds=10
    )
    with pytest.raises((ValueError, CompensationError)):
        await after(100, saga.execute("x"))
    assert gone == ["a"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
async def test_exit_of_the_program_is_undone_first(
    undos: Undos, after: Any, kind: type[BaseException]
) -> None:
    """As `finally` would."""
    error = kind()
    saga = undos.saga(error, undos.undo("a", 1), undos.undo("b", 1))

    async def ends() -> BaseException:
        with pytest.raises(kind) as caught:
            await saga.execute("x")
        return caught.value

    assert await after(2, ends()) is error
    assert [name for name, _ in undos.ended] == ["b", "a"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
async def test_exit_of_the_program_is_raised_whatever_the_undos_do(
    undos: Undos, kind: type[BaseException]
) -> None:
    """Code that catches errors and goes on must not take it for one."""
    error = kind()
    with pytest.raises(kind) as caught:
        await undos.saga(error, undos.undo("a", error=OSError())).execute("x")
    assert caught.value is error
    assert undo_reports(error)[0].not_undone == ("step 0",)


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_undo_that_ends_the_program_leaves_the_others_to_run(end: type[BaseException]) -> None:
    """The loop is shut down then, and what is left of the saga still runs to its end."""
    undone: list[str] = []

    def undo(effect: Effect[Any, Any]) -> None:
        undone.append("b")
        raise end

    saga = SagaPrimitive(MockPrimitive(), undo=lambda effect: undone.append("a")).then(
        MockPrimitive(raise_error=ValueError()), undo
    )
    with pytest.raises(end):
        saga.run("x")
    assert undone == ["b", "a"]


def test_loop_that_is_shut_down_ends_only_the_undo_that_runs() -> None:
    """As after a second Ctrl-C: the others still run, and what was not undone is told."""
    undone: list[str] = []
    reports: list[Any] = []

    async def hangs(effect: Effect[Any, Any]) -> None:
        await asyncio.sleep(60)

    saga = SagaPrimitive(MockPrimitive("a"), undo=lambda effect: undone.append("a")).then(
        MockPrimitive("b", raise_error=ValueError()), hangs
    )

    async def call() -> None:
        try:
            await saga.execute("x")
        except asyncio.CancelledError as error:
            reports.extend(undo_reports(error))
            raise

    async def main() -> None:
        running = asyncio.ensure_future(call())
        await settle()
        assert not running.done()
        # the loop cancels every task when its main one ends

    asyncio.run(main())
    assert undone == ["a"]
    assert [(report.undone, report.not_undone) for report in reports] == [(("a",), ("b",))]


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), OSError(), builtins.TimeoutError()], ids=repr
)
async def test_undo_may_fail_with_anything(undos: Undos, error: BaseException) -> None:
    saga = undos.saga(ValueError(), undos.undo("a"), undos.undo("b", error=error))
    with pytest.raises(CompensationError):
        await saga.execute("x")
    assert [name for name, _ in undos.ended] == ["b", "a"]


async def test_undos_of_two_runs_go_on_side_by_side(undos: Undos, after: Any) -> None:
    """They share nothing but the saga."""
    saga = undos.saga(ValueError(), undos.undo("a", 2))
    both = asyncio.gather(saga.execute("x"), saga.execute("y"), return_exceptions=True)
    found = await after(2, both)
    assert [type(one) for one in found] == [ValueError, ValueError]
    assert undos.ended == [("a", 2), ("a", 2)]
