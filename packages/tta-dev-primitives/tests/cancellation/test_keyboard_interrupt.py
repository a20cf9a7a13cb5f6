"""Ctrl-C in the middle of a call, under every kind of composition."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest

from tta_dev_primitives.core.base import FRESH, WorkflowContext, WorkflowPrimitive

from .answers import whole
from .cases import KINDS
from .worlds import HEALED_SECONDS, World
from .wrapped import healed, in_turns, look, wrap


class Interrupted(WorkflowPrimitive[str, str]):
    """Is interrupted in its first call, at once or after a turn of the loop."""

    def __init__(self, turns: int) -> None:
        self.turns, self.calls = turns, itertools.count()

    async def execute(self, input_data: str, context: WorkflowContext = FRESH) -> str:
        return "".join([chunk async for chunk in self.stream(input_data, context)])

    async def stream(
        self, input_data: str, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[str, None]:
        yield input_data[:1]
        if next(self.calls) == 0:
            for _ in range(self.turns):
                await asyncio.sleep(0)
            raise KeyboardInterrupt
        yield input_data[1:]


async def execute(flow: WorkflowPrimitive[Any, Any]) -> Any:
    return await flow.execute("a0")


async def stream(flow: WorkflowPrimitive[Any, Any]) -> list[Any]:
    async with aclosing(flow.stream("a0")) as chunks:
        return [chunk async for chunk in chunks]


# A saga does what it has to on the way out; it has tests of its own.
SAGAS = {"saga", "saga_in_vain", "saga_steps"}


@pytest.mark.parametrize("turns", [0, 2])
@pytest.mark.parametrize("call", [execute, stream])
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - SAGAS))
def test_interrupted_call_leaves_every_place_free(
    kind: str, call: Callable[[WorkflowPrimitive[Any, Any]], Any], turns: int
) -> None:
    """Whoever catches Ctrl-C and goes on finds all policies as they should be."""
    world = World()
    flow = wrap(kind, world, Interrupted(turns))
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(in_turns(world, call(flow)))
    assert asyncio.run(look(world)) == []
    world.clock.advance(HEALED_SECONDS)
    assert asyncio.run(healed(world)) == []
    assert whole(asyncio.run(in_turns(world, call(flow)))) == "a0"
    assert asyncio.run(look(world)) == []
