"""What each variable of OpenTelemetry does, seen by a collector."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from observability_integration import get_tracer, shutdown_observability
from tta_dev_primitives.core import observe

from .programs import eventually
from .watched import call, initialise, observed_call

if TYPE_CHECKING:
    from .collector import Collector

WHOLE = "invoke_workflow a"


@pytest.fixture(autouse=True)
def environ(quiet_environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return quiet_environment


RESOURCES: dict[str, tuple[dict[str, str], dict[str, Any], dict[str, str]]] = {
    "a-name": ({"OTEL_SERVICE_NAME": "shop"}, {}, {"service.name": "shop"}),
    "a-name-among-attributes": (
        {"OTEL_RESOURCE_ATTRIBUTES": "service.name=shop"},
        {},
        {"service.name": "shop"},
    ),
    "the-variable-of-the-name-wins": (
        {"OTEL_RESOURCE_ATTRIBUTES": "service.name=no", "OTEL_SERVICE_NAME": "shop"},
        {},
        {"service.name": "shop"},
    ),
    "an-argument-wins": (
        {"OTEL_SERVICE_NAME": "no", "OTEL_RESOURCE_ATTRIBUTES": "stage=no"},
        {"service_name": "shop", "resource": {"stage": "test"}},
        {"service.name": "shop", "stage": "test"},
    ),
    "a-version": (
        {"OTEL_RESOURCE_ATTRIBUTES": "service.version=9"},
        {},
        {"service.version": "9"},
    ),
    "a-version-by-argument-wins": (
        {"OTEL_RESOURCE_ATTRIBUTES": "service.version=9"},
        {"service_version": "10"},
        {"service.version": "10"},
    ),
    "percents-and-spaces": (
        {"OTEL_RESOURCE_ATTRIBUTES": " stage = a%2Cb%3D%C3%A9 , ,odd,=none"},
        {},
        {"stage": "a,b=é"},
    ),
}


@pytest.mark.parametrize(("variables", "arguments", "expected"), RESOURCES.values(), ids=RESOURCES)
def test_the_process_is_described_as_the_variables_say(
    environ: pytest.MonkeyPatch,
    collector: Collector,
    variables: dict[str, str],
    arguments: dict[str, Any],
    expected: dict[str, str],
) -> None:
    """Spans are those of the service called tta, whatever its owner has set."""
    set_all(environ, variables)
    observed_call(collector, **arguments)
    resource = collector.named(WHOLE).resource
    assert {key: resource.get(key) for key in expected} == expected


def test_the_switch_of_opentelemetry_turns_all_of_it_off(
    environ: pytest.MonkeyPatch, collector: Collector
) -> None:
    environ.setenv("OTEL_SDK_DISABLED", "true")
    assert not initialise(collector)
    call()
    assert collector.requests == []


TO_A_COLLECTOR = {
    "all": ({"OTEL_EXPORTER_OTLP_ENDPOINT": "{url}"}, {"/v1/traces", "/v1/metrics"}),
    "below-a-path": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "{url}/base/"},
        {"/base/v1/traces", "/base/v1/metrics"},
    ),
    "traces-as-it-is": (
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "{url}/mine"},
        {"/mine"},
    ),
    "metrics-as-it-is": (
        {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "{url}/my/metrics"},
        {"/my/metrics"},
    ),
    "no-traces": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "{url}", "OTEL_TRACES_EXPORTER": "none"},
        {"/v1/metrics"},
    ),
    "no-metrics": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "{url}", "OTEL_METRICS_EXPORTER": "none"},
        {"/v1/traces"},
    ),
    "among-others": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "{url}", "OTEL_TRACES_EXPORTER": "console, otlp"},
        {"/v1/traces", "/v1/metrics"},
    ),
    "nothing": ({}, set[str]()),
}


@pytest.mark.parametrize(("variables", "paths"), TO_A_COLLECTOR.values(), ids=TO_A_COLLECTOR)
def test_telemetry_goes_where_the_variables_say(
    environ: pytest.MonkeyPatch,
    collector: Collector,
    variables: dict[str, str],
    paths: set[str],
) -> None:
    """Telemetry goes to another address than the one that was set."""
    set_all(environ, {name: text.format(url=collector.url) for name, text in variables.items()})
    assert initialise()
    call()
    shutdown_observability()
    assert {request.path for request in collector.requests} == paths


def test_an_exporter_that_is_named_without_an_address_posts_to_the_usual_one(
    environ: pytest.MonkeyPatch,
) -> None:
    """`OTEL_TRACES_EXPORTER=otlp` alone means `http://localhost:4318`, and nothing is sent."""
    environ.setenv("OTEL_TRACES_EXPORTER", "otlp")
    assert initialise(metrics=False)
    pipeline: Any = getattr(trace.get_tracer_provider(), "pipeline")  # noqa: B009 - of our own
    assert [exporter.name for exporter in pipeline.exporters] == ["otlp"]


HEADERS = {
    "for-all": ({"OTEL_EXPORTER_OTLP_HEADERS": "x-key=a%20b,x-two=2"}, "a b", "a b"),
    "for-traces": (
        {"OTEL_EXPORTER_OTLP_HEADERS": "x-key=a", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-key=b"},
        "b",
        "a",
    ),
    "for-metrics": (
        {"OTEL_EXPORTER_OTLP_HEADERS": "x-key=a", "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "x-key=b"},
        "a",
        "b",
    ),
}


@pytest.mark.parametrize(("variables", "traces", "metrics"), HEADERS.values(), ids=HEADERS)
def test_requests_have_the_headers_of_the_variables(
    environ: pytest.MonkeyPatch,
    collector: Collector,
    variables: dict[str, str],
    traces: str,
    metrics: str,
) -> None:
    set_all(environ, variables)
    observed_call(collector)
    keys = {request.path: request.headers.get("x-key") for request in collector.requests}
    assert keys == {"/v1/traces": traces, "/v1/metrics": metrics}


@pytest.mark.parametrize(
    ("text", "expected"), [("none", None), ("gzip", "gzip")], ids=["none", "gzip"]
)
def test_bodies_are_compressed_as_the_variable_says(
    environ: pytest.MonkeyPatch, collector: Collector, text: str, expected: str | None
) -> None:
    environ.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", text)
    observed_call(collector)
    found = {request.headers.get("content-encoding") for request in collector.requests}
    assert found == {expected}


SAMPLERS = {
    "off": ("always_off", "", 0),
    "off-for-roots": ("parentbased_always_off", "", 0),
    "on": ("always_on", "", 1),
    "none-of-them": ("traceidratio", "0", 0),
    "all-of-them": ("parentbased_traceidratio", "1.0", 1),
}


@pytest.mark.parametrize(("sampler", "share", "spans"), SAMPLERS.values(), ids=SAMPLERS)
def test_a_sampler_chooses_traces_and_no_metrics(
    environ: pytest.MonkeyPatch, collector: Collector, sampler: str, share: str, spans: int
) -> None:
    environ.setenv("OTEL_TRACES_SAMPLER", sampler)
    environ.setenv("OTEL_TRACES_SAMPLER_ARG", share)
    observed_call(collector)
    assert len(collector.spans) == spans
    assert "tta.primitive.duration" in collector.metric_names


Facts = tuple[int, int, int, str, int, int]
LIMITS: dict[str, tuple[dict[str, str], Facts]] = {
    "none": ({}, (3, 3, 3, "abcdef", 3, 3)),
    "attributes": ({"OTEL_ATTRIBUTE_COUNT_LIMIT": "1"}, (1, 3, 3, "abcdef", 1, 1)),
    "attributes-of-spans": ({"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "1"}, (1, 3, 3, "abcdef", 3, 3)),
    "events": ({"OTEL_SPAN_EVENT_COUNT_LIMIT": "2"}, (3, 2, 3, "abcdef", 3, 3)),
    "links": ({"OTEL_SPAN_LINK_COUNT_LIMIT": "2"}, (3, 3, 2, "abcdef", 3, 3)),
    "length": ({"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "2"}, (3, 3, 3, "ab", 3, 3)),
    "length-in-spans": ({"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "2"}, (3, 3, 3, "ab", 3, 3)),
    "attributes-of-events": (
        {"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "1"},
        (3, 3, 3, "abcdef", 1, 3),
    ),
    "attributes-of-links": ({"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT": "1"}, (3, 3, 3, "abcdef", 3, 1)),
}


@pytest.mark.parametrize(("variables", "expected"), LIMITS.values(), ids=LIMITS)
def test_a_span_holds_what_the_limits_allow(
    environ: pytest.MonkeyPatch, variables: dict[str, str], expected: Facts
) -> None:
    """A limit that the owner has set is not kept, or one that was not set is."""
    from observability_integration import InMemoryExporter

    set_all(environ, variables)
    memory = InMemoryExporter()
    assert initialise(exporters=[memory])
    tracer = get_tracer("app")
    assert tracer is not None
    many = {"one": "abcdef", "two": "abcdef", "three": "abcdef"}
    links = [trace.Link(tracer.start_span("other").get_span_context(), many) for _ in range(3)]
    span = tracer.start_span("a", attributes=many, links=links)
    for name in many:
        span.add_event(name, many)
    span.end()
    shutdown_observability()
    (found,) = memory.spans
    assert (
        len(found.attributes),
        len(found.events),
        len(found.links),
        found.attributes["one"],
        len(found.events[-1].attributes),
        len(found.links[-1].attributes or {}),
    ) == expected


def test_metrics_are_sent_as_often_as_the_variable_says(
    environ: pytest.MonkeyPatch, collector: Collector
) -> None:
    environ.setenv("OTEL_METRIC_EXPORT_INTERVAL", "20")
    assert initialise(collector)
    call()
    assert eventually(lambda: len(collector.requests) > 5)
    shutdown_observability()


CONTENT = {
    "unset": (None, False, False),
    "none": ("NO_CONTENT", False, False),
    "on-the-span": ("span_only", True, False),
    "as-an-event": ("EVENT_ONLY", False, True),
    "both": ("SPAN_AND_EVENT", True, True),
    "a-word-of-its-own": ("yes please", False, False),
}


@pytest.mark.parametrize(("text", "on_span", "as_event"), CONTENT.values(), ids=CONTENT)
def test_what_was_said_is_kept_where_the_variable_says(
    environ: pytest.MonkeyPatch,
    collector: Collector,
    text: str | None,
    on_span: bool,
    as_event: bool,
) -> None:
    """A prompt is in a trace that nobody asked to have it."""
    if text is not None:
        environ.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", text)
    assert initialise(collector)
    call(function=say)
    shutdown_observability()
    span = collector.named(WHOLE)
    assert ("gen_ai.input.messages" in span.attributes) is on_span
    assert ("gen_ai.client.inference.operation.details" in span.events) is as_event
    assert "sk-live-4f9a8b7c6d5e4f3a2b1c0d9e" not in repr(collector.requests)


def say(x: object) -> None:
    said = {"role": "user", "content": "my key is sk-live-4f9a8b7c6d5e4f3a2b1c0d9e"}
    observe.report(observe.LLMContentRecord(input_messages=(said,)))


def test_log_records_name_their_trace_where_the_variable_asks_for_it(
    environ: pytest.MonkeyPatch, collector: Collector, told: pytest.LogCaptureFixture
) -> None:
    environ.setenv("OTEL_PYTHON_LOG_CORRELATION", "true")
    environ.setenv("OTEL_SERVICE_NAME", "shop")
    assert initialise(collector)
    call(function=lambda x: logging.getLogger("app").info("working"))
    shutdown_observability()
    logging.getLogger("app").info("idle")
    working, idle = [vars(record) for record in told.records if record.name == "app"]
    assert working["otelTraceID"] == collector.named(WHOLE).trace_id
    assert working["otelServiceName"] == "shop"
    assert "otelTraceID" not in idle


def set_all(environ: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, text in variables.items():
        environ.setenv(name, text)
