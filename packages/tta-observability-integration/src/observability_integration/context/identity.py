"""The trace ids that a `WorkflowContext` carries, and whose they are.

Two facts of the W3C's headers have no field in the context. They are kept in its `metadata`, which
child contexts copy: the flags under `w3c.trace_flags` where they are not plainly "sampled", the
`tracestate` under `w3c.tracestate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .w3c import SAMPLED, TraceParent, trace_parent

if TYPE_CHECKING:
    from tta_dev_primitives import WorkflowContext

TRACE_FLAGS_KEY: Final = "w3c.trace_flags"
TRACE_STATE_KEY: Final = "w3c.tracestate"


class OwnSpanId(str):
    """The id of a span that a run in this process left in its context.

    The next run under the same context is no child of it: they are siblings. A copy that goes to
    another process is plain text again, and there the span is the parent.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (str(self),)


def caller_of(context: WorkflowContext) -> TraceParent | None:
    """Return the span in whose name *context* was made; None for no span, or no valid ids."""
    span_id = context.span_id
    if span_id is None or isinstance(span_id, OwnSpanId):
        span_id = context.parent_span_id
    return _named(context, span_id)


def latest_of(context: WorkflowContext) -> TraceParent | None:
    """Return the span that *context* knows last: that of its run, else that of its caller."""
    return _named(context, context.span_id or context.parent_span_id)


def _named(context: WorkflowContext, span_id: str | None) -> TraceParent | None:
    trace_id = context.trace_id
    if trace_id is None or span_id is None:
        return None
    flags = context.metadata.get(TRACE_FLAGS_KEY, SAMPLED)
    return trace_parent(trace_id, span_id, flags if isinstance(flags, int) else SAMPLED)


def is_trace_id(text: str) -> bool:
    """Tell whether *text* is a trace id as the W3C has them."""
    return trace_parent(text, "1" * 16) is not None


def trace_state_of(context: WorkflowContext) -> str:
    """Return the `tracestate` that *context* carries; empty for none."""
    state = context.metadata.get(TRACE_STATE_KEY)
    return state if isinstance(state, str) else ""
