"""An observer that makes an OpenTelemetry span of every primitive call."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, cast

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from tta_dev_primitives import ObservabilityPrimitive
from tta_dev_primitives.core import observe

from .context.propagation import adopt, otel_parent, with_baggage
from .scope import SCOPE, VERSION
from .semconv import names as semconv
from .semconv.schema import DEFAULT_SCHEMA, Schema, schema_url
from .spans import describe as spans
from .spans.block import SpanBlock, mark_failed
from .spans.telling import Telling

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

    from tta_dev_primitives import WorkflowContext, WorkflowPrimitive

    from .spans.content import ContentCapture


class TracerPrimitive(ObservabilityPrimitive):
    """Trace primitives with spans of an OpenTelemetry tracer.

    A call's span is a child of the span that is current where the call begins, and is current
    itself while the call works, so that spans of HTTP or Redis instrumentations nest below it. A
    stream's span is current only while the stream makes a chunk, never while its consumer holds
    one. Spans tell what was decided and counted; they never hold inputs, answers or the texts of
    errors.

    Args:
        tracer: Where spans come from; the process-wide tracer provider when left out.
        schema: Names of the GenAI conventions: `1.41`, or `latest`.
        content: What becomes of what is said to models and by them; None leaves it out.
    """

    def __init__(
        self,
        tracer: Tracer | None = None,
        *,
        schema: Schema = DEFAULT_SCHEMA,
        content: ContentCapture | None = None,
    ) -> None:
        if tracer is None:
            tracer = trace.get_tracer(SCOPE, VERSION, schema_url=schema_url(schema))
        self._tracer = tracer
        self._telling = Telling(schema, content)
        self.captures_content = content is not None and content.mode.captures

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
        here = otel_context.get_current()
        begins_run = above is None or not above.is_run
        if begins_run and not trace.get_current_span(here).get_span_context().is_valid:
            caller = otel_parent(context)
            here = here if caller is None else trace.set_span_in_context(caller, here)
        span = self._tracer.start_span(name, here, kind, attributes)
        if begins_run:
            here = with_baggage(here, context)
            adopt(context, span)
        call = _Call(span, here)
        call.is_retry = spans.own_class(type(primitive)) == "RetryPrimitive"
        return call

    def end(self, token: object, outcome: observe.Outcome, error: BaseException | None) -> None:
        """End the span of a call with its outcome."""
        span = cast("_Call", token).span
        span.set_attribute(semconv.TTA_OUTCOME, outcome)
        if error is not None and outcome != "cancelled":
            mark_failed(span, "timeout" if outcome == "timeout" else type(error).__qualname__)
        span.end()

    def event(self, token: object, record: object) -> None:
        """Add what *record* says to the span of its call."""
        call = cast("_Call", token)
        self._telling.tell(call.span, record)
        if isinstance(record, observe.RetryScheduledRecord):
            call.failed_attempts, call.retry_delay = record.attempt, record.delay

    def resume(self, token: object) -> object:
        """Make the span of a call current in this task."""
        return _make_current(cast("_Call", token))

    def pause(self, token: object, resumed: object) -> None:
        """Make the span current that was so before `resume`."""
        _restore(cast("_Place", resumed))

    def span(self, name: str) -> SpanBlock:
        """Put a span around a piece of the user's own work, in `with` or `async with`.

        The block gets the span. An error that leaves it marks the span as failed, with its type
        only.
        """
        above = _running.get()
        call = _Call(self._tracer.start_span(name), otel_context.get_current())
        call.is_run = above is not None and above.is_run
        return SpanBlock(call.span, _Current(call))


class _Call:
    """A call that has a span, or a block of the user's that has one."""

    __slots__ = ("failed_attempts", "is_retry", "is_run", "retry_delay", "span", "within")

    def __init__(self, span: Span, here: Context) -> None:
        self.span = span
        self.within: Context = trace.set_span_in_context(span, here)
        self.is_run = True
        self.is_retry = False
        self.failed_attempts = 0
        self.retry_delay = 0.0


class _Current:
    """A block in which a call is the current one."""

    def __init__(self, call: _Call) -> None:
        self._call = call
        self._places: list[_Place] = []

    def __enter__(self) -> None:
        self._places.append(_make_current(self._call))

    def __exit__(self, *_: object) -> None:
        _restore(self._places.pop())


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
