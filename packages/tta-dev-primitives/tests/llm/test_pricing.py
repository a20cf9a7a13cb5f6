from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any

import genai_prices
import pytest
from genai_prices.data_snapshot import DataSnapshot, get_snapshot, set_custom_snapshot

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.llm import pricing
from tta_dev_primitives.llm.pricing import Rates, cost_for, cost_of, rates, set_price
from tta_dev_primitives.llm.types import Usage

USAGES = [
    Usage(1000, 500),
    Usage(1000, 500, cache_read_tokens=200),
    Usage(1000, 500, cache_read_tokens=200, cache_write_tokens=100),
    Usage(1000, 500, 0, 300, reasoning_tokens=400, cache_write_1h_tokens=100),
    Usage(450_000, 9_000, cache_read_tokens=1_000),
    Usage(),
]


def reference(model: str, provider: str | None, usage: Usage) -> float:
    """What genai-prices itself says."""
    counted = genai_prices.Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
    )
    return float(genai_prices.calc_price(counted, model, provider_id=provider).total_price)


@pytest.mark.parametrize("usage", USAGES, ids=str)
@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("gpt-4o-mini-2024-07-18", None),
        ("gpt-5", "azure"),
        ("claude-sonnet-4-5", "anthropic"),
        ("claude-haiku-4-5-20251001", None),
        ("gemini-2.5-pro", "google"),
        ("gemini-2.5-flash", None),
        ("deepseek-chat", "deepseek"),
        ("grok-4", "x-ai"),
        ("mistral-small-latest", "mistral"),
        ("sonar-deep-research", "perplexity"),
        ("openai/gpt-4o", "openrouter"),
    ],
)
def test_cost_equals_that_of_the_price_list(model: str, provider: str | None, usage: Usage) -> None:
    assert cost_for(model, usage, provider) == pytest.approx(
        reference(model, provider, usage), abs=1e-9
    )


def test_cost_equals_that_of_the_price_list_for_every_model_in_it() -> None:
    """Tiers, prices by the hour of the day, prices by request: whatever there is."""
    usage = Usage(300_000, 5_000, 2_000, 1_000, reasoning_tokens=100)
    compared, without_token_price = 0, 0
    for provider in get_snapshot().providers:
        for model in provider.models:
            try:
                expected = reference(model.id, provider.id, usage)
            except LookupError:
                continue  # its id is not among the names it is found by
            except ValueError:
                continue  # wants counts that text has none of
            cost = cost_for(model.id, usage, provider.id)
            if cost is None:
                without_token_price += 1
                assert expected < 1e-2, model.id  # nothing, or a price per request
                continue
            compared += 1
            assert cost == pytest.approx(expected, abs=1e-9), (provider.id, model.id)
    assert compared > 1500
    assert without_token_price < 300


@pytest.mark.parametrize(
    ("model", "provider", "same_as"),
    [
        ("openai/gpt-4o", None, "gpt-4o"),
        ("anthropic/claude-haiku-4-5", None, "claude-haiku-4-5"),
        ("proxy/gpt-4o", None, "gpt-4o"),
        ("openai/gpt-4o", "openai", "gpt-4o"),
        ("GPT-4o", None, "gpt-4o"),
        ("gpt-4o", "azure.ai.openai", "gpt-4o"),
        ("models/gemini-2.5-flash", "gcp.gemini", "gemini-2.5-flash"),
        ("grok-4", "x_ai", "grok-4"),
        ("mistral-small-latest", "mistral_ai", "mistral-small-latest"),
    ],
)
def test_prefixes_and_other_spellings_are_understood(
    model: str, provider: str | None, same_as: str
) -> None:
    expected = rates(same_as)
    assert expected is not None
    assert rates(model, provider) == expected


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("no-such-model", None),
        ("no-such-model", "openai"),
        ("gpt-4o", "no-such-provider"),
        ("llama3.2", "ollama"),
        ("deepseek-r1:7b", None),
        ("whisper-1", "groq"),
        ("tts-1", "openai"),
        ("", None),
        ("/", None),
    ],
)
def test_unknown_price_is_none(model: str, provider: str | None) -> None:
    assert rates(model, provider) is None
    assert cost_for(model, Usage(10, 10), provider) is None


def test_fine_tuned_model_is_found_by_its_base() -> None:
    assert rates("ft:gpt-4o-mini-2024-07-18:org::abc", "openai") is not None


def test_rates_are_dollars_per_token() -> None:
    assert rates("gpt-4o", "openai") == Rates(input=2.5e-6, output=1e-5, cache_read=1.25e-6)


def test_base_rates_stand_for_prices_in_tiers() -> None:
    found = rates("gemini-2.5-pro", "google")
    assert found is not None
    assert found.input == pytest.approx(1.25e-6)
    assert cost_of(Usage(300_000, 0), found) != cost_for("gemini-2.5-pro", Usage(300_000, 0))


def test_contradicting_counts_have_no_price_in_tiers() -> None:
    """More read from the cache than went in: no number would be right."""
    assert cost_for("gemini-2.5-pro", Usage(10, 5, cache_read_tokens=500), "google") is None


ALL = Rates(1.0, 10.0, 0.1, 2.0, 4.0)


@pytest.mark.parametrize(
    ("usage", "sold_at", "expected"),
    [
        (Usage(100, 10), Rates(1.0, 10.0), 200.0),
        (Usage(100, 10, cache_read_tokens=50), Rates(1.0, 10.0), 200.0),
        (Usage(100, 10, cache_read_tokens=50), ALL, 155.0),
        (Usage(100, 0, cache_write_tokens=50), ALL, 150.0),
        (Usage(100, 0, cache_write_tokens=50, cache_write_1h_tokens=20), ALL, 190.0),
        (Usage(100, 0, 0, 50, cache_write_1h_tokens=20), Rates(1.0, 0.0, None, 2.0), 150.0),
        (Usage(10, 0, cache_read_tokens=50), ALL, 5.0),
        (Usage(), ALL, 0.0),
    ],
    ids=[
        "plain",
        "no-cache-price",
        "read",
        "written",
        "written-for-an-hour",
        "no-price-for-the-hour",
        "more-read-than-went-in",
        "nothing",
    ],
)
def test_cost_of_usage(usage: Usage, sold_at: Rates, expected: float) -> None:
    assert cost_of(usage, sold_at) == pytest.approx(expected)


def test_cost_without_rates_is_none() -> None:
    assert cost_of(Usage(1, 1), None) is None


@pytest.mark.parametrize("asked", ["house-model", "acme/house-model"])
def test_price_that_was_set_holds_until_cleared(asked: str) -> None:
    set_price(
        "house-model",
        input_per_million=1,
        output_per_million=2,
        cache_read_per_million=0.5,
        cache_write_per_million=3,
    )
    assert rates(asked) == Rates(1e-6, 2e-6, 0.5e-6, 3e-6)
    assert cost_for(asked, Usage(1_000_000, 0)) == pytest.approx(1.0)
    pricing.clear_prices()
    assert rates(asked) is None


def test_price_that_was_set_goes_before_the_list() -> None:
    set_price("gpt-4o", input_per_million=0, output_per_million=0)
    assert cost_for("gpt-4o", Usage(5, 5), "openai") == 0.0


@pytest.mark.parametrize("price", [-1.0, float("nan"), float("inf")])
def test_price_must_be_a_number_from_zero_up(price: float) -> None:
    with pytest.raises(ConfigurationError, match="output must be 0 or more"):
        set_price("m", input_per_million=1, output_per_million=price)
    with pytest.raises(ConfigurationError, match="cache_read"):
        Rates(1.0, 1.0, price)


def test_renewed_list_is_noticed() -> None:
    """genai-prices may be told to fetch newer prices while the program runs."""
    assert rates("gpt-4o", "openai") is not None
    set_custom_snapshot(DataSnapshot(providers=[], from_auto_update=False))
    try:
        assert rates("gpt-4o", "openai") is None
    finally:
        set_custom_snapshot(None)
    assert rates("gpt-4o", "openai") is not None


def run(code: str, **options: Any) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, **options
    )
    return done.stdout.strip()


def test_price_list_is_loaded_in_a_thread_and_never_on_the_event_loop() -> None:
    """On a loop the answer is None until the prices are there; nobody waits for it unasked."""
    code = """
import asyncio, sys, threading
from tta_dev_primitives.llm import pricing

importers = []

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "genai_prices":
            importers.append(threading.current_thread())

sys.meta_path.insert(0, Watch())

async def main():
    print(pricing.is_loaded(), pricing.rates("gpt-4o"))
    await asyncio.gather(*(pricing.ensure_loaded() for _ in range(3)))
    print(pricing.is_loaded(), pricing.rates("gpt-4o").input)

asyncio.run(main())
print(len(importers), importers[0] is threading.main_thread())
"""
    assert run(code).splitlines() == ["False None", "True 2.5e-06", "1 False"]


def test_without_the_price_list_every_price_is_unknown() -> None:
    code = """
import sys
sys.modules["genai_prices"] = None
from tta_dev_primitives.llm import pricing
print(pricing.rates("gpt-4o"), pricing.is_loaded())
pricing.set_price("gpt-4o", input_per_million=1, output_per_million=1)
print(pricing.rates("gpt-4o").input)
"""
    assert run(code).splitlines() == ["None True", "1e-06"]


async def test_waiting_for_prices_can_be_given_up() -> None:
    """A cancelled waiter spoils nothing for the others."""
    waiter = asyncio.ensure_future(pricing.ensure_loaded())
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    await pricing.ensure_loaded()
    assert pricing.rates("gpt-4o") is not None
