"""What the one line of setup wires: prices, log lines, scopes, and who hears what is said."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import (
    InMemorySpanExporter,
)

from observability_integration import (
    InMemoryExporter,
    OwnPrice,
    PriceBook,
    __version__,
    get_tracer,
    initialize_observability,
    setup,
    shutdown_observability,
)
from observability_integration.metrics.instruments import (
    LLM_COST,
    LLM_COST_UNPRICED,
    RETRY_WASTED_COST,
)
from tta_dev_primitives import (
    LambdaPrimitive,
    ObservabilityPrimitive,
    OpenAIPrimitive,
    RetryPrimitive,
    RetryStrategy,
    WorkflowContext,
    WorkflowPrimitive,
    observe,
)
from tta_dev_primitives.core.observe import LLMContentRecord, LLMRecord, report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from observability_integration.metrics.instrument import Instrument

pytestmark = pytest.mark.usefixtures("fresh")
OWN = """
name = "contract"
[[price]]
model = "house"
input_per_million = 1.0
output_per_million = 2.0
"""


def answer(cost: float | None = None) -> LLMRecord:
    return LLMRecord(
        operation="chat",
        provider="acme",
        request_model="house",
        response_model="house",
        input_tokens=1_000_000,
        output_tokens=500_000,
        cache_read_input_tokens=0,
        cache_write_input_tokens=0,
        reasoning_output_tokens=0,
        finish_reason="stop",
        duration=0.1,
        time_to_first_chunk=None,
        cost=cost,
    )


def ask(text: str) -> str:
    """Answer without a cost, as an adapter does that knows no price."""
    report(answer())
    return text


def counted(instrument: Instrument[Any]) -> float:
    """The sum of all series of an instrument."""
    running = setup._process.running
    assert running is not None
    assert running.registry is not None
    return sum(
        cast("float", point.value)
        for family in running.registry.collect()
        if family.instrument is instrument
        for point in family.points
    )


def started(**options: Any) -> InMemoryExporter:
    memory = InMemoryExporter()
    assert initialize_observability(
        service_name="shop", prometheus_port=0, exporters=[memory], **options
    )
    return memory


def delivered(memory: InMemoryExporter) -> dict[str, dict[str, Any]]:
    provider: Any = trace.get_tracer_provider()
    assert provider.force_flush()
    return {span.name: dict(span.attributes) for span in memory.spans}


async def test_a_file_of_prices_prices_what_came_without(tmp_path: Path) -> None:
    """A model of one's own stays unpriced, though its price was given."""
    (tmp_path / "prices.toml").write_text(OWN)
    memory = started(prices=tmp_path / "prices.toml")
    await LambdaPrimitive(ask, name="ask").execute("hi")
    (attributes,) = delivered(memory).values()
    assert attributes["gen_ai.usage.cost.amount"] == 2.0
    assert attributes["tta.cost.price_version"] == "contract"
    assert counted(LLM_COST) == 2.0
    assert counted(LLM_COST_UNPRICED) == 0


async def test_a_model_without_a_price_is_counted_once() -> None:
    """An unknown price is counted by the call and again by the thread that exports, or never."""
    memory = started(prices=PriceBook([OwnPrice("another", 1, 1)]))
    await LambdaPrimitive(ask, name="ask").execute("hi")
    (attributes,) = delivered(memory).values()
    assert "gen_ai.usage.cost.amount" not in attributes
    assert counted(LLM_COST) == 0
    assert counted(LLM_COST_UNPRICED) == 1


@pytest.mark.parametrize("options", [{"sample_ratio": 0.0}, {"exporters": []}], ids=str)
async def test_what_no_exporter_sees_is_still_counted_as_unpriced(options: Any) -> None:
    """Calls without a price vanish from the metrics where their span is not recorded."""
    given: dict[str, Any] = {"exporters": [InMemoryExporter()], **options}
    assert initialize_observability(prometheus_port=0, **given)
    await LambdaPrimitive(ask, name="ask").execute("hi")
    assert counted(LLM_COST_UNPRICED) == 1


async def test_a_wrong_file_of_prices_is_told_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A typing error in prices stops the app, or all of observability."""
    (tmp_path / "prices.toml").write_text(OWN.replace("1.0", '"1 dollar"'))
    memory = started(prices=str(tmp_path / "prices.toml"))
    await LambdaPrimitive(str, name="ask").execute("hi")
    assert len(delivered(memory)) == 1
    (line,) = [text for text in caplog.messages if "prices.toml" in text]
    assert "line 5" in line
    assert "left out" in line


class Model(OpenAIPrimitive):
    """Asks nobody; what an instrumentation of the SDK would do, it does itself."""

    def __init__(self) -> None:
        self.model, self.name = "house", "ask"

    async def execute(self, input_data: Any, context: WorkflowContext | None = None) -> Any:
        tell_again()
        report(answer(2.0))


def tell_again() -> None:
    tracer = get_tracer("an-instrumentation")
    assert tracer is not None
    with tracer.start_as_current_span("chat house") as span:
        span.set_attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "acme",
                "gen_ai.request.model": "house",
                "gen_ai.usage.input_tokens": 1_000_000,
                "gen_ai.usage.output_tokens": 500_000,
            }
        )


@pytest.mark.parametrize(
    ("step", "cost"),
    [(Model(), 2.0), (LambdaPrimitive(lambda value: tell_again(), name="ask"), 2.0)],
    ids=["told-twice", "told-by-the-instrumentation-alone"],
)
async def test_a_request_that_is_told_twice_is_counted_once(
    step: WorkflowPrimitive[Any, Any], cost: float
) -> None:
    """The SDK's own instrumentation below a primitive doubles the bill."""
    memory = started(prices=PriceBook([OwnPrice("house", 1, 2)]))
    await step.execute("hi")
    delivered(memory)
    assert len(memory.spans) == 2
    assert counted(LLM_COST) == cost


@pytest.mark.parametrize("joined", [False, True], ids=["own", "joined"])
async def test_waste_is_counted_in_both_modes(joined: bool) -> None:
    """What retries wasted is told only by spans of our own."""
    if joined:
        trace.set_tracer_provider(TracerProvider(shutdown_on_exit=False))
    assert initialize_observability(prometheus_port=0)
    turns = iter([True, False])

    def paid(text: str) -> str:
        report(answer(0.25))
        if next(turns):
            raise ValueError(text)
        return text

    await RetryPrimitive(paid, strategy=RetryStrategy(initial_delay=0)).execute("hi")
    assert counted(RETRY_WASTED_COST) == 0.25
    assert counted(LLM_COST) == 0.5


@pytest.mark.parametrize("joined", [False, True], ids=["own", "joined"])
async def test_spans_name_the_version_they_come_from(joined: bool) -> None:
    """Nobody can tell by a span which release of the package made it."""
    sdk, memory = InMemorySpanExporter(), InMemoryExporter()
    if joined:
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(sdk))
        trace.set_tracer_provider(provider)
    assert initialize_observability(prometheus_port=0, exporters=[] if joined else [memory])
    await LambdaPrimitive(str, name="ask").execute("hi")
    if joined:
        (theirs,) = sdk.get_finished_spans()
        assert theirs.instrumentation_scope is not None
        name, version = theirs.instrumentation_scope.name, theirs.instrumentation_scope.version
    else:
        delivered(memory)
        (ours,) = memory.spans
        name, version = ours.scope.name, ours.scope.version
    assert (name, version) == ("observability_integration", __version__)


async def test_the_variable_for_log_lines_is_honoured(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """OTEL_PYTHON_LOG_CORRELATION=true does nothing, or stays in force after the shutdown."""
    monkeypatch.setenv("OTEL_PYTHON_LOG_CORRELATION", "true")
    before = logging.getLogRecordFactory()
    started()
    seen: list[str] = []

    def step(text: str) -> str:
        logging.getLogger("app").warning("working")
        seen.append(f"{trace.get_current_span().get_span_context().trace_id:032x}")
        return text

    await LambdaPrimitive(step, name="ask").execute("hi")
    (record,) = [record for record in caplog.records if record.name == "app"]
    assert vars(record)["otelTraceID"] == seen[0]
    assert vars(record)["otelServiceName"] == "shop"
    shutdown_observability()
    assert logging.getLogRecordFactory() is before


class Listening(ObservabilityPrimitive):
    """Keeps what it is told."""

    def __init__(self, *, captures_content: bool) -> None:
        self.captures_content = captures_content
        self.told: list[object] = []

    def event(self, token: object, record: object) -> None:
        self.told.append(record)


def said() -> LLMContentRecord:
    fields: dict[str, Any] = dict.fromkeys(LLMContentRecord.__slots__)
    return LLMContentRecord(**fields)


@pytest.mark.parametrize(
    "make", [lambda: said(), lambda: answer(1.0)], ids=["what-was-said", "what-it-cost"]
)
async def test_what_is_said_is_only_for_those_who_ask(make: Callable[[], object]) -> None:
    """An observer of the user's gets prompts because another one wanted them."""
    curious, discreet = Listening(captures_content=True), Listening(captures_content=False)
    record = make()
    with observe(curious), observe(discreet):
        await LambdaPrimitive(lambda value: report(record), name="ask").execute("hi")
    assert curious.told == [record]
    assert discreet.told == ([] if isinstance(record, LLMContentRecord) else [record])
