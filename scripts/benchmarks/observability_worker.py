"""Watch in one way, and measure what is asked on standard input, a JSON object a line.

    python observability_worker.py MODE [ENDPOINT]

Each answer is a line of JSON. Ends with its standard input.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import logging
import os
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

from observability_modes import MODES, Mode
from observability_workflow_parts import PARTS, TIMES, Plus, bare, workflow

from tta_dev_primitives import WorkflowContext

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from observability_workflow_parts import Primitive

CALLS = 300  # fewer than wake the thread that exports
NUMBERS = itertools.count()  # no input comes twice, so every call misses the cache


async def calls(mode: Mode, batches: int) -> dict[str, list[float]]:
    """Return the least and the median nanoseconds of the loop's thread for calls of each kind.

    What waits is delivered before each batch, so a batch is the path of the calls alone.
    """
    plus, context, flow = Plus(), WorkflowContext(), _flow(mode, 0)
    unwrapped = vars(Plus)["execute"].__wrapped__
    operations: dict[str, tuple[Callable[[], Awaitable[object]], int, int]] = {
        "bare": (lambda: bare(1), CALLS, 1),
        "below, without the hook": (lambda: unwrapped(plus, 1, context), CALLS, 1),
        "alone, without the hook": (lambda: unwrapped(plus, 1, WorkflowContext()), CALLS, 1),
        "alone": (mode.alone, CALLS, 1),
        "below": (mode.below, CALLS // TIMES, TIMES),
        "part": (lambda: flow.execute(next(NUMBERS)), CALLS // PARTS, PARTS),
    }
    taken: dict[str, list[float]] = {name: [] for name in (*operations, "call")}
    for _ in range(batches):
        for name, (operation, count, units) in operations.items():
            mode.flush()
            gc.collect(0)
            gc.disable()
            began = time.thread_time_ns()
            for _ in range(count):
                await operation()
            taken[name].append((time.thread_time_ns() - began) / count / units)
            gc.enable()
        taken["call"].append(_call_ns())
    return {name: [min(each), statistics.median(each)] for name, each in taken.items()}


def _call_ns() -> float:
    """Return what one Python call takes: the yardstick of every machine."""

    def called() -> None: ...

    began = time.thread_time_ns()
    for _ in range(5000):
        called()
    return (time.thread_time_ns() - began) / 5000


async def processor(mode: Mode, count: int) -> float:
    """Return the nanoseconds of all threads for one call, with everything delivered."""
    spent = await _spent(mode, mode.below, count // TIMES, TIMES + 1)
    return spent / TIMES


async def reporting(mode: Mode, count: int) -> float:
    """Return the same for one span of a workflow of five, which reports what it decided."""
    flow = _flow(mode, 0)
    spent = await _spent(mode, lambda: flow.execute(next(NUMBERS)), count // PARTS, PARTS)
    return spent / PARTS


async def _spent(
    mode: Mode, operation: Callable[[], Awaitable[object]], times: int, spans: int
) -> float:
    """Return the nanoseconds of all threads for one *operation*, which ends so many *spans*."""
    await operation()
    mode.flush()
    gc.collect()
    encoded = mode.encoded or (lambda: 0)
    before = encoded()
    began = time.process_time_ns()
    for _ in range(times):
        await operation()
    mode.flush()
    spent = time.process_time_ns() - began
    _check(mode, encoded() - before, times * spans)
    return spent / times


def _check(mode: Mode, encoded: int, ended: int) -> None:
    """Raise where calls were not watched as they should: that would look cheap."""
    if mode.provider is not None and encoded != ended:
        msg = f"{encoded} spans were encoded where {ended} calls ended"
        raise RuntimeError(msg)


async def load(
    mode: Mode, upstream_seconds: float, concurrency: int, workflows: int
) -> dict[str, object]:
    """Return the seconds that each workflow took, and the processor time of one."""
    flow = _flow(mode, upstream_seconds)
    latencies: list[float] = []
    turns = iter(range(workflows))

    async def run(place: int) -> None:
        # One after the other, as requests come: those that begin together would stay together.
        await asyncio.sleep(upstream_seconds * place / concurrency)
        for _ in turns:
            began = time.perf_counter()
            await flow.execute(next(NUMBERS))
            latencies.append(time.perf_counter() - began)

    await flow.execute(next(NUMBERS))
    mode.flush()
    gc.collect()
    began = time.process_time()
    await asyncio.gather(*map(run, range(concurrency)))
    mode.flush()
    spent = (time.process_time() - began) / workflows
    return {"latencies": latencies, "processor_seconds": spent}


async def saturation(mode: Mode, seconds: float) -> dict[str, object]:
    """Run workflows that wait for nothing, one after the other, for so many seconds."""
    flow, workflows = _flow(mode, 0), 0
    mode.flush()
    lost = mode.lost or (lambda: 0)
    before = lost()
    began = time.perf_counter()
    while (taken := time.perf_counter() - began) < seconds:
        for _ in range(50):
            await flow.execute(next(NUMBERS))
        workflows += 50
        await asyncio.sleep(0)
    mode.flush()
    return {"workflows": workflows, "seconds": taken, "counted_lost": lost() - before}


_flows: dict[float, Primitive] = {}


def _flow(mode: Mode, upstream_seconds: float) -> Primitive:
    if upstream_seconds not in _flows:
        _flows[upstream_seconds] = workflow(upstream_seconds, mode.wrap)
    return _flows[upstream_seconds]


ORDERS: dict[str, Callable[..., Coroutine[Any, Any, object]]] = {  # Any: they differ
    "calls": calls,
    "processor": processor,
    "reporting": reporting,
    "load": load,
    "saturation": saturation,
}


def main() -> None:
    """Answer until there are no more questions."""
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # a full queue is measured here
    mode = MODES[sys.argv[1]](sys.argv[2] if len(sys.argv) > 2 else "")
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            order = json.loads(line)
            answer = runner.run(ORDERS[order.pop("do")](mode, **order))
            print(json.dumps(answer), flush=True)
    sys.stdout.flush()
    os._exit(0)  # nobody waits for what may still be exported


if __name__ == "__main__":
    main()
