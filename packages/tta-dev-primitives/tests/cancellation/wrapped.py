"""One policy of each kind around one step, for what has to hold for all of them."""

from __future__ import annotations

import asyncio
from typing import Any

from tta_dev_primitives.core.base import WorkflowPrimitive, as_primitive

from .cases import KINDS
from .worlds import World


def wrap(kind: str, world: World, step: Any) -> WorkflowPrimitive[Any, Any]:
    """Return *step* inside a composition of *kind*, in every place where it takes one."""
    steps, make = KINDS[kind]
    return as_primitive(make(world, *[step] * steps))


def problems(world: World) -> list[str]:
    """Return what is held, counted or awaited in *world* though nothing runs there."""
    found = [line for audit in world.audits for line in audit()]
    pending = getattr(world.clock, "pending", 0)
    return found + ([f"{pending} timers"] if pending else [])


async def look(world: World) -> list[str]:
    """Return the same, asked in an event loop, as some of it can only be there."""
    return problems(world)


async def healed(world: World) -> list[str]:
    """Bring every policy back to where it lets calls through; return what does not come back."""
    world.healthy = True
    found: list[str] = []
    for recover in world.recoveries:
        found += await recover()
    return found


async def in_turns(world: World, call: Any) -> Any:
    """Return what *call* returns, the clock moving on for as long as it takes."""
    task = asyncio.ensure_future(call)
    try:
        for _ in range(100):
            await world.clock.sleep_through(0.05)
            if task.done():
                return task.result()
        raise AssertionError("the call waits for ever")
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # an interrupt ends the loop as well, and is raised from there
