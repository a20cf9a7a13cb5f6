"""Stop waiting for a step that takes too long."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, WorkflowPrimitive, X, Y, as_primitive
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.context import WorkflowContext
from tta_dev_primitives.core.deadline import Bell
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.errors import (
    ConfigurationError,
    StreamPart,
    StreamTimeoutError,
    TimeoutError,  # noqa: A004 - also caught the stdlib way
)

from .coarse_timers import SYSTEM_COARSE_CLOCK, CoarseBell, CoarseClock, Slot
from .limit_timers import LimitClock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from types import CoroutineType

__all__ = ["StreamTimeoutError", "TimeoutError", "TimeoutPrimitive"]
_HISTORY_LIMIT: Final = 1000


class TimeoutPrimitive(PolicyPrimitive[In, Out]):
    """Stop waiting for a step after *timeout_seconds*.

    The step is cancelled, not abandoned: by the time `TimeoutError` reaches you, its `finally`
    blocks have run. Inside, the context carries the deadline, so waits further in are capped by
    it, and a looser limit inside a tighter one arms no timer. Where the caller's own deadline
    comes first, the step is stopped then, and no fallback runs.

    A stream is limited as a whole, and on request until its first chunk and between two chunks.
    The whole counts the time in which the reader holds a chunk; the others count waiting alone.

    Args:
        primitive: What to run.
        timeout_seconds: Longest wait; None where one of the limits below is enough.
        fallback: Runs instead of raising. It gets the same input, and no limit of its own.
        track_timeouts: Count in `context.state["timeout_count"]` and keep the last thousand in
            `context.state["timeout_history"]`.
        first_chunk_seconds: Longest wait for the first chunk of a stream, from its start.
        idle_seconds: Longest wait for each further chunk.
        coarse: Share one timer among all calls of the event loop, whatever their limits; otherwise
            calls under this one limit share one. A coarse limit is noticed up to 20 ms late, never
            early.
        clock: Where the time comes from.
        name: Name in paths, traces and diagrams.

    Raises:
        ConfigurationError: A limit is not positive, or there is none.
        TimeoutError: (when run) the limit passed and there is no fallback; `StreamTimeoutError`
            where it was not the limit of the whole.
    """

    def __init__(
        self,
        primitive: Step[In, Out] | None = None,
        timeout_seconds: float | None = 30.0,
        fallback: Step[In, Out] | None = None,
        track_timeouts: bool = True,  # noqa: FBT001, FBT002 - the 0.1 signature
        *,
        first_chunk_seconds: float | None = None,
        idle_seconds: float | None = None,
        coarse: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        super().__init__(primitive, name=name)
        limits = {
            "timeout_seconds": timeout_seconds,
            "first_chunk_seconds": first_chunk_seconds,
            "idle_seconds": idle_seconds,
        }
        for argument, limit in limits.items():
            if limit is not None and not limit > 0:
                msg = f"{argument} must be positive, got {limit!r}"
                raise ConfigurationError(msg)
        if all(limit is None for limit in limits.values()):
            msg = "timeout_seconds=None limits nothing; set first_chunk_seconds or idle_seconds"
            raise ConfigurationError(msg)
        self.timeout_seconds = None if timeout_seconds == math.inf else timeout_seconds
        self.first_chunk_seconds = first_chunk_seconds
        self.idle_seconds = idle_seconds
        self.fallback: WorkflowPrimitive[In, Out] | None = (
            None if fallback is None else as_primitive(fallback)
        )
        self.track_timeouts = track_timeouts
        self._coarse = coarse
        self._set: Callable[[object, float], Slot] = LimitClock(clock).set
        if coarse:
            shared = clock is SYSTEM_CLOCK
            self._set = (SYSTEM_COARSE_CLOCK if shared else CoarseClock(clock)).set
        self._clock = clock
        self._now = clock.monotonic

    if TYPE_CHECKING:  # what it wraps keeps its types

        def wrap(self, primitive: Step[X, Y]) -> TimeoutPrimitive[X, Y]: ...  # noqa: D102
        def __call__(self, primitive: Step[X, Y]) -> TimeoutPrimitive[X, Y]: ...  # noqa: D102

    def execute(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> CoroutineType[Any, Any, Out]:
        """Run the step under the limit of the whole."""
        if context is None:  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
            context = WorkflowContext()
        if observe.active is not None:
            return observe.observed_execute(TimeoutPrimitive._limited, self, input_data, context)
        if context.deadline_enforced and self._primitive is not None:
            limit, outer = self.timeout_seconds, context.deadline
            if limit is None or (outer is not None and outer <= self._now() + limit):
                # The outer limit ends it: also later, when this is awaited, it comes first.
                return self._primitive.execute(input_data, context)
        return self._limited(input_data, context)

    vars(execute)["_tta_entry"] = True  # it calls the observers itself

    async def _limited(self, input_data: In, context: WorkflowContext) -> Out:
        primitive = self._primitive
        if primitive is None:
            primitive = self.primitive  # which says what is missing
        limit, outer = self.timeout_seconds, context.deadline
        if limit is None:
            if outer is None or outer == math.inf or context.deadline_enforced:
                return await primitive.execute(input_data, context)
            limit = math.inf
        began = self._now()
        deadline = began + limit
        if outer is not None and outer <= deadline:
            if context.deadline_enforced:
                return await primitive.execute(input_data, context)  # the outer limit ends it
            deadline, limit = outer, self._left(outer, began)
        view = context.with_deadline(deadline, enforced=True)
        slot = self._set(view, deadline)
        try:
            value = await primitive.execute(input_data, view)
        except BaseException as error:
            if not slot.silence(view, error):
                raise
            fallback = None if deadline is outer else self.fallback
            return await self._too_late(error, input_data, context, limit, began, fallback)
        if view in slot:  # as `slot.silence(view, None)` does, for half of its price
            del slot[view]
            if not slot and not slot.timers.looking:
                slot.timers.emptied()
        else:
            slot.silence(view, None)
        return value

    async def _too_late(
        self,
        cancelled: BaseException,
        input_data: In,
        context: WorkflowContext,
        limit: float,
        began: float,
        fallback: WorkflowPrimitive[In, Out] | None,
    ) -> Out:
        """Raise the timeout, or answer it with the fallback, whose errors have it as context."""
        try:
            raise TimeoutError(self._subject, limit) from cancelled
        except TimeoutError as error:
            self._note(context, limit, began)
            if fallback is None:
                raise
            self._note_fallback(fallback, error)
            return await fallback.execute(input_data, context)

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the step under all limits.

        The fallback runs only when a limit passed before the first chunk.
        """
        fallback, limit, outer = self.fallback, self.timeout_seconds, context.deadline
        began = self._now()
        deadline = math.inf if limit is None else began + limit
        view, stopped_at, by_caller = context, math.inf, False
        if outer is not None and outer <= deadline:
            if context.deadline_enforced:
                deadline, limit, stopped_at = math.inf, None, outer  # the outer limit ends it
            else:
                deadline, limit, by_caller = outer, self._left(outer, began), True
        if limit is not None:
            view = context.with_deadline(deadline, enforced=True)
        chunks = self.primitive.stream(input_data, view)
        part: StreamPart = "first chunk"
        patience, passed = self.first_chunk_seconds, False
        try:
            while True:
                now = self._now()
                due = math.inf if patience is None else now + patience
                if due >= min(deadline, stopped_at):
                    due, patience = deadline, None
                if due <= now:  # it passed while the consumer held the last chunk
                    passed = True
                    raise TimeoutError(self._subject, limit or 0)
                # A bell for each chunk: the consumer may take the next one in another task.
                bell = None if due == math.inf else self._bell_at(due, now)
                try:
                    chunk = await anext(chunks)
                except BaseException as error:
                    if bell is not None and bell.silence(error):
                        passed = True
                        if patience is not None:
                            began = now
                            raise StreamTimeoutError(self._subject, patience, part) from error
                        if by_caller:
                            fallback = None
                        raise TimeoutError(self._subject, limit or 0) from error
                    if isinstance(error, StopAsyncIteration):
                        return
                    raise
                if bell is not None:
                    bell.silence(None)
                fallback = None
                yield chunk
                part, patience = "next chunk", self.idle_seconds
        except TimeoutError as error:
            if not passed:
                raise
            self._note(context, error.timeout_seconds, began)
            if fallback is None:
                raise
            self._note_fallback(fallback, error)
            async with contextlib.aclosing(fallback.stream(input_data, context)) as rescue:
                async for chunk in rescue:
                    yield chunk
        finally:
            await chunks.aclose()

    def _bell_at(self, due: float, now: float) -> Bell | CoarseBell:
        return CoarseBell(self._set, due) if self._coarse else Bell(due - now, self._clock)

    @property
    def _subject(self) -> str:
        return self.name or self.primitive.label

    def _left(self, deadline: float, now: float) -> float:
        """Return the seconds until the caller's deadline; once it has passed, nothing is begun."""
        if deadline <= now:
            raise TimeoutError(self._subject, 0)
        return deadline - now

    def _note(self, context: WorkflowContext, limit: float, began: float) -> None:
        if self.track_timeouts:
            state = context.state
            state["timeout_count"] = state.get("timeout_count", 0) + 1
            history: list[dict[str, object]] = state.setdefault("timeout_history", [])
            history.append(
                {
                    "primitive": self._subject,
                    "timeout": limit,
                    "had_fallback": self.fallback is not None,
                }
            )
            del history[:-_HISTORY_LIMIT]
        if observe.active is not None:
            observe.report(observe.TimeoutRecord(limit, self._now() - began))

    def _note_fallback(self, fallback: WorkflowPrimitive[In, Out], error: BaseException) -> None:
        if observe.active is not None:
            record = observe.FallbackRecord(fallback.label, 1, type(error).__name__)
            observe.report(record, outcome="fallback")

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the step and the fallback."""
        found = list(super().children())
        if self.fallback is not None:
            found.append(("fallback", self.fallback))
        return found
