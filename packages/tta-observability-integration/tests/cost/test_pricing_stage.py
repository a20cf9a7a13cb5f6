"""Spans that come without their cost get one, whoever made them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind

from observability_integration.cost.prices import OwnPrice, PriceBook
from observability_integration.cost.pricing_stage import PricingStage
from observability_integration.metrics.registry import Registry
from observability_integration.spans.light_span import LightSpan, Scope, SpanSite
from observability_integration.spans.light_tracer import LightTracerProvider
from observability_integration.spans.sampling import Sampling

if TYPE_CHECKING:
    from collections.abc import Mapping

JULY = datetime(2026, 7, 1, tzinfo=UTC)
PRICES = PriceBook(
    [
        OwnPrice("m", 1.0, 2.0, cache_read_per_million=0.5, cache_write_per_million=4.0),
        OwnPrice("m", 10.0, 20.0, since=JULY),
        OwnPrice("free", 0, 0),
    ],
    name="acme",
)
CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 1_000_000,
    "gen_ai.usage.output_tokens": 500_000,
}
PRICED = {
    "gen_ai.usage.cost.amount": 2.0,
    "gen_ai.usage.cost.currency": "USD",
    "gen_ai.usage.cost.source": "local",
    "tta.cost.price_version": "acme",
}


def span_of(attributes: Mapping[str, Any], at: datetime | None = None) -> LightSpan:
    """A span as the user's tracer, or an instrumentation's, makes it."""
    tracer = LightTracerProvider(lambda span: None, Sampling()).get_tracer("any")
    moment = datetime(2026, 1, 1, tzinfo=UTC) if at is None else at
    start = int(moment.timestamp() * 1e9)
    span = tracer.start_span("chat m", attributes=dict(attributes), start_time=start)
    span.end()
    return span


def counted(registry: Registry) -> dict[str, list[tuple[dict[str, Any], float]]]:
    return {
        family.instrument.name: [(point.attributes, point.value) for point in family.points]  # pyright: ignore[reportReturnType]
        for family in registry.collect()
    }


def without(*names: str, **more: object) -> dict[str, Any]:
    kept = {key: value for key, value in CHAT.items() if key not in names}
    return {**kept, **{key.replace("__", "."): value for key, value in more.items()}}


def test_a_span_without_a_cost_gets_one() -> None:
    """A call that an instrumentation of somebody else's traced has no cost."""
    span = span_of(CHAT)
    registry = Registry()
    PricingStage(PRICES, registry)(span)
    assert span.attributes == {**CHAT, **PRICED}
    labels = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "m"}
    assert counted(registry) == {"tta.llm.cost": [(labels, 2.0)]}


def test_the_place_of_a_primitive_is_a_label() -> None:
    """The metrics of cost do not tell the step that spent it."""
    registry = Registry()
    PricingStage(PRICES, registry)(span_of({**CHAT, "tta.primitive.path": "0.app/1.say"}))
    ((labels, _),) = counted(registry)["tta.llm.cost"]
    assert labels["tta.primitive.path"] == "0.app/1.say"


@pytest.mark.parametrize(
    ("attributes", "amount"),
    [
        (without("gen_ai.provider.name", gen_ai__system="openai"), 2.0),
        (without("gen_ai.request.model", gen_ai__response__model="m"), 2.0),
        ({**CHAT, "gen_ai.response.model": "m-2026-01-01"}, 2.0),
        ({**CHAT, "gen_ai.response.model": "openai/m"}, 2.0),
        ({**CHAT, "gen_ai.usage.cache_read.input_tokens": 400_000}, 1.8),
        ({**CHAT, "gen_ai.usage.cache_read_input_tokens": 400_000}, 1.8),
        ({**CHAT, "gen_ai.usage.cache_creation.input_tokens": 100_000}, 2.3),
        ({**CHAT, "gen_ai.usage.cache_write.input_tokens": 100_000}, 2.3),
        ({**CHAT, "gen_ai.usage.cache_creation_input_tokens": 100_000}, 2.3),
        (without("gen_ai.usage.output_tokens"), 1.0),
        (
            without(
                "gen_ai.usage.input_tokens",
                "gen_ai.usage.output_tokens",
                "gen_ai.operation.name",
                gen_ai__usage__prompt_tokens=1_000_000,
                gen_ai__usage__completion_tokens=500_000,
            ),
            2.0,
        ),
        (without(gen_ai__operation__name="embeddings"), 2.0),
        (without(gen_ai__operation__name="generate_content"), 2.0),
        (without(gen_ai__operation__name="text_completion"), 2.0),
        (without(gen_ai__request__model="free"), 0.0),
        (without(gen_ai__usage__input_tokens=1_000_000.0), 2.0),
    ],
    ids=[
        *("system", "response-model", "dated-answer", "prefix", "cache-read", "old-cache-read"),
        *("cache-creation", "cache-write", "old-cache-creation", "input-only", "prompt-tokens"),
        *("embeddings", "generate-content", "text-completion", "free", "float-counts"),
    ],
)
def test_the_names_of_all_instrumentations_are_read(
    attributes: dict[str, Any], amount: float
) -> None:
    """Tokens under an older or newer name are not priced."""
    span = span_of(attributes)
    PricingStage(PRICES)(span)
    assert span.attributes["gen_ai.usage.cost.amount"] == pytest.approx(amount)


@pytest.mark.parametrize(
    "attributes",
    [
        {"http.request.method": "POST"},
        without(gen_ai__operation__name="invoke_agent"),
        without(gen_ai__operation__name="invoke_workflow"),
        without(gen_ai__operation__name="execute_tool"),
        without("gen_ai.operation.name", "gen_ai.provider.name"),
        without("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"),
    ],
    ids=["http", "agent", "workflow", "tool", "not-told", "no-usage"],
)
def test_only_spans_of_inference_are_priced(attributes: dict[str, Any]) -> None:
    """The tokens of an agent's span are priced again, although its calls were."""
    span, registry = span_of(attributes), Registry()
    PricingStage(PRICES, registry)(span)
    assert span.attributes == attributes
    assert counted(registry) == {}


def test_a_cost_that_is_there_stays() -> None:
    """The cost that the provider told is overwritten, or counted a second time."""
    told = {**CHAT, "gen_ai.usage.cost.amount": 7.0, "gen_ai.usage.cost.source": "provider"}
    span, registry = span_of(told), Registry()
    PricingStage(PRICES, registry)(span)
    assert span.attributes == told
    assert counted(registry) == {}


def test_a_span_is_priced_once() -> None:
    """A span that is prepared again for a second exporter is counted twice."""
    span, registry = span_of(CHAT), Registry()
    stage = PricingStage(PRICES, registry)
    stage(span)
    stage(span)
    ((_, value),) = counted(registry)["tta.llm.cost"]
    assert value == 2.0


@pytest.mark.parametrize(
    ("attributes", "labels"),
    [
        (without(gen_ai__request__model="secret-model"), ("openai", "secret-model")),
        (without("gen_ai.request.model"), ("openai", "other")),
        (
            without(gen_ai__usage__cache_read__input_tokens=2_000_000),
            ("openai", "m"),
        ),
    ],
    ids=["unknown", "nameless", "contradiction"],
)
def test_an_unknown_price_is_counted_and_never_nothing(
    attributes: dict[str, Any], labels: tuple[str, str]
) -> None:
    """A call with an unknown price looks as if it had cost nothing."""
    span, registry = span_of(attributes), Registry()
    PricingStage(PRICES, registry)(span)
    assert span.attributes == attributes
    names = ("gen_ai.provider.name", "gen_ai.request.model")
    told = dict(zip(names, labels, strict=True))
    assert counted(registry) == {"tta.llm.cost.unpriced": [(told, 1)]}


def test_the_day_of_the_call_counts() -> None:
    """A trace that is exported later, or read from a file, is priced by the prices of today."""
    span = span_of(CHAT, JULY)
    PricingStage(PRICES)(span)
    assert span.attributes["gen_ai.usage.cost.amount"] == pytest.approx(20.0)


@pytest.mark.parametrize("cost", [None, 7.0], ids=["priced-here", "came-with-it"])
def test_logfire_finds_its_name(cost: float | None) -> None:
    """Logfire shows no cost, or another one than everybody else."""
    told = CHAT if cost is None else {**CHAT, "gen_ai.usage.cost.amount": cost}
    span = span_of(told)
    PricingStage(PRICES, logfire_names=True)(span)
    assert span.attributes["operation.cost"] == (2.0 if cost is None else cost)


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -5, True, "many", (1, 2)], ids=repr)
def test_counts_that_are_none_do_not_raise(odd: Any) -> None:
    """One odd attribute of a foreign span ends the pricing of its batch."""
    span = span_of({**CHAT, "gen_ai.usage.input_tokens": odd})
    PricingStage(PRICES)(span)
    assert span.attributes["gen_ai.usage.cost.amount"] == pytest.approx(1.0)


def test_attributes_of_the_place_count_as_well() -> None:
    """What the spans of a place have in common is not looked at."""
    site = SpanSite("chat m", SpanKind.CLIENT, dict(CHAT), Scope("any"))
    span = LightSpan(site, 1, 2, 0, 0, lambda span: None)
    span.end()
    PricingStage(PRICES)(span)
    assert span.attributes == {**CHAT, **PRICED}
    assert site.attributes == CHAT
