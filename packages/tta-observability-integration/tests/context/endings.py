"""All the ways in which a stream or a call can come to its end, or to none."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import TYPE_CHECKING, Any

from tta_dev_primitives import WorkflowPrimitive

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncGenerator, Awaitable, Callable


async def _take(stream: AsyncGenerator[Any, None], most: int) -> None:
    for _ in range(most):
        await anext(stream, None)


async def _elsewhere(work: Awaitable[Any]) -> None:
    """Await *work* in a task of its own."""

    async def wait() -> None:
        await work

    await asyncio.create_task(wait())


async def exhausted(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    async for _ in workflow.stream("x"):
        await asyncio.sleep(0)


async def closed(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    stream = workflow.stream("x")
    try:
        await _take(stream, draw.randrange(4))
    finally:
        await stream.aclose()


async def closed_elsewhere(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    stream = workflow.stream("x")
    try:
        await _take(stream, draw.randrange(4))
    finally:
        await _elsewhere(stream.aclose())


async def taken_by_many_tasks(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    stream = workflow.stream("x")
    try:
        for _ in range(draw.randrange(5)):
            await _elsewhere(anext(stream, None))
    finally:
        await _elsewhere(stream.aclose())


async def abandoned(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    stream = workflow.stream("x")
    with contextlib.suppress(Exception):
        await _take(stream, draw.randrange(4))
    del stream
    gc.collect()


async def collected_by_a_thread(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    held = [workflow.stream("x")]
    with contextlib.suppress(Exception):
        await _take(held[0], draw.randrange(4))
    await asyncio.to_thread(held.clear)


async def thrown_into(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    stream = workflow.stream("x")
    try:
        await _take(stream, draw.randrange(4))
        await stream.athrow(ValueError("from outside"))
    finally:
        await stream.aclose()


async def thrown_into_elsewhere(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    stream = workflow.stream("x")
    try:
        await _take(stream, draw.randrange(4))
        await _elsewhere(stream.athrow(ValueError("from outside")))
    finally:
        await stream.aclose()


async def cancelled(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    """While the stream makes a chunk, or while its consumer has one."""

    async def consume() -> None:
        async with contextlib.aclosing(workflow.stream("x")) as stream:
            async for _ in stream:
                await asyncio.sleep(0)

    await _cancel_after(consume(), draw)


async def cancelled_and_abandoned(
    workflow: WorkflowPrimitive[Any, Any], draw: random.Random
) -> None:
    async def consume() -> None:
        async for _ in workflow.stream("x"):
            await asyncio.sleep(0)

    await _cancel_after(consume(), draw)


async def executed(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    await workflow.execute("x")


async def execution_cancelled(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    await _cancel_after(workflow.execute("x"), draw)


async def execution_timed_out(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    async with asyncio.timeout(draw.random() * 0.004):
        await workflow.execute("x")


async def items_abandoned(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    items = workflow.map("abcd", concurrency=2)
    try:
        await _take(items, draw.randrange(5))
    finally:
        await items.aclose()


async def left_to_a_dying_loop(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    """The loop of a thread ends, and closes what is suspended there."""
    most, held = draw.randrange(4), list[object]()

    async def begin() -> None:
        stream = workflow.stream("x")
        held.append(stream)
        await _take(stream, most)

    await asyncio.to_thread(lambda: asyncio.run(begin()))


async def run_in_threads(workflow: WorkflowPrimitive[Any, Any], draw: random.Random) -> None:
    await asyncio.gather(asyncio.to_thread(workflow.run, "x"), asyncio.to_thread(workflow.run, "y"))


async def _cancel_after(work: Any, draw: random.Random) -> None:
    task = asyncio.ensure_future(work)
    for _ in range(draw.randrange(24)):
        await asyncio.sleep(0)
    if draw.random() < 0.3:
        await asyncio.sleep(0.002)
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        task.exception()  # seen


ENDINGS: tuple[Callable[[WorkflowPrimitive[Any, Any], random.Random], Awaitable[None]], ...] = (
    exhausted,
    closed,
    closed_elsewhere,
    taken_by_many_tasks,
    abandoned,
    collected_by_a_thread,
    thrown_into,
    thrown_into_elsewhere,
    cancelled,
    cancelled_and_abandoned,
    executed,
    execution_cancelled,
    execution_timed_out,
    items_abandoned,
    left_to_a_dying_loop,
    run_in_threads,
)
