"""Stop waiting for a step that takes too long."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, WorkflowPrimitive, X, Y, as_primitive
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.deadline import Alarm
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.errors import ConfigurationError, TimeoutError  # noqa: A004 - as above

from .coarse_timers import CoarseAlarm

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from tta_dev_primitives.core.context import WorkflowContext

__all__ = ["StreamTimeoutError", "TimeoutError", "TimeoutPrimitive"]
StreamPart: TypeAlias = Literal["first chunk", "next chunk"]
_HISTORY_LIMIT: Final = 1000


class StreamTimeoutError(TimeoutError):
    """Raised when a stream was given up while it was waited for its first or its next chunk.

    Args:
        primitive: Name of what was stopped.
        timeout_seconds: The limit that passed.
        waited_for: Which chunk did not come.
    """

    def __init__(self, primitive: str, timeout_seconds: float, waited_for: StreamPart) -> None:
        super().__init__(primitive, timeout_seconds)
        self.args = (f"{self.args[0]} while waiting for the {waited_for}",)
        self.waited_for: StreamPart = waited_for


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
        coarse: Share one timer among all calls of the event loop. A limit is noticed up to 20 ms
            late, never early, and costs a third of its own timer.
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
        self.timeout_seconds = timeout_seconds
        self.first_chunk_seconds = first_chunk_seconds
        self.idle_seconds = idle_seconds
        self.fallback: WorkflowPrimitive[In, Out] | None = (
            None if fallback is None else as_primitive(fallback)
        )
        self.track_timeouts = track_timeouts
        self.coarse = coarse
        self._clock = clock
        self._now = clock.monotonic

    if TYPE_CHECKING:  # what it wraps keeps its types

        def wrap(self, primitive: Step[X, Y]) -> TimeoutPrimitive[X, Y]: ...  # noqa: D102
        def __call__(self, primitive: Step[X, Y]) -> TimeoutPrimitive[X, Y]: ...  # noqa: D102

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step under the limit of the whole."""
        primitive = self._primitive
        if primitive is None:
            primitive = self.primitive  # which says what is missing
        fallback, limit, outer = self.fallback, self.timeout_seconds, context.deadline
        began = self._now()
        deadline = math.inf if limit is None else began + limit
        if outer is not None and outer <= deadline:
            if context.deadline_enforced:
                return await primitive.execute(input_data, context)  # the outer limit ends it
            deadline, limit, fallback = outer, self._left(outer, began), None
        if limit is None:
            return await primitive.execute(input_data, context)
        try:
            view = context.with_deadline(deadline, enforced=True)
            alarm = CoarseAlarm(deadline, self._clock) if self.coarse else Alarm(limit, self._clock)
            try:
                value = await primitive.execute(input_data, view)
            except BaseException as error:
                if alarm.silence(error):
                    raise TimeoutError(self._subject, limit) from error
                raise
            alarm.silence(None)
        except TimeoutError as error:
            if not alarm.rang:
                raise
            self._note(context, limit, began)
            if fallback is None:
                raise
            self._note_fallback(fallback, error)
            return await fallback.execute(input_data, context)
        else:
            return value

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the step; the limit holds from the start to the last chunk.

        The fallback runs only when the limit passed before the first chunk.
        """
        primitive, fallback = self.primitive, self.fallback
        began, limit = self._now(), self.timeout_seconds
        deadline, outer = began + limit, context.deadline
        if outer is not None and outer <= deadline:
            if context.deadline_enforced:
                async with contextlib.aclosing(primitive.stream(input_data, context)) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return
            deadline, limit, fallback = outer, self._left(outer, began), None
        subject = self.name or primitive.label
        chunks = primitive.stream(input_data, context.with_deadline(deadline, enforced=True))
        passed = False
        try:
            while True:
                remaining = deadline - self._now()
                if remaining <= 0:
                    passed = True  # while the consumer held the last chunk
                    raise TimeoutError(subject, limit)
                # An alarm for each chunk: the consumer may take the next one in another task.
                alarm = Alarm(remaining, self._clock, subject, limit)
                try:
                    with alarm:
                        chunk = await anext(chunks)
                except StopAsyncIteration:
                    return
                finally:
                    passed = alarm.rang
                fallback = None
                yield chunk
        except TimeoutError as error:
            if not passed:
                raise
            self._note(context, limit, began)
            if fallback is None:
                raise
            self._note_fallback(fallback, error)
            async with contextlib.aclosing(fallback.stream(input_data, context)) as rescue:
                async for chunk in rescue:
                    yield chunk
        finally:
            await chunks.aclose()

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
