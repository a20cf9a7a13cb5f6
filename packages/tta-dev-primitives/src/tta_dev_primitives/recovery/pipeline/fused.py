"""A node that stands for the policies nested in it and runs them as one where it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, In, Out, WorkflowContext, WorkflowPrimitive
from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from types import CoroutineType

    from .fused_call import FusedCall


class FusedPrimitive(WorkflowPrimitive[In, Out]):
    """Run nested policies as one coroutine, or as they are while somebody observes.

    Observers so see every policy at its own path, and a stream always goes through the nested
    policies.

    Args:
        nested: The outermost policy; None where there is no step yet.
        call: The same policies in one; None where they cannot be.
        name: Name in paths, traces and diagrams.
    """

    def __init__(
        self,
        nested: WorkflowPrimitive[In, Out] | None,
        call: FusedCall | None,
        *,
        name: str = "",
    ) -> None:
        self._nested = nested
        self._run = None if call is None else call.run
        self.name = name

    @property
    def nested(self) -> WorkflowPrimitive[In, Out]:
        """The outermost policy.

        Raises:
            ConfigurationError: There is no step yet.
        """
        if self._nested is None:
            msg = "these policies wrap nothing yet; use resilient(step, ...) or .wrap(step)"
            raise ConfigurationError(msg)
        return self._nested

    def execute(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> CoroutineType[Any, Any, Out]:
        """Run the step under all policies."""
        if observe.active is None:
            run = self._run
            if run is not None:
                return run(input_data, context)
            return self.nested.execute(input_data, context)
        if context is None:  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
            context = WorkflowContext()
        return observe.observed_execute(FusedPrimitive._observed, self, input_data, context)

    vars(execute)["_tta_entry"] = True  # it calls the observers itself

    async def _observed(self, input_data: In, context: WorkflowContext) -> Out:
        return await self.nested.execute(input_data, context)

    def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the step under all policies; what they hold is given back however it ends."""
        if context is None:  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
            context = WorkflowContext()
        if observe.active is None:
            return self.nested.stream(input_data, context)
        return observe.observed_stream(FusedPrimitive._chunks, self, input_data, context)

    vars(stream)["_tta_entry"] = True

    def _chunks(self, input_data: In, context: WorkflowContext) -> AsyncGenerator[Any, None]:
        return self.nested.stream(input_data, context)

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the outermost policy, if there is a step."""
        return [] if self._nested is None else [("", self._nested)]
