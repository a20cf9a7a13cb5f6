"""What tokens cost: our own figures beside those of genai-prices, model by model."""

from __future__ import annotations

import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import DataSnapshot, get_snapshot, set_custom_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices
from hypothesis import given, settings
from hypothesis import strategies as st

from observability_integration.cost.prices import OwnPrice, Price, PriceBook, TokenCounts
from tta_dev_primitives.testing import FakeClock

TODAY = datetime(2026, 11, 23, 12, tzinfo=UTC)
SHORT = TokenCounts(input=1_000, output=500)
CACHED = TokenCounts(input=1_000, output=500, cache_read=200, cache_write=300, cache_write_1h=100)
LONG = TokenCounts(input=1_500_000, output=90_000, cache_read=400_000, cache_write=300_000)
THINKING = TokenCounts(input=1_000, output=500, reasoning=400)
HEARING = TokenCounts(input=1_000, output=500, audio_input=300)
SEEING = TokenCounts(input=1_000, output=500, image_input=300, video_input=100)
EMPTY = TokenCounts()
WRONG = TokenCounts(input=10, output=5, cache_read=200, cache_write=300, cache_write_1h=400)
TOO_LONG = TokenCounts(input=1_000, output=500, cache_write=50, cache_write_1h=100)
COUNTS = (SHORT, CACHED, LONG, THINKING, HEARING, SEEING, EMPTY, WRONG, TOO_LONG)


def expected(
    model: str, provider: str | None, tokens: TokenCounts, moment: datetime
) -> float | None:
    """What genai-prices itself says, None where it raises."""
    usage = Usage(
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
    try:
        found = calc_price(usage, model, provider_id=provider, genai_request_timestamp=moment)
    except (LookupError, ValueError):
        return None
    return float(found.total_price)


def told(book: PriceBook, model: str, provider: str, tokens: TokenCounts, at: datetime) -> float:
    found = book.price(model, tokens, provider=provider, at=at)
    return -1.0 if found is None else found.amount


def moments_of(model: ModelInfo) -> list[datetime]:
    """Now, and both sides of each day and hour at which the price changes."""
    moments = [TODAY]
    if isinstance(model.prices, ModelPrice):
        return moments
    for item in model.prices:
        start = getattr(item.constraint, "start_date", None)
        if start is not None:
            midnight = datetime(start.year, start.month, start.day, tzinfo=UTC)
            moments += [midnight - timedelta(seconds=1), midnight]
        for hour in (getattr(item.constraint, name, None) for name in ("start_time", "end_time")):
            if hour is not None:
                moments += [
                    TODAY.replace(hour=hour.hour, minute=hour.minute) + timedelta(minutes=more)
                    for more in (-1, 1)
                ]
    return moments


def thresholds_of(model: ModelInfo) -> list[TokenCounts]:
    """The sizes of a request at which and above which the price jumps."""
    prices = (
        [model.prices]
        if isinstance(model.prices, ModelPrice)
        else [item.prices for item in model.prices]
    )
    starts = {
        tier.start
        for price in prices
        for value in vars(price).values()
        if isinstance(value, TieredPrices)
        for tier in value.tiers
    }
    return [TokenCounts(size + more, 1_000) for size in starts for more in (0, 1)]


PROVIDERS = get_snapshot().providers


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.id)
def test_every_model_costs_what_genai_prices_says(provider: Provider) -> None:
    """The quick way through prices gives another figure than the package's own."""
    book = PriceBook()
    wrong: list[str] = []
    for model in provider.models:
        for moment in moments_of(model):
            price = model.get_prices(moment)
            answers = (price.input_mtok, price.output_mtok, price.requests_kcount)
            for tokens in (*COUNTS, *thresholds_of(model)):
                ours = told(book, model.id, provider.id, tokens, moment)
                theirs = expected(model.id, provider.id, tokens, moment)
                if theirs is None or (theirs == 0 and answers == (None, None, None)):
                    theirs = -1.0
                if abs(ours - theirs) > 1e-9:
                    wrong.append(f"{model.id} {moment} {tokens}: {ours} is not {theirs}")
    assert wrong == []


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_counts_cost_what_genai_prices_says(data: st.DataObject) -> None:
    """Some mix of cached, written and fresh tokens is priced otherwise than by the package."""
    provider = data.draw(st.sampled_from([item for item in PROVIDERS if item.models]))
    model = data.draw(st.sampled_from(provider.models))
    count = st.integers(0, 400_000)
    tokens = TokenCounts(*(data.draw(count) for _ in range(6)))
    theirs = expected(model.id, provider.id, tokens, TODAY)
    ours = told(PriceBook(), model.id, provider.id, tokens, TODAY)
    assert ours == pytest.approx(-1.0 if theirs is None else theirs, abs=1e-9) or (
        theirs == 0 and ours == -1.0
    )


def test_the_known_figures() -> None:
    """The price of a well-known request is another than the one on the provider's page."""
    book = PriceBook()
    openai = book.price("gpt-4o", TokenCounts(1_000, 500, 200), provider="openai", at=TODAY)
    claude = TokenCounts(1_000, 500, 200, 100)
    anthropic = book.price("claude-sonnet-4-5", claude, provider="anthropic", at=TODAY)
    assert openai is not None
    assert anthropic is not None
    assert (openai.amount, anthropic.amount) == pytest.approx((0.00725, 0.010035), abs=1e-12)


def test_an_old_call_keeps_its_old_price() -> None:
    """A trace of last year was priced anew when the price fell."""
    book = PriceBook()
    before = told(book, "o3", "openai", SHORT, datetime(2025, 6, 1, tzinfo=UTC))
    after = told(book, "o3", "openai", SHORT, TODAY)
    assert before == pytest.approx(0.03)
    assert after == pytest.approx(0.006)


def test_without_a_moment_the_clock_is_asked() -> None:
    """A book with a clock of its own priced by the machine's date."""
    book = PriceBook(clock=FakeClock(epoch=datetime(2025, 6, 1, tzinfo=UTC).timestamp()))
    found = book.price("o3", SHORT, provider="openai")
    assert found is not None
    assert found.amount == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("model", "provider", "priced"),
    [
        ("gpt-4o", "openai", True),
        ("gpt-4o", None, True),
        ("openai/gpt-4o", None, True),
        ("openai/gpt-4o", "openai", True),
        ("openai/gpt-4o", "openrouter", True),
        ("gpt-4o-2024-08-06", "openai", True),
        ("text-embedding-3-small", "openai", True),
        ("gpt-4o", "azure.ai.openai", True),
        ("gpt-4o", "az.ai.openai", True),
        ("gemini-2.5-flash", "gcp.gemini", True),
        ("gemini-2.5-flash", "gcp.vertex_ai", True),
        ("gemini-2.5-flash", "gcp.gen_ai", True),
        ("mistral-large-latest", "mistral_ai", True),
        ("grok-4", "x_ai", True),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "aws.bedrock", True),
        ("llama-3.3-70b-versatile", "groq", True),
        ("deepseek-chat", "deepseek", True),
        ("sonar", "perplexity", True),
        ("llama3.2", "ollama", False),
        ("deepseek-r1:7b", None, False),
        ("my-model", "openai", False),
        ("gpt-4o", "my-proxy", False),
        ("", "openai", False),
        ("/", None, False),
    ],
)
def test_models_are_found_by_the_names_that_spans_have(
    model: str, provider: str | None, priced: bool
) -> None:
    """A call has no price because its provider or model is spelt otherwise than in the list."""
    assert (PriceBook().price(model, SHORT, provider=provider, at=TODAY) is not None) is priced


def test_the_name_asked_for_helps_where_the_provider_is_known() -> None:
    """An answer that names a private alias has no price although the request named the model."""
    book = PriceBook()
    found = book.price("fleet-7", SHORT, provider="openai", requested="gpt-4o", at=TODAY)
    assert found == book.price("gpt-4o", SHORT, provider="openai", at=TODAY)
    assert book.price("fleet-7", SHORT, requested="gpt-4o", at=TODAY) is None


def own(model: str = "m", rate: float = 1.0, **more: object) -> OwnPrice:
    return OwnPrice(model, rate, rate, **more)  # pyright: ignore[reportArgumentType] - a table


@pytest.mark.parametrize(
    ("prices", "asked", "amount"),
    [
        ([own()], {"model": "m"}, 1.0),
        ([own()], {"model": "M"}, 1.0),
        ([own()], {"model": "any/m"}, 1.0),
        ([own()], {"model": "m-2026", "requested": "m"}, 1.0),
        ([own(), own("m-2026", 2.0)], {"model": "m-2026", "requested": "m"}, 1.0),
        ([own("any/m"), own("m", 2.0)], {"model": "any/m"}, 1.0),
        ([own(provider="p"), own(rate=2.0)], {"model": "m", "provider": "p"}, 1.0),
        ([own(provider="p"), own(rate=2.0)], {"model": "m", "provider": "q"}, 2.0),
        ([own(provider="p"), own(rate=2.0)], {"model": "m"}, 2.0),
        ([own(provider="p")], {"model": "m", "provider": "q"}, None),
        ([own(provider="azure")], {"model": "m", "provider": "azure.ai.openai"}, 1.0),
        ([own("gpt-4o")], {"model": "gpt-4o", "provider": "openai"}, 1.0),
        ([own(rate=0.0)], {"model": "m"}, 0.0),
    ],
    ids=[
        *("as-named", "case", "prefix", "requested", "requested-first", "whole-name-first"),
        *("own-provider", "other-provider", "no-provider", "not-theirs", "alias", "before-list"),
        "free",
    ],
)
def test_own_prices_go_before_the_list(
    prices: list[OwnPrice], asked: dict[str, str], amount: float | None
) -> None:
    """A price of one's own is not found, or that of another provider or name is."""
    found = PriceBook(prices, name="acme").price(
        **asked, tokens=TokenCounts(600_000, 400_000), at=TODAY
    )
    assert found == (None if amount is None else Price(amount, "acme"))


JANUARY, JULY = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "rate"),
    [
        (JANUARY - timedelta(seconds=1), 1.0),
        (JANUARY, 2.0),
        (JULY - timedelta(microseconds=1), 2.0),
        (JULY, 3.0),
        (JULY + timedelta(days=31), 1.0),
        (JULY.astimezone(UTC).replace(tzinfo=None), 3.0),
    ],
    ids=["before", "from", "just-before", "until", "after-all", "no-zone-is-utc"],
)
def test_own_prices_hold_in_their_time(at: datetime, rate: float) -> None:
    """A call is priced by what was agreed before or after it."""
    book = PriceBook(
        [
            own(rate=2.0, since=JANUARY, until=JULY),
            own(rate=1.0),
            own(rate=3.0, since=JULY, until=JULY + timedelta(days=31)),
        ]
    )
    found = book.price("m", TokenCounts(1_000_000), at=at)
    assert found is not None
    assert found.amount == rate


def test_own_prices_need_no_list() -> None:
    """A process pays for the import of genai-prices although it has its own prices."""
    code = (
        "import sys\n"
        "from observability_integration.cost.prices import OwnPrice, PriceBook, TokenCounts\n"
        "book = PriceBook([OwnPrice('m', 1, 1)])\n"
        "assert book.price('m', TokenCounts(1)) is not None\n"
        "assert 'genai_prices' not in sys.modules and 'pydantic' not in sys.modules\n"
        "assert 'opentelemetry' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_without_genai_prices_costs_are_unknown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A missing package raises in the thread that exports, or is logged for every call."""
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    monkeypatch.delitem(sys.modules, "observability_integration.cost.listed_prices", raising=False)
    book = PriceBook()
    with caplog.at_level(logging.INFO, "observability_integration"):
        assert book.price("gpt-4o", SHORT, provider="openai") is None
        assert book.price("gpt-4o", SHORT, provider="openai") is None
    assert [record.message.rpartition("; ")[2] for record in caplog.records] == [
        "try: uv add genai-prices"
    ]


def test_the_version_says_whose_prices_they_are() -> None:
    """A cost cannot be traced to the prices it was made with."""
    found = PriceBook().price("gpt-4o", SHORT, provider="openai")
    assert found is not None
    name, _, release = found.version.partition(" ")
    assert name == "genai-prices"
    assert release[0].isdigit()


def test_renewed_prices_count_at_once() -> None:
    """After genai-prices fetched new prices, the old ones go on being used."""
    book = PriceBook()
    assert book.price("gpt-4o", SHORT, provider="openai") is not None
    renewed = DataSnapshot(providers=[], from_auto_update=True)
    set_custom_snapshot(renewed)
    try:
        assert book.price("gpt-4o", SHORT, provider="openai") is None
    finally:
        set_custom_snapshot(None)
    assert book.price("gpt-4o", SHORT, provider="openai") is not None


def test_a_renewed_list_is_named_by_its_day() -> None:
    """Prices that were fetched yesterday and today have the same version."""
    renewed = DataSnapshot(providers=get_snapshot().providers, from_auto_update=True)
    renewed.timestamp = datetime(2026, 11, 20)  # noqa: DTZ001 - as genai-prices makes it
    set_custom_snapshot(renewed)
    try:
        found = PriceBook().price("gpt-4o", SHORT, provider="openai")
    finally:
        set_custom_snapshot(None)
    assert found is not None
    assert found.version == "genai-prices 2026-11-20"


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ([own(), own(rate=2.0)], "'m' has two prices without a beginning"),
        ([own(since=JULY), own(since=JULY)], "'m' has two prices from 2026-07-01"),
    ],
    ids=["always", "dated"],
)
def test_two_prices_for_one_moment_are_refused(prices: list[OwnPrice], message: str) -> None:
    """Which of two prices counts depends on their order."""
    with pytest.raises(ValueError, match=message):
        PriceBook(prices)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_per_million": -1}, "input_per_million must be 0 or more .* got -1"),
        ({"output_per_million": float("nan")}, "output_per_million must be 0 or more"),
        ({"output_per_million": float("inf")}, "output_per_million must be 0 or more"),
        ({"cache_read_per_million": True}, "cache_read_per_million must be 0 or more"),
        ({"cache_write_1h_per_million": 1}, "needs cache_write_per_million"),
        ({"model": " "}, "model must be the name of a model, got ' '"),
        ({"since": datetime(2026, 1, 1)}, "since must have a time zone"),  # noqa: DTZ001
        ({"since": JULY, "until": JULY}, "must begin before"),
    ],
    ids=["negative", "nan", "infinite", "bool", "1h-alone", "nameless", "naive", "backwards"],
)
def test_a_price_that_makes_no_sense_is_refused(arguments: dict[str, object], message: str) -> None:
    """A mistyped price is found when the bill comes."""
    with pytest.raises(ValueError, match=message):
        OwnPrice(**{"model": "m", "input_per_million": 1, "output_per_million": 1, **arguments})  # pyright: ignore[reportArgumentType]
