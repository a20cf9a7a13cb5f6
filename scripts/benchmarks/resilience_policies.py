"""One policy around a trivial step, where nothing goes wrong."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from cache_data import goal
from cache_data import peers as others
from cache_tables import Options, Table
from resilience_peers import PLENTY, Peer, left_out, operations
from resilience_policy_peers import BREAKER, BULKHEAD, HEDGE, RATE, RETRY, TIMEOUT
from timing import Row, Timing, measure_together

from tta_dev_primitives import (
    BulkheadPrimitive,
    CircuitBreakerPrimitive,
    HedgePrimitive,
    LambdaPrimitive,
    Limit,
    RateLimitPrimitive,
    RetryPrimitive,
    TimeoutPrimitive,
    WorkflowContext,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from resilience_peers import Step
    from timing import Operation

    from tta_dev_primitives import WorkflowPrimitive

FLOOR = "a bare await"


async def step(value: int) -> int:
    """Add one: the least a step can do."""
    return value + 1


async def waits(value: int) -> int:
    """Add one after a turn of the event loop: the least a request does."""
    await asyncio.sleep(0)
    return value + 1


async def tables(options: Options) -> list[Table]:
    """Measure each policy by itself."""
    limiter = RateLimitPrimitive(step, limits=[Limit(PLENTY, per_seconds=1)])
    timeout, coarse = TimeoutPrimitive(step, 30), TimeoutPrimitive(step, 30, coarse=True)
    return [
        await compare(
            "Retry, no failure: G12", options, {"retry": (RetryPrimitive(step), 0.3)}, RETRY
        ),
        await compare(
            "Breaker, closed: G12",
            options,
            {"breaker": (CircuitBreakerPrimitive(step), 0.3)},
            BREAKER,
        ),
        await compare(
            "Rate limit, not reached: G12", options, {"rate limit": (limiter, 0.25)}, RATE
        ),
        await _acquired(options),
        await compare(
            "Bulkhead, a place free: G12",
            options,
            {"bulkhead": (BulkheadPrimitive(step), 0.75)},
            BULKHEAD,
        ),
        await compare(
            "Timeout, not reached: G13",
            options,
            {"timeout": (timeout, 2), "timeout, coarse=True": (coarse, 0.8)},
            TIMEOUT,
        ),
        await _looser_inside(options),
        await compare(
            "Hedge, not begun: G14", options, {"hedge": (HedgePrimitive(step, delay=30), 2)}, HEDGE
        ),
    ]


async def compare(
    title: str,
    options: Options,
    ours: Mapping[str, tuple[WorkflowPrimitive[int, int], float | None]],
    peers: tuple[Peer, ...],
    *,
    inner: Step = step,
    note: str = "",
) -> Table:
    """Measure primitives and peers around the same step, in turns.

    Args:
        title: The heading of the table.
        options: How many batches.
        ours: By the name of the case: what to run, and its goal in microseconds.
        peers: What else to run.
        inner: The step, which is the floor by itself.
        note: A sentence below the table.
    """
    context = WorkflowContext()
    floor = FLOOR if inner is step else "the step by itself"
    ran: dict[str, Operation] = {floor: lambda: inner(1)}
    for name, (primitive, _) in ours.items():
        ran[name] = lambda primitive=primitive: primitive.execute(1, context)
    ran |= await operations(peers, inner)
    timings = await measure_together(ran, batches=options.batches)
    beside = others(timings, floor, *ours)
    rows = [
        Row(
            name,
            timings[name],
            floor,
            timings[floor],
            None if microseconds is None else goal(microseconds),
            beside if number == 0 else None,
        )
        for number, (name, (_, microseconds)) in enumerate(ours.items())
    ]
    return Table(title, rows, note=f"{note} {left_out(peers)}".strip())


async def _looser_inside(options: Options) -> Table:
    """Measure what a looser limit adds inside a tighter one."""
    bare, inner = LambdaPrimitive(step), TimeoutPrimitive(step, 7200)
    inside = WorkflowContext().with_deadline(time.monotonic() + 3600, enforced=True)

    async def plain() -> int:
        async with asyncio.timeout(10):
            return await step(1)

    async def plain_inside() -> int:
        async with asyncio.timeout(10), asyncio.timeout(30):
            return await step(1)

    taken = await measure_together(
        {
            FLOOR: lambda: step(1),
            "without": lambda: bare.execute(1, inside),
            "with": lambda: inner.execute(1, inside),
            "plain": plain,
            "plain, both": plain_inside,
        },
        batches=3 * options.batches,
    )
    extra = _more(taken["with"], taken["without"])
    beside = {"asyncio.timeout": _more(taken["plain, both"], taken["plain"])}
    row = Row("a looser limit inside", extra, FLOOR, taken[FLOOR], goal(0.15), beside)
    note = "What the inner limit adds: the difference of two timings measured in turns."
    return Table("A looser timeout inside a tighter one: G13", [row], note=note)


async def _acquired(options: Options) -> Table:
    """Measure what code that is no step does."""
    limiter = RateLimitPrimitive[int, int](limits=[Limit(PLENTY, per_seconds=1)])
    ran: dict[str, Operation] = {FLOOR: lambda: step(1), "acquire": limiter.acquire}
    taken = await measure_together(ran, batches=3 * options.batches)
    row = Row("acquire()", taken["acquire"], FLOOR, taken[FLOOR], goal(0.25))
    return Table("Rate limit, acquire() without a step: G12", [row])


def _more(larger: Timing, smaller: Timing) -> Timing:
    return Timing(larger.minimum - smaller.minimum, larger.median - smaller.median)
