"""Uses every kind of composition on both sides of a fork; run in a process of its own."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from tta_dev_primitives.core.base import WorkflowPrimitive
from tta_dev_primitives.core.clock import SYSTEM_CLOCK

from .answers import whole
from .cases import KINDS
from .worlds import World
from .wrapped import look, wrap

LIMITED = ("timeout_coarse", "timeout_chunks")
STUCK_SECONDS = 20


async def step(x: str) -> str:
    """Answer after a turn of the loop, or far too late."""
    await asyncio.sleep(STUCK_SECONDS if x == "stuck" else 0)
    return x


def use(kind: str, flow: WorkflowPrimitive[Any, Any], world: World) -> str:
    """Return what is wrong with *flow*, in a new event loop."""

    async def call() -> str:
        value = whole(await flow.execute("a0"))
        if value != "a0":
            return f"answered {value!r}"
        if kind in LIMITED:
            try:
                await (flow.execute("stuck") if kind != "timeout_chunks" else _first(flow))
            except TimeoutError:
                return "; ".join(await look(world))
            return "knows no limit any more"
        return "; ".join(await look(world))

    return asyncio.run(call())


async def _first(flow: WorkflowPrimitive[Any, Any]) -> None:
    async for _ in flow.stream("stuck"):
        return


def main() -> None:
    """Print a line for each kind: its name, and what went wrong in parent and child."""
    for kind in KINDS.keys() - {"fault"}:
        world = World(clock=SYSTEM_CLOCK)
        flow = wrap(kind, world, step)
        before = use(kind, flow, world)
        child = os.fork()
        if child == 0:
            wrong = "died"
            try:
                wrong = use(kind, flow, world)
            except BaseException as error:
                wrong = repr(error)
            finally:
                print(f"{kind}: {wrong}", flush=True)
                os._exit(0)
        os.waitpid(child, 0)
        print(f"{kind}: {before}{use(kind, flow, world)}", flush=True)
