"""What a model's tokens cost: prices set by the user, then those of genai-prices.

genai-prices takes a second or two to import, so on an event loop it is loaded in a thread: start
with `await ensure_loaded()`. Prices are those of the standard service tier; batch, flex and
priority tiers are not told apart.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import math
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from .price_list import PriceList
    from .types import Usage

_logger = logging.getLogger("tta_dev_primitives.pricing")


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars per token.

    Attributes:
        input: A token of the prompt.
        output: A token of the answer.
        cache_read: A token read from the provider's prompt cache; as *input* when left out.
        cache_write: A token written to it; as *input* when left out.
        cache_write_1h: A token written to be kept an hour; as *cache_write* when left out.
    """

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None

    def __post_init__(self) -> None:
        for field in ("input", "output", "cache_read", "cache_write", "cache_write_1h"):
            value: float | None = getattr(self, field)
            if value is not None and not 0 <= value < math.inf:
                msg = f"{field} must be 0 or more US dollars per token, got {value!r}"
                raise ConfigurationError(msg)


_set: dict[str, Rates] = {}
_list: PriceList | None = None
_loading: Future[None] | None = None
_lock = threading.Lock()


def set_price(
    model: str,
    *,
    input_per_million: float,
    output_per_million: float,
    cache_read_per_million: float | None = None,
    cache_write_per_million: float | None = None,
) -> None:
    """Set the price of *model* for the whole process; it goes before any list of prices.

    Args:
        model: The name as requests or answers give it, with or without a provider's prefix.
        input_per_million: US dollars for a million tokens of prompt.
        output_per_million: US dollars for a million tokens of answer.
        cache_read_per_million: For prompt tokens read from the cache; as input when left out.
        cache_write_per_million: For prompt tokens written to it; as input when left out.

    Raises:
        ConfigurationError: A price is negative or no number.
    """
    read, write = cache_read_per_million, cache_write_per_million
    _set[model] = Rates(
        input=input_per_million / 1e6,
        output=output_per_million / 1e6,
        cache_read=None if read is None else read / 1e6,
        cache_write=None if write is None else write / 1e6,
    )


def clear_prices() -> None:
    """Forget every price that was set with `set_price`."""
    _set.clear()


def rates(model: str, provider: str | None = None) -> Rates | None:
    """Return what a token of *model* costs, or None where that is not known.

    Where the price depends on the size of the request or the time of day, this is the base price
    of now; `cost_for` computes such costs exactly. On an event loop the answer is None until the
    prices are loaded; elsewhere the first call loads them.

    Args:
        model: Name of the model, with or without a provider's prefix such as `openai/`.
        provider: Who serves it; without, the vendor is found by the model's name.
    """
    chosen = _chosen(model)
    if chosen is not None:
        return chosen
    listed = _listed()
    return None if listed is None else listed.rates(model, provider)


def cost_of(usage: Usage, rates: Rates | None) -> float | None:
    """Return the US dollars that *usage* costs at *rates*, or None where there are none."""
    if rates is None:
        return None
    read_rate = rates.input if rates.cache_read is None else rates.cache_read
    write_rate = rates.input if rates.cache_write is None else rates.cache_write
    long_rate = write_rate if rates.cache_write_1h is None else rates.cache_write_1h
    read, written = usage.cache_read_tokens, usage.cache_write_tokens
    long = min(usage.cache_write_1h_tokens, written)
    return (
        max(0, usage.input_tokens - read - written) * rates.input
        + read * read_rate
        + (written - long) * write_rate
        + long * long_rate
        + usage.output_tokens * rates.output
    )


def cost_for(model: str, usage: Usage, provider: str | None = None) -> float | None:
    """Return the US dollars that *usage* of *model* costs now, or None where that is not known.

    Unlike `cost_of(usage, rates(model))` this is exact for prices in tiers too.
    """
    chosen = _chosen(model)
    if chosen is not None:
        return cost_of(usage, chosen)
    listed = _listed()
    return None if listed is None else listed.cost(model, usage, provider)


def is_set(model: str) -> bool:
    """Tell whether `set_price` knows *model*, so that no list is needed."""
    return _chosen(model) is not None


def is_loaded() -> bool:
    """Tell whether the prices are there, or known not to be installed."""
    return _loading is not None and _loading.done()


def start_loading() -> Future[None]:
    """Begin to load the prices in a thread, once per process, and return when that is done."""
    global _loading  # noqa: PLW0603 - loaded once per process
    with _lock:
        if _loading is not None:
            return _loading
        _loading = Future()
        # A running future cannot be cancelled, so no waiter can spoil it for the others.
        _loading.set_running_or_notify_cancel()
    threading.Thread(target=_load, args=(_loading,), name="tta-prices", daemon=True).start()
    return _loading


async def ensure_loaded() -> None:
    """Wait until the prices are loaded, without holding up the event loop."""
    if not is_loaded():
        await asyncio.wrap_future(start_loading())


def _load(done: Future[None]) -> None:
    global _list  # noqa: PLW0603 - loaded once per process
    try:
        importlib.import_module("genai_prices")
        from .price_list import PriceList

        _list = PriceList()
    except ImportError as error:
        _logger.info("costs stay unknown: %s; try: uv add 'tta-dev-primitives[llm]'", error)
    except Exception:
        _logger.exception("costs stay unknown: genai-prices could not be read")
    finally:
        done.set_result(None)


def _listed() -> PriceList | None:
    if not is_loaded():
        loading = start_loading()
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            loading.result()
        else:
            return None
    return _list


def _chosen(model: str) -> Rates | None:
    if not _set:
        return None
    return _set.get(model) or _set.get(model.rpartition("/")[2])
