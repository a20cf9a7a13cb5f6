"""The world of one case: its clock, the services at the bottom, and what is counted about them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from tta_dev_primitives.core.base import FRESH, WorkflowContext, WorkflowPrimitive
from tta_dev_primitives.errors import RateLimitedError, RejectedError
from tta_dev_primitives.testing.clock import FakeClock

HEALED_SECONDS = 2000.0
"""Longer than anything in here remembers."""

Way: TypeAlias = Literal["sync", "async", "context", "chunks", "service"]
Outcome: TypeAlias = Literal[
    "now", "hop", "hops", "short", "long", "stuck",
    "fail", "hop fail", "late fail", "refuse", "limited",
]  # fmt: skip
WAYS: tuple[Way, ...] = ("sync", "async", "context", "chunks", "service")
OUTCOMES: tuple[Outcome, ...] = (
    "now", "hop", "short", "fail", "hops", "long", "late fail", "hop fail", "stuck", "refuse",
    "limited",
)  # fmt: skip
_TURNS = {"hop": 1, "hop fail": 1, "hops": 3}
_SECONDS = {"short": 0.25, "late fail": 0.25, "long": 2.0, "stuck": 20.0}


class ServiceError(Exception):
    """What a service says when it does not answer; carries the input that it got."""


@dataclass(frozen=True)
class Leaf:
    """A service: how it is called, what it does call by call, and how long it takes to tidy up.

    Attributes:
        way: The kind of step it is.
        script: What it does in one call after the other, from the start again at the end.
        part: In a stream, before which of the two chunks that happens.
        tidying: How many turns of the loop it needs after it was told to stop.
    """

    way: Way = "async"
    script: tuple[Outcome, ...] = ("now",)
    part: int = 0
    tidying: int = 0


@dataclass(eq=False)
class World:
    """What all steps of one case share.

    Attributes:
        clock: A `FakeClock`, unless all is to happen in real time.
        healthy: From then on every service answers at once.
        running: How many calls of services are under way.
        audits: Each returns what is wrong now that nothing runs; empty where nothing is.
        recoveries: Each sees to it, by good calls, that its policy lets calls through again.
        closings: Each waits for what may outlive its call.
    """

    clock: Any = field(default_factory=FakeClock)
    healthy: bool = False
    running: int = 0
    audits: list[Callable[[], Sequence[str]]] = field(default_factory=list)
    recoveries: list[Callable[[], Awaitable[Sequence[str]]]] = field(default_factory=list)
    closings: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(0))

    def expect(self, what: str, found: Callable[[], object], wanted: object = 0) -> None:
        """Have it looked at, when nothing runs, that *found* returns *wanted*."""

        def audit() -> Sequence[str]:
            value = found()
            return [] if value == wanted else [f"{what}: {value!r}, not {wanted!r}"]

        self.audits.append(audit)

    def draw(self) -> float:
        """Draw for those who inject faults; never a fault in a healthy world."""
        return 1.0 if self.healthy else self.chance.random()

    def service(self, leaf: Leaf) -> Any:  # Any: a primitive, or a function of any kind
        """Return the step that *leaf* describes."""
        service = Service(self, leaf)
        ways: dict[Way, Any] = {
            "sync": service.answer_at_once,
            "async": service.answer,
            "context": service.answer_with_context,
            "chunks": service.chunks,
            "service": service,
        }
        return ways[leaf.way]


class Service(WorkflowPrimitive[str, str]):
    """Says what it was told, sooner or later, or fails."""

    def __init__(self, world: World, leaf: Leaf) -> None:
        self.world, self.leaf = world, leaf
        self.calls = 0

    async def execute(self, input_data: str, context: WorkflowContext = FRESH) -> str:
        return await self.answer(input_data)

    async def stream(
        self, input_data: str, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[str, None]:
        async with aclosing(self.chunks(input_data)) as chunks:
            async for chunk in chunks:
                yield chunk

    def answer_at_once(self, x: str) -> str:
        outcome = self._next()
        if "fail" in outcome:
            raise ServiceError(x)
        return x

    async def answer_with_context(self, x: str, context: WorkflowContext) -> str:
        context.state["seen"] = x
        return await self.answer(x)

    async def chunks(self, x: str) -> AsyncGenerator[str, None]:
        outcome = self._next()
        self.world.running += 1
        try:
            for part, chunk in enumerate((x[:1], x[1:])):
                if part == self.leaf.part:
                    await self._happen(outcome, x)
                yield chunk
        except (asyncio.CancelledError, GeneratorExit):
            await self._tidy()
            raise
        finally:
            self.world.running -= 1

    async def answer(self, x: str) -> str:
        outcome = self._next()
        self.world.running += 1
        try:
            await self._happen(outcome, x)
        except asyncio.CancelledError:
            await self._tidy()
            raise
        finally:
            self.world.running -= 1
        return x

    def _next(self) -> Outcome:
        if self.world.healthy:
            return "now"
        self.calls += 1
        return self.leaf.script[(self.calls - 1) % len(self.leaf.script)]

    async def _happen(self, outcome: Outcome, x: str) -> None:
        for _ in range(_TURNS.get(outcome, 0)):
            await asyncio.sleep(0)
        if outcome in _SECONDS:
            await self.world.clock.sleep(_SECONDS[outcome])
        if "fail" in outcome:
            raise ServiceError(x)
        if outcome == "refuse":
            raise RejectedError(x)
        if outcome == "limited":
            raise RateLimitedError(x, retry_after=0.5)

    async def _tidy(self) -> None:
        for _ in range(self.leaf.tidying):
            await asyncio.sleep(0)
