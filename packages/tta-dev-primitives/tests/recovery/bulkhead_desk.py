"""A step that works until told to stop, and the people who call it."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive
from tta_dev_primitives.testing import settle


class Desk:
    """A step that works on each input until told to stop."""

    def __init__(self) -> None:
        self.begun: list[Any] = []
        self.running: list[Any] = []
        self._gates: dict[Any, asyncio.Event] = {}

    async def __call__(self, x: Any) -> Any:
        self.begun.append(x)
        self.running.append(x)
        try:
            await self._gates.setdefault(x, asyncio.Event()).wait()
        finally:
            self.running.remove(x)
        return x

    async def finish(self, *inputs: Any) -> None:
        for x in inputs:
            self._gates.setdefault(x, asyncio.Event()).set()
            await settle()


class People:
    """Callers of primitives; those who are still there at the end are sent away."""

    def __init__(self) -> None:
        self.tasks: dict[Any, asyncio.Task[Any]] = {}

    async def call(self, primitive: Any, *inputs: Any, context: Any = None) -> None:
        for x in inputs:
            self.tasks[x] = asyncio.ensure_future(primitive.execute(x, context))
        await settle()

    def __getitem__(self, x: Any) -> asyncio.Task[Any]:
        return self.tasks[x]

    async def leave(self, *inputs: Any) -> None:
        for x in inputs:
            self.tasks[x].cancel()
        await asyncio.wait([self.tasks[x] for x in inputs])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.tasks:
            await self.leave(*self.tasks)


def counts(bulkhead: BulkheadPrimitive[Any, Any]) -> tuple[int, int]:
    stats = bulkhead.stats()
    return stats.running, stats.waiting
