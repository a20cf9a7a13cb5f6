"""Undoing what steps did, one after the other, whatever comes in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.deadline import within
from tta_dev_primitives.core.introduction import introduced

from .effects import Effect, SagaStep, UnderKey
from .reports import StepReport, UndoResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tta_dev_primitives.core.clock import Clock
    from tta_dev_primitives.core.context import WorkflowContext

    # Any: each step has types of its own
    Done = Sequence[tuple[SagaStep, Effect[Any, Any]]]


class Rollback:
    """Undoes what the steps of one run did, the last one first.

    Each undo runs in a task of its own, so that a cancelled caller, or a loop that is shut down,
    ends at most the one that is running. None outlives `run`.

    Args:
        context: That of the run; undos get it with a deadline of their own.
        timeout_seconds: Longest time for all of them.
        clock: Where the time comes from.
        told: What the steps told observers, by their number; empty while nobody watched.

    Attributes:
        cancelled: The cancellation that the caller got meanwhile, to be raised in the end.
    """

    def __init__(
        self,
        context: WorkflowContext,
        timeout_seconds: float,
        clock: Clock,
        told: Mapping[int, observe.SagaStepRecord],
    ) -> None:
        self._context, self._clock, self._told = context, clock, told
        self._deadline = clock.monotonic() + timeout_seconds
        self.cancelled: asyncio.CancelledError | None = None

    async def run(self, done: Done) -> tuple[StepReport, ...]:
        """Undo *done* and tell, in its own order, what became of each step."""
        left = sum(_undoes(step, effect) for step, effect in done)
        reports: list[StepReport] = []
        for number, (step, effect) in reversed(list(enumerate(done, start=1))):
            result: UndoResult | None = None
            failure: BaseException | None = None
            if _undoes(step, effect):
                failure = await self._undo(number, step, effect, left)
                left -= 1
                result = _result(failure)
            reports.append(StepReport(effect.step, effect.key, effect.finished, result, failure))
        return tuple(reversed(reports))

    async def _undo(
        self, number: int, step: SagaStep, effect: Effect[Any, Any], left: int
    ) -> BaseException | None:
        """Undo one step, to the end, and return what went wrong."""
        task = asyncio.ensure_future(self._limited(number, step, effect, left))
        while not task.done():
            try:
                await asyncio.wait((task,))
            except asyncio.CancelledError as error:
                self.cancelled = error  # undoing goes on; the caller hears of it afterwards
        return asyncio.CancelledError() if task.cancelled() else task.exception()

    async def _limited(
        self, number: int, step: SagaStep, effect: Effect[Any, Any], left: int
    ) -> None:
        assert step.undo is not None
        now = self._clock.monotonic()
        deadline = now + (self._deadline - now) / left  # one that hangs leaves time for the others
        view = self._context.with_deadline(deadline, enforced=True)
        with UnderKey(effect.key):
            given = effect if step.takes_effect else effect.input
            if observe.active is None:
                call = step.undo.execute(given, view)
            else:
                record = observe.SagaUndoRecord(effect.step, number, self._told.get(number))
                call = introduced(record, step.undo, given, view)
            await within(call, deadline, self._clock, step.undo.label)


def _undoes(step: SagaStep, effect: Effect[Any, Any]) -> bool:
    return step.undo is not None and (effect.finished or not step.atomic)


def _result(failure: BaseException | None) -> UndoResult:
    if failure is None:
        return "ok"
    return "timeout" if isinstance(failure, TimeoutError) else "error"
