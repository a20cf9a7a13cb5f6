"""Every span that was offered is counted once, whatever happens."""

from __future__ import annotations

import gc
import itertools
import signal
import sys
import threading
import weakref
from collections.abc import Iterator

import pytest

from observability_integration.pipeline.pipeline import SpanPipeline

from .conftest import MakePipeline
from .fake_exporters import (
    PATIENCE_SECONDS,
    FakeExporter,
    balance,
    make_spans,
    offer_all,
)


@pytest.fixture
def many_switches() -> Iterator[None]:
    """Let threads take turns a thousand times as often, so that what is not one step is split."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(before)


def offer_from_threads(pipeline: SpanPipeline, threads: int, count: int) -> None:
    barrier = threading.Barrier(threads)

    def offer() -> None:
        spans = make_spans(count)
        barrier.wait()
        for span in spans:
            pipeline.offer(span)

    running = [threading.Thread(target=offer) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def test_what_finds_no_room_is_dropped_and_counted(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """Memory is bounded where spans come faster than they go, and the loss is told."""
    exporter.gate.clear()
    pipeline = make_pipeline(exporter, max_waiting=5, batch_size=2)
    offer_all(pipeline, 2)
    assert exporter.entered.wait(PATIENCE_SECONDS)
    offer_all(pipeline, 12)
    assert (pipeline.offered, pipeline.waiting, pipeline.dropped) == (14, 5, 7)
    exporter.gate.set()
    pipeline.shutdown()
    assert (exporter.exported, pipeline.dropped, pipeline.waiting) == (7, 7, 0)


def test_a_plain_burst_loses_nothing(exporter: FakeExporter) -> None:
    """A queue of 2,048 lost 890 spans of 20,000; ours must hold 60,000."""
    pipeline = SpanPipeline([exporter])
    offer_all(pipeline, 60_000)
    pipeline.shutdown(PATIENCE_SECONDS)
    assert (exporter.exported, pipeline.dropped) == (60_000, 0)


@pytest.mark.usefixtures("many_switches")
def test_counts_are_exact_when_many_threads_offer_to_a_full_queue(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """Two threads that count a drop in the same instant must not count one."""
    pipeline = make_pipeline(exporter, max_waiting=16, batch_size=4)
    offer_from_threads(pipeline, threads=8, count=6_250)
    assert pipeline.offered == 50_000
    pipeline.shutdown()
    assert pipeline.offered == 50_000
    assert pipeline.dropped > 0
    assert balance(pipeline) == {"fake": 0}


@pytest.mark.usefixtures("many_switches")
def test_counts_are_exact_when_threads_offer_during_shutdown(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """A span that slips in behind the last look at the queue is dropped, not forgotten."""
    pipeline = make_pipeline(exporter, batch_size=8)
    offering = threading.Thread(target=offer_from_threads, args=(pipeline, 4, 5_000))
    offering.start()
    assert exporter.entered.wait(PATIENCE_SECONDS)
    pipeline.shutdown()
    offering.join()
    assert pipeline.offered == 20_000
    assert balance(pipeline) == {"fake": 0}
    assert pipeline.waiting == 0


def test_a_signal_may_offer_in_the_middle_of_an_offer(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """A handler, or a generator that is collected, ends spans at any instant; no lock may block it,
    and nothing may be counted twice or not at all."""
    exporter.gate.clear()
    pipeline = make_pipeline(exporter, max_waiting=8, batch_size=2)
    (span,) = make_spans(1)
    from_handler = itertools.count()
    handled = 0

    def handle(number: int, frame: object) -> None:
        nonlocal handled
        handled = next(from_handler) + 1
        pipeline.offer(span)

    before = signal.signal(signal.SIGALRM, handle)
    offered = 0
    try:
        signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
        while handled < 300:
            pipeline.offer(span)
            offered += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert pipeline.offered == offered + handled
    exporter.gate.set()
    pipeline.shutdown()
    assert balance(pipeline) == {"fake": 0}


def test_a_span_may_end_while_the_thread_takes_others(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """What ends in the pipeline's own thread, such as a collected generator, is offered too."""
    (late,) = make_spans(1)
    pipeline: SpanPipeline | None = None

    def resolve(span: object) -> None:
        if span is not late and pipeline is not None:
            pipeline.offer(late)

    pipeline = make_pipeline(exporter, resolve=resolve)
    offer_all(pipeline, 3)
    pipeline.shutdown()
    assert pipeline.offered == 6
    assert balance(pipeline) == {"fake": 0}


def test_a_pipeline_that_was_shut_down_can_be_collected(exporter: FakeExporter) -> None:
    """What hears of forks must not keep every pipeline of a test run alive."""
    pipeline = SpanPipeline([exporter])
    pipeline.shutdown()
    gone = weakref.ref(pipeline)
    del pipeline
    gc.collect()
    assert gone() is None
