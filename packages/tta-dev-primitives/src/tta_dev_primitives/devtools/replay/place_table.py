"""A table of what each place in the app gets from each model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .fit_sample import FitRow

_PRIOR_ROWS: Final = 5


class PlaceTable:
    """Expects of a model what it did at the same place before, in the mean.

    A place with few rows is drawn towards the mean of all, as if five rows more were like it; one
    that was never seen gets that mean.

    Args:
        rows: Earlier requests.
        models: How many models they have scores of.
    """

    def __init__(self, rows: Sequence[FitRow], models: int) -> None:
        by_place: dict[str | None, list[FitRow]] = {}
        for row in rows:
            by_place.setdefault(row.request.place, []).append(row)
        self._models = range(models)
        self._anywhere = self._mean_of(rows, None)
        self._places = {
            place: self._mean_of(found, self._anywhere) for place, found in by_place.items()
        }

    def __len__(self) -> int:
        return len(self._places)

    def of(self, request: TrafficRequest, length: int) -> tuple[list[float], list[float]]:
        """Return scores and US dollars by model; the length tells this table nothing."""
        return self._places.get(request.place, self._anywhere)

    def _mean_of(
        self, rows: Sequence[FitRow], prior: tuple[list[float], list[float]] | None
    ) -> tuple[list[float], list[float]]:
        weight = 0 if prior is None else _PRIOR_ROWS
        count = len(rows) + weight

        def means(values: Iterable[Sequence[float]], known: Sequence[float]) -> list[float]:
            sums = map(math.fsum, zip(*values, strict=True))
            return [(one + weight * at) / count for one, at in zip(sums, known, strict=True)]

        nothing = [0.0 for _ in self._models]
        scores, costs = (nothing, nothing) if prior is None else prior
        return means((row.scores for row in rows), scores), means(
            (row.costs for row in rows), costs
        )
