"""A run that goes on in another process."""

from __future__ import annotations

import pickle
import subprocess
import sys
from email.message import Message

import httpx
import pytest
from opentelemetry import baggage, trace
from opentelemetry import context as otel_context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, TraceState
from starlette.datastructures import Headers

from observability_integration.context.headers import context_from_headers, headers_of
from tta_dev_primitives import WorkflowContext

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def within(flags: int = 1, state: TraceState | None = None) -> otel_context.Context:
    """Where a span is current that is none of the context's."""
    span = SpanContext(
        0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(flags), trace_state=state
    )
    return trace.set_span_in_context(NonRecordingSpan(span), otel_context.Context())


def email_headers() -> Message:
    message = Message()
    message["Traceparent"] = PARENT
    return message


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": PARENT},
        {"TraceParent": PARENT},
        [("other", "x"), ("traceparent", PARENT)],
        httpx.Headers({"Traceparent": PARENT}),
        Headers(raw=[(b"traceparent", PARENT.encode())]),
        email_headers(),
    ],
    ids=["dict", "any-case", "pairs", "httpx", "starlette", "stdlib"],
)
def test_the_caller_is_read_from_the_headers_of_any_framework(headers: object) -> None:
    context = context_from_headers(headers)  # pyright: ignore[reportArgumentType]
    assert (context.trace_id, context.parent_span_id) == (TRACE, SPAN)
    assert context.span_id is None


def test_all_of_a_request_goes_on_to_the_next() -> None:
    sent = {"traceparent": f"00-{TRACE}-{SPAN}-00", "tracestate": "a=1,b=2", "baggage": "x=1,y=2"}
    assert headers_of(context_from_headers(sent)) == sent


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"traceparent": "nonsense"},
        [("traceparent", PARENT), ("Traceparent", PARENT)],
        {"tracestate": "a=1"},
    ],
    ids=["none", "invalid", "two-parents", "state-without-parent"],
)
def test_without_a_valid_caller_the_run_begins_a_trace(headers: dict[str, str]) -> None:
    context = context_from_headers(headers)
    assert (context.trace_id, context.parent_span_id, context.metadata) == (None, None, {})
    assert headers_of(context) == {}


def test_a_wrong_trace_state_leaves_the_caller_as_it_is() -> None:
    context = context_from_headers({"traceparent": PARENT, "tracestate": "NO"})
    assert headers_of(context) == {"traceparent": PARENT}


def test_baggage_comes_without_a_caller_too() -> None:
    context = context_from_headers([("baggage", "x=1"), ("Baggage", "y=a%20b")])
    assert context.baggage == {"x": "1", "y": "a b"}


def test_two_lines_of_one_header_count_as_one() -> None:
    headers = Headers(
        raw=[
            (b"traceparent", PARENT.encode()),
            (b"tracestate", b"a=1"),
            (b"tracestate", b"b=2"),
        ]
    )
    assert headers_of(context_from_headers(headers))["tracestate"] == "a=1,b=2"


def test_the_current_span_is_the_parent_of_what_is_asked_for() -> None:
    context = context_from_headers({"traceparent": PARENT, "tracestate": "a=1"})
    token = otel_context.attach(within(0, TraceState([("z", "9")])))
    try:
        found = headers_of(context)
    finally:
        otel_context.detach(token)
    assert found == {"traceparent": f"00-{0xABC:032x}-{0xDEF:016x}-00", "tracestate": "z=9"}


def test_a_current_span_needs_no_context() -> None:
    token = otel_context.attach(within())
    try:
        assert headers_of() == {"traceparent": f"00-{0xABC:032x}-{0xDEF:016x}-01"}
    finally:
        otel_context.detach(token)
    assert headers_of() == {}


def test_baggage_of_the_context_wins_over_that_of_opentelemetry() -> None:
    token = otel_context.attach(
        baggage.set_baggage("a", "theirs", baggage.set_baggage("b", 2, otel_context.Context()))
    )
    try:
        assert headers_of(WorkflowContext(baggage={"a": "ours"})) == {"baggage": "b=2,a=ours"}
    finally:
        otel_context.detach(token)


@pytest.mark.parametrize("flags", ["nonsense", None, [1]])
def test_strange_metadata_of_a_user_breaks_no_request(flags: object) -> None:
    context = WorkflowContext(trace_id=TRACE, span_id=SPAN)
    context.metadata.update({"w3c.trace_flags": flags, "w3c.tracestate": flags})
    found = headers_of(context)
    assert found["traceparent"] == PARENT


def test_a_context_from_headers_can_be_sent_to_another_process() -> None:
    context = pickle.loads(pickle.dumps(context_from_headers({"traceparent": PARENT})))
    assert headers_of(context) == {"traceparent": PARENT}


def test_neither_way_loads_opentelemetry() -> None:
    """A service that traces nothing hands on what it got, and does not pay for tracing."""
    program = f"""
import sys
from observability_integration.context.headers import context_from_headers, headers_of
from observability_integration.context.logs import add_trace_context
headers = {{"traceparent": "{PARENT}", "baggage": "a=1"}}
assert headers_of(context_from_headers(headers)) == headers
assert add_trace_context(None, "info", {{}}) == {{}}
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (told.stdout, told.stderr) == ("[]\n", "")
