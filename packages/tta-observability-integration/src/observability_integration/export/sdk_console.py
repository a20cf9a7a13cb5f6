"""The console for tracer providers of OpenTelemetry's SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

from observability_integration.terminal.tree import DEFAULT_MAX_SPANS
from observability_integration.terminal.tree_span import TreeSpan

from .console import TracePrinter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan


class ConsoleTraceExporter(SpanExporter):
    """Print each trace as a tree when its first span ends, as `ConsoleExporter` does.

    Args:
        stream: Where to print; whatever `sys.stderr` is at the time when left out.
        max_waiting: Most spans that wait for the end of their trace; beyond it the oldest trace
            is printed as it is.
        max_spans: Most spans of a trace that get a line; the rest is counted.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        max_waiting: int = 10_000,
        max_spans: int = DEFAULT_MAX_SPANS,
    ) -> None:
        self._printer = TracePrinter(stream, max_waiting=max_waiting, max_spans=max_spans)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Take ended spans and print the traces that they complete."""
        printed = True
        for span in spans:
            trace_id = span.context.trace_id if span.context is not None else 0
            is_top = span.parent is None or span.parent.is_remote
            printed &= self._printer.add(trace_id, _tree_span(span), is_top=is_top)
        return SpanExportResult.SUCCESS if printed else SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Print what waits, complete or not."""
        return self._printer.print_all()

    def shutdown(self) -> None:
        """Print what waits."""
        self._printer.print_all()


def _tree_span(span: ReadableSpan) -> TreeSpan:
    started = span.start_time or 0
    return TreeSpan(
        span.name,
        span.context.span_id if span.context is not None else 0,
        span.parent.span_id if span.parent is not None else 0,
        started,
        span.end_time or started,
        span.status.status_code is StatusCode.ERROR,
        dict(span.attributes or {}),
    )
