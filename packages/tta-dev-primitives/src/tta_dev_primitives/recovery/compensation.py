"""Undo a step that failed half-way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, WorkflowPrimitive, as_primitive
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.deadline import within
from tta_dev_primitives.errors import CompensationError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tta_dev_primitives.core.context import WorkflowContext


class SagaPrimitive(WorkflowPrimitive[In, Out]):
    """Run a step, and undo what it did when it fails or is cancelled.

    The compensation gets the same input. It runs to its end even when the caller is cancelled
    meanwhile, under a deadline of its own instead of the caller's. The error of the step, or the
    cancellation, is raised when it is done.

    Args:
        forward: What to run.
        compensation: Undoes *forward*, which may have done all, some or nothing of its work.
        compensation_timeout_seconds: Longest time for undoing.
        clock: Where the time comes from.
        name: Name in paths, traces and diagrams.

    Raises:
        CompensationError: (when run) undoing failed too; it holds both errors.
    """

    def __init__(
        self,
        forward: Step[In, Out],
        compensation: Step[In, Any],  # Any: its result is not used
        *,
        compensation_timeout_seconds: float = 30.0,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        if not compensation_timeout_seconds > 0:
            msg = (
                "compensation_timeout_seconds must be positive, "
                f"got {compensation_timeout_seconds!r}"
            )
            raise ConfigurationError(msg)
        self.forward: WorkflowPrimitive[In, Out] = as_primitive(forward)
        self.compensation: WorkflowPrimitive[In, Any] = as_primitive(compensation)
        self._timeout = compensation_timeout_seconds
        self._clock = clock
        self.name = name

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step; undo it if it does not end well."""
        try:
            return await self.forward.execute(input_data, context)
        except (Exception, asyncio.CancelledError) as error:
            await self._compensate(input_data, context, error)
            raise

    async def _compensate(
        self, input_data: In, context: WorkflowContext, error: BaseException
    ) -> None:
        undo = asyncio.ensure_future(self._undo(input_data, context))
        cancelled: asyncio.CancelledError | None = None
        while not undo.done():
            try:
                await asyncio.wait((undo,))
            except asyncio.CancelledError as again:
                cancelled = again  # undoing goes on; the caller hears of it afterwards
        failure = _failure(undo)
        self._report(failure)
        if failure is not None:
            raise CompensationError(self.forward.label, error, failure) from failure
        if cancelled is not None:
            raise cancelled

    async def _undo(self, input_data: In, context: WorkflowContext) -> None:
        deadline = self._clock.monotonic() + self._timeout
        view = context.with_deadline(deadline, enforced=True)
        call = self.compensation.execute(input_data, view)
        await within(call, deadline, self._clock, self.compensation.label)

    def _report(self, failure: BaseException | None) -> None:
        if observe.active is not None:
            result: Literal["ok", "error", "timeout"] = "ok"
            if failure is not None:
                result = "timeout" if isinstance(failure, TimeoutError) else "error"
            observe.report(observe.SagaRecord(self.forward.label, result))

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the step and its compensation."""
        return [("forward", self.forward), ("compensation", self.compensation)]


def _failure(task: asyncio.Future[Any]) -> BaseException | None:
    if task.cancelled():
        return asyncio.CancelledError()
    return task.exception()
