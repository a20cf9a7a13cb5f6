"""A run that goes on from process to process: its context from headers, and headers for others."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Protocol, TypeAlias, runtime_checkable

from tta_dev_primitives import WorkflowContext

from .current import current_span
from .identity import TRACE_FLAGS_KEY, TRACE_STATE_KEY, latest_of, trace_state_of
from .w3c import (
    BAGGAGE,
    SAMPLED,
    TRACEPARENT,
    TRACESTATE,
    TraceParent,
    read_baggage,
    read_trace_parent,
    read_trace_state,
    write_baggage,
    write_trace_parent,
)


@runtime_checkable
class HasItems(Protocol):
    """Headers as web frameworks have them, where one name may stand several times."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Return all names with their values."""
        ...


Headers: TypeAlias = HasItems | Iterable[tuple[str, str]]


def context_from_headers(headers: Headers) -> WorkflowContext:
    """Make the context of a run that another process asked for.

    The trace id, the caller's span (as `parent_span_id`), its flags, `tracestate` and `baggage`
    are taken over. What is missing or not valid is left out, as the W3C says: then the run begins
    a trace of its own. Nothing is raised, whoever sent the headers.

    Baggage is what a stranger may have written. It goes along with every request that the run
    makes, so drop what must not.

    Args:
        headers: Names in any case with their values: a mapping, the headers of a request in any
            web framework, or pairs.
    """
    parents: list[str] = []
    states: list[str] = []
    baggages: list[str] = []
    wanted = {TRACEPARENT: parents, TRACESTATE: states, BAGGAGE: baggages}
    for name, value in headers.items() if isinstance(headers, HasItems) else headers:
        values = wanted.get(name.lower())
        if values is not None:
            values.append(value)
    context = WorkflowContext(baggage=read_baggage(baggages))
    # Of two parents nobody knows which one is right.
    parent = read_trace_parent(parents[0]) if len(parents) == 1 else None
    if parent is None:
        return context
    context.trace_id, context.parent_span_id = parent.trace_id, parent.span_id
    if parent.flags != SAMPLED:
        context.metadata[TRACE_FLAGS_KEY] = parent.flags
    state = read_trace_state(states)
    if state:
        context.metadata[TRACE_STATE_KEY] = state
    return context


def headers_of(context: WorkflowContext | None = None) -> dict[str, str]:
    """Return the headers that let another process go on with this run.

    The current span is the parent there. Without one it is the span that *context* knows, so that
    a process which traces nothing still hands on what it got. Baggage is that of *context* and of
    OpenTelemetry, up to 64 entries and 8192 bytes.

    Clients that OpenTelemetry instruments send these headers by themselves.

    Args:
        context: The context of the run, where it is at hand.
    """
    parent, state = _parent_and_state(context)
    baggage = _current_baggage()
    if context is not None:
        baggage = {**baggage, **context.baggage}
    found = {
        TRACEPARENT: "" if parent is None else write_trace_parent(parent),
        TRACESTATE: state,
        BAGGAGE: write_baggage(baggage),
    }
    return {name: value for name, value in found.items() if value}


def _parent_and_state(context: WorkflowContext | None) -> tuple[TraceParent | None, str]:
    span = current_span()
    if span is not None:
        parent = TraceParent(f"{span.trace_id:032x}", f"{span.span_id:016x}", span.trace_flags)
        return parent, span.trace_state.to_header()
    parent = None if context is None else latest_of(context)
    if context is None or parent is None:
        return None, ""
    return parent, trace_state_of(context)


def _current_baggage() -> dict[str, str]:
    """Return OpenTelemetry's baggage, without loading it for the question."""
    module: Any = sys.modules.get("opentelemetry.baggage")  # Any: a module
    if module is None or not hasattr(module, "get_all"):
        return {}
    return {name: str(value) for name, value in module.get_all().items()}
