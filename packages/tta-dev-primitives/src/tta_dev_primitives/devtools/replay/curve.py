"""A fitted router's quality at each saving, from one replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .measurement import CurvePoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .lane import Lane
    from .price_book import PriceBook


class SettableRouter(Protocol):
    """A router with a knob between quality and saving."""

    @property
    def settings(self) -> int:
        """How many settings of the knob there are."""
        ...

    def choose(self, request: TrafficRequest) -> str:
        """Return the name of the model at the setting in use."""
        ...

    def choose_at_all(self, request: TrafficRequest) -> Sequence[str]:
        """Return the name of the model at each setting."""
        ...


class CurveSums:
    """What the traffic costs and how good it is at each setting of a router behind the cache.

    Args:
        router: The router.
        book: Prices the requests.
    """

    def __init__(self, router: SettableRouter, book: PriceBook) -> None:
        self._router, self._book = router, book
        settings = router.settings
        self._costs, self._scores, self._own = ([0.0] * settings for _ in range(3))
        self._as_is = 0.0

    def add_miss(
        self, request: TrafficRequest, cost: float, score: float | None
    ) -> tuple[float | None, ...]:
        """Add a request that reaches the router; return the score at each setting."""
        self._as_is += cost
        failed = request.error is not None
        seen: dict[str, tuple[float, float | None]] = {request.model: (cost, score)}
        given: list[float | None] = []
        costs = self._costs
        for setting, model in enumerate(self._router.choose_at_all(request)):
            found = seen.get(model)
            if found is None:
                found = seen[model] = (
                    self._book.price(request, model),
                    None if failed else request.score_of(model),
                )
            costs[setting] += found[0]
            given.append(found[1])
        scores = tuple(given)
        self._add_scores(scores, score)
        return scores

    def add_hit(self, cost: float, scores: Sequence[float | None], own_score: float | None) -> None:
        """Add a request that the cache answers with what scored so at each setting."""
        self._as_is += cost
        self._add_scores(scores, own_score)

    def _add_scores(self, scores: Sequence[float | None], own_score: float | None) -> None:
        if own_score is None:
            return
        sums, own = self._scores, self._own
        for setting, score in enumerate(scores):
            if score is not None:
                sums[setting] += score
                own[setting] += own_score

    def points(self, cache: Lane, cheapest: Lane) -> tuple[CurvePoint, ...]:
        """Return the curve, from the smallest saving to the largest.

        Args:
            cache: The cache alone, where the line of the lots begins.
            cheapest: The cache with the cheaper model for all the rest, where it ends.
        """
        ends = [_point_of(lane, self._as_is) for lane in (cache, cheapest)]
        if self._as_is <= 0 or ends[0] is None or ends[1] is None:
            return ()
        (low, good), (high, worst) = ends[0], ends[1]
        slope = (worst - good) / (high - low) if high != low else 0.0
        points = {
            ((self._as_is - cost) / self._as_is, score / own)
            for cost, score, own in zip(self._costs, self._scores, self._own, strict=True)
            if own > 0
        }
        return tuple(
            CurvePoint(saving, quality, good + slope * (saving - low))
            for saving, quality in sorted(points)
        )


def _point_of(lane: Lane, as_is: float) -> tuple[float, float] | None:
    own = sum(lane.own_scores)
    if own <= 0 or as_is <= 0:
        return None
    return (as_is - lane.cost) / as_is, sum(lane.scores) / own
