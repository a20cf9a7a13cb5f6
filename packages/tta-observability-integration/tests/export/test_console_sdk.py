"""Traces of any tracer provider as trees on a terminal."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from observability_integration import ConsoleTraceExporter, TracerPrimitive
from tta_dev_primitives import LambdaPrimitive, SequentialPrimitive, observe

if TYPE_CHECKING:
    from collections.abc import Mapping


def span(
    name: str,
    number: int,
    parent: int | None = None,
    *,
    start: float = 0,
    seconds: float = 0.001,
    trace_id: int = 1,
    remote: bool = False,
    failed: bool = False,
    attributes: Mapping[str, str | int | float] | None = None,
) -> ReadableSpan:
    """Make an ended span with known times."""
    begun = int(start * 1e9)
    above = None
    if parent is not None:
        above = SpanContext(trace_id, parent, remote, TraceFlags(TraceFlags.SAMPLED))
    return ReadableSpan(
        name,
        context=SpanContext(trace_id, number, is_remote=False, trace_flags=TraceFlags(1)),
        parent=above,
        attributes=dict(attributes or {}),
        start_time=begun,
        end_time=begun + int(seconds * 1e9),
        status=Status(StatusCode.ERROR if failed else StatusCode.UNSET),
    )


OK = {"tta.outcome": "ok"}
CHAT = {"gen_ai.operation.name": "chat"}
ANSWER = [
    span(
        "cache answers", 2, 1, start=0.1, seconds=2.5, attributes={"tta.cache.result": "miss"} | OK
    ),
    span("timeout", 3, 2, start=0.2, seconds=2.4, attributes={"tta.timeout.limit": 5.0} | OK),
    span("retry model", 4, 3, start=0.3, attributes={"tta.retry.attempts": 2} | OK),
    span(
        "chat gpt-4o",
        6,
        4,
        start=0.5,
        seconds=1.2,
        attributes={
            "tta.retry.attempt": 2,
            "gen_ai.usage.input_tokens": 12,
            "gen_ai.usage.output_tokens": 34,
            "gen_ai.usage.cost.amount": 0.00025,
        }
        | CHAT
        | OK,
    ),
    span(
        "chat gpt-4o",
        5,
        4,
        start=0.4,
        seconds=0.0125,
        failed=True,
        attributes={
            "tta.retry.attempt": 1,
            "error.type": "RateLimitedError",
            "tta.outcome": "error",
        }
        | CHAT,
    ),
    span("POST", 7, 6, start=0.6, failed=True),
    span("lambda print", 8, 1, start=3, attributes=OK),
    span("invoke_workflow support", 1, start=0, seconds=3.25, attributes=OK),
]

TREE = """\
invoke_workflow support     3.25 s  ok
├─ cache answers            2.50 s  ok     cache=miss
│  └─ timeout               2.40 s  ok     limit=5s
│     └─ retry model       1.00 ms  ok     attempts=2
│        ├─ chat gpt-4o   12.50 ms  error  attempt=1 error=RateLimitedError
│        └─ chat gpt-4o     1.20 s  ok     attempt=2 in=12 out=34 cost=$0.000250
│           └─ POST        1.00 ms  error
└─ lambda print            1.00 ms  ok
3.25 s · 2 model calls · 12 in, 34 out · $0.000250 spent
"""


def test_a_trace_is_a_tree_in_order_of_time() -> None:
    stream = io.StringIO()
    assert ConsoleTraceExporter(stream).export(ANSWER) is SpanExportResult.SUCCESS
    assert stream.getvalue() == TREE


def test_a_trace_waits_for_its_first_span_to_end() -> None:
    stream = io.StringIO()
    exporter = ConsoleTraceExporter(stream)
    for ended in ANSWER[:-1]:
        exporter.export([ended])
    assert stream.getvalue() == ""
    exporter.export(ANSWER[-1:])
    assert stream.getvalue() == TREE


def test_traces_running_at_once_are_kept_apart() -> None:
    stream = io.StringIO()
    exporter = ConsoleTraceExporter(stream)
    exporter.export([span("a1", 2, 1, trace_id=1), span("b1", 4, 3, trace_id=2)])
    exporter.export([span("b", 3, trace_id=2)])
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["b", "└─", "1.00"]


def test_a_span_below_a_remote_caller_is_the_top() -> None:
    stream = io.StringIO()
    ConsoleTraceExporter(stream).export([span("served", 2, 1, remote=True)])
    assert stream.getvalue().startswith("served ")


def test_a_terminal_without_line_drawing_gets_plain_characters() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="cp1252", newline="\n")
    ConsoleTraceExporter(stream).export(
        [span("naïve 漢", 2, 1), span("b", 3, 1, start=1), *ANSWER[-1:]]
    )
    lines = raw.getvalue().decode("cp1252").splitlines()
    assert [line[:12].rstrip() for line in lines[1:-1]] == ["|- naïve ?", "`- b"]
    stream.detach()


def test_what_waits_is_printed_at_shutdown() -> None:
    """A background task may outlive its trace's first span."""
    stream = io.StringIO()
    exporter = ConsoleTraceExporter(stream)
    exporter.export([span("orphan", 2, 1)])
    exporter.shutdown()
    assert stream.getvalue().startswith("orphan ")
    assert exporter.force_flush()


def test_the_oldest_trace_goes_first_when_too_many_spans_wait() -> None:
    stream = io.StringIO()
    exporter = ConsoleTraceExporter(stream, max_waiting=2)
    exporter.export([span(f"s{index}", index + 10, 1, trace_id=index) for index in (1, 2, 3)])
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["s1"]


def test_room_for_no_span_is_refused() -> None:
    with pytest.raises(ValueError, match="max_waiting must be at least 1, got 0"):
        ConsoleTraceExporter(max_waiting=0)


def test_a_closed_stream_harms_nobody() -> None:
    stream = io.StringIO()
    stream.close()
    assert ConsoleTraceExporter(stream).export(ANSWER) is SpanExportResult.FAILURE


async def test_it_follows_the_standard_error_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ConsoleTraceExporter()))
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    with observe(TracerPrimitive(provider.get_tracer("tests"))):
        await SequentialPrimitive([LambdaPrimitive(lambda x: x, name="a")], name="app").execute(1)
    first, second, _ = stream.getvalue().splitlines()
    assert first.startswith("invoke_workflow app ")
    assert second.startswith("└─ lambda a ")
