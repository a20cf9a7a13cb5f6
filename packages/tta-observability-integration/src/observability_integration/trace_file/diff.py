"""What changed from one run to another, place by place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from .reader import TraceFile

if TYPE_CHECKING:
    import os

    from observability_integration.terminal.totals import TraceTotals

    from .results import FileSummary, PlaceFigures

Kind: TypeAlias = Literal["new", "gone", "changed", "same"]
Unit: TypeAlias = Literal["count", "seconds", "dollars", "share", "ratio"]
DEFAULT_TOLERANCE: Final = 0.1

# What is compared, and what it is: only times vary by themselves.
MEASURES: Final[dict[str, Unit]] = {
    "calls": "count",
    "failed": "count",
    "p50_seconds": "seconds",
    "p95_seconds": "seconds",
    "cost": "dollars",
    "unpriced_calls": "count",
    "saved": "dollars",
    "input_tokens": "count",
    "output_tokens": "count",
    "hit_share": "share",
    "attempts_per_call": "ratio",
}


@dataclass(frozen=True, slots=True)
class MeasureChange:
    """One figure of a place before and after; None where it did not apply."""

    measure: str
    unit: Unit
    before: float | None
    after: float | None

    @property
    def relative(self) -> float | None:
        """The change as a part of what was: 1.0 for twice as much; None where that was nothing."""
        if not self.before or self.after is None:
            return None
        return (self.after - self.before) / self.before


@dataclass(frozen=True, slots=True)
class PlaceChange:
    """One place before and after.

    Attributes:
        path: Its primitive path; empty for spans that are no primitive's.
        what: The type of its primitive, or the name of the spans.
        kind: Whether it is new, gone, changed or the same.
        before: Its figures; None for a new place.
        after: Its figures; None for one that is gone.
        changes: The figures that differ, of a place that is in both.
    """

    path: str
    what: str
    kind: Kind
    before: PlaceFigures | None
    after: PlaceFigures | None
    changes: tuple[MeasureChange, ...]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What changed from one run, or file, to another.

    Attributes:
        before: The sums of the first.
        after: The sums of the second.
        places: All places, in the order of their paths.
    """

    before: TraceTotals
    after: TraceTotals
    places: tuple[PlaceChange, ...]

    @property
    def changes(self) -> tuple[PlaceChange, ...]:
        """The places that are not the same."""
        return tuple(place for place in self.places if place.kind != "same")


def diff(
    before: TraceFile | str | os.PathLike[str],
    after: TraceFile | str | os.PathLike[str],
    *,
    tolerance: float = DEFAULT_TOLERANCE,
) -> FileDiff:
    """Compare two files, or two runs: `diff(TraceFile(path, run=1), TraceFile(path, run=2))`.

    Places are the same by path and type. Counts, tokens, money and shares differ when they are
    not equal; times when they are further apart than *tolerance*.

    Args:
        before: A file or its path.
        after: The same.
        tolerance: The part of the longer of two times by which they may differ.

    Raises:
        TraceFileError: A file cannot be read.
        ValueError: *tolerance* is not from 0 to 1.
    """
    if not 0 <= tolerance <= 1:
        msg = f"tolerance must be from 0 to 1, got {tolerance!r}"
        raise ValueError(msg)
    one, other = _summary(before), _summary(after)
    old = {(place.path, place.what): place for place in one.places}
    new = {(place.path, place.what): place for place in other.places}
    places = tuple(
        _compared(key, old.get(key), new.get(key), tolerance) for key in sorted(old | new)
    )
    return FileDiff(one.totals, other.totals, places)


def _summary(file: TraceFile | str | os.PathLike[str]) -> FileSummary:
    return (file if isinstance(file, TraceFile) else TraceFile(file)).summary()


def _compared(
    key: tuple[str, str],
    before: PlaceFigures | None,
    after: PlaceFigures | None,
    tolerance: float,
) -> PlaceChange:
    if before is None or after is None:
        return PlaceChange(*key, "new" if before is None else "gone", before, after, ())
    changes = tuple(
        change
        for measure, unit in MEASURES.items()
        if _differs(
            change := MeasureChange(
                measure, unit, getattr(before, measure), getattr(after, measure)
            ),
            tolerance,
        )
    )
    return PlaceChange(*key, "changed" if changes else "same", before, after, changes)


def _differs(change: MeasureChange, tolerance: float) -> bool:
    before, after = change.before, change.after
    if before is None or after is None:
        return before is not after
    # A relative tolerance of the larger of both, so that swapping them changes nothing. Sums of
    # money differ in their last digits by the order in which they were added.
    relative = tolerance if change.unit == "seconds" else 1e-9
    return not math.isclose(before, after, rel_tol=relative, abs_tol=1e-12)
