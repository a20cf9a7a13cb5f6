"""What a router expects of each model before it asks: how good the answer, and how dear."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .fit_sample import FitRow


class Estimates(Protocol):
    """Expects a score and a cost of each model, from what is known before it is asked."""

    def of(self, request: TrafficRequest, length: int) -> tuple[list[float], list[float]]:
        """Return scores and US dollars by model.

        Args:
            request: Its text may be cut.
            length: Characters of the whole text.
        """
        ...


class CostByLength:
    """Expects costs in a straight line with the length of the text, by least squares.

    Args:
        rows: Earlier requests.
        models: How many models they have costs of.
    """

    def __init__(self, rows: Sequence[FitRow], models: int) -> None:
        lengths = [row.length for row in rows]
        self._mean = math.fsum(lengths) / len(rows)
        spread = math.fsum((length - self._mean) ** 2 for length in lengths)
        self._lines: list[tuple[float, float, float]] = []
        for model in range(models):
            mean = math.fsum(row.costs[model] for row in rows) / len(rows)
            slope = 0.0
            if spread > 0:
                slope = (
                    math.fsum((row.length - self._mean) * row.costs[model] for row in rows) / spread
                )
            # A line may cross 0 where texts are short, which no price does.
            self._lines.append((mean, slope, min(row.costs[model] for row in rows)))

    def of(self, length: int) -> list[float]:
        """Return US dollars by model."""
        away = length - self._mean
        return [max(least, mean + slope * away) for mean, slope, least in self._lines]
