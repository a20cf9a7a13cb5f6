"""How every benchmark here measures: many short batches, the minimum and the median kept."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

Operation = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Timing:
    """Nanoseconds for one operation, over many batches.

    Attributes:
        minimum: Those of the quickest batch.
        median: Those of the batch in the middle.
        count: How many batches; None where the timing was computed from others.
    """

    minimum: float
    median: float
    count: int | None = None


async def measure(operation: Operation, *, batches: int, units: int = 1) -> Timing:
    """Time *operation* in batches of about three milliseconds, with the collector off inside.

    Args:
        operation: Called without arguments; what it returns is awaited.
        batches: How many batches.
        units: How many things one call does; the result is for one of them.
    """
    timings = await measure_together({"": operation}, batches=batches, units=units)
    return timings[""]


async def measure_together(
    operations: Mapping[str, Operation], *, batches: int, units: int = 1
) -> dict[str, Timing]:
    """Time *operations* in turns, so that a slow moment of the machine falls on all of them.

    Args:
        operations: By name; each is what `measure` takes.
        batches: How many batches of each.
        units: How many things one call of any of them does.
    """
    counts = {name: await _calls_per_batch(operation) for name, operation in operations.items()}
    samples: dict[str, list[float]] = {name: [] for name in operations}
    for _ in range(batches):
        for name, operation in operations.items():
            samples[name].append(await _batch(operation, counts[name]) / counts[name] / units)
            await asyncio.sleep(0)
    return {
        name: Timing(min(taken), statistics.median(taken), len(taken))
        for name, taken in samples.items()
    }


async def _calls_per_batch(operation: Operation) -> int:
    await operation()  # the first call may open a file, and says nothing about the others
    count = 1
    while True:
        spent = await _batch(operation, count)
        if spent > 3e6 or count > 1 << 20:
            return count
        count = max(count + 1, int(count * 3.3e6 / max(spent, 1)))


async def _batch(operation: Operation, count: int) -> float:
    gc.collect(0)
    gc.disable()
    try:
        began = time.perf_counter_ns()
        for _ in range(count):
            await operation()
        return time.perf_counter_ns() - began
    finally:
        gc.enable()


@dataclass(frozen=True, slots=True)
class Row:
    """One case: ours beside a floor or a peer, and what was promised.

    Attributes:
        case: What is done.
        ours: Our timing.
        floor_name: What *ours* is divided by.
        floor: Its timing.
        goal: Largest ratio, or None where there is none.
        peers: Timings of other libraries, by name.
    """

    case: str
    ours: Timing
    floor_name: str
    floor: Timing
    goal: float | None = None
    peers: dict[str, Timing] | None = None

    @property
    def ratio(self) -> float:
        """Ours over the floor, by the minima."""
        return self.ours.minimum / self.floor.minimum

    @property
    def verdict(self) -> str:
        """Whether the goal is met."""
        if self.goal is None:
            return ""
        return "met" if self.ratio <= self.goal else "missed"


def machine() -> str:
    """Return what the figures were measured on."""
    return (
        f"{platform.python_implementation()} {platform.python_version()}, {platform.system()} "
        f"{platform.machine()}, {os.cpu_count()} cores"
    )


def print_rows(rows: list[Row], *, as_json: bool) -> None:
    """Print the rows as a Markdown table, or as one JSON object."""
    if as_json:
        cases = [row_record(row) for row in rows]
        json.dump({"machine": machine(), "cases": cases}, sys.stdout)
        print()
        return
    print(machine())
    print()
    print_markdown(rows)


def row_record(row: Row) -> dict[str, Any]:
    """Return *row* as `--json` prints it."""
    return {
        "case": row.case,
        "ours_ns": row.ours.minimum,
        "ours_median_ns": row.ours.median,
        "n": row.ours.count,
        "floor": row.floor_name,
        "floor_ns": row.floor.minimum,
        "ratio": row.ratio,
        "goal": row.goal,
        "verdict": row.verdict,
        "peers_ns": {name: timing.minimum for name, timing in (row.peers or {}).items()},
    }


def print_markdown(rows: list[Row]) -> None:
    """Print the rows as a Markdown table."""
    print("| case | ours min (median) | floor | ratio | goal | | peers |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        peers = ", ".join(
            f"{name} {_time(timing.minimum)}" for name, timing in (row.peers or {}).items()
        )
        goal = "" if row.goal is None else f"{row.goal:g} x"
        print(
            f"| {row.case} | {_time(row.ours.minimum)} ({_time(row.ours.median)}) "
            f"| {row.floor_name} {_time(row.floor.minimum)} | {row.ratio:.2f} x | {goal} "
            f"| {row.verdict} | {peers} |"
        )


def _time(nanoseconds: float) -> str:
    return f"{nanoseconds:.0f} ns" if nanoseconds < 1000 else f"{nanoseconds / 1000:.2f} us"
