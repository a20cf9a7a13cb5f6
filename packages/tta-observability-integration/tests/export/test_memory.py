"""Spans that are kept in memory."""

from __future__ import annotations

import threading

import pytest
from opentelemetry.trace import SpanKind

from observability_integration.export.memory import InMemoryExporter
from observability_integration.spans.light_span import LightSpan, Scope, SpanSite

SITE = SpanSite("step", SpanKind.INTERNAL, {}, Scope("tests"))


def make_spans(count: int) -> list[LightSpan]:
    return [LightSpan(SITE, 1, number, 0, 1, None) for number in range(1, count + 1)]


def ids(exporter: InMemoryExporter) -> list[int]:
    return [span.span_id for span in exporter.spans]


def test_spans_are_kept_in_order() -> None:
    exporter = InMemoryExporter()
    exporter.export(make_spans(2))
    exporter.export(make_spans(1))
    assert ids(exporter) == [1, 2, 1]
    assert (exporter.name, exporter.exported, exporter.dropped) == ("memory", 3, 0)


def test_what_was_read_does_not_change() -> None:
    """A test that looks at spans must not see them change below its hands."""
    exporter = InMemoryExporter()
    exporter.export(make_spans(1))
    read = exporter.spans
    exporter.export(make_spans(1))
    read.clear()
    assert len(exporter.spans) == 2


def test_clear_forgets_spans_and_keeps_counts() -> None:
    exporter = InMemoryExporter()
    exporter.export(make_spans(2))
    exporter.clear()
    assert (exporter.spans, exporter.exported) == ([], 2)


def test_beyond_the_bound_the_oldest_go() -> None:
    exporter = InMemoryExporter(max_spans=3)
    exporter.export(make_spans(5))
    assert ids(exporter) == [3, 4, 5]
    assert exporter.exported == 5


def test_after_shutdown_spans_can_be_read_and_none_are_taken() -> None:
    exporter = InMemoryExporter()
    exporter.export(make_spans(2))
    assert exporter.flush(0)
    exporter.shutdown(0)
    exporter.export(make_spans(1))
    assert ids(exporter) == [1, 2]
    assert (exporter.exported, exporter.dropped) == (2, 1)


def test_spans_can_be_read_while_others_come() -> None:
    """A list that grows while it is copied gives half of it, or an error."""
    exporter = InMemoryExporter(max_spans=100)
    spans = make_spans(50)
    ended = threading.Event()

    def export() -> None:
        while not ended.is_set():
            exporter.export(spans)

    thread = threading.Thread(target=export)
    thread.start()
    try:
        sizes = {len(exporter.spans) for _ in range(500)}
    finally:
        ended.set()
        thread.join()
    assert sizes <= {0, 50, 100}


def test_a_fork_begins_empty() -> None:
    exporter = InMemoryExporter()
    exporter.export(make_spans(2))
    exporter.after_fork()
    assert (exporter.spans, exporter.exported, exporter.dropped) == ([], 0, 0)


def test_a_bound_that_keeps_nothing_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="max_spans must be at least 1 or None, got 0"):
        InMemoryExporter(max_spans=0)
