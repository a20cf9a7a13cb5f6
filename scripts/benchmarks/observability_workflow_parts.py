"""What is watched: a step, the same step within another, and a workflow of five primitives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from tta_dev_primitives import (
    CachePrimitive,
    RetryPrimitive,
    TimeoutPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
)
from tta_dev_primitives.core.base import FRESH
from tta_dev_primitives.core.routing import RouterPrimitive

if TYPE_CHECKING:
    from collections.abc import Sequence

Primitive: TypeAlias = WorkflowPrimitive[int, int]
Wrap: TypeAlias = Callable[[str, Primitive], Primitive]

PARTS = 5
TIMES = 100
MOST_ENTRIES = 1000  # soon full, so that the cache stops growing while memory is measured


async def bare(value: int) -> int:
    """Add one: the least that can be awaited."""
    return value + 1


class Plus(WorkflowPrimitive[int, int]):
    """Add one."""

    name = "plus"

    async def execute(self, input_data: int, context: WorkflowContext = FRESH) -> int:
        return input_data + 1


class Repeated(WorkflowPrimitive[int, int]):
    """Run a step many times, so that what is measured is its calls and not the workflow's."""

    name = "repeated"

    def __init__(self, step: Primitive) -> None:
        self.step = step

    def children(self) -> Sequence[tuple[str, Primitive]]:
        return (("step", self.step),)

    async def execute(self, input_data: int, context: WorkflowContext = FRESH) -> int:
        execute = self.step.execute
        for _ in range(TIMES):
            await execute(input_data, context)
        return input_data


class Upstream(WorkflowPrimitive[int, int]):
    """Wait as long as a service takes to answer; not at all for 0 seconds."""

    name = "ask"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def execute(self, input_data: int, context: WorkflowContext = FRESH) -> int:
        if self.seconds:
            await asyncio.sleep(self.seconds)
        return input_data


def workflow(upstream_seconds: float, wrap: Wrap) -> Primitive:
    """Return a cache around a router, a timeout, a retry and a step.

    Args:
        upstream_seconds: How long the step waits.
        wrap: What is put around each of the five, where spans are made by hand.
    """
    asked = RetryPrimitive(wrap("attempt", Upstream(upstream_seconds)))
    timed = TimeoutPrimitive(wrap("retry", asked), 30)
    routed = RouterPrimitive({"only": wrap("timeout", timed)}, _only)
    cached = CachePrimitive(wrap("route", routed), ttl_seconds=60, max_entries=MOST_ENTRIES)
    return wrap("cache", cached)


def _only(_: int, __: WorkflowContext) -> str:
    return "only"
