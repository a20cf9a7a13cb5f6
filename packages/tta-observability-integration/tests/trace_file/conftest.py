"""Spans to write, and files that hold them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from observability_integration.export.trace_file import TraceFileExporter
from observability_integration.spans.light_span import LightSpan, Scope, SpanDetails, SpanSite
from observability_integration.trace_file.reader import TraceFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MakeSpan: TypeAlias = Callable[..., LightSpan]
Written: TypeAlias = Callable[..., TraceFile]
SCOPE = Scope("tests", "1.0")


def make_span(
    name: str = "lambda step",
    number: int = 1,
    parent: int = 0,
    *,
    trace: int = 1,
    start: float = 0.0,
    seconds: float = 0.001,
    outcome: str | None = "ok",
    error: str | None = None,
    remote: bool = False,
    kind: SpanKind = SpanKind.INTERNAL,
    shared: Mapping[str, Any] | None = None,
    own: Mapping[str, Any] | None = None,
    site: SpanSite | None = None,
) -> LightSpan:
    """Make an ended span with known times."""
    site = site or SpanSite(name, kind, dict(shared or {}), SCOPE)
    span = LightSpan(site, trace, number, parent, int(start * 1e9), None)
    span.end_ns = span.start_ns + int(seconds * 1e9)
    span.outcome, span.error_type, span.parent_is_remote = outcome, error, remote
    span.status_code = StatusCode.ERROR if error else StatusCode.UNSET
    if own is not None:
        span.details = SpanDetails()
        span.details.attributes = dict(own)
    return span


@pytest.fixture
def span() -> MakeSpan:
    """Makes ended spans."""
    return make_span


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Writes a finished file with spans and gives its reader."""
    count = 0

    def write(spans: Sequence[LightSpan], **options: Any) -> TraceFile:
        nonlocal count
        count += 1
        path = options.pop("path", None) or tmp_path / f"written-{count}.db"
        exporter = TraceFileExporter(path, **options)
        exporter.export(spans)
        exporter.shutdown(1)
        return TraceFile(path)

    return write
