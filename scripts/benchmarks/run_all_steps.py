"""Finds where a series of figures changed, and how much it moves without a change."""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

# Of series in which nothing changed, at most this part gets a mark.
FALSE_ALARMS: Final = 0.01
SHUFFLES: Final = 999
# A step needs so many runs on each side, and outside the band of the other: one or two slow runs
# prove nothing.
LEAST_RUNS: Final = 3
# The band goes so many standard deviations to each side of the median.
BAND: Final = 2.0
# What is next to a step is judged by so many runs; farther away there may be another step.
NEAR: Final = 12
# A step smaller than this part of what was before is not worth a mark.
SMALLEST: Final = 0.01
# From the median absolute deviation to the standard deviation of normal noise.
NORMAL: Final = 1.4826
# Runs farther than this from the middle count as if they were so far, in standard deviations.
FARTHEST: Final = 3.0


@dataclass(frozen=True, slots=True)
class Segment:
    """Runs between two steps.

    Attributes:
        first: Index of the first of them.
        after: Index after the last.
        median: Of them.
        deviation: Their standard deviation, by the median absolute deviation.
    """

    first: int
    after: int
    median: float
    deviation: float

    @property
    def band(self) -> tuple[float, float]:
        """Where runs fall when nothing changes."""
        return self.median - BAND * self.deviation, self.median + BAND * self.deviation


def segments(values: Sequence[float], groups: Sequence[Hashable]) -> list[Segment]:
    """Part *values* where they step; without a step there is one segment.

    The place of a step is where the means of both sides, in which runs far out are drawn in, differ
    most for their lengths. It is a step if at most one in a hundred shuffles of the runs differs as
    much anywhere, if of the runs next to it the median leaves the band of the noise and at least
    three of each side do, and if it moves by one per cent. Then each side is parted likewise. The
    shuffles are the same every time.

    Args:
        values: Figures in the order of the commits.
        groups: The commit of each; a step lies between two.
    """
    if not values:
        return []
    found: list[Segment] = []
    _part(list(values), groups, 0, found)
    return found


def _part(
    values: list[float], groups: Sequence[Hashable], first: int, found: list[Segment]
) -> None:
    places = [
        place
        for place in range(LEAST_RUNS, len(values) - LEAST_RUNS + 1)
        if groups[first + place] != groups[first + place - 1]
    ]
    place = _step(values, places)
    if place is None:
        median = statistics.median(values)
        found.append(Segment(first, first + len(values), median, _deviation(values, median)))
        return
    _part(values[:place], groups, first, found)
    _part(values[place:], groups, first + place, found)


def _step(values: list[float], places: list[int]) -> int | None:
    """Return where *values* step, or None."""
    if not places:
        return None
    drawn_in = _drawn_in(values)
    most, place = _greatest(drawn_in, places)
    if most <= 0 or not _leaves_the_band(values, place):
        return None
    as_great, allowed = 0, int(FALSE_ALARMS * (SHUFFLES + 1))
    shuffled, source = list(drawn_in), random.Random(len(values))
    # Sums of the same numbers in another order differ by what is lost of them.
    enough = most * (1 - 1e-9)
    for _ in range(SHUFFLES):
        source.shuffle(shuffled)
        as_great += _greatest(shuffled, places)[0] >= enough
        if as_great >= allowed:
            return None
    return place


def _greatest(values: list[float], places: list[int]) -> tuple[float, int]:
    """Return how much the means of two sides differ, for their lengths, and where most."""
    count, total = len(values), sum(values)
    most, where, seen, left = -1.0, places[0], 0, 0.0
    for place in places:
        left += sum(values[seen:place])
        seen = place
        away = left - total * place / count
        size = away * away * count / (place * (count - place))
        if size > most:
            most, where = size, place
    return most, where


def _drawn_in(values: list[float]) -> list[float]:
    middle = statistics.median(values)
    farthest = FARTHEST * _deviation(values, middle)
    if farthest == 0:  # most are equal, and what is not is no noise
        return [value - middle for value in values]
    return [max(-farthest, min(farthest, value - middle)) for value in values]


def _leaves_the_band(values: list[float], place: int) -> bool:
    """Tell whether the runs before and after *place* lie outside the noise of each other."""
    before, after = values[max(0, place - NEAR) : place], values[place : place + NEAR]
    old, new = statistics.median(before), statistics.median(after)
    away = [*(value - old for value in before), *(value - new for value in after)]
    edge = BAND * _deviation(away, 0.0)
    if abs(new - old) <= max(edge, SMALLEST * abs(old)):
        return False
    up = 1 if new > old else -1
    left = sum((new - value) * up > edge for value in before)
    reached = sum((value - old) * up > edge for value in after)
    return min(left, reached) >= LEAST_RUNS


def _deviation(values: Sequence[float], middle: float) -> float:
    return NORMAL * statistics.median(abs(value - middle) for value in values)
