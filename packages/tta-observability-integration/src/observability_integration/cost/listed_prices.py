"""Prices of genai-prices, by date; importing this module imports genai-prices, which is slow."""

from __future__ import annotations

import logging
from bisect import bisect_right
from datetime import UTC
from typing import TYPE_CHECKING, Final

import genai_prices
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice, StartDateConstraint, TieredPrices

from .providers import canonical_provider
from .rates import Rates

if TYPE_CHECKING:
    from datetime import date, datetime

    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, Provider

    from .rates import TokenCounts

# Prices that need nothing but the counts of text; others of these are for what is not counted here.
_PLAIN: Final = frozenset(
    {"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok"}
)
_NOT_COUNTED: Final = frozenset({"web_searches_kcount", "storage_searches_kcount"})
# A model without any of these is sold by the hour, the page or not at all: tokens have no price.
_OF_ANSWERS: Final = ("input_mtok", "output_mtok", "requests_kcount")
_MEMO_LIMIT: Final = 10_000
_logger = logging.getLogger("observability_integration")


class _Listed:
    """A model of the list, and its rates in those periods in which they are flat."""

    __slots__ = ("dates", "model", "periods", "provider")

    def __init__(self, provider: Provider, model: ModelInfo) -> None:
        self.provider, self.model = provider, model
        constraints: list[object] = []
        if not isinstance(model.prices, ModelPrice):
            constraints = [item.constraint for item in model.prices if item.constraint is not None]
        starts = [item.start_date for item in constraints if isinstance(item, StartDateConstraint)]
        self.dates: list[date] | None = sorted(starts) if len(starts) == len(constraints) else None
        self.periods: dict[int, Rates | None] = {}

    def flat_rates(self, moment: datetime) -> Rates | None:
        """Return the rates at *moment*, None where they depend on the request or the hour."""
        if self.dates is None:
            return None
        period = bisect_right(self.dates, moment.astimezone(UTC).date())
        if period not in self.periods:
            self.periods[period] = _flat(self.model.get_prices(moment))
        return self.periods[period]


class PriceList:
    """Look prices up, each model of each provider once."""

    def __init__(self) -> None:
        self._snapshot: DataSnapshot = get_snapshot()
        self._memo: dict[tuple[str, str | None], _Listed | None] = {}
        self._complained = False
        self.version = _version(self._snapshot)

    def cost(
        self, model: str, provider: str | None, tokens: TokenCounts, moment: datetime
    ) -> float | None:
        """Return what *tokens* cost in US dollars at *moment*; None where that is not known."""
        listed = self._find(model, provider)
        if listed is None:
            return None
        rates = listed.flat_rates(moment)
        if rates is not None:
            return rates.cost(tokens)
        price = listed.model.get_prices(moment)
        if all(getattr(price, key) is None for key in _OF_ANSWERS):
            return None
        try:
            calculated = listed.model.calc_price(
                _usage(tokens), listed.provider, genai_request_timestamp=moment
            )
        except ValueError:
            return None  # counts that contradict each other have no price
        except Exception:
            if not self._complained:
                self._complained = True
                _logger.exception("costs of %s stay unknown: genai-prices failed", model)
            return None
        return float(calculated.total_price)

    def _find(self, model: str, provider: str | None) -> _Listed | None:
        snapshot = get_snapshot()
        if snapshot is not self._snapshot:  # genai-prices can be told to renew its list
            self._snapshot, self.version = snapshot, _version(snapshot)
            self._memo.clear()
        key = (model, provider)
        try:
            return self._memo[key]
        except KeyError:
            if len(self._memo) >= _MEMO_LIMIT:
                self._memo.clear()
            found = self._memo[key] = self._look_up(model, provider)
            return found

    def _look_up(self, model: str, provider: str | None) -> _Listed | None:
        for name, served_by in _spellings(model, provider):
            try:
                where, what = self._snapshot.find_provider_model(name, None, served_by, None)
            except LookupError:
                continue
            return _Listed(where, what)
        return None


def _version(snapshot: DataSnapshot) -> str:
    """Return the release that the prices came with, or the day on which they were fetched."""
    if snapshot.from_auto_update:
        return f"genai-prices {snapshot.timestamp:%Y-%m-%d}"
    return f"genai-prices {genai_prices.__version__}"


def _spellings(model: str, provider: str | None) -> list[tuple[str, str | None]]:
    """Return how the list may know *model*, the likeliest first."""
    head, slash, rest = model.partition("/")
    if provider:
        named = canonical_provider(provider)
        return [(model, named), (rest, named)] if slash else [(model, named)]
    if slash:
        return [(model, None), (rest, canonical_provider(head)), (rest, None)]
    if ":" in model and not model.startswith("ft:"):
        # A name with a tag is that of a model on somebody's own machine, not of the one on sale.
        return []
    return [(model, None)]


def _flat(price: ModelPrice) -> Rates | None:
    """Return *price* as rates, or None where a token does not cost the same in every request."""
    given = {key: value for key, value in vars(price).items() if value is not None}
    if "input_mtok" not in given or not given.keys() <= _PLAIN | _NOT_COUNTED:
        return None
    if any(isinstance(value, TieredPrices) for value in given.values()):
        return None
    if "cache_write_1h_mtok" in given and "cache_write_mtok" not in given:
        return None
    read, written, long = (
        given.get(key) for key in ("cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok")
    )
    return Rates(
        input=float(given["input_mtok"]),
        output=float(given.get("output_mtok", 0)),
        cache_read=None if read is None else float(read),
        cache_write=None if written is None else float(written),
        cache_write_1h=None if long is None else float(long),
    )


def _usage(tokens: TokenCounts) -> genai_prices.Usage:
    return genai_prices.Usage(
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
        cache_write_1h_tokens=tokens.cache_write_1h,
        output_reasoning_tokens=tokens.reasoning,
        input_audio_tokens=tokens.audio_input,
        input_image_tokens=tokens.image_input,
        input_video_tokens=tokens.video_input,
    )
