"""Something else when a step fails."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, Step, WorkflowPrimitive, as_primitive

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from tta_dev_primitives.core.context import WorkflowContext


class FallbackPrimitive(WorkflowPrimitive[In, Out]):
    """Run another step when the first one fails.

    When both fail, the error of the fallback is raised, and the first one stands in its
    `__context__`. Cancellation is never answered with a fallback. A stream falls back only
    before its first chunk, and a stream without chunks is a success.

    Args:
        primary: What to run.
        fallback: Runs on the same input when *primary* raised.
        name: Name in paths, traces and diagrams.
    """

    def __init__(self, primary: Step[In, Out], fallback: Step[In, Out], *, name: str = "") -> None:
        self.primary: WorkflowPrimitive[In, Out] = as_primitive(primary)
        self.fallback: WorkflowPrimitive[In, Out] = as_primitive(fallback)
        self.name = name

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the primary, or the fallback."""
        try:
            return await self.primary.execute(input_data, context)
        except Exception as error:  # noqa: BLE001 - any failure is what a fallback is for
            self._note(error)
            return await self.fallback.execute(input_data, context)

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the primary, or the fallback when it failed before its first chunk."""
        begun = False
        chunks = self.primary.stream(input_data, context)
        try:
            async for chunk in chunks:
                begun = True
                yield chunk
        except Exception as error:
            if begun:
                raise
            self._note(error)
            async with contextlib.aclosing(self.fallback.stream(input_data, context)) as rescue:
                async for chunk in rescue:
                    yield chunk
        finally:
            await chunks.aclose()

    def _note(self, error: Exception) -> None:
        if observe.active is not None:
            record = observe.FallbackRecord(self.fallback.label, 1, type(error).__name__)
            observe.report(record, outcome="fallback")

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the primary and the fallback."""
        return [("primary", self.primary), ("fallback", self.fallback)]
