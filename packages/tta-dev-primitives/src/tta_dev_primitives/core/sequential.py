"""Steps one after the other."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.errors import ConfigurationError

from . import observe
from .at_once import Pending
from .base import FRESH, In, Out, Step, WorkflowContext, WorkflowPrimitive, as_primitive

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Iterable, Sequence

    from .streaming import StreamTransform


class SequentialPrimitive(WorkflowPrimitive[In, Out]):
    """Run steps in order, each on the result of the one before.

    Sequences inside sequences are flattened, so `a >> b >> c` is one node with three steps.

    Args:
        steps: At least one primitive or function.
        name: Name in paths, traces and diagrams.
    """

    def __init__(self, steps: Iterable[Step[Any, Any]], *, name: str = "") -> None:
        flat: list[WorkflowPrimitive[Any, Any]] = []
        for step in steps:
            primitive = as_primitive(step)
            if type(primitive) is SequentialPrimitive and not primitive.name:
                flat.extend(primitive.steps)
            else:
                flat.append(primitive)
        if not flat:
            msg = "a sequence needs at least one step, got none"
            raise ConfigurationError(msg)
        self.steps: tuple[WorkflowPrimitive[Any, Any], ...] = tuple(flat)
        self.name = name

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the steps in order; the first error ends the sequence."""
        value: Any = input_data
        for step in self.steps:
            value = await step.execute(value, context)
        return value

    def begin_execute(self, input_data: In, context: WorkflowContext) -> Out | Pending:
        """Run the steps that answer at once; see `WorkflowPrimitive.begin_execute`."""
        if observe.active is not None:
            return Pending(self.execute(input_data, context))
        value: Any = input_data
        for index, step in enumerate(self.steps):
            value = step.begin_execute(value, context)
            if type(value) is Pending:
                return Pending(self._go_on(index, value.coroutine, context))
        return value

    async def _go_on(
        self, index: int, begun: Coroutine[Any, Any, Any], context: WorkflowContext
    ) -> Out:
        value = await begun
        for step in self.steps[index + 1 :]:
            value = await step.execute(value, context)
        return value

    def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the last step, and the step before a tail of steps that transform streams.

        Steps ahead of it run by `execute`.
        """
        from .streaming import TransformPrimitive

        if context is None:  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
            context = WorkflowContext()
        if observe.active is not None:
            return observe.observed_stream(SequentialPrimitive._chunks, self, input_data, context)
        if any(type(step) is not TransformPrimitive for step in self.steps[1:]):
            return self._chunks(input_data, context)
        # Each of these closes what it reads, so that nothing is needed around them for each chunk.
        chunks = self.steps[0].stream(input_data, context)
        for step in self.steps[1:]:
            chunks = cast("TransformPrimitive", step).transform(chunks, context)
        return chunks

    vars(stream)["_tta_entry"] = True

    async def _chunks(self, input_data: In, context: WorkflowContext) -> AsyncGenerator[Any, None]:
        from .streaming import transforms

        source = len(self.steps) - 1
        while source > 0 and transforms(self.steps[source]):
            source -= 1
        value: Any = input_data
        for step in self.steps[:source]:
            value = await step.execute(value, context)
        async with contextlib.AsyncExitStack() as stack:
            chunks = self.steps[source].stream(value, context)
            stack.push_async_callback(chunks.aclose)
            for step in self.steps[source + 1 :]:
                chunks = cast("StreamTransform", step).transform(chunks, context)
                stack.push_async_callback(chunks.aclose)
            async for chunk in chunks:
                yield chunk

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the steps in order."""
        return [("", step) for step in self.steps]
