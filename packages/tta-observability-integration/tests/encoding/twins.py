"""One description of a span, made twice: a light span, and one of OpenTelemetry's SDK."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, TraceFlags
from opentelemetry.trace.span import TraceState

from observability_integration.encoding.traces import encode_traces
from observability_integration.spans.light_span import (
    LightSpan,
    Scope,
    SpanDetails,
    SpanEvent,
    SpanSite,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TRACE_ID = 0x0102030405060708090A0B0C0D0E0F10
SPAN_ID = 0x1112131415161718
PARENT_ID = 0x2122232425262728
SCOPE = Scope("shop", "1.2.3", "https://example.org/schema")
RESOURCE = {"service.name": "shop", "service.instance.number": 3}


@dataclass
class Described:
    """What both kinds of span are made of."""

    name: str = "cache answers"
    kind: SpanKind = SpanKind.INTERNAL
    trace_id: int = TRACE_ID
    span_id: int = SPAN_ID
    parent_id: int = 0
    parent_is_remote: bool = False
    trace_state: str = ""
    start_ns: int = 1_700_000_000_000_000_001
    end_ns: int = 1_700_000_000_000_000_777
    site_attributes: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    outcome: str | None = None
    error_type: str | None = None
    events: list[tuple[str, int, Mapping[str, Any]]] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    status: Status = field(default_factory=Status)
    renamed: str | None = None
    dropped: int = 0
    scope: Scope = SCOPE

    def light(self, site: SpanSite | None = None) -> LightSpan:
        if site is None:
            site = SpanSite(self.name, self.kind, self.site_attributes, self.scope)
        span = LightSpan(
            site, self.trace_id, self.span_id, self.parent_id, self.start_ns, lambda _: None
        )
        span.parent_is_remote = self.parent_is_remote
        span.trace_state = state_of(self.trace_state) or None
        span.outcome, span.error_type = self.outcome, self.error_type
        span.status_code = self.status.status_code
        if self.attributes or self.events or self.links or self.status.description or self.renamed:
            details = span.details = SpanDetails()
            details.attributes = self.attributes
            details.events = [
                SpanEvent(name, at, dict(given), getattr(given, "dropped", 0))
                for name, at, given in self.events
            ]
            details.links = self.links
            details.name = self.renamed
            details.status_description = self.status.description
        if self.dropped:
            details = span.details = span.details or SpanDetails()
            details.dropped_attributes = self.dropped
        span.end_ns = self.end_ns
        return span

    def sdk(self) -> ReadableSpan:
        parent = None
        if self.parent_id:
            parent = SpanContext(self.trace_id, self.parent_id, self.parent_is_remote)
        merged = {**self.site_attributes, **self.attributes}
        if self.outcome is not None:
            merged["tta.outcome"] = self.outcome
        status = self.status
        if self.error_type is not None:
            merged["error.type"] = self.error_type
            status = Status(status.status_code, self.error_type)
        return ReadableSpan(
            name=self.renamed or self.name,
            context=SpanContext(
                self.trace_id,
                self.span_id,
                is_remote=False,
                trace_flags=TraceFlags(TraceFlags.SAMPLED),
                trace_state=state_of(self.trace_state),
            ),
            parent=parent,
            resource=Resource(RESOURCE),
            attributes=losing(self.dropped, merged) if self.dropped else merged,
            events=[Event(name, given, at) for name, at, given in self.events],
            links=self.links,
            kind=self.kind,
            status=status,
            start_time=self.start_ns,
            end_time=self.end_ns,
            instrumentation_scope=InstrumentationScope(*self.scope),
        )


def losing(count: int, attributes: Mapping[str, Any]) -> BoundedAttributes:
    """Return *attributes* with *count* more that there was no room for."""
    lost = {f"lost.{number}": number for number in range(count)}
    return BoundedAttributes(len(attributes), {**lost, **attributes})


def state_of(header: str) -> TraceState:
    return TraceState.from_header([header]) if header else TraceState()


def ours(spans: Iterable[Described]) -> ExportTraceServiceRequest:
    return decoded(encode_traces([span.light() for span in spans], RESOURCE))


def theirs(spans: Iterable[Described]) -> ExportTraceServiceRequest:
    return in_order(encode_spans([span.sdk() for span in spans]))


def decoded(encoded: bytes) -> ExportTraceServiceRequest:
    return in_order(ExportTraceServiceRequest.FromString(encoded))


def in_order(request: ExportTraceServiceRequest) -> ExportTraceServiceRequest:
    """Sort the attributes by their keys: their order means nothing."""
    for resource in request.resource_spans:
        resource.resource.attributes.sort(key=lambda pair: pair.key)
        for scope in resource.scope_spans:
            for span in scope.spans:
                span.attributes.sort(key=lambda pair: pair.key)
    return request


def same(one: ExportTraceServiceRequest, other: ExportTraceServiceRequest) -> bool:
    """Compare by bytes, because a message with a NaN in it differs from itself."""
    return one.SerializeToString(deterministic=True) == other.SerializeToString(deterministic=True)
