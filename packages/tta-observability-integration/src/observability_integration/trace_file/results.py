"""What a trace file tells: runs, traces, spans, and the figures of places and models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from observability_integration.terminal.tree_span import TreeSpan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from observability_integration.terminal.totals import TraceTotals


@dataclass(frozen=True, slots=True)
class Run:
    """One process's stay in the file.

    Attributes:
        id: Its number in the file.
        service_name: Of its resource.
        service_version: Of its resource.
        began: When it began, in UTC.
        ended: When it ended in order; None while it runs, and for ever if it was killed.
        exported: Spans that it wrote.
        dropped: Spans that it could not write.
        removed: Spans of it that later made room for newer ones.
        resource: All attributes of its resource.
    """

    id: int
    service_name: str
    service_version: str
    began: datetime
    ended: datetime | None
    exported: int
    dropped: int
    removed: int
    resource: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One trace in a list.

    Attributes:
        trace_id: 32 hexadecimal digits.
        name: That of its first span.
        start_ns: When that began, in unix nanoseconds.
        seconds: How long that took.
        outcome: How that ended.
        complete: Whether the span at its top is in the file.
        spans: How many it has.
        failed: How many of them failed.
        model_calls: Requests to models.
        unpriced_calls: Those whose price is not known.
        cost: US dollars spent on the others.
        saved: US dollars that caches saved.
    """

    trace_id: str
    name: str
    start_ns: int
    seconds: float
    outcome: str
    complete: bool
    spans: int
    failed: int
    model_calls: int
    unpriced_calls: int
    cost: float
    saved: float


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """Something that happened during a span."""

    name: str
    time_ns: int
    attributes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class StoredLink:
    """A span that another belongs with."""

    trace_id: str
    span_id: str
    attributes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class StoredSpan:
    """One span as it was written; ids are hexadecimal digits, times unix nanoseconds."""

    run_id: int
    trace_id: str
    span_id: str
    parent_id: str | None
    is_root: bool
    name: str
    kind: str
    start_ns: int
    end_ns: int
    status: str
    status_description: str | None
    scope: str
    attributes: Mapping[str, object]
    events: tuple[StoredEvent, ...]
    links: tuple[StoredLink, ...]

    def as_tree_span(self) -> TreeSpan:
        """Return what a tree shows of it."""
        return TreeSpan(
            self.name,
            int(self.span_id, 16),
            int(self.parent_id or "0", 16),
            self.start_ns,
            self.end_ns,
            self.status == "error",
            self.attributes,
        )


@dataclass(frozen=True, slots=True)
class PlaceFigures:
    """All calls at one place of a workflow, or all spans of one name outside of any.

    Attributes:
        path: Its primitive path; empty for spans that are no primitive's.
        what: The type of its primitive, or the name of the spans.
        calls: How many there are.
        failed: How many failed, timed out, were refused or cancelled.
        p50_seconds: Half of them took at most this long.
        p95_seconds: 95 of 100 took at most this long.
        cost: US dollars spent on requests to models.
        unpriced_calls: Requests whose price is not known; no part of `cost`.
        saved: US dollars that a cache saved.
        input_tokens: Sent to models.
        output_tokens: Received from models.
        cache_requests: Calls that a cache was asked for.
        cache_hits: Those that it answered, late or together with others included.
        retried_calls: Calls of a retry.
        attempts: Attempts that these made.
    """

    path: str
    what: str
    calls: int
    failed: int
    p50_seconds: float
    p95_seconds: float
    cost: float
    unpriced_calls: int
    saved: float
    input_tokens: int
    output_tokens: int
    cache_requests: int
    cache_hits: int
    retried_calls: int
    attempts: int

    @property
    def hit_share(self) -> float | None:
        """The part that the cache answered, from 0 to 1; None where there is no cache."""
        return self.cache_hits / self.cache_requests if self.cache_requests else None

    @property
    def attempts_per_call(self) -> float | None:
        """Attempts that a call took on average; None where nothing is retried."""
        return self.attempts / self.retried_calls if self.retried_calls else None


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """All requests to one model."""

    provider: str
    model: str
    calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cost: float


@dataclass(frozen=True, slots=True)
class FileSummary:
    """What a file, or one run in it, came to.

    Attributes:
        runs: Those that were looked at.
        traces: How many there are.
        totals: Sums over all of them.
        places: By path, then name.
        models: Dearest first.
    """

    runs: tuple[Run, ...]
    traces: int
    totals: TraceTotals
    places: tuple[PlaceFigures, ...]
    models: tuple[ModelFigures, ...]
