"""What the tests of hedging call."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.testing.clock import FakeClock


class Calls:
    """A step whose calls, in order, take so long and end so."""

    def __init__(self, clock: FakeClock, *script: tuple[float, Any]) -> None:
        self.clock, self.script = clock, script
        self.began: list[float] = []
        self.ended: list[float] = []
        self.goodbye = 0.0
        self.contexts: list[WorkflowContext] = []
        self.tasks: list[Any] = []

    async def __call__(self, x: object, context: WorkflowContext) -> Any:
        seconds, end = self.script[len(self.began)]
        self.began.append(self.clock.monotonic())
        self.contexts.append(context)
        self.tasks.append(asyncio.current_task())
        try:
            await self.clock.sleep(seconds)
            if isinstance(end, BaseException):
                raise end
            return end
        finally:
            if self.goodbye:
                await self.clock.sleep(self.goodbye)
            self.ended.append(self.clock.monotonic())


@dataclass
class Answer:
    cost: float | None
