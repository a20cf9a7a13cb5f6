"""Histories made by hand, the same every time."""

from __future__ import annotations

import random

from run_all_history import Better, Figure, Record
from run_all_place import Commit, Machine

HERE = Machine("Example CPU 3000", 2, "CPython 3.11.7", "Linux x86_64")
THERE = Machine("Another CPU", 8, "CPython 3.13.0", "Darwin arm64")


def commit(number: int, *, changed: bool = False) -> Commit:
    """Return the commit of one day."""
    date = f"2026-{1 + number // 28:02}-{1 + number % 28:02}T10:00:00Z"
    return Commit(date, f"{0x1234567890ABCDEF * (number + 1):040x}", changed)


def record(
    number: int,
    median: float,
    *,
    case: str = "three steps",
    unit: str = "ns",
    better: Better = "less",
    machine: Machine = HERE,
    quick: bool = False,
) -> Record:
    """Return one figure of the commit of one day."""
    best = median * (0.98 if better == "less" else 1.02)
    figure = Figure(case, unit, best, median, 40, (), better)
    return Record("core", figure, commit(number), machine, commit(number).date, quick)


def noisy(
    seed: int, count: int, *, step: float = 0.0, first: int = 0, noise: float = 0.04
) -> list[float]:
    """Return *count* figures about 100, moved by the part *step* from the index *first* on."""
    drawn = random.Random(seed)
    return [
        100 * (1 + step * (place >= first)) * (1 + drawn.gauss(0, noise)) for place in range(count)
    ]
