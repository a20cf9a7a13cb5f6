"""Serves recorded requests once more, one after the other, in several ways at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from .cached_answers import CachedAnswers
from .lane import GivenAnswer, Lane
from .parts import Parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .curve import CurveSums
    from .price_book import PriceBook
    from .router import Router

_Kept: TypeAlias = "tuple[tuple[GivenAnswer, ...], tuple[float | None, ...]]"


class Serving:
    """Requests as they were, and behind a cache with each of several routers.

    The cache stands around the router, so its key is the request as it was asked, and a repeat is
    one whatever the router chose. A failed request stays failed whoever is asked: its tokens are
    paid for and its answer is not kept. Nothing that comes later changes what was served before.

    Args:
        book: Prices the requests.
        routed: Names of the ways behind the cache, each with its router; None to ask the recorded
            model.
        max_entries: Bound of the cache.
        ttl_seconds: How long it gives an answer again; None for as long as there is room.
        curve: Where the sums of a router at each of its settings are kept.
    """

    def __init__(
        self,
        book: PriceBook,
        routed: Sequence[tuple[str, Router | None]],
        *,
        max_entries: int,
        ttl_seconds: float | None,
        curve: CurveSums | None = None,
    ) -> None:
        self.parts = Parts()
        self.as_is = Lane("as is")
        self.lanes = [(Lane(name), router) for name, router in routed]
        self.requests = self.failed = self.failed_untold = self.keyed = self.scored = 0
        self.began: float | None = None
        self.ended: float | None = None
        self._book = book
        self._curve = curve
        self._cache: CachedAnswers[_Kept] = CachedAnswers(max_entries, ttl_seconds)

    def serve(self, request: TrafficRequest) -> None:
        """Serve one request in every way and add up what that costs."""
        model, ts = request.model, request.ts
        failed = request.error is not None
        part = self.parts.of(request.cluster)
        cost = self._book.price(request, model)
        score = None if failed else request.score_of(model)
        self.requests += 1
        if self.began is None:
            self.began = ts
        self.ended = ts
        self.as_is.calls += 1
        self.as_is.costs[part] += cost
        if failed:
            self.failed += 1
            self.failed_untold += not (request.usage.input or request.usage.output)
        elif score is not None:
            self.scored += 1
        if request.key is None:
            self._ask(request, part, cost, score)
            return
        self.keyed += 1
        key = (request.tenant, model, request.key)
        kept = self._cache.find(key, ts)
        if kept is None:
            kept = self._ask(request, part, cost, score)
            if not failed:
                self._cache.keep(key, kept, ts)
            return
        answers, scores = kept
        for (lane, _), given in zip(self.lanes, answers, strict=True):
            lane.hits += 1
            lane.add_given(part, given, score)
            lane.add_hit(given, None if failed else request.score_of(given.model))
        if self._curve is not None:
            self._curve.add_hit(cost, scores, score)

    def _ask(self, request: TrafficRequest, part: int, cost: float, score: float | None) -> _Kept:
        model = request.model
        answers: list[GivenAnswer] = []
        for lane, router in self.lanes:
            chosen = model if router is None else router.choose(request)
            lane.calls += 1
            if chosen == model:
                given = GivenAnswer(model, score)
                lane.costs[part] += cost
                lane.add_own(part, score)
            else:
                failed = request.error is not None
                given = GivenAnswer(chosen, None if failed else request.score_of(chosen))
                lane.costs[part] += self._book.price(request, chosen)
                lane.add_given(part, given, score)
            answers.append(given)
        scores: tuple[float | None, ...] = ()
        if self._curve is not None:
            scores = self._curve.add_miss(request, cost, score)
        return tuple(answers), scores
