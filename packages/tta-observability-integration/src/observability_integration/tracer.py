"""An observer that makes an OpenTelemetry span of every primitive call."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from tta_dev_primitives import ObservabilityPrimitive
from tta_dev_primitives.core import observe

from .semconv import names as semconv
from .spans import describe as spans

if TYPE_CHECKING:
    from collections.abc import Generator

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

    from tta_dev_primitives import WorkflowContext, WorkflowPrimitive

SCOPE = "observability_integration"


class TracerPrimitive(ObservabilityPrimitive):
    """Trace primitives with spans of an OpenTelemetry tracer.

    A call's span is a child of the span that is current where the call begins, and is current
    itself while the call works, so that spans of HTTP or Redis instrumentations nest below it. A
    stream's span is current only while the stream makes a chunk, never while its consumer holds
    one. Spans tell what was decided and counted; they never hold inputs, answers or the texts of
    errors.

    Args:
        tracer: Where spans come from; the process-wide tracer provider when left out.
    """

    def __init__(self, tracer: Tracer | None = None) -> None:
        self._tracer = trace.get_tracer(SCOPE) if tracer is None else tracer

    def start(
        self,
        primitive: WorkflowPrimitive[Any, Any],  # Any: an observer sees every kind
        path: str,
        context: WorkflowContext,
    ) -> object:
        """Begin the span of a call."""
        root = path == primitive.path_segment("0")
        attributes = spans.start_attributes(primitive, path, context, root=root)
        above = _running.get()
        if above is not None and above.is_retry:
            attributes[semconv.TTA_RETRY_ATTEMPT] = above.failed_attempts + 1
            attributes[semconv.TTA_RETRY_DELAY_BEFORE] = above.retry_delay
        kind = SpanKind.CLIENT if spans.is_model_call(primitive) else SpanKind.INTERNAL
        name = spans.span_name(primitive, root=root)
        call = _Call(self._tracer.start_span(name, kind=kind, attributes=attributes))
        call.is_retry = spans.own_class(type(primitive)) == "RetryPrimitive"
        return call

    def end(self, token: object, outcome: observe.Outcome, error: BaseException | None) -> None:
        """End the span of a call with its outcome."""
        span = cast("_Call", token).span
        span.set_attribute(semconv.TTA_OUTCOME, outcome)
        if error is not None and outcome != "cancelled":
            _mark_failed(span, "timeout" if outcome == "timeout" else type(error).__qualname__)
        span.end()

    def event(self, token: object, record: object) -> None:
        """Add what *record* says to the span of its call."""
        call = cast("_Call", token)
        if not call.span.is_recording():
            return
        attributes = spans.record_attributes(record)
        name = spans.record_event(record)
        if name is not None:
            call.span.add_event(name, attributes)
        if isinstance(record, observe.RetryScheduledRecord):
            call.failed_attempts, call.retry_delay = record.attempt, record.delay
            return
        call.span.set_attributes(attributes)
        if isinstance(record, observe.LLMRecord):
            call.span.update_name(spans.joined(record.operation, record.request_model))

    def resume(self, token: object) -> object:
        """Make the span of a call current in this task."""
        return _make_current(cast("_Call", token))

    def pause(self, token: object, resumed: object) -> None:
        """Make the span current that was so before `resume`."""
        _restore(cast("_Place", resumed))

    @contextlib.contextmanager
    def span(self, name: str) -> Generator[Span, None, None]:
        """Put a span around a piece of the user's own work and yield it.

        An error that leaves the block marks the span as failed, with its type only.
        """
        call = _Call(self._tracer.start_span(name))
        place = _make_current(call)
        try:
            yield call.span
        except Exception as error:
            _mark_failed(call.span, type(error).__qualname__)
            raise
        finally:
            _restore(place)
            call.span.end()


class _Call:
    """A call that has a span."""

    __slots__ = ("failed_attempts", "is_retry", "retry_delay", "span", "within")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.within: Context = trace.set_span_in_context(span)
        self.is_retry = False
        self.failed_attempts = 0
        self.retry_delay = 0.0


class _Place:
    """Where a span was made current, to undo just that."""

    __slots__ = ("attached", "running")

    def __init__(self, running: Token[_Call | None], attached: Token[Context]) -> None:
        self.running, self.attached = running, attached


# The innermost call of this task. Its token is the proof that an undo happens in the context where
# the span was made current: `opentelemetry.context.detach` logs an error in any other.
_running: ContextVar[_Call | None] = ContextVar("tta_running_call", default=None)


def _make_current(call: _Call) -> _Place:
    return _Place(_running.set(call), otel_context.attach(call.within))


def _restore(place: _Place) -> None:
    try:
        _running.reset(place.running)
    except ValueError:
        return  # an abandoned call, closed in a context where its span never was current
    otel_context.detach(place.attached)


def _mark_failed(span: Span, error_type: str) -> None:
    span.set_attribute(semconv.ERROR_TYPE, error_type)
    span.set_status(Status(StatusCode.ERROR, error_type))
