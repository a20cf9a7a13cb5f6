"""Gathers the records of a history into series that may be compared, and marks their changes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from run_all_steps import Segment, segments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from run_all_history import Better, Record
    from run_all_place import Commit, Machine

# Runs before the last so many are left out: the step test costs their number, a picture its width.
MOST_RUNS: Final = 200


@dataclass(frozen=True, slots=True)
class Series:
    """One case on one machine, in the order of the commits.

    Attributes:
        benchmark: Whose case.
        case: What is done.
        unit: Of its figures.
        better: Whether less or more of it is wanted.
        quick: Whether less of everything was done.
        machine: What all ran on.
        runs: At least one.
        segments: Runs between two steps.
    """

    benchmark: str
    case: str
    unit: str
    better: Better
    quick: bool
    machine: Machine
    runs: tuple[Record, ...]
    segments: tuple[Segment, ...]

    @property
    def commits(self) -> list[Commit]:
        """The commits, each once, in order."""
        return list(dict.fromkeys(run.commit for run in self.runs))

    @property
    def changes(self) -> list[Change]:
        """Every step, in order."""
        parts = self.segments
        return [Change(self, old, new) for old, new in itertools.pairwise(parts)]


@dataclass(frozen=True, slots=True)
class Change:
    """A step in a series."""

    series: Series
    before: Segment
    after: Segment

    @property
    def commit(self) -> Commit:
        """The first commit with the new figure: it, or one between it and the last, did it."""
        return self.series.runs[self.after.first].commit

    @property
    def part(self) -> float:
        """How much more the figure is than before, as a part of it."""
        return self.after.median / self.before.median - 1

    @property
    def is_worse(self) -> bool:
        """Whether it went where nobody wants it."""
        return (self.part > 0) is (self.series.better == "less")


def series_of(records: Iterable[Record]) -> list[Series]:
    """Return the series in *records*, by benchmark and case.

    Runs are parted by machine, by unit, and by whether they were quick. Commits follow each other
    by their date, and runs of one commit in the order of the history. Where a figure is not above
    nothing, such as a difference of two timings, there is no telling by what part it changed, and
    no step is looked for.
    """
    found: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        figure = record.figure
        key = (record.benchmark, figure.case, figure.unit, record.quick, record.machine)
        found.setdefault(key, []).append(record)
    series = [_series(runs) for runs in found.values()]
    names = list(dict.fromkeys(each.benchmark for each in series))
    # The order of the cases is that of the benchmark; machines of a case stand together.
    cases = {each: number for number, each in enumerate(dict.fromkeys(map(_case, series)))}
    return sorted(series, key=lambda each: (names.index(each.benchmark), cases[_case(each)]))


def _case(series: Series) -> tuple[str, str, str]:
    return series.benchmark, series.case, series.unit


def _series(records: list[Record]) -> Series:
    runs = sorted(records, key=lambda record: record.commit)[-MOST_RUNS:]
    last = runs[-1]
    values = [run.figure.median for run in runs]
    parts = segments(values, [run.commit for run in runs]) if min(values) > 0 else []
    return Series(
        benchmark=last.benchmark,
        case=last.figure.case,
        unit=last.figure.unit,
        better=last.figure.better,
        quick=last.quick,
        machine=last.machine,
        runs=tuple(runs),
        segments=tuple(parts),
    )
