"""Processors of opentelemetry-sdk before and behind our pipeline."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

from observability_integration.export.memory import InMemoryExporter
from observability_integration.export.sdk import PipelineProcessor, ProcessorExporter
from observability_integration.pipeline.pipeline import SpanPipeline
from observability_integration.spans.light_span import LightSpan, Scope, SpanSite

RESOURCE = Resource({"service.name": "tests"})
SITE = SpanSite("step", SpanKind.INTERNAL, {"a": 1}, Scope("tests"))


def make_spans(count: int) -> list[LightSpan]:
    spans = [LightSpan(SITE, 1, n, 0, 1, lambda span: None) for n in range(1, count + 1)]
    for span in spans:
        span.end_ns = 2
    return spans


class Choosy(SpanProcessor):
    """Raises at the spans that it does not like."""

    def __init__(self) -> None:
        self.taken: list[ReadableSpan] = []
        self.timeouts: list[int] = []
        self.shutdowns = 0

    def on_end(self, span: ReadableSpan) -> None:
        assert span.context is not None
        if span.context.span_id % 2 == 0:
            raise ValueError("sk-secret")
        self.taken.append(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        self.timeouts.append(timeout_millis)
        return False

    def shutdown(self) -> None:
        self.shutdowns += 1


@pytest.fixture
def memory() -> InMemoryExporter:
    return InMemoryExporter()


@pytest.fixture
def pipeline(memory: InMemoryExporter) -> Iterator[SpanPipeline]:
    pipeline = SpanPipeline([memory])
    yield pipeline
    pipeline.shutdown()


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    provider = TracerProvider(shutdown_on_exit=False)
    yield provider
    provider.shutdown()


def names(memory: InMemoryExporter) -> list[str]:
    return [span.name for span in memory.spans]


def test_spans_of_a_users_provider_reach_our_exporters(
    provider: TracerProvider, pipeline: SpanPipeline, memory: InMemoryExporter
) -> None:
    provider.add_span_processor(PipelineProcessor(pipeline))
    with provider.get_tracer("app").start_as_current_span("outer") as outer:
        provider.get_tracer("app").start_span("inner").end()
    assert provider.force_flush()
    assert names(memory) == ["inner", "outer"]
    assert memory.spans[0].parent_id == outer.get_span_context().span_id


@pytest.mark.parametrize(
    "context",
    [None, SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(0))],
    ids=["no-context", "recorded-only"],
)
def test_spans_that_are_not_sampled_are_not_offered(
    pipeline: SpanPipeline, context: SpanContext | None
) -> None:
    """A user's sampler may have spans recorded for a processor of the user's alone."""
    PipelineProcessor(pipeline).on_end(ReadableSpan("call", context, start_time=1, end_time=2))
    assert pipeline.offered == 0


def test_shutting_the_users_provider_down_shuts_our_pipeline_down(
    provider: TracerProvider, pipeline: SpanPipeline, memory: InMemoryExporter
) -> None:
    """What was traced until then is delivered, and the user's other processors are not touched."""
    other = InMemorySpanExporter()
    provider.add_span_processor(PipelineProcessor(pipeline))
    provider.add_span_processor(SimpleSpanProcessor(other))
    provider.get_tracer("app").start_span("call").end()
    provider.shutdown()
    assert names(memory) == ["call"]
    assert len(other.get_finished_spans()) == 1
    pipeline.offer(make_spans(1)[0])
    assert pipeline.dropped == 1


def test_a_removed_processor_does_nothing(
    provider: TracerProvider, pipeline: SpanPipeline, memory: InMemoryExporter
) -> None:
    """A provider cannot let go of a processor, so ours lets go of it."""
    processor = PipelineProcessor(pipeline)
    provider.add_span_processor(processor)
    processor.remove()
    provider.get_tracer("app").start_span("call").end()
    assert provider.force_flush()
    provider.shutdown()
    pipeline.offer(make_spans(1)[0])
    assert pipeline.flush()
    assert names(memory) == ["step"]


def test_a_flush_of_the_provider_tells_when_time_was_up(
    provider: TracerProvider, memory: InMemoryExporter
) -> None:
    """The provider's milliseconds are not our seconds."""
    processor = Choosy()
    pipeline = SpanPipeline([ProcessorExporter(processor, RESOURCE)])
    provider.add_span_processor(PipelineProcessor(pipeline))
    assert not provider.force_flush(5_000)
    assert 4_000 < processor.timeouts[0] <= 5_000
    pipeline.shutdown()


@pytest.mark.parametrize("make", [SimpleSpanProcessor, BatchSpanProcessor])
def test_our_spans_reach_a_users_processor(
    pipeline: SpanPipeline, make: type[SimpleSpanProcessor | BatchSpanProcessor]
) -> None:
    users = InMemorySpanExporter()
    exporter = ProcessorExporter(make(users), RESOURCE)
    pipeline.add_exporter(exporter)
    for span in make_spans(3):
        pipeline.offer(span)
    assert pipeline.flush()
    spans = users.get_finished_spans()
    assert [span.context.span_id for span in spans if span.context] == [1, 2, 3]
    assert [span.resource for span in spans] == [RESOURCE] * 3
    assert (exporter.name, exporter.exported, exporter.dropped) == ("processor", 3, 0)


def test_a_span_at_which_a_processor_raises_is_dropped_alone(
    pipeline: SpanPipeline, memory: InMemoryExporter, caplog: pytest.LogCaptureFixture
) -> None:
    processor = Choosy()
    exporter = ProcessorExporter(processor, RESOURCE)
    pipeline.add_exporter(exporter)
    for span in make_spans(5):
        pipeline.offer(span)
    pipeline.flush()
    assert len(processor.taken) == 3
    assert (exporter.exported, exporter.dropped, memory.exported) == (3, 2, 5)
    assert len(caplog.messages) == 1
    assert "Choosy failed to take a span: ValueError at test_sdk_processors.py:" in caplog.text
    assert "sk-secret" not in caplog.text


def test_a_processor_is_shut_down_with_the_pipeline() -> None:
    processor = Choosy()
    exporter = ProcessorExporter(processor, RESOURCE)
    pipeline = SpanPipeline([exporter])
    pipeline.shutdown()
    exporter.export(make_spans(1))
    assert processor.shutdowns == 1
    assert (exporter.exported, exporter.dropped) == (0, 1)


def test_without_a_resource_the_sdk_finds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "from the environment")
    users = InMemorySpanExporter()
    exporter = ProcessorExporter(SimpleSpanProcessor(users))
    exporter.export(make_spans(1))
    (span,) = users.get_finished_spans()
    assert span.resource.attributes["service.name"] == "from the environment"


def test_a_fork_counts_from_zero() -> None:
    exporter = ProcessorExporter(SimpleSpanProcessor(InMemorySpanExporter()), RESOURCE)
    exporter.export(make_spans(2))
    exporter.after_fork()
    assert (exporter.exported, exporter.dropped) == (0, 0)
