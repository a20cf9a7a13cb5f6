"""Streams whose reader has seen enough."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from .cases import KINDS
from .worlds import Leaf, World
from .wrapped import in_turns, problems, wrap

# One goes on with what nobody reads any more, as it was told to; one breaks off by chance.
STREAMS = sorted(KINDS.keys() - {"cache_finish", "fault"})
SLOW_TO_STOP = Leaf("service", ("now",), tidying=3)


@pytest.mark.parametrize("taken", [0, 1])
@pytest.mark.parametrize("kind", STREAMS)
async def test_upstream_has_stopped_when_closing_returns(kind: str, taken: int) -> None:
    """Nothing is read, and no place held, for somebody who has left."""
    world = World()
    flow = wrap(kind, world, world.service(SLOW_TO_STOP))
    async with aclosing(flow.stream("a0")) as chunks:
        for _ in range(taken):
            assert await in_turns(world, anext(chunks))
    assert world.running == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert problems(world) == []


@pytest.mark.parametrize("kind", STREAMS)
async def test_reader_who_is_cancelled_between_two_chunks_holds_nothing(kind: str) -> None:
    """The cancellation does not come through the stream then, but its closing does."""
    world = World()
    flow = wrap(kind, world, world.service(SLOW_TO_STOP))

    async def read() -> None:
        async with aclosing(flow.stream("a0")) as chunks:
            async for _ in chunks:
                await asyncio.Event().wait()

    reader = asyncio.ensure_future(read())
    await world.clock.sleep_through(0.3)
    assert not reader.done()
    reader.cancel()
    await asyncio.wait([reader])
    assert world.running == 0
    assert problems(world) == []
