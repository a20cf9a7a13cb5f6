"""Print finished traces as trees for people to read."""

from __future__ import annotations

import functools
import sys
import threading
from typing import TYPE_CHECKING, Any, TextIO

from observability_integration.terminal.text import style_of, write
from observability_integration.terminal.tree import DEFAULT_MAX_SPANS, trace_lines
from observability_integration.terminal.tree_span import TreeSpan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observability_integration.spans.light_span import LightSpan

    from .sdk_console import ConsoleTraceExporter as ConsoleTraceExporter


class TracePrinter:
    """Hold spans until their trace is over, then print it as a tree.

    Spans wait until the span at the top of their trace, or the one a remote caller is the parent
    of, has ended. What has no such span is printed by `print_all`, or when too many spans wait.
    Threads may share a printer.

    Args:
        stream: Where to print; whatever `sys.stderr` is at the time when left out.
        max_waiting: Most spans that wait; beyond it the oldest trace is printed as it is.
        max_spans: Most spans of a trace that get a line; the rest is counted.

    Attributes:
        printed: Spans that were printed or counted in a trace that was.
        dropped: Spans of traces that could not be printed.

    Raises:
        ValueError: A bound is below 1.
    """

    def __init__(self, stream: TextIO | None, *, max_waiting: int, max_spans: int) -> None:
        for name, bound in (("max_waiting", max_waiting), ("max_spans", max_spans)):
            if bound < 1:
                msg = f"{name} must be at least 1, got {bound!r}"
                raise ValueError(msg)
        self._stream = stream
        self._max_waiting, self._max_spans = max_waiting, max_spans
        self._waiting: dict[int, list[TreeSpan]] = {}
        self._count = 0
        self._lock = threading.Lock()
        self.printed = self.dropped = 0

    def add(self, trace_id: int, span: TreeSpan, *, is_top: bool) -> bool:
        """Take one ended span; return False where a trace could not be printed."""
        with self._lock:
            self._waiting.setdefault(trace_id, []).append(span)
            self._count += 1
            if is_top:
                return self._print(trace_id)
            if self._count > self._max_waiting:
                return self._print(next(iter(self._waiting)))
            return True

    def print_all(self) -> bool:
        """Print what waits, complete or not; return False where that failed."""
        with self._lock:
            results = [self._print(trace_id) for trace_id in list(self._waiting)]
        return all(results)

    def _print(self, trace_id: int) -> bool:
        spans = self._waiting.pop(trace_id)
        self._count -= len(spans)
        stream = sys.stderr if self._stream is None else self._stream
        try:
            write(stream, trace_lines(spans, style_of(stream), max_spans=self._max_spans))
        except (OSError, ValueError):  # the terminal is gone or the stream closed
            self.dropped += len(spans)
            return False
        self.printed += len(spans)
        return True


class ConsoleExporter:
    """Print each trace as a tree when its first span ends, with what it came to.

    On a terminal lines are as wide as that, and coloured unless `NO_COLOR` is set; elsewhere they
    are as long as they come. Control characters in names are shown as question marks.

    Args:
        stream: Where to print; whatever `sys.stderr` is at the time when left out.
        max_waiting: Most spans that wait for the end of their trace.
        max_spans: Most spans of a trace that get a line; the rest is counted.

    Attributes:
        exported: Spans that were printed, or counted in a trace that was.
        dropped: Spans of traces that could not be printed.
    """

    name = "console"

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        max_waiting: int = 10_000,
        max_spans: int = DEFAULT_MAX_SPANS,
    ) -> None:
        self._make_printer = functools.partial(
            TracePrinter, stream, max_waiting=max_waiting, max_spans=max_spans
        )
        self._printer = self._make_printer()
        self.exported = self.dropped = 0

    def export(self, spans: Sequence[LightSpan]) -> None:
        """Take ended spans and print the traces that they complete."""
        for span in spans:
            is_top = not span.parent_id or span.parent_is_remote
            self._printer.add(span.trace_id, tree_span_of(span), is_top=is_top)
        self._count()

    def flush(self, timeout_seconds: float) -> bool:
        """Print what waits, complete or not."""
        printed = self._printer.print_all()
        self._count()
        return printed

    def shutdown(self, timeout_seconds: float) -> None:
        """Print what waits."""
        self.flush(timeout_seconds)

    def after_fork(self) -> None:
        """Forget in the child what the parent is going to print."""
        self._printer = self._make_printer()

    def _count(self) -> None:
        printer = self._printer
        self.exported += printer.printed
        self.dropped += printer.dropped
        printer.printed = printer.dropped = 0


def tree_span_of(span: LightSpan) -> TreeSpan:
    """Return what a tree shows of *span*."""
    return TreeSpan(
        span.name,
        span.span_id,
        span.parent_id,
        span.start_ns,
        span.end_ns,
        span.status_code.name == "ERROR",
        span.attributes,
    )


def __getattr__(name: str) -> Any:  # Any: a class that is loaded when somebody asks for it
    # It derives from the SDK's own class, and loading the SDK takes a quarter of a second.
    if name != "ConsoleTraceExporter":
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from .sdk_console import ConsoleTraceExporter

    return ConsoleTraceExporter
