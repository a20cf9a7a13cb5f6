"""Where the root span of a run belongs, and what the run's context knows of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opentelemetry import baggage as otel_baggage
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState

from observability_integration.spans.light_span import LightSpan

from .identity import (
    TRACE_FLAGS_KEY,
    TRACE_STATE_KEY,
    OwnSpanId,
    caller_of,
    is_trace_id,
    trace_state_of,
)
from .w3c import SAMPLED, fitting_baggage

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from tta_dev_primitives import WorkflowContext

_logger = logging.getLogger("observability_integration")
_told: set[str] = set()


def otel_parent(context: WorkflowContext) -> Span | None:
    """Return the parent of a root span that begins where no span is current; None for none.

    It is the caller that *context* names: a span of another process, whose flags and `tracestate`
    hold. Where a span is current, that is the parent, and nobody need ask here.

    Costs one look-up for a context without a trace id.
    """
    if context.trace_id is None:
        return None
    caller = caller_of(context)
    if caller is None:
        return None
    state = trace_state_of(context)
    return NonRecordingSpan(
        SpanContext(
            int(caller.trace_id, 16),
            int(caller.span_id, 16),
            is_remote=True,
            trace_flags=TraceFlags(caller.flags),
            trace_state=TraceState.from_header([state]) if state else None,
        )
    )


def with_baggage(here: Context, context: WorkflowContext) -> Context:
    """Return *here* with the baggage of *context*, for the root span of a run to work in.

    So instrumented clients hand it on while the run lasts. Its entries win over those that are
    there. Together they are at most 64 entries and 8192 bytes; what is beyond is left out, and the
    log says so once.

    Costs one look-up for a context without baggage.
    """
    entries = context.baggage
    if not entries:
        return here
    present = {name: str(value) for name, value in otel_baggage.get_all(here).items()}
    wanted = {**entries, **{name: present[name] for name in present if name not in entries}}
    fitting = fitting_baggage(wanted)
    if len(fitting) < len(wanted) and "baggage" not in _told:
        _told.add("baggage")
        _logger.warning(
            "%d of %d entries of baggage do not go along; at most 64 do, of 8192 bytes in all, "
            "under names without spaces or commas",
            len(wanted) - len(fitting),
            len(wanted),
        )
    for name in fitting:
        if present.get(name) != wanted[name]:
            here = otel_baggage.set_baggage(name, wanted[name], here)
    for name in present:
        if name not in fitting:
            here = otel_baggage.remove_baggage(name, here)
    return here


def adopt(context: WorkflowContext, span: Span) -> None:
    """Let *context* name *span*, the root span of its run.

    Steps, logs and child contexts then find `trace_id` and `span_id`, which stay when the run is
    over. A second run under the same context is a sibling of the first, not its child. A trace id
    of another form than the W3C's is the user's own, and stays as it is.
    """
    if isinstance(span, LightSpan):
        # Its SpanContext is made when somebody asks for it; few do.
        trace_number, span_number = span.trace_id, span.span_id
        flags, state = int(span.sampled), span.trace_state
    else:
        found = span.get_span_context()
        trace_number, span_number = found.trace_id, found.span_id
        flags, state = int(found.trace_flags), found.trace_state
    if not trace_number:
        return
    # As `f"{trace_number:032x}"` does, in half its time.
    trace_id, before = trace_number.to_bytes(16, "big").hex(), context.trace_id
    if before is not None:
        if not isinstance(context.span_id, OwnSpanId):
            if not is_trace_id(before):
                return
            _put_caller_on_record(context)
        if before.lower() != trace_id:
            context.parent_span_id = None
            context.metadata.pop(TRACE_STATE_KEY, None)
    context.trace_id, context.span_id = trace_id, OwnSpanId(span_number.to_bytes(8, "big").hex())
    if not flags & SAMPLED or (before is not None and TRACE_FLAGS_KEY in context.metadata):
        context.metadata[TRACE_FLAGS_KEY] = flags
    if state:
        context.metadata[TRACE_STATE_KEY] = state.to_header()


def _put_caller_on_record(context: WorkflowContext) -> None:
    """Name the caller as the parent alone, before the run's own span takes the other place."""
    caller = caller_of(context)
    context.parent_span_id = None if caller is None else caller.span_id
