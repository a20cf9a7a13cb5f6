"""What is settled about hedging before any call, and what a hedge is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.recovery.retry import is_retryable

from .stream_task import StreamTask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tta_dev_primitives.core.base import WorkflowPrimitive
    from tta_dev_primitives.core.clock import Clock
    from tta_dev_primitives.core.context import WorkflowContext
    from tta_dev_primitives.recovery.retry_budget import RetryBudget

    from .latency_quantile import LatencyQuantile


@dataclass(frozen=True, slots=True)
class Plan:
    """What all calls under one hedging policy share.

    Attributes:
        delay: Seconds until a hedge begins; not used where there is a *latency*.
        latency: Gives the delay, and learns how long each call took.
        max_hedges: Most further calls beside the first.
        alternatives: Where hedges go, in turn; to the step itself where there are none.
        budget: Bounds the hedges of all calls together.
        hedge_on_error: Whether a failure begins the next hedge at once.
        shadow: Whether hedges are only counted.
        clock: Where the time comes from.
    """

    delay: float | None
    latency: LatencyQuantile | None
    max_hedges: int
    alternatives: tuple[WorkflowPrimitive[Any, Any], ...]  # Any: passed through untouched
    budget: RetryBudget | None
    hedge_on_error: bool
    shadow: bool
    clock: Clock

    def can_mend(self, error: BaseException) -> bool:
        """Tell whether another call at once makes sense after *error*."""
        if not (self.hedge_on_error and isinstance(error, Exception)):
            return False
        if self.alternatives:
            return True
        return is_retryable(error) and not getattr(error, "retry_after", None)


class Hedge:
    """One call beside the first, in a task of its own.

    Args:
        number: Its place among the calls; the first hedge is 1.
        step: What to run.
        input_data: What it works on.
        context: The run it belongs to.
        streams: Whether to stream.
    """

    __slots__ = ("first", "number", "stream", "task")

    def __init__(
        self,
        number: int,
        step: WorkflowPrimitive[Any, Any],
        input_data: Any,  # Any: passed through untouched
        context: WorkflowContext,
        *,
        streams: bool,
    ) -> None:
        self.number = number
        self.stream = StreamTask(step, input_data, context) if streams else None
        self.task: asyncio.Task[Any]
        self.first: asyncio.Future[Any]
        """What decides the race: the result, or the first chunk."""
        if self.stream is None:
            # In a coroutine of ours, so that a step which cannot even be called fails in its task.
            call = _call(step, input_data, context)
            self.first = self.task = asyncio.get_running_loop().create_task(call)
        else:
            self.first, self.task = self.stream.first, self.stream.task

    @property
    def cost(self) -> object:
        """The cost that the result tells of, None while there is no result."""
        if self.stream is not None or not self.task.done() or self.task.cancelled():
            return None
        return None if self.task.exception() else getattr(self.task.result(), "cost", None)


async def stop(hedges: Iterable[Hedge]) -> None:
    """Cancel *hedges* and wait until they have ended, however often the caller is cancelled.

    Each is cancelled once, so that nothing disturbs its cleaning up.
    """
    tasks: list[asyncio.Task[Any]] = [hedge.task for hedge in hedges]
    pending: set[asyncio.Task[Any]] = {task for task in tasks if not task.done()}
    interruption: asyncio.CancelledError | None = None
    for task in pending:
        task.cancel()
    while pending:
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            interruption = error
        pending = {task for task in pending if not task.done()}
    for task in tasks:
        if not task.cancelled():
            task.exception()  # what a loser raises while it ends concerns nobody, not even the loop
    if interruption is not None:
        raise interruption


async def _call(
    step: WorkflowPrimitive[Any, Any], input_data: Any, context: WorkflowContext
) -> Any:
    return await step.execute(input_data, context)
