"""What tokens of a model cost at a moment: by your own prices, then by those of genai-prices."""

from __future__ import annotations

import itertools
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, Self

from tta_dev_primitives.core.clock import SYSTEM_CLOCK

from .own_prices import OwnPrice, PriceFileError, read_price_file
from .providers import canonical_provider
from .rates import TokenCounts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tta_dev_primitives.core.clock import Clock

    from .listed_prices import PriceList

__all__ = ["OwnPrice", "Price", "PriceBook", "PriceFileError", "TokenCounts"]
_logger = logging.getLogger("observability_integration")


class Price(NamedTuple):
    """What an answer cost.

    Attributes:
        amount: US dollars.
        version: Which prices said so.
    """

    amount: float
    version: str


class PriceBook:
    """Know what tokens cost at a moment; what is not known is None and never 0.

    Your own prices count first, those for a provider before those for any, and of several that
    hold at a moment the one that began last. Then genai-prices is asked, where it is installed,
    for the price at that moment. It is imported by the first question that needs it, in the
    thread that asks, and takes a second or two: do not ask from an event loop. After that a price
    that is the same for every request takes about a microsecond.

    Prices are those of the standard service tier.

    Args:
        overrides: Prices of your own.
        name: What the version of a price of your own is called.
        clock: Tells the time for questions without a moment.

    Raises:
        ValueError: Two prices of a model begin at the same moment.
    """

    def __init__(
        self,
        overrides: Iterable[OwnPrice] | None = None,
        *,
        name: str = "own prices",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._name, self._clock = name, clock
        self._own: dict[tuple[str, str], list[OwnPrice]] = {}
        self._list: PriceList | None = None
        self._is_loaded = False
        for price in overrides or ():
            self._own.setdefault(_key(price.model, price.provider), []).append(price)
        for prices in self._own.values():
            prices.sort(key=lambda price: price.since or _EVER, reverse=True)
            for later, earlier in itertools.pairwise(prices):
                if later.since == earlier.since:
                    begin = "without a beginning" if later.since is None else f"from {later.since}"
                    msg = f"{later.model!r} has two prices {begin}; give one of them another date"
                    raise ValueError(msg)

    @classmethod
    def from_toml(cls, path: str | Path, *, clock: Clock = SYSTEM_CLOCK) -> Self:
        """Return a book with the prices of your own in a TOML file.

        Each price is a table `[[price]]` with `model`, `input_per_million` and
        `output_per_million` in US dollars, and where they are wanted `cache_read_per_million`,
        `cache_write_per_million`, `cache_write_1h_per_million`, `provider`, and the dates `from`
        and `until`, in UTC, of which the last no longer counts. A `name` above the tables becomes
        the version of the prices; else the name of the file does.

        Raises:
            PriceFileError: The file cannot be read, or something in it cannot be used.
        """
        name, prices = read_price_file(path)
        try:
            return cls(prices, name=name, clock=clock)
        except ValueError as error:
            from pathlib import Path

            raise PriceFileError(Path(path), None, str(error)) from error

    def price(
        self,
        model: str,
        tokens: TokenCounts,
        *,
        provider: str | None = None,
        requested: str = "",
        at: datetime | None = None,
    ) -> Price | None:
        """Return what *tokens* of a model cost, or None where that is not known.

        Never raises.

        Args:
            model: The name in the answer, with or without a prefix such as `openai/`.
            tokens: How many.
            provider: Who was paid; without, the vendor is found by the model's name.
            requested: The name in the request, where there is one too.
            at: When the call began; now when left out.
        """
        moment = datetime.fromtimestamp(self._clock.time(), UTC) if at is None else at
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        names = [name for name in dict.fromkeys((model, requested)) if name]
        if self._own:
            for name in reversed(names):  # what you ask for is what you have a contract for
                own = self._own_price(name, provider, moment)
                if own is not None:
                    cost = own.rates.cost(tokens)
                    return None if cost is None else Price(cost, self._name)
        listed = self._list if self._is_loaded else self._load()
        if listed is not None:
            # The provider may name a model in a way of its own, but a stranger's server that names
            # another model than was asked for has another price, too.
            for name in names if provider else names[:1]:
                cost = listed.cost(name, provider, tokens, moment)
                if cost is not None:
                    return Price(cost, listed.version)
        return None

    def _own_price(self, model: str, provider: str | None, moment: datetime) -> OwnPrice | None:
        for name in dict.fromkeys((model, model.rpartition("/")[2])):
            for served_by in (provider, None) if provider else (None,):
                for price in self._own.get(_key(name, served_by), ()):
                    if price.holds_at(moment):
                        return price
        return None

    def _load(self) -> PriceList | None:
        self._is_loaded = True
        try:
            from .listed_prices import PriceList

            self._list = PriceList()
        except ImportError as error:
            _logger.info("most costs stay unknown: %s; try: uv add genai-prices", error)
        except Exception:
            _logger.exception("most costs stay unknown: genai-prices could not be read")
        return self._list


_EVER = datetime.min.replace(tzinfo=UTC)


def _key(model: str, provider: str | None) -> tuple[str, str]:
    return model.strip().lower(), canonical_provider(provider or "")
