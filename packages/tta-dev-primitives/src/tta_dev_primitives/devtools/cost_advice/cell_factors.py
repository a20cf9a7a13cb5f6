"""What the cost of a cell is the product of, in one period."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .period_totals import CellTotals


class Surroundings(NamedTuple):
    """Answered calls around a cell in one period.

    Attributes:
        all: Of the whole period, divided by its days where that is asked for.
        counted: Of the whole period.
        place: Of the place.
    """

    all: float
    counted: int
    place: int


class TokenShares(NamedTuple):
    """How the input splits, from 0 to 1; the rest of it is fresh."""

    read: float
    written: float


class TokenPrices(NamedTuple):
    """US dollars that a token came to, and a call beside its tokens."""

    fresh: float
    read: float
    written: float
    output: float
    call: float


class CellFactors(NamedTuple):
    """The factors of a cell's cost, in the order of `FACTORS`; `cost` multiplies them.

    Attributes:
        volume: Answered calls of the whole period.
        place: Share of the place in them.
        model: Share of the model in the calls of the place.
        input: Tokens that go in, a call.
        output: Tokens that come out, a call.
        shares: How the input splits.
        prices: What a token comes to.
        waste: Dollars of failed calls for a dollar of answered ones.
    """

    volume: float
    place: float
    model: float
    input: float
    output: float
    shares: TokenShares
    prices: TokenPrices
    waste: float

    def cost(self) -> float:
        """Return the cost of the cell, in US dollars."""
        read, written = self.shares
        prices = self.prices
        fresh_token = (1 - read - written) * prices.fresh
        token = fresh_token + read * prices.read + written * prices.written
        call = self.input * token + self.output * prices.output + prices.call
        return self.volume * self.place * self.model * call * (1 + self.waste)


def factors_of(
    own: CellTotals, other: CellTotals, around: Surroundings, around_other: Surroundings
) -> CellFactors:
    """Return the factors of *own*.

    What it does not tell, such as the price of a token that it has none of, is taken from the
    *other* period, so that it changes nothing; a model that is new is then all mix.
    """
    counted = around if around.counted else around_other
    placed = (own, around) if around.place else (other, around_other)
    calls = own if own.calls else other
    inputs = own if own.input else other
    wastes = own if own.useful else other
    return CellFactors(
        volume=around.all,
        place=_ratio(counted.place, counted.counted),
        model=_ratio(placed[0].calls, placed[1].place),
        input=_ratio(calls.input, calls.calls),
        output=_ratio(calls.output, calls.calls),
        shares=TokenShares(_ratio(inputs.read, inputs.input), _ratio(inputs.written, inputs.input)),
        prices=_prices(own, other),
        waste=_ratio(wastes.wasted, wastes.useful),
    )


def loose_waste(totals: CellTotals) -> float:
    """Return what failed calls cost where no answered one cost anything, so that no rate is."""
    return 0.0 if totals.useful else totals.wasted


def _prices(own: CellTotals, other: CellTotals) -> TokenPrices:
    calls = own if own.calls else other
    fresh = own if own.fresh else other
    read = own if own.read else other
    written = own if own.written else other
    output = own if own.output else other
    return TokenPrices(
        fresh=_ratio(fresh.fresh_dollars, fresh.fresh),
        read=_ratio(read.read_dollars, read.read),
        written=_ratio(written.written_dollars, written.written),
        output=_ratio(output.output_dollars, output.output),
        # Where no token went in fresh, what is left is the price of the call itself.
        call=0.0 if calls.fresh else _ratio(calls.fresh_dollars, calls.calls),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
