"""Stop waiting for a step that takes too long."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, WorkflowPrimitive, X, Y, as_primitive
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.deadline import Alarm
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.errors import ConfigurationError, TimeoutError  # noqa: A004 - as above

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from tta_dev_primitives.core.context import WorkflowContext

__all__ = ["TimeoutError", "TimeoutPrimitive"]
_HISTORY_LIMIT: Final = 1000


class TimeoutPrimitive(PolicyPrimitive[In, Out]):
    """Stop waiting for a step after *timeout_seconds*.

    The step is cancelled, not abandoned: by the time `TimeoutError` reaches you, its `finally`
    blocks have run. Inside, the context carries the deadline, so waits further in are capped by
    it, and a looser limit inside a tighter one arms no timer. A stream is limited as a whole.
    Where the caller's own deadline comes first, the step is stopped then, and no fallback runs.

    Args:
        primitive: What to run.
        timeout_seconds: Longest wait.
        fallback: Runs instead of raising. It gets the same input, and no limit of its own.
        track_timeouts: Count in `context.state["timeout_count"]` and keep the last thousand in
            `context.state["timeout_history"]`.
        clock: Where the time comes from.
        name: Name in paths, traces and diagrams.

    Raises:
        ConfigurationError: *timeout_seconds* is not positive.
        TimeoutError: (when run) the limit passed and there is no fallback.
    """

    def __init__(
        self,
        primitive: Step[In, Out] | None = None,
        timeout_seconds: float = 30.0,
        fallback: Step[In, Out] | None = None,
        track_timeouts: bool = True,  # noqa: FBT001, FBT002 - the 0.1 signature
        *,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        super().__init__(primitive, name=name)
        if not timeout_seconds > 0:
            msg = f"timeout_seconds must be positive, got {timeout_seconds!r}"
            raise ConfigurationError(msg)
        self.timeout_seconds = timeout_seconds
        self.fallback: WorkflowPrimitive[In, Out] | None = (
            None if fallback is None else as_primitive(fallback)
        )
        self.track_timeouts = track_timeouts
        self._clock = clock
        self._now = clock.monotonic

    if TYPE_CHECKING:  # what it wraps keeps its types

        def wrap(self, primitive: Step[X, Y]) -> TimeoutPrimitive[X, Y]: ...  # noqa: D102
        def __call__(self, primitive: Step[X, Y]) -> TimeoutPrimitive[X, Y]: ...  # noqa: D102

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step under the limit."""
        primitive, fallback = self.primitive, self.fallback
        began, limit = self._now(), self.timeout_seconds
        deadline, outer = began + limit, context.deadline
        if outer is not None and outer <= deadline:
            if context.deadline_enforced:
                return await primitive.execute(input_data, context)  # the outer limit ends it
            deadline, limit, fallback = outer, self._left(outer, began), None
        alarm = Alarm(limit, self._clock, self.name or primitive.label)
        try:
            with alarm:
                return await primitive.execute(
                    input_data, context.with_deadline(deadline, enforced=True)
                )
        except TimeoutError as error:
            if not alarm.rang:
                raise
            self._note(context, limit, began)
            if fallback is None:
                raise
            self._note_fallback(fallback, error)
            return await fallback.execute(input_data, context)

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

    def _left(self, deadline: float, now: float) -> float:
        """Return the seconds until the caller's deadline; once it has passed, nothing is begun."""
        if deadline <= now:
            raise TimeoutError(self.name or self.primitive.label, 0)
        return deadline - now

    def _note(self, context: WorkflowContext, limit: float, began: float) -> None:
        if self.track_timeouts:
            state = context.state
            state["timeout_count"] = state.get("timeout_count", 0) + 1
            history: list[dict[str, object]] = state.setdefault("timeout_history", [])
            history.append(
                {
                    "primitive": self.name or self.primitive.label,
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
