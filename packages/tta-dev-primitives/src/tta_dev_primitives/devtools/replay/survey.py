"""Looks at the first part of the traffic: which models there are, and a router fitted on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final

from .errors import UnpricedModelsError
from .fit_sample import RouterNotFittedError, gather_sample
from .fitting import FittedRouter, fit_router
from .price_book import PriceBook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .pricing import Prices
    from .router import Router

_LOOKED_AT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known before the replay.

    Attributes:
        router: Who chooses; None where none was given and none can be fitted.
        cheapest: The model that is always asked in the row to compare with; None where unknown.
        fitted_on: How many requests the replay leaves out, since the router comes from them.
        missing: Why there is no router.
        several_models: Whether the first part names more than one model.
    """

    router: Router | None
    cheapest: str | None
    fitted_on: int = 0
    missing: str = ""
    several_models: bool = False


def survey_of(
    traffic: Iterable[TrafficRequest],
    count: int,
    prices: Prices,
    router: Router | None,
    *,
    fit_share: float,
    quality: float,
    seed: int,
) -> Survey:
    """Return what the replay needs to know, a router fitted on the first part where none is given.

    Args:
        traffic: Requests in the order of time.
        count: How many there are.
        prices: What tokens cost.
        router: Who chooses, where the caller has one.
        fit_share: Share of the traffic to fit one on; 0 for none.
        quality: Relative quality to keep.
        seed: Of the draws.

    Raises:
        UnpricedModelsError: A model has no price; the error counts all of the traffic.
    """
    try:
        if router is None and fit_share > 0:
            return _fitted(traffic, int(count * fit_share), prices, quality, seed)
        if router is None:
            return Survey(None, None)
        return Survey(router, _cheapest(islice(traffic, _LOOKED_AT), prices))
    except UnpricedModelsError as error:
        raise _counted(traffic, prices, error) from None


def _fitted(
    traffic: Iterable[TrafficRequest], first: int, prices: Prices, quality: float, seed: int
) -> Survey:
    # Of requests of one moment none is known when another is routed.
    judged_from = next((request.ts for request in islice(traffic, first, None)), 0.0)
    earlier = _CountedRequests(takewhile(lambda request: request.ts < judged_from, traffic))
    try:
        fitted = fit_router(earlier, prices, quality=quality, seed=seed)
    except RouterNotFittedError as error:
        missing = str(error) if earlier.count else "no request was sent before those to judge"
        return Survey(None, None, missing=missing, several_models=_several_models(traffic))
    return Survey(fitted, fitted.models[0], fitted_on=earlier.count)


class _CountedRequests:
    """Requests, counted as they are gone through."""

    def __init__(self, requests: Iterable[TrafficRequest]) -> None:
        self._requests = requests
        self.count = 0

    def __iter__(self) -> Iterator[TrafficRequest]:
        for request in self._requests:
            self.count += 1
            yield request


def _cheapest(requests: Iterable[TrafficRequest], prices: Prices) -> str | None:
    book = PriceBook(prices)
    try:
        sample = gather_sample(requests, book, most_rows=_LOOKED_AT)
    except RouterNotFittedError:
        return None
    book.check()
    return sample.models[0]


def _several_models(traffic: Iterable[TrafficRequest]) -> bool:
    named: set[str] = set()
    for request in islice(traffic, _LOOKED_AT):
        named.add(request.model)
        named.update(request.answers)
        if len(named) > 1:
            return True
    return False


def _counted(
    traffic: Iterable[TrafficRequest], prices: Prices, error: UnpricedModelsError
) -> UnpricedModelsError:
    """Count over all requests, once it is clear that there is something to count."""
    book = PriceBook(prices)
    for request in traffic:
        for model in {request.model, *request.answers}:
            book.price(request, model)
    counts = Counter(error.requests_by_model)
    counts.update(book.unpriced - counts)
    return UnpricedModelsError(counts, error.source)


def fit_note(router: FittedRouter) -> str:
    """Return the line that says where a fitted router comes from and what was expected of it."""
    expected = router.expected
    line = (
        f"router: {router.kind} fitted on {router.rows:,} earlier requests, aimed at "
        f"{router.aim:.1%} of the quality; on rows held out it kept {expected.quality:.1%} and "
        f"saved {expected.saving:.1%}"
    )
    if expected.quality < router.aim:
        line += ", short of its aim at every setting"
    return line
