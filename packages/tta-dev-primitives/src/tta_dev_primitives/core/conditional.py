"""One of two steps, by a condition."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.errors import ConfigurationError

from . import observe
from .base import FRESH, In, Out, Step, WorkflowPrimitive, as_primitive
from .identity import identity

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from .context import WorkflowContext


class ConditionalPrimitive(WorkflowPrimitive[In, Out]):
    """Run one step or another, as a condition says.

    Args:
        condition: Takes `(x, context)` and says which way; what it raises ends the call.
        then_primitive: Runs when the condition holds.
        else_primitive: Runs when it does not; without one the input is returned as it is.
        name: Name in paths, traces and diagrams.

    Raises:
        ConfigurationError: *condition* is not a plain function.
    """

    def __init__(
        self,
        condition: Callable[[In, WorkflowContext], bool],
        then_primitive: Step[In, Out],
        else_primitive: Step[In, Out] | None = None,
        *,
        name: str = "",
    ) -> None:
        if not callable(condition) or inspect.iscoroutinefunction(condition):
            msg = (
                f"condition must be a plain function of (x, context), got {condition!r}; "
                "await what it needs in a step before this one"
            )
            raise ConfigurationError(msg)
        self.condition = condition
        self.then_primitive = as_primitive(then_primitive)
        self.else_primitive = None if else_primitive is None else as_primitive(else_primitive)
        self.name = name

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the branch that the condition names."""
        branch = self._choose(input_data, context)
        if branch is None:
            return input_data  # pyright: ignore[reportReturnType] - no else branch: the input passes
        return await branch.execute(input_data, context)

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the branch that the condition names."""
        branch = self._choose(input_data, context)
        if branch is None:
            yield input_data
            return
        chunks = branch.stream(input_data, context)
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    def _choose(
        self, input_data: In, context: WorkflowContext
    ) -> WorkflowPrimitive[In, Out] | None:
        holds = self.condition(input_data, context)
        if observe.active is not None:
            observe.report(observe.BranchRecord("then" if holds else "else"))
        return self.then_primitive if holds else self.else_primitive

    def identity_parts(self) -> Sequence[object]:
        """Return what decides about the branch."""
        return (identity(self.condition),)

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the two branches."""
        branches: list[tuple[str, WorkflowPrimitive[Any, Any]]] = [("then", self.then_primitive)]
        if self.else_primitive is not None:
            branches.append(("else", self.else_primitive))
        return branches
