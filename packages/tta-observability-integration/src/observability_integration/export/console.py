"""Print finished traces as trees for people to read."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Final, TextIO

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

from observability_integration.semconv import names as semconv

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

_LINES: Final = ("├─ ", "└─ ", "│  ", "   ")
_PLAIN_LINES: Final = ("|- ", "`- ", "|  ", "   ")

# Attributes worth a reader's time and what to call them, in the order they are shown.
_SHOWN: Final = {
    semconv.TTA_CACHE_RESULT: "cache",
    semconv.TTA_ROUTE_SELECTED: "route",
    semconv.TTA_BRANCH_TAKEN: "branch",
    semconv.TTA_RETRY_ATTEMPT: "attempt",
    semconv.TTA_RETRY_ATTEMPTS: "attempts",
    semconv.TTA_TIMEOUT_LIMIT: "limit",
    semconv.TTA_FALLBACK_USED: "fallback",
    semconv.TTA_SAGA_COMPENSATION_RESULT: "undo",
    semconv.GEN_AI_USAGE_INPUT_TOKENS: "in",
    semconv.GEN_AI_USAGE_OUTPUT_TOKENS: "out",
    semconv.GEN_AI_USAGE_COST_AMOUNT: "cost",
    semconv.TTA_CACHE_SAVED_COST: "saved",
    semconv.ERROR_TYPE: "error",
}
_SECONDS: Final = frozenset({semconv.TTA_TIMEOUT_LIMIT})
_DOLLARS: Final = frozenset({semconv.GEN_AI_USAGE_COST_AMOUNT, semconv.TTA_CACHE_SAVED_COST})


class ConsoleTraceExporter(SpanExporter):
    """Print each trace as a tree when its first span ends.

    Spans wait until the span at the top of their trace, or the one a remote caller is the parent
    of, has ended. What has no such span is printed at shutdown, or when too many spans wait.
    Threads may share an exporter.

    Args:
        stream: Where to print; whatever `sys.stderr` is at the time when left out.
        max_waiting: Most spans that wait; beyond it the oldest trace is printed as it is.
    """

    def __init__(self, stream: TextIO | None = None, *, max_waiting: int = 10_000) -> None:
        if max_waiting < 1:
            msg = f"max_waiting must be at least 1, got {max_waiting!r}"
            raise ValueError(msg)
        self._stream = stream
        self._max_waiting = max_waiting
        self._waiting: dict[int, list[ReadableSpan]] = {}
        self._count = 0
        self._lock = threading.Lock()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Take ended spans and print the traces that they complete."""
        printed = True
        with self._lock:
            for span in spans:
                trace_id = _trace_id(span)
                self._waiting.setdefault(trace_id, []).append(span)
                self._count += 1
                if span.parent is None or span.parent.is_remote:
                    printed &= self._print(trace_id)
                elif self._count > self._max_waiting:
                    printed &= self._print(next(iter(self._waiting)))
        return SpanExportResult.SUCCESS if printed else SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Print what waits, complete or not."""
        with self._lock:
            results = [self._print(trace_id) for trace_id in list(self._waiting)]
        return all(results)

    def shutdown(self) -> None:
        """Print what waits."""
        self.force_flush()

    def _print(self, trace_id: int) -> bool:
        spans = self._waiting.pop(trace_id)
        self._count -= len(spans)
        stream = sys.stderr if self._stream is None else self._stream
        encoding = getattr(stream, "encoding", None) or "utf-8"
        text = "".join(f"{line}\n" for line in trace_lines(spans, plain=not _draws(encoding)))
        try:
            stream.write(text.encode(encoding, "replace").decode(encoding))
            stream.flush()
        except (OSError, ValueError):
            return False  # the terminal is gone or the stream closed; the app need not know
        return True


def trace_lines(spans: Iterable[ReadableSpan], *, plain: bool = False) -> list[str]:
    """Lay the spans of one trace out as a tree, one line each, siblings in order of their start.

    Args:
        spans: Ended spans; one whose parent is missing stands at the top.
        plain: Draw with ASCII characters only.
    """
    ordered = sorted(spans, key=lambda span: span.start_time or 0)
    known = {span.context.span_id for span in ordered if span.context is not None}
    below: dict[int | None, list[ReadableSpan]] = {}
    for span in ordered:
        parent = span.parent.span_id if span.parent is not None else None
        below.setdefault(parent if parent in known else None, []).append(span)
    rows: list[tuple[str, ReadableSpan]] = []
    fork, last, bar, gap = _PLAIN_LINES if plain else _LINES
    pending = [("", "", span) for span in reversed(below.get(None, []))]
    while pending:
        prefix, indent, span = pending.pop()
        rows.append((f"{prefix}{_printable(span.name)}", span))
        children = below.get(span.context.span_id, []) if span.context is not None else []
        for child in reversed(children):
            is_last = child is children[-1]
            drawn, carried = (last, gap) if is_last else (fork, bar)
            pending.append((indent + drawn, indent + carried, child))
    width = max((len(text) for text, _ in rows), default=0)
    return [_line(text, width, span) for text, span in rows]


def _line(text: str, width: int, span: ReadableSpan) -> str:
    attributes: Mapping[str, object] = span.attributes or {}
    outcome = attributes.get(semconv.TTA_OUTCOME)
    if outcome is None:
        outcome = "error" if span.status.status_code is StatusCode.ERROR else "ok"
    details = [
        f"{label}={_value(key, attributes[key])}"
        for key, label in _SHOWN.items()
        if key in attributes
    ]
    columns = f"{text:<{width}}  {_duration(span):>9}  {outcome!s:<9}  {' '.join(details)}"
    return columns.rstrip()


def _value(key: str, value: object) -> str:
    if key in _SECONDS and isinstance(value, int | float):
        return f"{value:g}s"
    if key in _DOLLARS and isinstance(value, int | float):
        return f"${value:.6f}"
    return _printable(str(value))


def _duration(span: ReadableSpan) -> str:
    seconds = ((span.end_time or 0) - (span.start_time or 0)) / 1e9
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.2f} ms"


def _trace_id(span: ReadableSpan) -> int:
    return span.context.trace_id if span.context is not None else 0


def _printable(text: str) -> str:
    """Return *text* without characters that a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _draws(encoding: str) -> bool:
    try:
        "".join(_LINES).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
