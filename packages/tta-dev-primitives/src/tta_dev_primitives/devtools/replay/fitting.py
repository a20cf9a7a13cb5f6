"""Fits a router to earlier requests: by their places or by their words, whichever saves more."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from .calibration import Expected, Setting, all_settings, best_model, choose_setting, spread
from .fit_sample import FitRow, RouterNotFittedError, gather_sample
from .place_table import PlaceTable
from .price_book import PriceBook
from .word_model import HashedWords, WordModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tta_dev_primitives.devtools.traffic.request import TrafficRequest

    from .estimates import Estimates
    from .pricing import Prices

MARGIN: Final = 0.02
MOST_ROWS: Final = 8_000
_MOST_CHARACTERS: Final = 4_000_000
_FOLDS: Final = 3


class FittedRouter:
    """Asks the model that is worth most: the expected score less the price of the expected cost.

    With two models that is to ask the dearer one where its gain for a dollar is large enough.

    Attributes:
        kind: `table by place` or `word model`.
        models: Whom it chooses among, the cheapest first.
        aim: Relative quality that it was calibrated to.
        expected: What it came to on rows that it had not learned from.
        rows: How many rows it learned from.
    """

    def __init__(
        self,
        kind: str,
        models: tuple[str, ...],
        estimates: Estimates,
        expected: Setting,
        exchanges: Sequence[float],
        *,
        aim: float,
        rows: int,
    ) -> None:
        self.kind, self.models, self.aim = kind, models, aim
        self.expected, self.rows = expected, rows
        self._estimates, self._exchanges = estimates, exchanges
        self._asked: TrafficRequest | None = None
        self._answer: Expected = ([], [])

    @property
    def settings(self) -> int:
        """How many settings `choose_at_all` goes through."""
        return len(self._exchanges)

    def choose(self, request: TrafficRequest) -> str:
        """Return the name of the model."""
        return self.models[best_model(self._expect(request), self.expected.exchange)]

    def choose_at_all(self, request: TrafficRequest) -> list[str]:
        """Return the model's name at each setting, from all for quality to all for saving."""
        expected = self._expect(request)
        return [self.models[best_model(expected, exchange)] for exchange in self._exchanges]

    def _expect(self, request: TrafficRequest) -> Expected:
        if request is not self._asked:  # a replay asks for a choice and for all, one by one
            self._asked = request
            self._answer = self._estimates.of(request, len(request.text))
        return self._answer


def fit_router(
    requests: Iterable[TrafficRequest],
    prices: Prices,
    *,
    quality: float = 0.95,
    margin: float = MARGIN,
    most_rows: int = MOST_ROWS,
    seed: int = 0,
) -> FittedRouter:
    """Return a router that saves as much as it can at the quality it is aimed at.

    A table by place and a model of the words are each calibrated on rows they had not learned from
    (three folds of whole conversations); the one that saves more is fitted to all rows. Calibration
    loses something on later requests, so it aims *margin* higher.

    Args:
        requests: Earlier requests, with the answers' scores of at least two models.
        prices: What tokens cost.
        quality: Relative quality to keep.
        margin: How much higher to aim, but no further than half way to all of the quality.
        most_rows: Bound of the sample that is learned from.
        seed: Of the draws.

    Raises:
        RouterNotFittedError: There are not enough scores.
        UnpricedModelsError: A model has no price.
    """
    book = PriceBook(prices)
    sample = gather_sample(requests, book, most_rows=most_rows, seed=seed)
    book.check()
    rows, count = sample.rows, len(sample.models)
    aim = quality + min(margin, max(0.0, 1 - quality) / 2)
    words = HashedWords()
    makers: list[tuple[str, Callable[[Sequence[FitRow]], Estimates]]] = []
    if len({row.request.place for row in rows}) > 1:
        makers.append(("table by place", lambda some: PlaceTable(some, count)))
    if any(row.request.text for row in rows):
        readable = _readable(rows)
        makers.append(("word model", lambda some: WordModel(some, count, words, seed=seed)))
    else:
        readable = rows
    if not makers:
        makers.append(("one model for all", lambda some: PlaceTable(some, count)))
    candidates: list[tuple[Setting, list[Setting], int]] = []
    for place, (_, make) in enumerate(makers):
        settings = all_settings(readable, _out_of_fold(readable, make))
        if not settings:
            msg = "the earlier requests cost nothing or score nothing"
            raise RouterNotFittedError(msg)
        candidates.append((choose_setting(settings, aim), settings, place))
    chosen, settings, place = max(
        candidates,
        key=lambda one: (min(one[0].quality, aim), one[0].saving, -one[2]),
    )
    kind, make = makers[place]
    return FittedRouter(
        kind,
        sample.models,
        make(readable),
        chosen,
        spread(settings, chosen),
        aim=aim,
        rows=len(readable),
    )


def _readable(rows: Sequence[FitRow]) -> Sequence[FitRow]:
    """Leave rows out, evenly, where there is more text than a few seconds are enough for."""
    characters = sum(len(row.request.text) for row in rows)
    step = -(-characters // _MOST_CHARACTERS)
    return rows if step <= 1 else rows[::step]


def _out_of_fold(
    rows: Sequence[FitRow], make: Callable[[Sequence[FitRow]], Estimates]
) -> list[Expected]:
    folds = [
        zlib.crc32(row.request.cluster.encode("utf-8", "surrogatepass")) % _FOLDS for row in rows
    ]
    expected: list[Expected] = [([], [])] * len(rows)
    for fold in range(_FOLDS):
        others = [row for row, of in zip(rows, folds, strict=True) if of != fold]
        if not others:
            msg = "all earlier requests are of one conversation, so nothing can be held out"
            raise RouterNotFittedError(msg)
        estimates = make(others)
        for index, (row, of) in enumerate(zip(rows, folds, strict=True)):
            if of == fold:
                expected[index] = estimates.of(row.request, row.length)
    return expected
