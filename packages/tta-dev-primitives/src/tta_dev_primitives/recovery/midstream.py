"""What a reader is told, and what the next step gets, when a stream breaks off half-way."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tta_dev_primitives.core.streaming import StreamRestarted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from tta_dev_primitives.core.base import WorkflowPrimitive
    from tta_dev_primitives.core.context import WorkflowContext

Midstream: TypeAlias = Literal["fail", "restart", "splice"]


class Journey:
    """One stream on its way through the steps that each give a part of it.

    Args:
        midstream: What to do when a step fails after its first chunk.
        continue_with: Makes the input for the step that goes on; with `splice` alone.
        input_data: What the first step works on.
        context: The run it belongs to.
        following: Takes an error and returns the step to run then with its number, or None.
    """

    __slots__ = ("_context", "_continue_with", "_following", "_input", "_kept", "_mode")

    def __init__(
        self,
        midstream: Midstream,
        continue_with: Callable[[Any, list[Any]], Any] | None,
        input_data: Any,  # Any: passed through untouched
        context: WorkflowContext,
        following: Callable[[Exception], tuple[int, WorkflowPrimitive[Any, Any]] | None],
    ) -> None:
        self._mode, self._continue_with = midstream, continue_with
        self._input, self._context, self._following = input_data, context, following
        self._kept: list[Any] | None = None if continue_with is None else []

    async def chunks(
        self,
        step: WorkflowPrimitive[Any, Any],
        input_data: Any,  # Any: as above
    ) -> AsyncGenerator[Any, None]:
        """Yield the chunks of *step*, and where it fails those of the steps after it."""
        source = step.stream(input_data, self._context)
        kept, taken, yielding = self._kept, 0, False
        try:
            async for chunk in source:
                taken += 1
                if kept is not None:
                    kept.append(chunk)
                yielding = True
                yield chunk
                yielding = False
        except Exception as error:
            may_go_on = not yielding and (not taken or self._mode != "fail")
            following = self._following(error) if may_go_on else None
            if following is None:
                raise
            index, other = following
            if self._mode == "restart" and taken:
                yield StreamRestarted(other.label, index, type(error).__name__, taken)
            # Inside the handler, so that Python itself chains the contexts of the errors.
            async with contextlib.aclosing(self.chunks(other, self._next_input())) as rest:
                async for chunk in rest:
                    yield chunk
        finally:
            await source.aclose()

    def _next_input(self) -> Any:
        if self._continue_with is None or not self._kept:
            return self._input
        return self._continue_with(self._input, list(self._kept))
