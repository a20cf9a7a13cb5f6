"""How much figures swing from one stretch of the time to the next."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from .resampling import student

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_STRETCHES: Final = 20


class Stretches:
    """Takes the sums of each of twenty stretches, as they go by.

    Args:
        requests: How many requests there will be; each stretch has as many as any other.
    """

    def __init__(self, requests: int) -> None:
        self._ends = {
            requests * (stretch + 1) // MOST_STRETCHES for stretch in range(MOST_STRETCHES)
        }
        self._totals: list[list[float]] = []

    def pass_by(self, served: int, totals: Callable[[], list[float]]) -> None:
        """See whether a stretch ends.

        Args:
            served: How many requests were served by now.
            totals: Gives the sums up to now.
        """
        if served in self._ends:
            self._totals.append(totals())

    @property
    def sums(self) -> list[list[float]]:
        """The sums of each stretch."""
        if not self._totals:
            return []
        return [
            [after - before for before, after in zip(one, other, strict=True)]
            for one, other in pairwise([[0.0] * len(self._totals[0]), *self._totals])
        ]


def swings(
    sums: Sequence[Sequence[float]],
    statistics: Callable[[Sequence[float]], Sequence[float]],
    *,
    confidence: float,
) -> list[float]:
    """Return by how much each figure may be off, judged by stretches of the time.

    What is asked comes in waves, and the conversations of one wave are not independent. Each
    stretch is left out in turn (the jackknife), and Student's t says how far that reaches. Waves
    that last longer than a stretch are seen in part only.

    Args:
        sums: Of each stretch.
        statistics: Takes sums and returns figures; nan where one is undefined.
        confidence: Such as 0.95.
    """
    count = len(sums)
    totals = [math.fsum(column) for column in zip(*sums, strict=True)]
    whole = statistics(totals)
    if count < 2:
        return [0.0] * len(whole)
    left = [
        statistics([total - part for total, part in zip(totals, one, strict=True)]) for one in sums
    ]
    far = student(confidence, count - 1)
    return [far * _error([one[at] for one in left]) for at in range(len(whole))]


def _error(values: Sequence[float]) -> float:
    """Return the standard error of a figure from those with one stretch left out."""
    if any(map(math.isnan, values)):
        return 0.0
    mean = math.fsum(values) / len(values)
    squares = math.fsum((value - mean) ** 2 for value in values)
    return math.sqrt((len(values) - 1) / len(values) * squares)
