"""Spans of opentelemetry-sdk become ours and ours become its, and nothing changes on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from observability_integration.export.sdk import light_span_of, readable_span_of
from observability_integration.spans.light_span import (
    LightSpan,
    Scope,
    SpanDetails,
    SpanEvent,
    SpanSite,
)
from observability_integration.spans.limits import Attributes

RESOURCE = Resource({"service.name": "tests"})
STATE = TraceState([("vendor", "value")])
REMOTE = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(1), trace_state=STATE)

texts = st.text(max_size=8)
names = st.text(min_size=1, max_size=8)
ids = st.integers(1, 2**64 - 1)
times = st.integers(1, 2**63 - 1)
counts = st.integers(0, 5)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
values = (
    texts
    | st.booleans()
    | numbers
    | st.lists(texts, max_size=3).map(tuple)
    | st.lists(st.booleans(), max_size=3).map(tuple)
    | st.lists(st.floats(allow_nan=False), max_size=3).map(tuple)
)
attributes: st.SearchStrategy[Attributes] = st.dictionaries(names, values, max_size=4)
contexts = st.builds(
    SpanContext, ids, ids, st.booleans(), st.just(TraceFlags(1)), st.sampled_from([STATE, None])
)
events = st.builds(SpanEvent, texts, times, attributes, counts)
links = st.builds(Link, contexts, attributes)


@st.composite
def light_spans(draw: st.DrawFn) -> LightSpan:
    scope = Scope(draw(texts), draw(texts), draw(texts))
    site = SpanSite(draw(texts), draw(st.sampled_from(SpanKind)), draw(attributes), scope)
    parent_id = draw(st.just(0) | ids)
    span = LightSpan(site, draw(ids), draw(ids), parent_id, draw(times), lambda span: None)
    span.end_ns = draw(times)
    span.parent_is_remote = bool(parent_id) and draw(st.booleans())
    span.trace_state = draw(st.sampled_from([STATE, None]))
    if draw(st.booleans()):
        details = span.details = SpanDetails()
        details.name = draw(st.none() | texts)
        details.attributes = draw(attributes)
        details.events = draw(st.lists(events, max_size=2))
        details.links = draw(st.lists(links, max_size=2))
        details.dropped_attributes, details.dropped_events = draw(counts), draw(counts)
        details.dropped_links = draw(counts)
    failed = draw(st.booleans())
    if failed:
        span.status_code = StatusCode.ERROR
        if span.details is not None:
            span.details.status_description = draw(st.none() | texts)
    else:
        span.status_code = draw(st.sampled_from([StatusCode.OK, StatusCode.UNSET]))
    span.outcome = draw(st.sampled_from([None, "ok", "error", "timeout"]))
    if failed and span.outcome:
        span.error_type = draw(st.none() | names)
    return span


def told_by_light_span(span: LightSpan) -> dict[str, Any]:
    details = span.details or SpanDetails()
    return {
        "name": span.name,
        "kind": span.kind,
        "ids": (span.trace_id, span.span_id, span.parent_id, span.parent_is_remote),
        "times": (span.start_ns, span.end_ns),
        "attributes": span.attributes,
        "events": span.events,
        "links": [(link.context, dict(link.attributes or {})) for link in span.links],
        "status": (span.status_code, span.status_description),
        "outcome": span.outcome,
        "scope": span.scope,
        "trace_state": span.trace_state,
        "sampled": span.sampled,
        "context": span.get_span_context(),
        "dropped": (details.dropped_attributes, details.dropped_events, details.dropped_links),
    }


def told_by_readable_span(span: ReadableSpan) -> dict[str, Any]:
    assert span.context is not None
    return {
        "name": span.name,
        "kind": span.kind,
        "context": (span.context, span.context.trace_flags, span.context.trace_state),
        "parent": span.parent,
        "parent_is_remote": span.parent is not None and span.parent.is_remote,
        "times": (span.start_time, span.end_time),
        "attributes": dict(span.attributes or {}),
        "events": [
            (event.name, event.timestamp, dict(event.attributes or {}), event.dropped_attributes)
            for event in span.events
        ],
        "links": [
            (link.context, dict(link.attributes or {}), link.dropped_attributes)
            for link in span.links
        ],
        "status": (span.status.status_code, span.status.description),
        "scope": span.instrumentation_scope,
        "dropped": (span.dropped_attributes, span.dropped_events, span.dropped_links),
        "resource": span.resource,
    }


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    limits = SpanLimits(max_span_attributes=3, max_events=2, max_links=2, max_event_attributes=1)
    provider = TracerProvider(resource=RESOURCE, span_limits=limits, shutdown_on_exit=False)
    yield provider
    provider.shutdown()


@pytest.fixture
def finished(provider: TracerProvider) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def test_a_span_of_the_sdk_is_the_same_when_it_comes_back(
    provider: TracerProvider, finished: InMemorySpanExporter
) -> None:
    """Compatibility mode must not tell less of a span than the user's own exporter does."""
    tracer = provider.get_tracer("lib", "1.2", "https://schemas.example/1")
    above = set_span_in_context(NonRecordingSpan(REMOTE))
    span = tracer.start_span(
        "call",
        above,
        SpanKind.CLIENT,
        attributes={"a": 1, "b": (1.5, 2.5), "c": True, "d": "beyond"},
        links=[Link(REMOTE, {"why": "retry"}) for _ in range(3)],
        start_time=5,
    )
    for number in range(4):
        span.add_event(f"event {number}", {"n": number, "beyond": True}, timestamp=number)
    span.set_status(StatusCode.ERROR, "went wrong")
    span.end(9)
    (readable,) = finished.get_finished_spans()
    expected = told_by_readable_span(readable)
    assert expected["dropped"] == (1, 2, 1)  # or the test would not show that limits are kept
    assert told_by_readable_span(readable_span_of(light_span_of(readable), RESOURCE)) == expected


@pytest.mark.parametrize("version", ["", "2"])
@pytest.mark.parametrize("url", ["", "https://schemas.example/1"])
def test_the_scope_is_the_same_when_it_comes_back(
    provider: TracerProvider, finished: InMemorySpanExporter, version: str, url: str
) -> None:
    provider.get_tracer("lib", version or None, url or None).start_span("call").end()
    (readable,) = finished.get_finished_spans()
    light = light_span_of(readable)
    assert light.scope == Scope("lib", version, url)
    back = readable_span_of(light, RESOURCE).instrumentation_scope
    assert back is not None
    assert (back.name, back.version or "", back.schema_url or "") == ("lib", version, url)


@given(light_spans())
def test_a_light_span_is_the_same_when_it_comes_back(span: LightSpan) -> None:
    back = light_span_of(readable_span_of(span, RESOURCE))
    assert told_by_light_span(back) == told_by_light_span(span)


def test_a_span_without_a_scope_has_an_empty_one() -> None:
    readable = ReadableSpan("call", REMOTE, start_time=1, end_time=2)
    assert light_span_of(readable).scope == Scope("")


def test_the_outcome_stands_where_exporters_look_for_it(
    provider: TracerProvider, finished: InMemorySpanExporter
) -> None:
    """An exporter reads the outcome of our spans from its slot in both modes."""
    span = provider.get_tracer("lib").start_span("call")
    span.set_attributes({"tta.outcome": "timeout", "error.type": "timeout"})
    span.set_status(StatusCode.ERROR, "timeout")
    span.end()
    light = light_span_of(finished.get_finished_spans()[0])
    assert (light.outcome, light.error_type) == ("timeout", "timeout")
    assert light.details is not None
    assert light.details.attributes == {}
    assert light.attributes == {"tta.outcome": "timeout", "error.type": "timeout"}


def test_a_description_that_says_more_than_the_error_stays(
    provider: TracerProvider, finished: InMemorySpanExporter
) -> None:
    span = provider.get_tracer("lib").start_span("call")
    span.set_attributes({"tta.outcome": "error", "error.type": "KeyError"})
    span.set_status(StatusCode.ERROR, "KeyError: who")
    span.end()
    light = light_span_of(finished.get_finished_spans()[0])
    assert light.status_description == "KeyError: who"
    assert light.attributes["error.type"] == "KeyError"


def test_spans_of_one_place_share_what_an_encoder_keeps(
    provider: TracerProvider, finished: InMemorySpanExporter
) -> None:
    tracer = provider.get_tracer("lib")
    for name in ("a", "a", "b"):
        tracer.start_span(name).end()
    first, second, other = map(light_span_of, finished.get_finished_spans())
    assert first.site is second.site
    assert first.site is not other.site


def test_values_that_exporters_do_not_know_count_as_dropped(
    provider: TracerProvider, finished: InMemorySpanExporter
) -> None:
    """One strange attribute must not stop a whole batch in an encoder."""
    readable = ReadableSpan(
        "call",
        REMOTE,
        attributes={"a": 1, "b": {"nested": 1}},
        start_time=1,
        end_time=2,
        instrumentation_scope=InstrumentationScope("lib"),
    )
    light = light_span_of(readable)
    assert light.attributes == {"a": 1}
    assert light.details is not None
    assert light.details.dropped_attributes == 1


@pytest.mark.parametrize(
    "readable",
    [
        ReadableSpan("call", None, start_time=1, end_time=2),
        ReadableSpan("call", REMOTE, start_time=None, end_time=2),
        ReadableSpan("call", REMOTE, start_time=1, end_time=None),
    ],
    ids=["no-context", "not-begun", "not-ended"],
)
def test_what_is_not_a_whole_span_is_refused(readable: ReadableSpan) -> None:
    with pytest.raises(ValueError, match="the span 'call' cannot be exported"):
        light_span_of(readable)


def test_a_span_that_is_no_failure_has_no_description(caplog: pytest.LogCaptureFixture) -> None:
    """The SDK warns of a description beside any status but an error."""
    site = SpanSite("call", SpanKind.INTERNAL, {}, Scope("lib"))
    span = LightSpan(site, 1, 2, 0, 1, lambda span: None)
    span.end_ns, span.outcome, span.error_type = 2, "fallback", "KeyError"
    assert readable_span_of(span, RESOURCE).status.description is None
    assert caplog.messages == []
