"""The bridge to opentelemetry-sdk: its spans become ours, ours become its.

Importing this imports opentelemetry-sdk; do it where a span or a processor of the SDK is at hand.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, get_current_span
from opentelemetry.trace.status import Status, StatusCode

from observability_integration.pipeline.telling import ToldOnce
from observability_integration.scope import SCOPE
from observability_integration.semconv.names import ERROR_TYPE, TTA_OUTCOME
from observability_integration.spans.light_span import (
    LightSpan,
    Scope,
    SpanDetails,
    SpanEvent,
    SpanSite,
)
from observability_integration.spans.limits import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.context import Context

    from observability_integration.pipeline.pipeline import SpanPipeline
    from observability_integration.spans.limits import Attributes

_Item = TypeVar("_Item")


def light_span_of(readable: ReadableSpan) -> LightSpan:
    """Return an ended span of the SDK as exporters see spans.

    Its resource is left out, because exporters have that of the process; so are attributes of its
    scope. An attribute of a kind that OTLP alone knows, such as a mapping, counts as dropped.

    Raises:
        ValueError: The span has no identity, or has not ended.
    """
    context, parent = readable.context, readable.parent
    if context is None or readable.start_time is None or readable.end_time is None:
        msg = f"the span {readable.name!r} cannot be exported: it has no context or has not ended"
        raise ValueError(msg)
    site = _site(readable.name, readable.kind, _scope_of(readable.instrumentation_scope))
    span = LightSpan(
        site,
        context.trace_id,
        context.span_id,
        0 if parent is None else parent.span_id,
        readable.start_time,
        _already_delivered,
    )
    span.end_ns = readable.end_time
    span.trace_state = context.trace_state or None
    span.parent_is_remote = parent is not None and parent.is_remote
    span.status_code = readable.status.status_code
    details = span.details = SpanDetails()
    details.status_description = readable.status.description
    details.attributes, unfit = _cleaned(readable.attributes)
    details.dropped_attributes = readable.dropped_attributes + unfit
    details.events = [_span_event_of(event) for event in readable.events]
    details.dropped_events = readable.dropped_events
    details.links = list(readable.links)
    details.dropped_links = readable.dropped_links
    _take_outcome(span, details)
    return span


def readable_span_of(span: LightSpan, resource: Resource) -> ReadableSpan:
    """Return an ended span as processors and exporters of the SDK see spans.

    Args:
        span: Its records have been resolved.
        resource: What it comes from, for the SDK hangs that on every span.
    """
    details, scope = span.details, span.scope
    dropped = (0, 0, 0)
    if details is not None:
        dropped = (details.dropped_attributes, details.dropped_events, details.dropped_links)
    context = span.get_span_context()
    parent = None
    if span.parent_id:
        parent = SpanContext(
            span.trace_id,
            span.parent_id,
            span.parent_is_remote,
            context.trace_flags,
            context.trace_state,
        )
    return ReadableSpan(
        name=span.name,
        context=context,
        parent=parent,
        resource=resource,
        attributes=_bounded(span.attributes, dropped[0]),
        events=_listed([_event_of(event) for event in span.events], dropped[1]),
        links=_listed(span.links, dropped[2]),
        kind=span.kind,
        status=_status_of(span),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=InstrumentationScope(
            scope.name, scope.version or None, scope.schema_url or None
        ),
    )


class PipelineProcessor(SpanProcessor):
    """Offer the sampled spans of a user's tracer provider to our pipeline.

    Args:
        pipeline: Ours; the provider's other processors are not touched.
    """

    def __init__(self, pipeline: SpanPipeline) -> None:
        self._pipeline: SpanPipeline | None = pipeline
        # Spans below one of ours that is a request to a model, while they are open.
        self._telling_again: WeakValueDictionary[int, Span] = WeakValueDictionary()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Note a span that tells again what a primitive's own span tells of a model."""
        above: Any = get_current_span(parent_context)  # Any: the SDK's spans know their scope
        scope = getattr(above, "instrumentation_scope", None)
        if scope is not None and scope.name == SCOPE and above.kind is SpanKind.CLIENT:
            self._telling_again[span.get_span_context().span_id] = span

    def on_end(self, span: ReadableSpan) -> None:
        """Offer *span*, which costs one step on a queue."""
        pipeline, context = self._pipeline, span.context
        if pipeline is None or context is None or not context.trace_flags.sampled:
            return
        if self._telling_again.pop(context.span_id, None) is None:
            pipeline.offer(span)
        else:
            light = light_span_of(span)
            if light.details is not None:
                light.details.tells_again = True
            pipeline.offer(light)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver what was offered so far; False when the time was up before."""
        pipeline = self._pipeline
        return pipeline is None or pipeline.flush(timeout_millis / 1000)

    def shutdown(self) -> None:
        """Deliver what waits and shut our pipeline down, within its own two seconds."""
        if self._pipeline is not None:
            self._pipeline.shutdown()

    def remove(self) -> None:
        """Take part no more; a provider of the SDK cannot let go of a processor."""
        self._pipeline = None


class ProcessorExporter:
    """Feed our spans to a processor of the SDK that a user added.

    The processor hears of the end of spans, in the pipeline's thread. It does not hear of their
    start, for then it could change them while they are written.

    Args:
        processor: What takes the spans; it is shut down with the pipeline.
        resource: What they come from; left out, what the SDK finds in the environment.

    Attributes:
        name: What metrics call it.
        exported: Spans that the processor took, whatever it does with them.
        dropped: Spans at which it raised.
    """

    def __init__(self, processor: SpanProcessor, resource: Resource | None = None) -> None:
        self.name = "processor"
        self.exported = self.dropped = 0
        self._processor = processor
        self._resource = Resource.create() if resource is None else resource
        self._is_open = True
        self._told = ToldOnce(
            f"{type(processor).__qualname__} failed to take a span", "such spans count as dropped"
        )

    def export(self, spans: Sequence[LightSpan]) -> None:
        """Hand *spans* to the processor, one after the other."""
        for span in spans:
            if not self._is_open:
                self.dropped += 1
                continue
            try:
                self._processor.on_end(readable_span_of(span, self._resource))
            except Exception as error:  # noqa: BLE001 - the next span may be to its taste
                self.dropped += 1
                self._told.tell(error)
            else:
                self.exported += 1

    def flush(self, timeout_seconds: float) -> bool:
        """Let the processor export what it has; it may take longer than asked, as some do."""
        return self._processor.force_flush(max(1, int(timeout_seconds * 1000)))

    def shutdown(self, timeout_seconds: float) -> None:
        """Let the processor export what it has, and shut it down."""
        self._is_open = False
        self._processor.shutdown()

    def after_fork(self) -> None:
        """Begin at zero in a process that was forked off; processors see to themselves."""
        self.exported = self.dropped = 0


def _already_delivered(_: LightSpan) -> None:
    """Stand for the delivery of a span that was recorded, and has ended."""


# An encoder keeps bytes at the site, so spans of one name share theirs.
@lru_cache(maxsize=1024)
def _site(name: str, kind: SpanKind, scope: Scope) -> SpanSite:
    return SpanSite(name, kind, {}, scope)


def _scope_of(scope: InstrumentationScope | None) -> Scope:
    if scope is None:
        return Scope("")
    return Scope(scope.name, scope.version or "", scope.schema_url or "")


def _cleaned(attributes: Mapping[str, object] | None) -> tuple[Attributes, int]:
    kept: Attributes = {}
    unfit = 0
    for key, value in (attributes or {}).items():
        fit = clean(value, None)
        if fit is None:
            unfit += 1
        else:
            kept[key] = fit
    return kept, unfit


def _span_event_of(event: Event) -> SpanEvent:
    attributes, unfit = _cleaned(event.attributes)
    return SpanEvent(event.name, event.timestamp, attributes, event.dropped_attributes + unfit)


def _event_of(event: SpanEvent) -> Event:
    attributes = _bounded(event.attributes, event.dropped_attributes)
    return Event(event.name, attributes, event.time_ns)


def _status_of(span: LightSpan) -> Status:
    # The SDK warns of a description beside any other code.
    failed = span.status_code is StatusCode.ERROR
    return Status(span.status_code, span.status_description if failed else None)


def _take_outcome(span: LightSpan, details: SpanDetails) -> None:
    """Put an outcome where exporters look for it, as if the span had been ours from the start."""
    outcome = details.attributes.get(TTA_OUTCOME)
    if not isinstance(outcome, str):
        return
    span.outcome = outcome
    del details.attributes[TTA_OUTCOME]
    error_type = details.attributes.get(ERROR_TYPE)
    # Ours say the kind of error as the description of the status; what says more keeps it.
    if isinstance(error_type, str) and error_type == details.status_description:
        span.error_type = error_type
        del details.attributes[ERROR_TYPE]


def _bounded(attributes: Attributes, dropped: int) -> BoundedAttributes:
    bounded = BoundedAttributes(attributes=attributes)
    bounded.dropped = dropped
    return bounded


def _listed(items: Sequence[_Item], dropped: int) -> Sequence[_Item]:
    bounded: BoundedList[_Item] = BoundedList(None)
    bounded.extend(items)
    bounded.dropped = dropped
    return bounded
