"""Steps that stand around others and count what passes, so that no policy is asked about itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from tta_dev_primitives.core.base import FRESH, WorkflowContext, WorkflowPrimitive, as_primitive
from tta_dev_primitives.errors import RejectedError


class Witness(WorkflowPrimitive[Any, Any]):
    """Counts the calls of a step and how they end.

    Attributes:
        begun: Calls that began.
        inside: Calls under way.
        done: Calls that came to their end.
        refused: Calls that were refused further in, before any chunk.
        failed: Calls that ended with an error or were cancelled; refused ones as well.
        cut: Of these, streams that had given a chunk.
    """

    def __init__(self, step: Any, on_begin: Callable[[], object] = lambda: None) -> None:
        self.step: WorkflowPrimitive[Any, Any] = as_primitive(step)
        self.on_begin = on_begin
        self.begun = self.inside = self.done = self.refused = self.failed = self.cut = 0

    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        self._begin()
        try:
            value = await self.step.execute(input_data, context)
        except BaseException as error:
            self._fail(error, chunks=0)
            raise
        finally:
            self.inside -= 1
        self.done += 1
        return value

    async def stream(
        self, input_data: Any, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:
        self._begin()
        taken = 0
        try:
            async with aclosing(self.step.stream(input_data, context)) as chunks:
                async for chunk in chunks:
                    taken += 1
                    yield chunk
        except BaseException as error:
            self._fail(error, chunks=taken)
            raise
        finally:
            self.inside -= 1
        self.done += 1

    def _begin(self) -> None:
        self.begun += 1
        self.inside += 1
        self.on_begin()

    def _fail(self, error: BaseException, *, chunks: int) -> None:
        self.failed += 1
        self.cut += chunks > 0
        self.refused += not chunks and isinstance(error, RejectedError)
