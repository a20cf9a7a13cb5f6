"""What a span of anybody's tracer is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN, Tracer

from observability_integration.spans.content import ContentCapture, ContentMode
from observability_integration.spans.telling import Telling
from tta_dev_primitives.core import observe

CONTENT = observe.LLMContentRecord(({"role": "user", "content": "the prompt"},))


class Spans:
    """Makes spans and keeps them."""

    def __init__(self, tracer: Tracer, exporter: InMemorySpanExporter) -> None:
        self._tracer, self._exporter = tracer, exporter

    def told(self, telling: Telling, *records: object) -> ReadableSpan:
        span = self._tracer.start_span("step")
        for record in records:
            telling.tell(span, record)
        span.end()
        return self._exporter.get_finished_spans()[-1]


@pytest.fixture
def spans() -> Iterator[Spans]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield Spans(provider.get_tracer("t"), exporter)
    provider.shutdown()


def test_a_record_becomes_attributes(spans: Spans) -> None:
    span = spans.told(Telling(), observe.BranchRecord("then"))
    assert dict(span.attributes or {}) == {"tta.branch.taken": "then"}


def test_an_event_of_a_retry_is_nothing_else(spans: Spans) -> None:
    span = spans.told(Telling(), observe.RetryScheduledRecord(1, 0.5, "E"))
    assert [event.name for event in span.events] == ["tta.retry.scheduled"]
    assert not span.attributes


def test_the_call_of_a_model_is_named_after_it(spans: Spans) -> None:
    span = spans.told(Telling(), observe.LLMRequestRecord("embeddings", "openai", "e-3"))
    assert span.name == "embeddings e-3"


def test_the_newest_schema_has_its_names(spans: Spans) -> None:
    answer = observe.LLMRecord("chat", "p", "m", "m", 1, 1, 0, 7, 0, "stop", 0.1, None, None)
    told = spans.told(Telling("latest"), answer).attributes or {}
    assert told["gen_ai.usage.cache_write.input_tokens"] == 7


def test_an_undo_is_linked_with_the_step_it_undoes(spans: Spans) -> None:
    telling, step = Telling(), observe.SagaStepRecord("pay", 2)
    done = spans.told(telling, step)
    (link,) = spans.told(telling, observe.SagaUndoRecord("pay", 2, step)).links
    assert link.context == done.context


def test_two_tracers_link_their_own_spans(spans: Spans) -> None:
    """One record is told to both."""
    first, second, step = Telling(), Telling(), observe.SagaStepRecord("pay", 2)
    done = [spans.told(telling, step) for telling in (first, second)]
    for telling, own in zip((first, second), done, strict=True):
        (link,) = spans.told(telling, observe.SagaUndoRecord("pay", 2, step)).links
        assert link.context == own.context


@pytest.mark.parametrize(
    ("mode", "attributes", "events"),
    [
        (None, 0, 0),
        (ContentMode.NO_CONTENT, 0, 0),
        (ContentMode.SPAN_ONLY, 1, 0),
        (ContentMode.EVENT_ONLY, 0, 1),
        (ContentMode.SPAN_AND_EVENT, 1, 1),
    ],
    ids=str,
)
def test_what_was_said_goes_where_it_was_asked_to(
    spans: Spans, mode: ContentMode | None, attributes: int, events: int
) -> None:
    capture = None if mode is None else ContentCapture(mode)
    span = spans.told(Telling(content=capture), CONTENT)
    assert (len(span.attributes or {}), len(span.events)) == (attributes, events)
    for value in [*(span.attributes or {}).values(), *_values(span)]:
        assert json.loads(str(value))[0]["parts"] == [{"type": "text", "content": "the prompt"}]


def test_a_span_that_nobody_records_is_told_nothing() -> None:
    """Content is not made ready for nothing."""

    def redact(text: str) -> str:
        raise AssertionError(text)

    capture = ContentCapture(ContentMode.SPAN_ONLY, redact=redact)
    Telling(content=capture).tell(INVALID_SPAN, CONTENT)


def _values(span: ReadableSpan) -> list[Any]:
    return [value for event in span.events for value in (event.attributes or {}).values()]
