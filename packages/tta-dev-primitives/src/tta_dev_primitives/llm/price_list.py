"""Prices of genai-prices as plain numbers; importing this module imports genai-prices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from genai_prices import Usage as ListUsage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, StartDateConstraint, TieredPrices

from .pricing import Rates, cost_of

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from genai_prices.data_snapshot import DataSnapshot

    from .types import Usage

# Names of providers that the list knows under another name, or not at all under theirs.
_ALIASES = {
    "aws.bedrock": "aws",
    "azure-openai": "azure",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
}
# What is charged for text beside plain, cached and written tokens.
_BY_OTHER_MEASURE = ("requests_kcount", "output_reasoning_mtok")
_MEMO_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class _Listed:
    """A model of the list; *flat* are its rates where they depend on nothing else."""

    model: ModelInfo
    provider: Provider
    flat: Rates | None


class PriceList:
    """Look prices up in the list that genai-prices holds, each model once."""

    def __init__(self) -> None:
        self._snapshot: DataSnapshot = get_snapshot()
        self._memo: dict[tuple[str, str | None], _Listed | None] = {}

    def rates(self, model: str, provider: str | None) -> Rates | None:
        """Return the base rates of now."""
        found = self._find(model, provider)
        if found is None or found.flat is not None:
            return None if found is None else found.flat
        return _base_rates(found.model.get_prices(datetime.now(UTC)))

    def cost(self, model: str, usage: Usage, provider: str | None) -> float | None:
        """Return what *usage* costs now; exact for prices in tiers or by the hour, too."""
        found = self._find(model, provider)
        if found is None or found.flat is not None:
            return None if found is None else cost_of(usage, found.flat)
        return _exact_cost(found, usage, None)

    def cost_at(
        self, model: str, usage: Usage, provider: str | None, moment: datetime
    ) -> float | None:
        """Return what *usage* cost at *moment*, as `cost` does for now."""
        found = self._find(model, provider)
        if found is None:
            return None
        if found.flat is not None and isinstance(found.model.prices, ModelPrice):
            return cost_of(usage, found.flat)  # the list knows no other price of it
        return _exact_cost(found, usage, moment)

    def newest_dated_price(self) -> date | None:
        """Return when the newest price began that holds from a day on; the list has no date."""
        today = datetime.now(UTC).date()
        days = [
            price.constraint.start_date
            for provider in self._snapshot.providers
            for model in provider.models
            if not isinstance(model.prices, ModelPrice)
            for price in model.prices
            if isinstance(price.constraint, StartDateConstraint)
            and price.constraint.start_date <= today
        ]
        return max(days, default=None)

    def renewed_on(self) -> date | None:
        """Return the day the list was fetched, or None for the one that came with the package."""
        return self._snapshot.timestamp.date() if self._snapshot.from_auto_update else None

    def _find(self, model: str, provider: str | None) -> _Listed | None:
        snapshot = get_snapshot()
        if snapshot is not self._snapshot:  # genai-prices can be told to renew its list
            self._snapshot = snapshot
            self._memo.clear()
        key = (model, provider)
        if key not in self._memo:
            if len(self._memo) >= _MEMO_LIMIT:
                self._memo.clear()
            self._memo[key] = self._look_up(model, provider)
        return self._memo[key]

    def _look_up(self, model: str, provider: str | None) -> _Listed | None:
        for name, served_by in _spellings(model, provider):
            try:
                where, what = self._snapshot.find_provider_model(name, None, served_by, None)
            except LookupError:
                continue
            price = what.get_prices(datetime.now(UTC))
            if price.input_mtok is None and price.output_mtok is None:
                continue  # sold by the hour, the page or not at all: tokens have no price
            return _Listed(what, where, _base_rates(price) if _is_flat(what, price) else None)
        return None


def _spellings(model: str, provider: str | None) -> list[tuple[str, str | None]]:
    """Return how *model* may be called in the list, the likeliest first."""
    head, slash, rest = model.partition("/")
    if provider is not None:
        named = _ALIASES.get(provider, provider)
        return [(model, named), (rest, named)] if slash else [(model, named)]
    if ":" in model and not model.startswith("ft:"):
        # `deepseek-r1:7b` is a model on somebody's own machine, not the one sold by that name.
        return []
    if not slash:
        return [(model, None)]
    return [(model, None), (rest, _ALIASES.get(head, head)), (rest, None)]


def _exact_cost(found: _Listed, usage: Usage, moment: datetime | None) -> float | None:
    counted = ListUsage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
    )
    try:
        price = found.model.calc_price(counted, found.provider, genai_request_timestamp=moment)
    except ValueError:
        return None  # counts that contradict each other have no price
    return float(price.total_price)


def _is_flat(model: ModelInfo, price: ModelPrice) -> bool:
    """Tell whether a token of *model* costs the same in every request from now on."""
    if any(getattr(price, measure) is not None for measure in _BY_OTHER_MEASURE):
        return False
    if any(isinstance(value, TieredPrices) for value in vars(price).values()):
        return False
    if isinstance(model.prices, ModelPrice):
        return True
    today = datetime.now(UTC).date()
    constraints = [item.constraint for item in model.prices if item.constraint is not None]
    return all(
        isinstance(constraint, StartDateConstraint) and constraint.start_date <= today
        for constraint in constraints
    )


def _base_rates(price: ModelPrice) -> Rates:
    return Rates(
        input=_per_token(price.input_mtok) or 0.0,
        output=_per_token(price.output_mtok) or 0.0,
        cache_read=_per_token(price.cache_read_mtok),
        cache_write=_per_token(price.cache_write_mtok),
        cache_write_1h=_per_token(price.cache_write_1h_mtok),
    )


def _per_token(price: Decimal | TieredPrices | None) -> float | None:
    if price is None:
        return None
    per_million = price.base if isinstance(price, TieredPrices) else price
    return float(per_million) / 1e6
