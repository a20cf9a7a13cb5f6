"""Stop waiting for a step that takes too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, WorkflowPrimitive, as_primitive
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

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step under the limit."""
        began = self._now()
        deadline = began + self.timeout_seconds
        outer = context.deadline
        if outer is not None and outer <= deadline:
            return await self.primitive.execute(input_data, context)  # the outer limit comes first
        alarm = Alarm(self.timeout_seconds, self._clock, self._subject())
        try:
            with alarm:
                return await self.primitive.execute(input_data, context.with_deadline(deadline))
        except TimeoutError as error:
            if not alarm.rang:
                raise
            self._note(context, began)
            if self.fallback is None:
                raise
            self._note_fallback(error)
            return await self.fallback.execute(input_data, context)

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the step; the limit holds from the start to the last chunk.

        The fallback runs only when the limit passed before the first chunk.
        """
        began = self._now()
        deadline = began + self.timeout_seconds
        if context.deadline is not None:
            deadline = min(deadline, context.deadline)
        begun = False
        chunks = self.primitive.stream(input_data, context.with_deadline(deadline))
        try:
            while True:
                # A timer for each chunk: the consumer may hold the stream from another task.
                remaining = deadline - self._now()
                with Alarm(remaining, self._clock, self._subject(), self.timeout_seconds):
                    try:
                        chunk = await anext(chunks)
                    except StopAsyncIteration:
                        return
                begun = True
                yield chunk
        except TimeoutError as error:
            if self._now() < deadline:
                raise
            self._note(context, began)
            if self.fallback is None or begun:
                raise
            self._note_fallback(error)
        finally:
            await chunks.aclose()
        rescue = self.fallback.stream(input_data, context)
        try:
            async for chunk in rescue:
                yield chunk
        finally:
            await rescue.aclose()

    def _subject(self) -> str:
        return self.name or self.primitive.label

    def _note(self, context: WorkflowContext, began: float) -> None:
        if self.track_timeouts:
            state = context.state
            state["timeout_count"] = state.get("timeout_count", 0) + 1
            history: list[dict[str, object]] = state.setdefault("timeout_history", [])
            history.append(
                {
                    "primitive": self._subject(),
                    "timeout": self.timeout_seconds,
                    "had_fallback": self.fallback is not None,
                }
            )
            del history[:-_HISTORY_LIMIT]
        if observe.active is not None:
            observe.report(observe.TimeoutRecord(self.timeout_seconds, self._now() - began))

    def _note_fallback(self, error: BaseException) -> None:
        if observe.active is not None and self.fallback is not None:
            record = observe.FallbackRecord(self.fallback.label, 1, type(error).__name__)
            observe.report(record, outcome="fallback")

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the step and the fallback."""
        found = list(super().children())
        if self.fallback is not None:
            found.append(("fallback", self.fallback))
        return found
