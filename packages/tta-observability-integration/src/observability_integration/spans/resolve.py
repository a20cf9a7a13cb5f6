"""Make of what a call kept on its way what exporters read: attributes, events, links, a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from opentelemetry.trace import Link, SpanContext, StatusCode

from observability_integration.semconv import names as semconv
from observability_integration.semconv.schema import DEFAULT_SCHEMA, Schema, renamed_attributes
from tta_dev_primitives.core import observe

from .call_span import BegunCall, CallSpan
from .describe import run_attributes
from .light_span import SAMPLED, LightSpan, SpanDetails, SpanEvent
from .limits import clean
from .model_records import inference_name
from .records import is_event_only, record_attributes, record_event
from .repeated import RepeatedDetails, key_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from .content import ContentCapture
    from .limits import Attributes

_UNSET: Final = StatusCode.UNSET
_ERROR: Final = StatusCode.ERROR
_SPECIAL: Final = frozenset(
    {
        observe.LLMContentRecord,
        observe.LLMRecord,
        observe.LLMRequestRecord,
        observe.SagaStepRecord,
        observe.SagaUndoRecord,
    }
)


class Resolver:
    """Resolves spans, one after the other, in the thread that exports them.

    What somebody has set on a span by hand stays as it is. A span that is resolved again does not
    change.

    Spans that tell the same, as those of a retry that need not retry, share their details.

    Args:
        schema: Which names attributes get.
        content: What becomes of what was said to models; None leaves it out.
    """

    def __init__(
        self, schema: Schema = DEFAULT_SCHEMA, content: ContentCapture | None = None
    ) -> None:
        self._renamed = renamed_attributes(schema)
        self._repeated = RepeatedDetails()
        self._content = content if content is not None and content.mode.captures else None

    def resolve(self, span: LightSpan) -> None:
        """Describe what *span* has kept, and let go of it."""
        if span.error_type is not None and span.status_code is _UNSET:
            span.status_code = _ERROR
        found: Attributes = {}
        key: Hashable = None
        # The first test is for speed: to ask for what is below an abstract class takes long.
        if type(span) is BegunCall or isinstance(span, CallSpan):
            key = key_of(span)
            known = None if key is None else self._repeated.find(key)
            if known is not None:
                span.details, span.records, span.attempt = known, None, None
                return
            _take_own(span, found)
        records, span.records = span.records, None
        if records is None and not found:
            return
        details = span.details
        if details is None:
            details = span.details = SpanDetails(span.site.limits)
        name: str | None = None
        for time_ns, record in (records,) if isinstance(records, tuple) else records or ():
            attributes = record_attributes(record)
            event = record_event(record)
            if event is not None:
                _add_event(details, SpanEvent(event, time_ns, attributes))
            if not is_event_only(record):
                found.update(attributes)
            if type(record) in _SPECIAL:
                name = self._take_special(span, details, found, time_ns, record) or name
        if details.name is None and name is not None and name != span.site.name:
            details.name = name
        for old, new in self._renamed.items():
            if old in found:
                found[new] = found.pop(old)
        _add_attributes(details, found)
        if key is not None:
            self._repeated.keep(key, details)

    def _take_special(
        self,
        span: LightSpan,
        details: SpanDetails,
        found: Attributes,
        time_ns: int,
        record: object,
    ) -> str | None:
        """Take a record that is more than attributes, and return the name that it gives."""
        if isinstance(record, observe.SagaStepRecord):
            record.marks[self] = span.trace_id, span.span_id
        elif isinstance(record, observe.SagaUndoRecord):
            # The step ended before its undo began, and so it was resolved before.
            found_step = None if record.undoes is None else record.undoes.marks.get(self)
            if found_step is not None:
                trace_id, span_id = cast("tuple[int, int]", found_step)
                context = SpanContext(trace_id, span_id, is_remote=False, trace_flags=SAMPLED)
                _add_link(details, Link(context))
        elif isinstance(record, observe.LLMContentRecord):
            if self._content is not None:
                told = self._content.attributes(record)
                if self._content.mode.on_span:
                    found.update(told)
                if self._content.mode.on_event:
                    event = SpanEvent(semconv.EVENT_INFERENCE_DETAILS, time_ns, told)
                    _add_event(details, event)
        else:
            return inference_name(record)
        return None


def _take_own(span: CallSpan, found: Attributes) -> None:
    """Take what the observer noted of a call when it began."""
    if span.attempt is not None:
        found[semconv.TTA_RETRY_ATTEMPT], found[semconv.TTA_RETRY_DELAY_BEFORE] = span.attempt
        span.attempt = None
    if span.run is not None:
        found.update(run_attributes(span.run))
        span.run = None


def _add_attributes(details: SpanDetails, found: Attributes) -> None:
    """Add *found* to what was set by hand, which stays, within the limits of the span."""
    given, limits = details.attributes, details.limits
    if limits.value_length is not None:
        for key, value in found.items():
            kept = clean(value, limits.value_length)
            if kept is not None:
                found[key] = kept
    if given:
        found = {key: value for key, value in found.items() if key not in given}
    room = limits.attributes - len(given)
    if len(found) > room:
        details.dropped_attributes += len(found) - max(0, room)
        found = dict(list(found.items())[: max(0, room)])
    details.attributes = {**found, **given} if given else found


def _add_event(details: SpanDetails, event: SpanEvent) -> None:
    """Add *event* at its time, among those that were added by hand."""
    events = details.events
    at = len(events)
    while at and events[at - 1].time_ns > event.time_ns:
        at -= 1
    events.insert(at, event)
    if len(events) > details.limits.events:
        del events[0]
        details.dropped_events += 1


def _add_link(details: SpanDetails, link: Link) -> None:
    details.links.append(link)
    if len(details.links) > details.limits.links:
        del details.links[0]
        details.dropped_links += 1
