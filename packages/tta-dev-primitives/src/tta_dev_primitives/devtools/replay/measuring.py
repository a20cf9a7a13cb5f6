"""Replays traffic as it is, behind a cache, and behind a cache with a router; judges the last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from .cached_answers import DEFAULT_MAX_ENTRIES, DEFAULT_TTL_SECONDS
from .curve import CurveSums
from .errors import ReplayError, RequestOrderError
from .figures import AllFigures, figures_of, mixture_of_equal_cost, quality_slack, totals_of
from .fitting import FittedRouter
from .measurement import CurvePoint, Measurement
from .notes import notes_of
from .price_book import PriceBook
from .router import AlwaysRouter, Router
from .serving import Serving
from .stretches import Stretches
from .survey import Survey, survey_of
from .targets import Targets
from .verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .lane import Lane
    from .pricing import Prices


class ReplayableTraffic(Protocol):
    """Requests that can be counted, and gone through again and again in the order of time."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[TrafficRequest]: ...


def measure(
    traffic: ReplayableTraffic,
    prices: Prices,
    *,
    source: str,
    router: Router | None = None,
    fit_share: float = 0.5,
    target: float = 0.40,
    quality: float = 0.95,
    wrong_hit_limit: float = 0.05,
    least_conversations: int = 30,
    confidence: float = 0.95,
    resamples: int = 1_000,
    ttl_seconds: float | None = DEFAULT_TTL_SECONDS,
    max_entries: int = DEFAULT_MAX_ENTRIES,
    seed: int = 0,
    notes: Sequence[str] = (),
) -> Measurement:
    """Measure what a cache and a router would have saved on recorded traffic.

    The requests are served in the order of time; nothing that comes later changes what was served
    before. One pass, or two where a router is fitted; memory is bounded by the cache, the sample
    to fit on and a thousand parts, however long the traffic is.

    Args:
        traffic: Requests in the order of time and, of equal times, of their ids. A list or tuple
            may be in any order.
        prices: What tokens cost.
        source: What is replayed, in words.
        router: Chooses the model of a request that the cache does not answer. None to fit one on
            the first part of the traffic, where that has scores of two models.
        fit_share: Share of the requests, from the first, that a router is fitted on and that are
            not judged then; 0 for no router but a given one.
        target: Share of the cost to be saved.
        quality: Share of the quality to be kept.
        wrong_hit_limit: Largest share of hits with another score than a fresh answer.
        least_conversations: With fewer, nothing is judged.
        confidence: Of the bounds.
        resamples: How often the traffic is drawn anew.
        ttl_seconds: How long the cache gives an answer again, as `CachePrimitive` by default; None
            for as long as there is room.
        max_entries: Bound of the cache, as `CachePrimitive` by default; 0 for no cache.
        seed: Of all draws; the same seed gives the same measurement.
        notes: What a reader has to know of the traffic.

    Raises:
        ReplayError: An argument cannot be, or the traffic can be gone through only once.
        RequestOrderError: The requests are not in order.
        UnpricedModelsError: Models have no price; all of them are listed.
    """
    targets = Targets(
        target, quality, wrong_hit_limit, least_conversations, confidence, resamples, seed
    )
    if not 0 <= fit_share < 1:
        msg = f"fit_share must be from 0 to below 1, got {fit_share!r}"
        raise ReplayError(msg)
    requests = _replayable(traffic)
    survey = survey_of(
        requests, len(requests), prices, router, fit_share=fit_share, quality=quality, seed=seed
    )
    book = PriceBook(prices)
    served, curve, stretches = _serve(requests, book, survey, max_entries, ttl_seconds)
    book.check()
    lanes = [lane for lane, _ in served.lanes]
    figures = _figures(served.as_is, lanes, len(served.parts), survey, targets, stretches.sums)
    last = lanes[1] if survey.router is not None else lanes[0]
    count = served.requests
    answered = count - served.failed
    keyed = served.keyed / count if count else 0.0
    scored = last.scored / answered if answered else 0.0
    verdict = judge(
        figures.arms[-1] if count else None,
        targets,
        conversations=len(served.parts),
        keyed=keyed,
        scored=scored,
        scored_conversations=sum(last.scored_parts),
        hit_trials=last.judged.worth,
        quality_slack=quality_slack(last, confidence),
        router_missing=survey.missing,
        router_possible=survey.several_models,
    )
    points: tuple[CurvePoint, ...] = ()
    if curve is not None:
        points = curve.points(lanes[0], lanes[-1])
    return Measurement(
        source=source,
        requests=count,
        fitted_on=survey.fitted_on,
        conversations=len(served.parts),
        began=served.began,
        ended=served.ended,
        price_source=prices.source,
        price_snapshot=prices.snapshot,
        keyed=keyed,
        scored=scored,
        target=target,
        quality_target=quality,
        confidence=confidence,
        resamples=resamples,
        arms=figures.arms,
        comparisons=figures.comparisons,
        levers=figures.levers,
        curve=points,
        verdict=verdict,
        notes=(
            *notes,
            *notes_of(served, book, survey, ttl_seconds=ttl_seconds, max_entries=max_entries),
        ),
    )


def _replayable(traffic: ReplayableTraffic) -> ReplayableTraffic:
    given: object = traffic
    if isinstance(given, list | tuple):
        held = cast("Iterable[TrafficRequest]", given)
        return sorted(held, key=lambda request: (request.ts, request.id))
    if not hasattr(given, "__len__"):  # such as a generator, which is empty when gone through
        msg = (
            f"traffic must have a length and start anew, got {type(traffic).__name__}; "
            "give a list, or what open_traffic returns"
        )
        raise ReplayError(msg)
    return traffic


def _in_order(traffic: Iterable[TrafficRequest]) -> Iterator[TrafficRequest]:
    before: tuple[float, str] | None = None
    for request in traffic:
        now = (request.ts, request.id)
        if before is not None and not now > before:
            raise RequestOrderError(request.id, request.ts, before[1])
        before = now
        yield request


def _serve(
    traffic: ReplayableTraffic,
    book: PriceBook,
    survey: Survey,
    max_entries: int,
    ttl_seconds: float | None,
) -> tuple[Serving, CurveSums | None, Stretches]:
    routed: list[tuple[str, Router | None]] = [("cache", None)]
    if survey.router is not None:
        routed.append(("cache and router", survey.router))
    if survey.cheapest is not None:
        routed.append((f"always {survey.cheapest}", AlwaysRouter(survey.cheapest)))
    curve = None
    if isinstance(survey.router, FittedRouter):
        curve = CurveSums(survey.router, book)
    serving = Serving(book, routed, max_entries=max_entries, ttl_seconds=ttl_seconds, curve=curve)
    serve, stretches = serving.serve, Stretches(len(traffic) - survey.fitted_on)
    lanes = [serving.as_is, *(lane for lane, _ in serving.lanes)]
    for place, request in enumerate(_in_order(traffic)):
        if place >= survey.fitted_on:
            serve(request)
            stretches.pass_by(serving.requests, lambda: totals_of(lanes))
        else:  # only so that a model without a price is found
            book.price(request, request.model)
    return serving, curve, stretches


def _figures(
    as_is: Lane,
    lanes: Sequence[Lane],
    parts: int,
    survey: Survey,
    targets: Targets,
    stretches: Sequence[Sequence[float]],
) -> AllFigures:
    arms, levers = [as_is, lanes[0]], ["exact cache"]
    if survey.router is not None:
        arms.append(lanes[1])
        levers.append("router")
    others = lanes[len(arms) - 1 :]
    mixture = None
    if survey.router is not None and others:
        mixture = mixture_of_equal_cost("random router", lanes[0], others[0], arms[-1].cost)
    return figures_of(
        arms,
        levers,
        targets,
        parts=parts,
        mixture=mixture,
        others=others,
        stretches=stretches,
    )
