"""A collector gets the same from our own spans as from spans of OpenTelemetry's SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.util._once import Once

from observability_integration import (
    context_from_headers,
    get_tracer,
    running,
    setup,
    shutdown_observability,
)
from tta_dev_primitives import LambdaPrimitive

from ..spans import (  # noqa: TID252 - the tests are no package with a name
    golden_core,
    golden_llm,
    golden_performance,
    golden_recovery,
    golden_sagas,
)
from ..spans.golden_spans import ANY, CHANGING  # noqa: TID252 - as above
from .collector import Arrived, Collector, collecting, plain
from .watched import initialise

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..spans.golden_tracers import Case  # noqa: TID252 - as above

pytestmark = pytest.mark.usefixtures("quiet_environment")

Mode: TypeAlias = Literal["own", "joined", "sdk"]
CASES: list[Case] = [
    *golden_core.CASES,
    *golden_llm.CASES,
    *golden_performance.CASES,
    *golden_recovery.CASES,
    *golden_sagas.CASES,
]


def begin(
    mode: Mode, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> TracerProvider | None:
    """Observe a process that nobody observed so far, and return the user's provider.

    Args:
        mode: `own` for our spans, `joined` for a user's provider to which our exporter is added,
            `sdk` for one that exports by itself, with OpenTelemetry's exporter.
        collector: Where it goes.
        monkeypatch: Undoes it.
    """
    monkeypatch.setattr(setup, "_process", running.Process())
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    provider = None
    if mode != "own":
        provider = TracerProvider(shutdown_on_exit=False)
        trace.set_tracer_provider(provider)
    if mode == "sdk":
        assert provider is not None
        exporter = OTLPSpanExporter(f"{collector.url}/v1/traces")
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    assert initialise(None if mode == "sdk" else collector, metrics=False)
    return provider


async def arrived(
    mode: Mode, run: Callable[[], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """Return what a collector gets of *run*, without what no two runs have in common."""
    with collecting() as collector:
        provider = begin(mode, collector, monkeypatch)
        await run()
        shutdown_observability()
        if provider is not None:
            provider.shutdown()
        return comparable(collector.spans)


def ordered(spans: list[Arrived]) -> list[Arrived]:
    """Return *spans* with those below each one behind it, in the order of their start.

    Traces that began at the same time have no order of that kind: the clocks of two modes differ
    by more. They stand in the order of what they hold.
    """
    known = {span.span_id for span in spans}
    below: dict[str, list[Arrived]] = {}
    for span in sorted(spans, key=lambda span: span.message.start_time_unix_nano):
        below.setdefault(span.parent_id if span.parent_id in known else "", []).append(span)

    def tree(span: Arrived) -> list[Arrived]:
        return [span, *(each for child in below.get(span.span_id, []) for each in tree(child))]

    def held(spans: list[Arrived]) -> str:
        return repr(
            [(span.name, sorted(steady(span.attributes).items(), key=repr)) for span in spans]
        )

    return [span for spans in sorted(map(tree, below.get("", [])), key=held) for span in spans]


def comparable(spans: list[Arrived]) -> list[dict[str, Any]]:
    """Return all fields of *spans*, parents first; ids become the number of the span they name."""
    spans = ordered(spans)
    numbers = {span.span_id: number for number, span in enumerate(spans)}
    traces = {span.trace_id: None for span in spans}
    order = {trace_id: number for number, trace_id in enumerate(traces)}

    def fields(span: Arrived) -> dict[str, Any]:
        message = span.message
        assert message.end_time_unix_nano >= message.start_time_unix_nano
        return {
            "trace": order[span.trace_id],
            "parent": numbers.get(span.parent_id, span.parent_id),
            "name": span.name,
            "kind": message.kind,
            "flags": message.flags,
            "state": message.trace_state,
            "status": (message.status.code, message.status.message),
            "attributes": steady(span.attributes),
            "events": [
                (event.name, steady(plain(event.attributes)), event.dropped_attributes_count)
                for event in message.events
            ],
            "links": [
                (numbers.get(link.span_id.hex()), plain(link.attributes), link.trace_state)
                for link in message.links
            ],
            "dropped": (
                message.dropped_attributes_count,
                message.dropped_events_count,
                message.dropped_links_count,
            ),
            "scope": (span.scope.name, span.scope.version),
        }

    return [fields(span) for span in spans]


def steady(attributes: dict[str, Any]) -> dict[str, Any]:
    changing = CHANGING | {"url.full"}
    return {key: ANY if key in changing else value for key, value in attributes.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_primitive_s_spans_arrive_the_same_in_every_mode(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dashboard works with one way of setting up, and not with the other."""
    own = await arrived("own", case.run, monkeypatch)
    assert await arrived("joined", case.run, monkeypatch) == own
    assert await arrived("sdk", case.run, monkeypatch) == own
    assert own


async def own_spans() -> None:
    """Do with a tracer whatever it can do."""
    tracer = get_tracer("app")
    assert tracer is not None
    other = tracer.start_span("other", kind=trace.SpanKind.PRODUCER)
    other.end()
    link = trace.Link(other.get_span_context(), {"why": "test"})
    with (
        tracer.start_as_current_span("outer", attributes={"a": 1, "b": (1.5, 2.5)}, links=[link]),
        tracer.start_as_current_span("inner", kind=trace.SpanKind.CONSUMER) as span,
    ):
        span.set_attributes({"text": "é", "yes": True, "many": ["x", "y"]})
        span.add_event("happened", {"n": 1}, timestamp=1_700_000_000_000_000_000)
        span.update_name("renamed")
        span.set_status(trace.StatusCode.ERROR, "why")
        await LambdaPrimitive(lambda x: x, name="step").execute(1)
    too_many = tracer.start_span("full", attributes={f"k{n}": n for n in range(128)})
    for number in range(130):
        too_many.add_event(f"e{number}")
        too_many.add_link(other.get_span_context())
    too_many.set_status(trace.Status(trace.StatusCode.OK))
    too_many.end()


async def with_a_caller() -> None:
    """Go on with the trace of a caller elsewhere."""
    headers = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": "a=1,b=2",
        "baggage": "tier=gold",
    }
    await LambdaPrimitive(lambda x: x, name="step").execute(1, context_from_headers(headers))


RUNS = {"own-spans": own_spans, "with-a-caller": with_a_caller}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
async def test_a_user_s_own_spans_arrive_the_same_in_every_mode(
    run: Callable[[], Awaitable[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = await arrived("own", run, monkeypatch)
    assert await arrived("joined", run, monkeypatch) == own
    assert await arrived("sdk", run, monkeypatch) == own
