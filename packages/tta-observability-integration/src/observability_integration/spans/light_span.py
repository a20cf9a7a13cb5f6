"""The span that everything here is made of: light on the path, complete when it is read.

It implements OpenTelemetry's `Span`, so that `get_current_span()` gives it and instrumentations of
HTTP clients or databases nest below it. What costs time is left to the thread that exports: a
primitive's records wait in `records` until `resolve` makes attributes and events of them.
"""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.trace import Link, Span, SpanContext, StatusCode, TraceFlags
from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from observability_integration.semconv.names import ERROR_TYPE, TTA_OUTCOME

from .clock import unix_nanoseconds
from .limits import DEFAULT_LIMITS, Attributes, cleaned, put

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from opentelemetry.trace import SpanKind, Status
    from opentelemetry.trace.span import TraceState
    from opentelemetry.util.types import AttributeValue

    from .call_span import CallSpan
    from .limits import SpanLimits

SAMPLED = TraceFlags(TraceFlags.SAMPLED)
NOT_SAMPLED = TraceFlags(TraceFlags.DEFAULT)
UNSET = StatusCode.UNSET
_logger = logging.getLogger("observability_integration")


class Scope(NamedTuple):
    """The instrumentation that spans come from."""

    name: str
    version: str = ""
    schema_url: str = ""


class SpanSite:
    """What all spans of one place in a program have in common; made once for a place.

    Attributes:
        name: What the spans are called, unless one has a name of its own.
        kind: OpenTelemetry's kind of span.
        attributes: Known before a call begins; never changed.
        scope: The instrumentation that they come from.
        limits: How much each of them may hold.
        encoded: Where an encoder keeps the bytes of all this.
    """

    __slots__ = ("attributes", "encoded", "kind", "limits", "name", "scope")

    def __init__(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        scope: Scope,
        limits: SpanLimits = DEFAULT_LIMITS,
    ) -> None:
        self.name, self.kind, self.attributes, self.scope = name, kind, attributes, scope
        self.limits = limits
        self.encoded: object = None


class SpanEvent(NamedTuple):
    """Something that happened during a span."""

    name: str
    time_ns: int
    attributes: Attributes
    dropped_attributes: int = 0


class SpanDetails:
    """What only some spans have: attributes of their own, events, links, another name.

    Attributes:
        tells_again: Whether it tells of a request to a model that a span above it tells as well.
        is_shared: Whether other spans of the place have it too, and it must not change any more.
        encoded: Where an encoder keeps the bytes of what is shared.
    """

    __slots__ = (
        "attributes",
        "dropped_attributes",
        "dropped_events",
        "dropped_links",
        "encoded",
        "events",
        "is_shared",
        "limits",
        "links",
        "marks_errors",
        "name",
        "records_errors",
        "status_description",
        "tells_again",
    )

    def __init__(self, limits: SpanLimits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self.records_errors = self.marks_errors = True
        self.tells_again = self.is_shared = False
        self.encoded: bytes | None = None
        self.name: str | None = None
        self.attributes: Attributes = {}
        self.events: list[SpanEvent] = []
        self.links: list[Link] = []
        self.status_description: str | None = None
        self.dropped_attributes = self.dropped_events = self.dropped_links = 0


class LightSpan(Span):
    """One span: written by the thread of its call, read by others once it has ended.

    Args:
        site: What it shares with its like.
        trace_id: Of its trace.
        span_id: Its own.
        parent_id: That of the span above, 0 at the top of a trace.
        start_ns: When it began, in unix nanoseconds.
        deliver: Takes the span when it ends; None for a span that nobody records.

    Attributes:
        outcome: How a primitive's call ended; None for other spans.
        error_type: What it failed with.
        records: What a primitive reported, each with its time, until `resolve`; the only one comes
            without a list around it.
        details: What only some spans have.
        call: The primitive's call that a span of another kind is within.
        parent_is_remote: Whether the span above is another process's.
        trace_state: Handed on from the span above.
    """

    __slots__ = (
        "deliver",
        "details",
        "end_ns",
        "error_type",
        "outcome",
        "parent_id",
        "parent_is_remote",
        "records",
        "site",
        "span_id",
        "start_ns",
        "status_code",
        "trace_id",
        "trace_state",
    )
    # What few spans have and few ask for is set on those alone.
    call: CallSpan | None = None
    _context: SpanContext | None = None

    def __init__(
        self,
        site: SpanSite,
        trace_id: int,
        span_id: int,
        parent_id: int,
        start_ns: int,
        deliver: Callable[[LightSpan], object] | None,
    ) -> None:
        self.site = site
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_id = parent_id
        self.start_ns = start_ns
        self.deliver = deliver
        self.end_ns = 0
        self.error_type: str | None = None
        self.status_code: StatusCode = UNSET
        self.parent_is_remote = False
        self.trace_state: TraceState | None = None
        self.outcome: str | None = None
        self.records: list[tuple[int, object]] | tuple[int, object] | None = None
        self.details: SpanDetails | None = None

    # What exporters read.

    @property
    def name(self) -> str:
        """What the span is called."""
        details = self.details
        return self.site.name if details is None or details.name is None else details.name

    @property
    def kind(self) -> SpanKind:
        """OpenTelemetry's kind of span."""
        return self.site.kind

    @property
    def scope(self) -> Scope:
        """The instrumentation that it comes from."""
        return self.site.scope

    @property
    def attributes(self) -> Attributes:
        """All attributes in one new dict: those of the place, its own, outcome and error."""
        merged = dict(self.site.attributes)
        if self.details is not None:
            merged.update(self.details.attributes)
        if self.outcome is not None:
            merged[TTA_OUTCOME] = self.outcome
        if self.error_type is not None:
            merged[ERROR_TYPE] = self.error_type
        return merged

    @property
    def events(self) -> list[SpanEvent]:
        """What happened during the span, in order."""
        return [] if self.details is None else self.details.events

    @property
    def links(self) -> list[Link]:
        """Spans that it belongs with, other than the one above."""
        return [] if self.details is None else self.details.links

    @property
    def status_description(self) -> str | None:
        """What the status says beside its code."""
        if self.error_type is not None:
            return self.error_type
        return None if self.details is None else self.details.status_description

    @property
    def sampled(self) -> bool:
        """Whether the span is recorded and exported."""
        return self.deliver is not None

    # What OpenTelemetry's API asks of a span.

    def get_span_context(self) -> SpanContext:
        """Return the identity of the span."""
        context = self._context
        if context is None:
            flags = NOT_SAMPLED if self.deliver is None else SAMPLED
            state = DEFAULT_TRACE_STATE if self.trace_state is None else self.trace_state
            context = SpanContext(self.trace_id, self.span_id, False, flags, state)  # noqa: FBT003 - SpanContext's order
            self._context = context
        return context

    def is_recording(self) -> bool:
        """Tell whether what is set now will be exported."""
        return self.end_ns == 0 and self.deliver is not None

    def end(self, end_time: int | None = None) -> None:
        """End the span and hand it on; a second end is told once in the log and does nothing."""
        if self.end_ns:
            _logger.warning("end() was called on a span that had ended: %s", self.name)
            return
        self.end_ns = unix_nanoseconds() if end_time is None else end_time
        if self.deliver is not None:
            self.deliver(self)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Set one attribute; a value of a type that attributes cannot have is left out."""
        if self._writable():
            details = self._details()
            limits = details.limits
            details.dropped_attributes += put(
                details.attributes, key, value, limits.value_length, limits.attributes
            )

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Set several attributes."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(
        self,
        name: str,
        attributes: Mapping[str, AttributeValue] | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Add something that happened; beyond the limit the oldest event goes."""
        if not self._writable():
            return
        details = self._details()
        limits = details.limits
        kept, dropped = cleaned(attributes, limits.value_length, limits.event_attributes)
        time_ns = unix_nanoseconds() if timestamp is None else timestamp
        add_event(details, SpanEvent(name, time_ns, kept, dropped))

    def add_link(
        self, context: SpanContext, attributes: Mapping[str, AttributeValue] | None = None
    ) -> None:
        """Add a span that this one belongs with; beyond the limit the oldest link goes."""
        if not self._writable() or not (context.is_valid or attributes or context.trace_state):
            return
        details = self._details()
        limits = details.limits
        kept, _ = cleaned(attributes, limits.value_length, limits.link_attributes)
        details.links.append(Link(context, kept))
        if len(details.links) > limits.links:
            del details.links[0]
            details.dropped_links += 1

    def update_name(self, name: str) -> None:
        """Call the span otherwise than it began."""
        if self._writable():
            self._details().name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set whether the work went well; OK is final, and UNSET sets nothing."""
        if not self._writable() or self.status_code is StatusCode.OK:
            return
        if isinstance(status, StatusCode):
            code = status
        else:
            code, description = status.status_code, status.description
        if code is StatusCode.UNSET:
            return
        self.status_code = code
        if code is StatusCode.ERROR or self.details is not None:
            told = description if code is StatusCode.ERROR else None
            self._details().status_description = told

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, AttributeValue] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
    ) -> None:
        """Add an event with the type, text and traceback of *exception*, which users ask for."""
        if not self._writable():
            return
        cls = type(exception)
        module = "" if cls.__module__ == "builtins" else f"{cls.__module__}."
        described: dict[str, AttributeValue] = {
            "exception.type": f"{module}{cls.__qualname__}",
            "exception.message": str(exception),
            "exception.stacktrace": "".join(traceback.format_exception(exception)),
            "exception.escaped": str(escaped),
        }
        self.add_event("exception", {**described, **(attributes or {})}, timestamp)

    def on_error(self, *, record: bool, mark: bool) -> None:
        """Set what an error that leaves the `with` block of the span does to it.

        Args:
            record: Add it as an event.
            mark: Set the status.
        """
        if not (record and mark):
            details = self._details()
            details.records_errors, details.marks_errors = record, mark

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the span; an error that leaves the block is recorded and marks it as failed."""
        if error is not None and self.is_recording():
            details = self._details()
            if details.records_errors:
                self.record_exception(error, escaped=True)
            if details.marks_errors:
                self.set_status(StatusCode.ERROR, f"{type(error).__name__}: {error}")
        self.end()

    def _writable(self) -> bool:
        if self.end_ns:
            _logger.warning("a span that had ended was to be changed: %s", self.name)
        return self.is_recording()

    def _details(self) -> SpanDetails:
        details = self.details
        if details is None:
            details = self.details = SpanDetails(self.site.limits)
        return details


def add_event(details: SpanDetails, event: SpanEvent) -> None:
    """Add *event*; beyond the limit the oldest goes and is counted."""
    details.events.append(event)
    if len(details.events) > details.limits.events:
        del details.events[0]
        details.dropped_events += 1
