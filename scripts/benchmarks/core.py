"""Composition against plain asyncio and against other libraries: goals G1 to G5.

    uv run --group benchmarks python scripts/benchmarks/core.py [--json] [--batches N]

Each case is measured in turns with its floor and its peers, so that ratios mean something on any
machine. `resilience.py` has these tables too, beside those of the policies.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

from cache_data import goal
from cache_data import peers as others
from cache_tables import Options, Table
from resilience_composition_peers import (
    LIMIT,
    MAP,
    PARALLEL,
    SEQUENCE,
    TASK_GROUP,
    langchain_stream,
)
from resilience_peers import left_out, missing, operations
from timing import Operation, Row, Timing, measure_together, print_rows

from tta_dev_primitives import (
    LambdaPrimitive,
    ObservabilityPrimitive,
    TransformPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
    observe,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from resilience_composition_peers import Begin

FLOOR = "a bare await"
CHUNKS = 1000
ITEMS = 100


class Durations(ObservabilityPrimitive):
    """Time every step, and keep the last duration only."""

    def __init__(self) -> None:
        self.last_ns = 0

    def start(
        self,
        primitive: WorkflowPrimitive[Any, Any],  # Any: it sees every kind
        path: str,
        context: WorkflowContext,
    ) -> int:
        return time.perf_counter_ns()

    def end(self, token: object, outcome: str, error: BaseException | None) -> None:
        assert isinstance(token, int)
        self.last_ns = time.perf_counter_ns() - token


async def step(value: int) -> int:
    """Add one: the least a step can do."""
    return value + 1


async def waits(value: int) -> int:
    """Add one after a turn of the event loop."""
    await asyncio.sleep(0)
    return value + 1


async def tables(options: Options) -> list[Table]:
    """Measure every way to compose."""
    return [
        await part(options.batches) for part in (_sequence, _observed, _parallel, _map, _stream)
    ]


async def _sequence(batches: int) -> Table:
    ours, context = LambdaPrimitive(step) >> step >> step, WorkflowContext()
    ran: dict[str, Operation] = {"plain awaits": _plain, "ours": lambda: ours.execute(1, context)}
    ran |= await operations(SEQUENCE, step, expected=4)
    taken = await measure_together(ran, batches=batches)
    beside = others(taken, "plain awaits", "ours")
    row = Row("a >> b >> c", taken["ours"], "plain awaits", taken["plain awaits"], 2.5, beside)
    return Table("Three steps in sequence: G1", [row], note=left_out(SEQUENCE))


async def _observed(batches: int) -> Table:
    """Measure the same while somebody watches."""
    ours, context = LambdaPrimitive(step) >> step >> step, WorkflowContext()
    rows: list[Row] = []
    absent = missing(["opentelemetry-api"])
    for name, observer in (
        ("an observer that does nothing", ObservabilityPrimitive()),
        ("an observer that times each step", Durations()),
    ):
        ran: dict[str, Operation] = {"ours": lambda: ours.execute(1, context)}
        with observe(observer):
            # The floor and the peers see nothing of the observer, so all may be measured in turns.
            ran["plain awaits"] = _plain
            if not absent:
                ran["opentelemetry-api, no SDK: three spans"] = _plain_in_spans()
            taken = await measure_together(ran, batches=batches)
        beside = others(taken, "plain awaits", "ours")
        rows.append(Row(name, taken["ours"], "plain awaits", taken["plain awaits"], 5, beside))
    note = f"Not installed, so not measured: {absent[0]}." if absent else ""
    return Table("Three steps in sequence, watched: G2", rows, note=note)


async def _parallel(batches: int) -> Table:
    context, rows = WorkflowContext(), list[Row]()
    for name, branch, floor_name, bound in (
        ("each branch waits", waits, TASK_GROUP.name, 1.15),
        ("no branch waits", step, FLOOR, goal(2)),
    ):
        ours = LambdaPrimitive(branch) | branch | branch
        ran: dict[str, Operation] = {"ours": lambda ours=ours: ours.execute(1, context)}
        ran[FLOOR] = lambda: step(1)
        ran |= await operations(PARALLEL, branch, expected=[2, 2, 2])
        taken = await measure_together(ran, batches=batches)
        beside = others(taken, floor_name, FLOOR, "ours")
        rows.append(Row(name, taken["ours"], floor_name, taken[floor_name], bound, beside))
    return Table("Three steps side by side: G3", rows, note=left_out(PARALLEL))


async def _map(batches: int) -> Table:
    primitive, context, inputs = LambdaPrimitive(step), WorkflowContext(), list(range(ITEMS))

    async def ours() -> None:
        async for _ in primitive.map(inputs, context, concurrency=LIMIT):
            pass

    ran: dict[str, Operation] = {"ours": ours, FLOOR: lambda: step(1)}
    ran |= await operations(MAP, step, value=inputs, expected=[number + 1 for number in inputs])
    taken = await measure_together(ran, batches=batches, units=ITEMS)
    floor = _times(taken[FLOOR], ITEMS)
    row = Row("per item", taken["ours"], FLOOR, floor, goal(0.7), others(taken, FLOOR, "ours"))
    title = f"Map of {ITEMS}, {LIMIT} at a time, in order, errors kept: G4"
    return Table(title, [row], note=left_out(MAP))


async def _stream(batches: int) -> Table:
    context = WorkflowContext()
    ours = LambdaPrimitive[int, int](_source) >> TransformPrimitive(_stage)
    ours = ours >> TransformPrimitive(_stage)
    begun: dict[str, Begin] = {
        "ours": lambda: ours.stream(1, context),
        "bare generators": lambda: _stage(_stage(_source(1))),
    }
    absent = missing(["langchain-core"])
    if not absent:
        begun["langchain-core"] = langchain_stream([_stage, _stage], lambda: _source(1))
    ran: dict[str, Operation] = {name: _reading(begin) for name, begin in begun.items()}
    ran[FLOOR] = lambda: step(1)
    taken = await measure_together(ran, batches=batches, units=CHUNKS)
    beside = others(taken, "ours", "bare generators", FLOOR)
    bare, floor = taken["bare generators"], _times(taken[FLOOR], CHUNKS)
    rows = [
        Row("per chunk", taken["ours"], "bare generators", bare, 2, beside),
        Row("per chunk", taken["ours"], FLOOR, floor, goal(0.5)),
    ]
    note = f"Not installed, so not measured: {absent[0]}." if absent else ""
    return Table("Stream through two stages: G5", rows, note=note)


async def _plain() -> int:
    return await step(await step(await step(1)))


def _plain_in_spans() -> Callable[[], Awaitable[int]]:
    from opentelemetry import trace

    tracer = trace.get_tracer("benchmark")

    async def spanned(value: int) -> int:
        with tracer.start_as_current_span("step"):
            return await step(value)

    async def call() -> int:
        return await spanned(await spanned(await spanned(1)))

    return call


async def _source(_: int) -> AsyncGenerator[int, None]:
    for number in range(CHUNKS):
        yield number


async def _stage(chunks: AsyncIterator[int]) -> AsyncGenerator[int, None]:
    async for chunk in chunks:
        yield chunk + 1


def _reading(begin: Begin) -> Operation:
    async def read() -> None:
        async for _ in begin():
            pass

    return read


def _times(timing: Timing, units: int) -> Timing:
    return Timing(timing.minimum * units, timing.median * units)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--batches", type=int, default=40, help="batches per case (40)")
    chosen = parser.parse_args()
    found = asyncio.run(tables(Options(chosen.batches)))
    print_rows([row for table in found for row in table.rows], as_json=chosen.json)
