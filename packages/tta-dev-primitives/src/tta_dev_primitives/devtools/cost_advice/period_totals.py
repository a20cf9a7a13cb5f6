"""Sums over a period, by place and model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.replay.price_book import PriceBook

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tta_dev_primitives.devtools.replay.pricing import Prices
    from tta_dev_primitives.devtools.traffic.request import TokenUsage, TrafficRequest

    from .cell_names import Cell, CellNames


@dataclass(slots=True)
class CellTotals:
    """What was spent in a cell, and on what.

    Tokens and the dollars for them are those of answered calls. Written tokens are what went into
    the provider's cache, fresh ones are the rest of the input.
    """

    calls: int = 0
    fresh: int = 0
    read: int = 0
    written: int = 0
    output: int = 0
    fresh_dollars: float = 0.0
    read_dollars: float = 0.0
    written_dollars: float = 0.0
    output_dollars: float = 0.0
    failed: int = 0
    wasted: float = 0.0

    @property
    def input(self) -> int:
        """All tokens that went in."""
        return self.fresh + self.read + self.written

    @property
    def useful(self) -> float:
        """US dollars of the answered calls."""
        return self.fresh_dollars + self.read_dollars + self.written_dollars + self.output_dollars

    @property
    def dollars(self) -> float:
        """US dollars of all calls."""
        return self.useful + self.wasted


class PeriodTotals:
    """Add up one period, in memory that does not grow with its length.

    Args:
        prices: What tokens cost.
        names: Shared by both periods, so that a name means the same in both.
    """

    def __init__(self, prices: Prices, names: CellNames) -> None:
        self._prices, self._names = prices, names
        self.book = PriceBook(prices)
        self.cells: dict[Cell, CellTotals] = {}
        self.began: float | None = None
        self.ended: float | None = None

    def add_all(self, traffic: Iterable[TrafficRequest]) -> None:
        """Count each request.

        Raises:
            UnpricedModelsError: Models of the traffic have no price; it lists them all.
        """
        for request in traffic:
            self._add(request)
        self.book.check()

    def _add(self, request: TrafficRequest) -> None:
        self.began = request.ts if self.began is None else min(self.began, request.ts)
        self.ended = request.ts if self.ended is None else max(self.ended, request.ts)
        dollars = self.book.price(request, request.model)
        cell = self._names.of(request)
        totals = self.cells.get(cell)
        if totals is None:
            totals = self.cells[cell] = CellTotals()
        if request.error is not None:
            totals.failed += 1
            totals.wasted += dollars
            return
        # What goes is what a kind of tokens cost: prices in steps are then split exactly as well.
        usage = request.usage
        rest = dollars
        if usage.output:
            bare = replace(usage, output=0)
            totals.output_dollars += rest - (rest := self._price(request, bare, rest))
        else:
            bare = usage
        if usage.cached:
            bare = replace(bare, input=bare.input - usage.cached, cached=0)
            totals.read_dollars += rest - (rest := self._price(request, bare, rest))
        if usage.cache_written:
            bare = replace(bare, input=bare.input - usage.cache_written, cache_written=0)
            totals.written_dollars += rest - (rest := self._price(request, bare, rest))
        totals.fresh_dollars += rest
        totals.calls += 1
        totals.read += usage.cached
        totals.written += usage.cache_written
        totals.fresh += usage.input - usage.cached - usage.cache_written
        totals.output += usage.output

    def _price(self, request: TrafficRequest, usage: TokenUsage, otherwise: float) -> float:
        """Return what *request* would cost with other tokens; *otherwise* if nobody knows."""
        cost = self._prices.cost(request.model, request.provider, usage, request.ts)
        return otherwise if cost is None else cost
