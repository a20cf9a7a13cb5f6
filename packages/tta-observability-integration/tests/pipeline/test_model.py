"""Random schedules of bursts, hanging and failing exporters, flushes and shutdowns."""

from __future__ import annotations

import os
import threading

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from observability_integration.pipeline.pipeline import SpanPipeline

from .fake_exporters import (
    PATIENCE_SECONDS,
    FakeExporter,
    balance,
    make_spans,
    wait_for_end_of_thread,
)

EXAMPLES = 2_000 if os.environ.get("TTA_LONG") else 150
SPANS = make_spans(400)
NAMES = ("first", "second", "third")
exporters = st.sampled_from(NAMES)


class PipelineMachine(RuleBasedStateMachine):
    """Counts what it offers, and at the end asks where all of it is."""

    def __init__(self) -> None:
        super().__init__()
        self.exporters = {name: FakeExporter(name) for name in NAMES}
        self.offered = 0
        self.is_open = True
        self.pipeline = SpanPipeline([])

    @initialize(
        max_waiting=st.sampled_from([1, 7, 64, 1_000]),
        batch_size=st.sampled_from([1, 5, 512]),
        interval_seconds=st.sampled_from([0.0005, 3600]),
        late=st.sets(exporters),
    )
    def begin(
        self, max_waiting: int, batch_size: int, interval_seconds: float, late: set[str]
    ) -> None:
        self.pipeline.shutdown()
        for name in late:
            self.exporters[name].is_late = True
        self.pipeline = SpanPipeline(
            self.exporters.values(),
            max_waiting=max_waiting,
            batch_size=batch_size,
            interval_seconds=interval_seconds,
            resolve=self._resolve,
        )

    @rule(count=st.integers(1, 400))
    def burst(self, count: int) -> None:
        for span in SPANS[:count]:
            self.pipeline.offer(span)
        self.offered += count

    @rule(threads=st.integers(2, 4), count=st.integers(1, 200))
    def burst_of_threads(self, threads: int, count: int) -> None:
        running = [
            threading.Thread(target=lambda: [self.pipeline.offer(span) for span in SPANS[:count]])
            for _ in range(threads)
        ]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        self.offered += threads * count

    @rule()
    def offer_what_is_no_span(self) -> None:
        self.pipeline.offer(object())
        self.offered += 1

    @rule(name=exporters)
    def hang(self, name: str) -> None:
        self.exporters[name].gate.clear()

    @rule(name=exporters)
    def go_on(self, name: str) -> None:
        self.exporters[name].gate.set()
        if not self.is_open:  # the thread that comes back counts anew: look when it has
            self._end_of_hanging()

    @rule(name=exporters, takes=st.integers(0, 3))
    def fail(self, name: str, takes: int) -> None:
        self.exporters[name].takes = takes
        self.exporters[name].failure = OSError("down")

    @rule(name=exporters)
    def recover(self, name: str) -> None:
        self.exporters[name].failure = None

    @rule()
    def flush(self) -> None:
        hangs = any(not exporter.gate.is_set() for exporter in self.exporters.values())
        delivered = self.pipeline.flush(0.005 if hangs else PATIENCE_SECONDS)
        if not hangs:
            assert delivered
            assert self.pipeline.waiting == 0

    @precondition(lambda self: self.is_open)
    @rule()
    def shut_down(self) -> None:
        self.is_open = False
        hangs = any(not exporter.gate.is_set() for exporter in self.exporters.values())
        self.pipeline.shutdown(0.01 if hangs else PATIENCE_SECONDS)

    @invariant()
    def nothing_is_lost_on_the_way_in(self) -> None:
        assert self.pipeline.offered == self.offered

    @invariant()
    def after_shutdown_every_span_is_known(self) -> None:
        if not self.is_open:
            assert balance(self.pipeline) == dict.fromkeys(NAMES, 0)

    def teardown(self) -> None:
        hangs = any(not exporter.gate.is_set() for exporter in self.exporters.values())
        self.pipeline.shutdown(0.01 if hangs else PATIENCE_SECONDS)
        known = dict.fromkeys((exporter.name for exporter in self.pipeline.exporters), 0)
        at_once = balance(self.pipeline)
        self._end_of_hanging()
        assert at_once == known
        assert balance(self.pipeline) == known
        assert self.pipeline.offered == self.offered

    def _end_of_hanging(self) -> None:
        for exporter in self.exporters.values():
            exporter.gate.set()
        wait_for_end_of_thread()

    @staticmethod
    def _resolve(span: object) -> None:
        if span is SPANS[2]:
            raise ValueError("no words")


TestPipeline = PipelineMachine.TestCase
TestPipeline.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
