"""The observer of the own mode: a light span and bound metric cells for every primitive call."""

from __future__ import annotations

import random
import time
import weakref
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, SpanKind, StatusCode

from tta_dev_primitives import ObservabilityPrimitive

from .context.propagation import adopt, otel_parent, with_baggage
from .cost.call_account import CallAccounts
from .spans import describe
from .spans.attached import Attached
from .spans.block import SpanBlock
from .spans.call_span import BegunCall, CallPlace, CallSpan
from .spans.light_span import Scope, SpanSite
from .spans.light_tracer import new_span_id, new_trace_id
from .spans.runtime_context import attach, detach, get_current

if TYPE_CHECKING:
    from contextvars import Token

    from tta_dev_primitives import WorkflowContext, WorkflowPrimitive
    from tta_dev_primitives.core.observe import Outcome

    from .metrics.recorder import Recorder
    from .spans.light_tracer import LightTracerProvider

SpanLevel: TypeAlias = Literal["primitive", "workflow"]
# One call in so many is timed for what the observer itself costs.
MEASURED_CALLS: Final = 1024

_SPAN_KEY: Final = next(iter(trace.set_span_in_context(INVALID_SPAN, Context())))
_ERROR: Final = StatusCode.ERROR
_UNSET: Final = StatusCode.UNSET
# A context refuses to be changed; nobody has seen this one yet.
_put: Final = dict[str, object].setdefault
_monotonic: Final = time.perf_counter_ns
_random_bits: Final = random.getrandbits


class LightObserver(ObservabilityPrimitive):
    """Make a span of every call, count it, and give the span on when it ends.

    As `TracerPrimitive` does with any tracer, at a fraction of the price: what is the same for all
    calls of a place is made once, and what a primitive reports waits in its span for the thread
    that exports.

    Args:
        provider: Where traces begin.
        recorder: Counts calls and what they report; None for no metrics.
        scope: The instrumentation that the spans come from.
        span_level: `primitive` for a span of every call, `workflow` for one of every workflow and
            of every call of a model. Metrics are the same for both.
        captures_content: Whether what is said to models and by them is kept.

    Attributes:
        path_seconds: What watching costs the path of the calls: estimated, from one call in 1,024.
    """

    def __init__(
        self,
        provider: LightTracerProvider,
        recorder: Recorder | None,
        scope: Scope,
        *,
        span_level: SpanLevel = "primitive",
        captures_content: bool = False,
    ) -> None:
        self._provider, self._recorder, self._scope = provider, recorder, scope
        self._level: SpanLevel = span_level
        self._places: dict[str, dict[int, CallPlace]] = {}
        self._accounts = CallAccounts()
        self._path_ns = 0
        self._ended = None if recorder is None else recorder.ended
        self.captures_content = captures_content

    @property
    def path_seconds(self) -> float:
        """What watching costs the path of the calls."""
        return self._path_ns / 1e9

    def start(
        self,
        primitive: WorkflowPrimitive[Any, Any],  # Any: an observer sees every kind
        path: str,
        context: WorkflowContext,
    ) -> CallSpan:
        """Begin the span of a call."""
        began = _monotonic()
        try:
            place = self._places[path][id(primitive)]
        except KeyError:
            place = self._new_place(primitive, path)
        here = get_current()
        above = here.get(_SPAN_KEY)
        if above.__class__ is BegunCall:
            call: CallSpan = above  # pyright: ignore[reportAssignmentType] - as was tested
            offset = call.offset
            identity = _random_bits(64) or 1
            # As `CallSpan.__init__` does, written out since calling it would cost as much again.
            span = BegunCall()
            span.place, span.site = place, place.site
            span.trace_id, span.parent_id = call.trace_id, call.span_id
            span.span_id, span.start_ns = identity, began + offset
            span.deliver, span.above, span.offset = call.deliver, call, offset
            span.end_ns = 0
            span.outcome = span.records = span.details = span.error_type = None
            span.run = span.attempt = span.account = None
            span.status_code, span.parent_is_remote = _UNSET, False
            span.trace_state = call.trace_state
            if call.place.minds_calls:
                self._accounts.begin(span, call)
            if place.is_hidden:
                span.span_id, span.parent_id, span.deliver = call.span_id, call.parent_id, None
            if len(here) == 1:  # most contexts hold the span and nothing else
                span.within = within = Context()
                _put(within, _SPAN_KEY, span)
            else:
                span.within = Context({**here, _SPAN_KEY: span})
        else:
            span = self._begin(place, above, began, context)
            identity = span.span_id
            if span.run is not None:
                here = with_baggage(here, context)
            span.within = Context({**here, _SPAN_KEY: span})
        active = place.active
        if active is not None:
            active.value += 1  # one step, as `NumberCell.add` is
        elif place.metrics is not None:
            place.metrics.began()
        if not identity & 1023:
            self._path_ns += (_monotonic() - began) * MEASURED_CALLS
        return span

    def end(self, token: object, outcome: Outcome, error: BaseException | None) -> None:
        """End the span of a call with its outcome."""
        span: CallSpan = token  # pyright: ignore[reportAssignmentType] - a cast would cost a call
        ended = _monotonic()
        span.end_ns = ended + span.offset
        span.outcome = outcome
        if error is not None and outcome != "cancelled":
            span.error_type = "timeout" if outcome == "timeout" else type(error).__qualname__
            span.status_code = _ERROR
        place = span.place
        if place.metrics is not None:
            if self._ended is not None:
                add = self._ended.add  # asked for as an attribute it is found faster
                add(span)
            else:
                place.metrics.ended(outcome, (span.end_ns - span.start_ns) / 1e9, span)
        if span.account is not None:
            failed = error is not None and not isinstance(error, GeneratorExit)
            self._accounts.end(span, span.account, failed=failed)
        span.above = span.within = None
        deliver = span.deliver
        if deliver is not None:
            deliver(span)
        if not span.span_id & 1023:
            counting = _monotonic()
            self._path_ns += (counting - ended) * MEASURED_CALLS
            if self._ended is not None:  # for calls whose spans wake no thread
                self._ended.count()
                self._path_ns += _monotonic() - counting

    def event(self, token: object, record: object) -> None:
        """Keep *record* for the span of its call, and count it."""
        span: CallSpan = token  # pyright: ignore[reportAssignmentType] - as above
        if span.deliver is not None:
            kept, before = (_monotonic() + span.offset, record), span.records
            if before is None:
                span.records = kept
            elif isinstance(before, list):
                before.append(kept)
            else:
                span.records = [before, kept]
        metrics = span.place.metrics
        if metrics is not None:
            metrics.record(record, span)
        self._accounts.take(span, record)

    def resume(self, token: object) -> Token[Context] | None:
        """Make the span of a call current in this task."""
        span: CallSpan = token  # pyright: ignore[reportAssignmentType] - as above
        within = span.within
        return None if within is None else attach(within)

    def pause(self, token: object, resumed: object) -> None:
        """Make the span current that was so before `resume`."""
        if resumed is not None:
            detach(resumed)  # pyright: ignore[reportArgumentType] - as above

    def span(self, name: str) -> SpanBlock:
        """Put a span around a piece of the user's own work."""
        span = self._provider.get_tracer(self._scope.name).start_span(name)
        return SpanBlock(span, Attached(trace.set_span_in_context(span)))

    def _begin(
        self, place: CallPlace, above: object, began: int, context: WorkflowContext
    ) -> CallSpan:
        """Begin a span that is not below another call's."""
        offset = time.time_ns() - began
        if above is None and context.trace_id is None:  # at the top of a trace, as mostly
            trace_id, provider = new_trace_id(), self._provider
            deliver = provider.deliver if provider.sampling.records(trace_id) else None
            span = BegunCall()
            CallSpan.__init__(
                span, place, trace_id, new_span_id(), 0, began + offset, deliver, None, offset
            )
            span.run = context
            adopt(context, span)
            return span
        parent = above if isinstance(above, trace.Span) else otel_parent(context) or INVALID_SPAN
        light = self._provider.begin(place.site, parent, began + offset)
        span = BegunCall()
        CallSpan.__init__(
            span,
            place,
            light.trace_id,
            light.span_id,
            light.parent_id,
            light.start_ns,
            light.deliver,
            light.call,
            offset,
        )
        span.trace_state, span.parent_is_remote = light.trace_state, light.parent_is_remote
        if light.call is None:
            span.run = context
            adopt(context, span)
        return span

    def _new_place(self, primitive: WorkflowPrimitive[Any, Any], path: str) -> CallPlace:
        root = path == primitive.path_segment("0")
        kind = describe.own_class(type(primitive))
        is_model = describe.is_model_call(primitive)
        site = SpanSite(
            describe.span_name(primitive, root=root),
            SpanKind.CLIENT if is_model else SpanKind.INTERNAL,
            describe.place_attributes(primitive, path, root=root),
            self._scope,
            self._provider.limits,
        )
        place = CallPlace(
            site,
            None if self._recorder is None else self._recorder.place(primitive, path, root=root),
            is_retry=kind == "RetryPrimitive",
            is_hedge=kind == "HedgePrimitive",
            is_hidden=self._level == "workflow" and not (root or is_model),
        )
        known = self._places.setdefault(path, {})
        known[id(primitive)] = place
        weakref.finalize(primitive, _forget, weakref.ref(self), path, id(primitive)).atexit = False
        return place

    def forget(self, path: str, identity: int) -> None:
        """Forget the place of a primitive that is gone, whose identity may come again."""
        known = self._places.get(path)
        if known is not None:
            known.pop(identity, None)
            if not known:
                self._places.pop(path, None)


def _forget(observer: weakref.ref[LightObserver], path: str, identity: int) -> None:
    alive = observer()
    if alive is not None:
        alive.forget(path, identity)
