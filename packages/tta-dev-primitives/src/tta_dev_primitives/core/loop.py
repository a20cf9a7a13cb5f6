"""One step over and over, until its result is good enough."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Literal, NoReturn

from tta_dev_primitives.errors import (
    ConfigurationError,
    LoopExhaustedError,
    TimeoutError,  # noqa: A004 - rooted in the stdlib's,
)

from . import observe
from .base import FRESH, Step, X
from .clock import SYSTEM_CLOCK, Clock
from .identity import identity
from .policy import PolicyPrimitive

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .context import WorkflowContext


class LoopPrimitive(PolicyPrimitive[X, X]):
    """Run a step on its own result until a condition holds.

    The body runs at least once, and *until* sees what it returned. The number of iterations is
    bounded, always. No iteration begins after the deadline of the context. An error of the body
    ends the loop. Which iteration is the last is known only after it, so a stream of a loop is its
    result in one chunk.

    Args:
        body: What to run; it takes what it returns.
        until: Takes `(result, context)` and says whether the loop is done.
        max_iterations: Most times that the body runs.
        on_exhausted: After the last iteration, `raise` an error that carries the last value, or
            `return` that value.
        clock: Where the time comes from.
        name: Name in errors, paths, traces and diagrams.

    Raises:
        ConfigurationError: *until* is not a plain function, or a bound makes no sense.
        LoopExhaustedError: (when run) the condition did not hold in time.
        TimeoutError: (when run) the deadline passed between two iterations.
    """

    def __init__(
        self,
        body: Step[X, X] | None = None,
        *,
        until: Callable[[X, WorkflowContext], bool],
        max_iterations: int = 10,
        on_exhausted: Literal["raise", "return"] = "raise",
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        super().__init__(body, name=name)
        if not callable(until) or inspect.iscoroutinefunction(until):
            msg = (
                f"until must be a plain function of (result, context), got {until!r}; await what "
                "it needs in the body"
            )
            raise ConfigurationError(msg)
        if not max_iterations >= 1:
            msg = f"max_iterations must be 1 or more, got {max_iterations!r}"
            raise ConfigurationError(msg)
        if on_exhausted not in ("raise", "return"):
            msg = f"on_exhausted must be 'raise' or 'return', got {on_exhausted!r}"
            raise ConfigurationError(msg)
        self.until, self.max_iterations, self.on_exhausted = until, max_iterations, on_exhausted
        self._clock = clock

    async def execute(self, input_data: X, context: WorkflowContext = FRESH) -> X:
        """Run the body until the condition holds."""
        run, until, deadline = self.primitive.execute, self.until, context.deadline
        began = 0.0 if deadline is None else self._clock.monotonic()
        value, iterations, exhausted = input_data, 0, False
        try:
            while iterations < self.max_iterations:
                if deadline is not None and self._clock.monotonic() >= deadline:
                    await self._stop(began, deadline, context)
                iterations += 1
                value = await run(value, context)
                if until(value, context):
                    return value
            exhausted = True
        finally:
            if observe.active is not None:
                observe.report(
                    observe.LoopRecord(iterations, self.max_iterations, exhausted=exhausted)
                )
        if self.on_exhausted == "raise":
            raise LoopExhaustedError(self.label, self.max_iterations, value)
        return value

    async def _stop(self, began: float, deadline: float, context: WorkflowContext) -> NoReturn:
        """Raise because the deadline has passed."""
        if context.deadline_enforced:
            # A body that never waits lets no timer ring. Whoever set the limit may have an answer
            # for this case, so it gets the chance to ring now.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        raise TimeoutError(self.label, max(0.0, deadline - began))

    def identity_parts(self) -> Sequence[object]:
        """Return what decides how often the body runs."""
        return (identity(self.until), self.max_iterations, self.on_exhausted)
