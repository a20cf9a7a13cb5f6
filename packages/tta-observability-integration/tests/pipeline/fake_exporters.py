"""Spans to offer, and exporters that wait, fail or count late as a test tells them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from opentelemetry.trace import SpanKind

from observability_integration.pipeline.pipeline import SpanPipeline
from observability_integration.spans.light_span import LightSpan, Scope, SpanSite

PATIENCE_SECONDS = 20.0
SITE = SpanSite("step", SpanKind.INTERNAL, {}, Scope("tests"))


def make_spans(count: int) -> list[LightSpan]:
    """Return ended spans whose ids count from 1."""
    spans = [LightSpan(SITE, 1, number, 0, 1, None) for number in range(1, count + 1)]
    for span in spans:
        span.end_ns = 2
    return spans


def offer_all(pipeline: SpanPipeline, count: int) -> None:
    for span in make_spans(count):
        pipeline.offer(span)


class FakeExporter:
    """Keeps its promises, unless told otherwise.

    Attributes:
        batches: The ids of the spans of every batch.
        gate: While it is not set, `export` hangs.
        has_lock: Whether `shutdown` hangs then too, as behind a lock around all of an exporter.
        entered: Set when `export` is called.
        arrived: Set when as many spans came as `expect` said.
        failure: What `export` raises; with `takes` spans counted before that.
        is_late: Whether spans are counted by `flush` and `shutdown` alone, as a sender does that
            has a queue of its own.
        flush_timeouts, shutdown_timeouts: What these were given.
        uses_all_time: Whether `flush` and `shutdown` return when their time is up.
    """

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.exported = self.dropped = 0
        self.batches: list[list[int]] = []
        self.gate, self.entered = threading.Event(), threading.Event()
        self.gate.set()
        self.arrived = threading.Event()
        self.failure: BaseException | None = None
        self.takes = 0
        self.is_late = self.uses_all_time = self.has_lock = False
        self.flush_timeouts: list[float] = []
        self.shutdown_timeouts: list[float] = []
        self.threads: set[str] = set()
        self._expected = float("inf")
        self._held = 0

    def expect(self, count: int) -> None:
        self._expected = count

    def export(self, spans: Sequence[LightSpan]) -> None:
        self.entered.set()
        self.threads.add(threading.current_thread().name)
        self.gate.wait(2 * PATIENCE_SECONDS)
        if self.failure is not None:
            self.exported += min(self.takes, len(spans))
            raise self.failure
        self.batches.append([span.span_id for span in spans])
        if self.is_late:
            self._held += len(spans)
        else:
            self.exported += len(spans)
        if sum(map(len, self.batches)) >= self._expected:
            self.arrived.set()

    def flush(self, timeout_seconds: float) -> bool:
        self.flush_timeouts.append(timeout_seconds)
        if self.uses_all_time:
            threading.Event().wait(timeout_seconds)
            return False
        self._deliver()
        return True

    def shutdown(self, timeout_seconds: float) -> None:
        if self.has_lock:
            self.gate.wait(2 * PATIENCE_SECONDS)
        self.threads.add(threading.current_thread().name)
        self.shutdown_timeouts.append(timeout_seconds)
        if self.uses_all_time:
            threading.Event().wait(timeout_seconds)
        self._deliver()

    @property
    def ids(self) -> list[int]:
        return [span_id for batch in self.batches for span_id in batch]

    def _deliver(self) -> None:
        held, self._held = self._held, 0
        self.exported += held


def balance(pipeline: SpanPipeline) -> dict[str, int]:
    """Return for each exporter how many spans nobody knows of; negative for those counted twice."""
    return {
        exporter.name: pipeline.offered - pipeline.dropped - exporter.exported - exporter.dropped
        for exporter in pipeline.exporters
    }


def wait_for_end_of_thread() -> None:
    """Wait until a thread that hung has come back and ended."""
    for thread in threading.enumerate():
        if thread.name == "tta-span-pipeline":
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()
