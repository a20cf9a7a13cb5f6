"""A primitive that does what the test says."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.core.base import FRESH, WorkflowPrimitive

if TYPE_CHECKING:
    from collections.abc import Callable

    from tta_dev_primitives.core.context import WorkflowContext


class MockPrimitive(WorkflowPrimitive[Any, Any]):
    """Return, raise or compute what a test needs, and remember the calls.

    Args:
        name: Name in paths, traces and diagrams.
        return_value: What every call returns.
        raise_error: What every call raises instead.
        side_effect: Called with `(x, context)`, sync or async; its result is returned. A list
            instead gives one outcome per call: values are returned, exceptions raised.
    """

    def __init__(
        self,
        name: str = "mock",
        return_value: Any = None,  # Any: a stand-in for any step
        raise_error: BaseException | None = None,
        side_effect: Callable[[Any, WorkflowContext], Any] | list[Any] | None = None,
    ) -> None:
        self.name = name
        self.return_value, self.raise_error, self.side_effect = (
            return_value,
            raise_error,
            side_effect,
        )
        self.calls: list[tuple[Any, WorkflowContext]] = []

    @property
    def call_count(self) -> int:
        """How many calls there were."""
        return len(self.calls)

    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        """Do what the test said."""
        self.calls.append((input_data, context))
        effect: Any = self.side_effect
        if isinstance(effect, list):
            outcome = self._scripted(cast("list[Any]", effect))
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome
        if self.raise_error is not None:
            raise self.raise_error
        if effect is None:
            return self.return_value
        result = effect(input_data, context)
        return await result if inspect.isawaitable(result) else result

    def _scripted(self, outcomes: list[Any]) -> Any:
        if len(self.calls) > len(outcomes):
            msg = (
                f"{self.name} was called {len(self.calls)} times, "
                f"but only {len(outcomes)} outcomes are scripted"
            )
            raise AssertionError(msg)
        return outcomes[len(self.calls) - 1]

    def reset(self) -> None:
        """Forget the calls."""
        self.calls.clear()
