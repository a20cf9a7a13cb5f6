"""The earlier requests that a router learns from: a bounded sample, with scores and costs."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from .errors import ReplayError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .price_book import PriceBook

LONGEST_TEXT: Final = 4_000
LEAST_ROWS: Final = 100
_COMMON: Final = 0.5


class RouterNotFittedError(ReplayError):
    """Raised when a router cannot be fitted; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class FitRow:
    """An earlier request with what each model made of it.

    Attributes:
        request: The request, its text cut to what routers read.
        length: Characters of the whole text.
        own_score: Of the answer as it was.
        own_cost: US dollars, as it was.
        scores: By model.
        costs: By model.
    """

    request: TrafficRequest
    length: int
    own_score: float
    own_cost: float
    scores: tuple[float, ...]
    costs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FitSample:
    """Rows to learn from.

    Attributes:
        models: Whom a router may choose among, the cheapest on these rows first.
        rows: In the order of time.
    """

    models: tuple[str, ...]
    rows: tuple[FitRow, ...]


def gather_sample(
    requests: Iterable[TrafficRequest], book: PriceBook, *, most_rows: int, seed: int = 0
) -> FitSample:
    """Return a sample of answered and scored requests, drawn evenly from all of them.

    One pass; only the sample is kept, with the first 4,000 characters of each text. Models that
    less than half as many answers have scores of as of the model with most are left out.

    Args:
        requests: Earlier requests, in the order of time.
        book: Prices the rows.
        most_rows: Bound of the sample.
        seed: Of the draws.

    Raises:
        RouterNotFittedError: There are not enough rows with scores of the same two models.
    """
    drawn = _draw(requests, most_rows, seed)
    models = _common_models([request for _, _, request in drawn])
    if len(models) < 2:
        named = f"only {models[0]!r} has" if models else "none has"
        msg = f"scores of at least two models are needed and {named} any"
        raise RouterNotFittedError(msg)
    rows: list[FitRow] = []
    for _, length, request in sorted(drawn, key=lambda one: one[0]):
        row = _row(request, length, models, book)
        if row is not None:
            rows.append(row)
    if len(rows) < LEAST_ROWS:
        msg = (
            f"{len(rows)} earlier requests have scores of {', '.join(map(repr, models))}, at "
            f"least {LEAST_ROWS} are needed to fit one"
        )
        raise RouterNotFittedError(msg)
    order = sorted(range(len(models)), key=lambda one: sum(row.costs[one] for row in rows))
    return FitSample(
        tuple(models[one] for one in order),
        tuple(
            replace(
                row,
                scores=tuple(row.scores[one] for one in order),
                costs=tuple(row.costs[one] for one in order),
            )
            for row in rows
        ),
    )


def _draw(
    requests: Iterable[TrafficRequest], most: int, seed: int
) -> list[tuple[int, int, TrafficRequest]]:
    lot = random.Random(seed)
    kept: list[tuple[int, int, TrafficRequest]] = []
    seen = 0
    for place, request in enumerate(requests):
        if request.error is not None or request.score_of(request.model) is None:
            continue
        seen += 1
        slot = len(kept) if len(kept) < most else lot.randrange(seen)
        if slot >= most:
            continue
        text = request.text
        if len(text) > LONGEST_TEXT:
            request = replace(request, text=text[:LONGEST_TEXT])
        if slot == len(kept):
            kept.append((place, len(text), request))
        else:
            kept[slot] = (place, len(text), request)
    return kept


def _common_models(requests: Sequence[TrafficRequest]) -> list[str]:
    counts = Counter(
        model
        for request in requests
        for model, answer in request.answers.items()
        if answer.score is not None
    )
    enough = max(counts.values(), default=0) * _COMMON
    return sorted(model for model, count in counts.items() if count >= enough)


def _row(
    request: TrafficRequest, length: int, models: Sequence[str], book: PriceBook
) -> FitRow | None:
    scores = [score for model in models if (score := request.score_of(model)) is not None]
    own_score = request.score_of(request.model)
    if own_score is None or len(scores) < len(models):
        return None
    return FitRow(
        request,
        length,
        own_score,
        book.price(request, request.model),
        tuple(scores),
        tuple(book.price(request, model) for model in models),
    )
