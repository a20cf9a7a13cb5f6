"""Which lever would save how much on recorded traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.replay.cached_answers import (
    DEFAULT_MAX_ENTRIES,
    DEFAULT_TTL_SECONDS,
)
from tta_dev_primitives.devtools.replay.price_book import PriceBook
from tta_dev_primitives.errors import ConfigurationError

from .advice import NOT_ADDITIVE, Advice, Lever, Unjudged
from .cheaper_models import CheaperModels
from .exact_repeats import ExactRepeats
from .lever_search import LeverSearch, Spending
from .long_answers import LongAnswers
from .near_repeats import NearRepeats
from .price_changes import price_changes
from .shared_prefixes import SharedPrefixes
from .wasted_calls import WastedCalls

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tta_dev_primitives.devtools.replay.pricing import Prices
    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

NOTHING: Final = "there are no requests, so there is nothing to judge"


def advise(
    traffic: Iterable[TrafficRequest],
    prices: Prices,
    *,
    source: str = "",
    quality: float = 0.95,
    ttl_seconds: float = DEFAULT_TTL_SECONDS,
    max_entries: int = DEFAULT_MAX_ENTRIES,
    prompt_cache_seconds: float = 300.0,
    prompt_cache_minimum: int = 1_024,
) -> Advice:
    """Reckon what each lever would save on *traffic*, in bounded memory.

    The traffic is gone through once, and once more where some answers are far longer than most.
    Each lever is reckoned by itself on the traffic as it is, and looks at no later request.

    Args:
        traffic: In time order; can be gone through again and again.
        prices: What tokens cost.
        source: Where the traffic is from, in words.
        quality: Share of the mean score that a cheaper model has to keep, above 0 and at most 1.
        ttl_seconds: How long a cache would keep an answer.
        max_entries: How many answers a cache would keep.
        prompt_cache_seconds: How long a provider keeps a prefix after its last use.
        prompt_cache_minimum: The shortest prefix that providers keep, in tokens.

    Raises:
        ConfigurationError: A number is out of its range, or the traffic can be read only once.
        UnpricedModelsError: Models of the traffic have no price; it lists them all.
    """
    _check(quality, ttl_seconds, max_entries, prompt_cache_seconds, prompt_cache_minimum)
    if iter(traffic) is traffic:
        msg = (
            f"traffic has to be gone through twice, got a {type(traffic).__name__}, which goes "
            "once; give a list, or open it with open_traffic"
        )
        raise ConfigurationError(msg)
    long_answers = LongAnswers(prices)
    searches: tuple[LeverSearch, ...] = (
        ExactRepeats(ttl_seconds, max_entries),
        NearRepeats(ttl_seconds),
        CheaperModels(prices, quality),
        SharedPrefixes(prices, prompt_cache_seconds, prompt_cache_minimum),
        long_answers,
        WastedCalls(),
    )
    book = PriceBook(prices)
    adders = [search.add for search in searches]
    requests, spend = 0, 0.0
    began = ended = None
    for request in traffic:
        dollars = book.price(request, request.model)
        requests += 1
        spend += dollars
        began, ended = request.ts if began is None else began, request.ts
        for add in adders:
            add(request, dollars)
    book.check()
    if requests and long_answers.find_limits():
        for request in traffic:
            long_answers.cut(request)
    levers, unjudged = _results(searches, Spending(requests, spend))
    return Advice(
        source=source,
        requests=requests,
        spend=spend,
        began=began,
        ended=ended,
        price_source=prices.source,
        price_snapshot=prices.snapshot,
        levers=levers,
        unjudged=unjudged,
        notes=(*_notes(requests, spend), *price_changes(book, began, ended)),
    )


def _results(
    searches: Iterable[LeverSearch], spending: Spending
) -> tuple[tuple[Lever, ...], tuple[Unjudged, ...]]:
    if not spending.requests:
        return (), tuple(Unjudged(search.name, NOTHING) for search in searches)
    results = [search.result(spending) for search in searches]
    levers = [result for result in results if isinstance(result, Lever)]
    return (
        tuple(sorted(levers, key=lambda lever: -lever.dollars)),
        tuple(result for result in results if isinstance(result, Unjudged)),
    )


def _notes(requests: int, spend: float) -> tuple[str, ...]:
    if not requests:
        return (NOTHING,)
    if not spend:
        return ("this traffic cost nothing, so nothing can be saved on it", NOT_ADDITIVE)
    return (NOT_ADDITIVE,)


def _check(quality: float, ttl: float, entries: int, life: float, minimum: int) -> None:
    if not 0 < quality <= 1:
        msg = f"quality must be above 0 and at most 1, got {quality!r}; 0.95 keeps 95% of the score"
        raise ConfigurationError(msg)
    for name, value in (
        ("ttl_seconds", ttl),
        ("max_entries", entries),
        ("prompt_cache_seconds", life),
        ("prompt_cache_minimum", minimum),
    ):
        if not 0 < value <= 1e12:
            msg = f"{name} must be above 0 and finite, got {value!r}"
            raise ConfigurationError(msg)
