"""Where `tta cost` takes prices from: genai-prices, and a file of your own."""

from __future__ import annotations

import importlib
import importlib.util
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.errors import ConfigurationError, MissingExtraError

from .exits import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from tta_dev_primitives.devtools.replay.pricing import Prices
    from tta_dev_primitives.devtools.traffic.request import TokenUsage


def open_prices(own: Path | None = None) -> Prices:
    """Return what tokens cost.

    Args:
        own: A TOML file with prices of your own, which go before the list.

    Raises:
        MissingExtraError: genai-prices is not installed, and there is no file.
        ConfigurationError: A file is given, and who reads it is not installed.
        UsageError: The file cannot be used.
    """
    if own is not None:
        return _BookPrices(own)
    if importlib.util.find_spec("genai_prices") is None:
        msg = "genai-prices, which tells what tokens cost,"
        raise MissingExtraError(msg, "llm")
    return _ListedPrices()


class _ListedPrices:
    """Prices of genai-prices, at the moment of each request."""

    def __init__(self) -> None:
        import genai_prices

        from tta_dev_primitives.llm.price_list import PriceList
        from tta_dev_primitives.llm.types import Usage

        self._list, self._usage = PriceList(), Usage
        newest = self._list.newest_dated_price()
        told = "" if newest is None else f", whose newest dated price is of {newest.isoformat()}"
        self.source = f"genai-prices {genai_prices.__version__}{told}"
        self.snapshot: date | None = self._list.renewed_on()

    def cost(self, model: str, provider: str | None, usage: TokenUsage, at: float) -> float | None:
        """Return US dollars, or None where the list does not know the model."""
        counted = self._usage(
            input_tokens=usage.input,
            output_tokens=usage.output,
            cache_read_tokens=usage.cached,
            cache_write_tokens=usage.cache_written,
        )
        return self._list.cost_at(model, counted, provider, datetime.fromtimestamp(at, UTC))


class _BookPrices:
    """Prices of a TOML file, then of the list, as observability_integration prices spans."""

    def __init__(self, path: Path) -> None:
        if importlib.util.find_spec("observability_integration") is None:
            msg = (
                f"{path} is read by tta-observability-integration, which is not installed. "
                "Try: uv add tta-observability-integration"
            )
            raise ConfigurationError(msg)
        # By name, because this package must not depend on the one that watches it.
        observability: Any = importlib.import_module("observability_integration")
        try:
            self._book: Any = observability.PriceBook.from_toml(path)
        except observability.PriceFileError as error:
            raise UsageError(str(error)) from error
        self._tokens: Any = observability.TokenCounts
        self.source = f"{path.name}, then genai-prices where it is installed"
        self.snapshot: date | None = None

    def cost(self, model: str, provider: str | None, usage: TokenUsage, at: float) -> float | None:
        """Return US dollars, or None where neither knows the model."""
        counted = self._tokens(
            input=usage.input,
            output=usage.output,
            cache_read=usage.cached,
            cache_write=usage.cache_written,
        )
        moment = datetime.fromtimestamp(at, UTC)
        price = self._book.price(model, counted, provider=provider, at=moment)
        return None if price is None else price.amount
