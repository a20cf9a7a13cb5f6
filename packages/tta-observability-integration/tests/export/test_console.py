"""Light spans as trees on a terminal."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from observability_integration.export.console import ConsoleExporter
from observability_integration.spans.light_span import LightSpan, Scope, SpanDetails, SpanSite


def span(
    name: str,
    number: int,
    parent: int = 0,
    *,
    trace: int = 1,
    outcome: str | None = "ok",
    failed: bool = False,
    remote: bool = False,
    attributes: dict[str, Any] | None = None,
) -> LightSpan:
    """Make an ended span of a millisecond."""
    site = SpanSite(name, SpanKind.INTERNAL, {}, Scope("tests"))
    made = LightSpan(site, trace, number, parent, number * 1_000_000, None)
    made.end_ns = made.start_ns + 1_000_000
    made.outcome, made.parent_is_remote = outcome, remote
    made.status_code = StatusCode.ERROR if failed else StatusCode.UNSET
    if attributes:
        made.details = SpanDetails()
        made.details.attributes = attributes
    return made


def test_a_trace_is_printed_when_its_first_span_has_ended() -> None:
    stream = io.StringIO()
    exporter = ConsoleExporter(stream)
    cache = {"tta.cache.result": "hit", "tta.cache.saved.cost": 0.25}
    exporter.export([span("cache answers", 2, 1, outcome="hit", attributes=cache)])
    assert (stream.getvalue(), exporter.exported) == ("", 0)
    exporter.export([span("POST", 3, 1, outcome=None, failed=True), span("workflow", 1)])
    assert stream.getvalue() == (
        "workflow            1.00 ms  ok\n"
        "├─ cache answers    1.00 ms  hit    cache=hit saved=$0.250000\n"
        "└─ POST             1.00 ms  error\n"
        "3.00 ms · $0.250000 saved\n"
    )
    assert (exporter.exported, exporter.dropped) == (3, 0)


def test_a_span_below_a_remote_caller_is_the_top() -> None:
    stream = io.StringIO()
    ConsoleExporter(stream).export([span("served", 2, 1, remote=True)])
    assert stream.getvalue().startswith("served ")


def test_traces_running_at_once_are_kept_apart() -> None:
    stream = io.StringIO()
    exporter = ConsoleExporter(stream)
    exporter.export([span("a1", 2, 1, trace=1), span("b1", 4, 3, trace=2), span("b", 3, trace=2)])
    assert [line.split()[0] for line in stream.getvalue().splitlines()][:2] == ["b", "└─"]
    assert exporter.exported == 2


def test_what_waits_is_printed_by_flush_and_shutdown() -> None:
    """A background task may outlive its trace's first span."""
    stream = io.StringIO()
    exporter = ConsoleExporter(stream)
    exporter.export([span("first", 2, 1)])
    assert exporter.flush(1)
    exporter.export([span("second", 3, 1)])
    exporter.shutdown(1)
    exporter.shutdown(1)
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["first", "second"]
    assert exporter.exported == 2


def test_the_oldest_trace_goes_first_when_too_many_spans_wait() -> None:
    stream = io.StringIO()
    exporter = ConsoleExporter(stream, max_waiting=2)
    exporter.export([span(f"s{index}", index + 10, 1, trace=index) for index in (1, 2, 3)])
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["s1"]


def test_a_long_trace_is_cut_with_a_count() -> None:
    stream = io.StringIO()
    exporter = ConsoleExporter(stream, max_spans=2)
    below = [span(f"s{n}", n, 1, outcome="error" if n > 4 else "ok") for n in range(2, 6)]
    exporter.export([*below, span("top", 1)])
    assert [line.split()[0] for line in stream.getvalue().splitlines()[:2]] == ["top", "├─"]
    assert stream.getvalue().splitlines()[2] == "… 3 more spans not shown, 1 of them failed"
    assert exporter.exported == 5


@pytest.mark.parametrize("bound", ["max_waiting", "max_spans"])
def test_room_for_nothing_is_refused(bound: str) -> None:
    options: dict[str, Any] = {bound: 0}
    with pytest.raises(ValueError, match=f"{bound} must be at least 1, got 0"):
        ConsoleExporter(**options)


def test_spans_that_cannot_be_printed_count_as_dropped() -> None:
    stream = io.StringIO()
    stream.close()
    exporter = ConsoleExporter(stream)
    exporter.export([span("b", 2, 1), span("a", 1)])
    assert (exporter.exported, exporter.dropped) == (0, 2)
    exporter.export([span("c", 4, 3)])
    assert not exporter.flush(1)
    assert exporter.dropped == 3


def test_it_follows_the_standard_error_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = ConsoleExporter()
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    exporter.export([span("a", 1)])
    assert stream.getvalue().startswith("a ")


def test_the_console_does_without_the_sdk() -> None:
    """The SDK takes a quarter of a second to load."""
    program = (
        "import sys\n"
        "import observability_integration.export.console as console\n"
        "assert 'opentelemetry.sdk' not in sys.modules\n"
        "assert console.ConsoleTraceExporter.__name__ == 'ConsoleTraceExporter'\n"
        "assert not hasattr(console, 'Other')\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
