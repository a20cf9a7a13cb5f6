"""Runs that go on from process to process, and what their contexts know of their spans."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
from typing import TYPE_CHECKING

import pytest
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
)

from observability_integration.context import propagation
from observability_integration.context.headers import context_from_headers, headers_of
from observability_integration.context.propagation import adopt, otel_parent, with_baggage
from observability_integration.spans.light_span import LightSpan, Scope, SpanSite
from tta_dev_primitives import WorkflowContext

if TYPE_CHECKING:
    from collections.abc import Callable

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
OTHER = "00f067aa0ba902b7"


def light_span(
    trace_id: str, span_id: str, *, sampled: bool = True, state: TraceState | None = None
) -> LightSpan:
    site = SpanSite("run", SpanKind.INTERNAL, {}, Scope("tests"))
    deliver = (lambda span: None) if sampled else None
    span = LightSpan(site, int(trace_id, 16), int(span_id, 16), 0, 1, deliver)
    span.trace_state = state
    return span


def other_span(
    trace_id: str, span_id: str, *, sampled: bool = True, state: TraceState | None = None
) -> Span:
    flags = TraceFlags(3 if sampled else 2)  # its SDK says that its trace ids are random
    return NonRecordingSpan(SpanContext(int(trace_id, 16), int(span_id, 16), False, flags, state))


BOTH = pytest.mark.parametrize("make_span", [light_span, other_span], ids=["own", "sdk"])


def test_a_context_from_headers_names_the_remote_parent() -> None:
    context = context_from_headers(
        {"traceparent": f"00-{TRACE}-{SPAN}-00", "tracestate": "a=1,b=2"}
    )
    parent = otel_parent(context)
    assert parent is not None
    found = parent.get_span_context()
    assert (found.trace_id, found.span_id) == (int(TRACE, 16), int(SPAN, 16))
    assert found.is_remote
    assert not found.trace_flags.sampled
    assert found.trace_state.to_header() == "a=1,b=2"


@pytest.mark.parametrize(
    ("context", "parent"),
    [
        (WorkflowContext(), None),
        (WorkflowContext(baggage={"a": "1"}), None),
        (WorkflowContext(trace_id=TRACE), None),
        (WorkflowContext(trace_id="trace-123", span_id="span-1"), None),
        (WorkflowContext(span_id=SPAN), None),
        (WorkflowContext(trace_id=TRACE, span_id=SPAN), SPAN),
        (WorkflowContext(trace_id=TRACE, parent_span_id=OTHER), OTHER),
        (WorkflowContext(trace_id=TRACE, span_id=SPAN, parent_span_id=OTHER), SPAN),
        (WorkflowContext(trace_id=TRACE.upper(), span_id=SPAN.upper()), SPAN),
    ],
    ids=[
        "empty", "baggage", "trace-only", "words", "span-only", "span", "parent", "both",
        "capitals",
    ],
)  # fmt: skip
def test_a_context_names_a_parent_by_two_ids(context: WorkflowContext, parent: str | None) -> None:
    found = otel_parent(context)
    if parent is None:
        assert found is None
    else:
        assert found is not None
        assert found.get_span_context().span_id == int(parent, 16)
        assert found.get_span_context().trace_flags.sampled


@BOTH
def test_a_context_knows_the_ids_of_its_run(make_span: Callable[..., Span]) -> None:
    context = WorkflowContext()
    adopt(context, make_span(TRACE, SPAN))
    assert (context.trace_id, context.span_id, context.parent_span_id) == (TRACE, SPAN, None)
    assert context.metadata == {}


def test_short_numbers_are_filled_with_zeros() -> None:
    context = WorkflowContext()
    adopt(context, light_span("a", "b"))
    assert (context.trace_id, context.span_id) == ("a".zfill(32), "b".zfill(16))


def test_a_tracer_that_does_nothing_leaves_no_ids() -> None:
    context = WorkflowContext()
    adopt(context, INVALID_SPAN)
    assert (context.trace_id, context.span_id) == (None, None)


def test_a_trace_id_of_the_users_own_form_stays() -> None:
    """As apps have that count their requests by themselves."""
    context = WorkflowContext(trace_id="request-7", span_id="step-1")
    adopt(context, light_span(TRACE, SPAN))
    assert (context.trace_id, context.span_id) == ("request-7", "step-1")


@BOTH
@pytest.mark.parametrize(
    "given",
    [
        {"trace_id": TRACE, "parent_span_id": OTHER},
        {"trace_id": TRACE, "span_id": OTHER},
        {"trace_id": TRACE.upper(), "span_id": OTHER},
    ],
    ids=["parent", "span", "capitals"],
)
def test_two_runs_for_one_caller_are_siblings(
    make_span: Callable[..., Span], given: dict[str, str]
) -> None:
    """Not a chain in which each run is below the one before."""
    context = WorkflowContext(**given)  # pyright: ignore[reportArgumentType]
    for _ in range(2):
        parent = otel_parent(context)
        assert parent is not None
        assert parent.get_span_context().span_id == int(OTHER, 16)
        adopt(context, make_span(TRACE, SPAN))
        assert (context.trace_id, context.span_id) == (TRACE, SPAN)
        assert context.parent_span_id == OTHER


def test_two_runs_without_a_caller_have_traces_of_their_own() -> None:
    context = WorkflowContext()
    adopt(context, light_span(TRACE, SPAN))
    assert otel_parent(context) is None
    adopt(context, light_span("a" * 32, OTHER))
    assert (context.trace_id, context.span_id, context.parent_span_id) == ("a" * 32, OTHER, None)


def test_a_child_context_is_below_the_run_that_made_it() -> None:
    context = WorkflowContext()
    adopt(context, light_span(TRACE, SPAN))
    parent = otel_parent(context.create_child_context())
    assert parent is not None
    assert parent.get_span_context().span_id == int(SPAN, 16)


@pytest.mark.parametrize(
    "sent",
    [lambda context: pickle.loads(pickle.dumps(context)), copy.deepcopy],
    ids=["pickle", "deepcopy"],
)
def test_a_context_that_was_sent_elsewhere_names_the_run_as_the_caller(
    sent: Callable[[WorkflowContext], WorkflowContext],
) -> None:
    context = WorkflowContext()
    adopt(context, light_span(TRACE, SPAN))
    arrived = sent(context)
    assert type(arrived.span_id) is str
    parent = otel_parent(arrived)
    assert parent is not None
    assert parent.get_span_context().span_id == int(SPAN, 16)


def test_a_run_below_another_trace_forgets_the_caller_of_the_old_one() -> None:
    """Ids of two traces must not stand side by side."""
    context = context_from_headers({"traceparent": f"00-{TRACE}-{SPAN}-00", "tracestate": "a=1"})
    adopt(context, light_span("a" * 32, OTHER))
    assert (context.trace_id, context.span_id, context.parent_span_id) == ("a" * 32, OTHER, None)
    assert headers_of(context) == {"traceparent": f"00-{'a' * 32}-{OTHER}-01"}


@BOTH
def test_what_was_decided_about_sampling_goes_to_children(make_span: Callable[..., Span]) -> None:
    context = WorkflowContext()
    state = TraceState([("a", "1")])
    adopt(context, make_span(TRACE, SPAN, sampled=False, state=state))
    sent = headers_of(context.create_child_context())
    assert int(sent["traceparent"][-2:], 16) & 1 == 0
    assert sent["tracestate"] == "a=1"
    adopt(context, make_span(TRACE, OTHER))
    assert int(headers_of(context)["traceparent"][-2:], 16) & 1 == 1


def test_a_view_of_the_context_knows_the_run_as_well() -> None:
    """A timeout gives its step a view with a deadline."""
    context = WorkflowContext()
    adopt(context, light_span(TRACE, SPAN))
    view = context.with_deadline(1.0)
    assert (view.trace_id, view.span_id) == (TRACE, SPAN)


def test_baggage_of_the_context_is_that_of_opentelemetry() -> None:
    here = baggage.set_baggage("kept", "1", baggage.set_baggage("a", "old", Context()))
    found = with_baggage(here, WorkflowContext(baggage={"a": "new", "b": "x y"}))
    assert dict(baggage.get_all(found)) == {"kept": "1", "a": "new", "b": "x y"}


def test_without_baggage_the_context_is_the_same_object() -> None:
    here = Context()
    assert with_baggage(here, WorkflowContext()) is here


def test_baggage_beyond_the_limits_stays_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(propagation, "_told", set())
    here = baggage.set_baggage("theirs", "secret", Context())
    entries = {f"k{number}": "secret" for number in range(64)}
    for _ in range(2):
        found = with_baggage(here, WorkflowContext(baggage=entries))
        assert dict(baggage.get_all(found)) == entries
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "1 of 65 entries" in caplog.text
    assert "secret" not in caplog.text


def test_a_name_with_a_line_break_does_not_reach_the_clients() -> None:
    found = with_baggage(Context(), WorkflowContext(baggage={"a\r\nx": "1", "b": "2"}))
    assert dict(baggage.get_all(found)) == {"b": "2"}


def test_a_span_that_is_current_is_no_matter_of_the_context() -> None:
    """`otel_parent` is for runs that begin at the top, and looks at the context only."""
    context = WorkflowContext(trace_id=TRACE, span_id=SPAN)
    token = otel_context.attach(trace.set_span_in_context(other_span("a" * 32, OTHER)))
    try:
        found = otel_parent(context)
    finally:
        otel_context.detach(token)
    assert found is not None
    assert found.get_span_context().span_id == int(SPAN, 16)


async def test_contexts_of_runs_at_the_same_time_are_kept_apart() -> None:
    """Of views of one context, as the items of a map have, each knows its own run."""
    context = WorkflowContext()

    async def run(span_id: str) -> tuple[str | None, str | None]:
        view = context.with_deadline(None)
        adopt(view, light_span(TRACE, span_id))
        await asyncio.sleep(0)
        return view.trace_id, view.span_id

    assert await asyncio.gather(run(SPAN), run(OTHER)) == [(TRACE, SPAN), (TRACE, OTHER)]
    assert context.trace_id is None
