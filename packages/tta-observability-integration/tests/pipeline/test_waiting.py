"""The queue between calls and the thread, at the instants that threads seldom meet."""

from __future__ import annotations

import gc
import linecache
import sys
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

from observability_integration.pipeline.waiting import WaitingSpans

from .conftest import MakePipeline
from .fake_exporters import FakeExporter, balance, make_spans


def offer_and_meanwhile(offer: Callable[[object], None], happen: Callable[[], None]) -> None:
    """Let something happen when an offer has seen that there is room, and not yet taken it."""

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_name != "offer":
            return None
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        if event == "line" and line == "self._queue.append(span)":
            sys.settrace(None)
            happen()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        offer(make_spans(1)[0])
    finally:
        sys.settrace(before)


def test_a_span_that_comes_during_shutdown_is_dropped(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """Its thread had looked before the pipeline closed, and brings it when all is over."""
    pipeline = make_pipeline(exporter)
    offer_and_meanwhile(pipeline.offer, pipeline.shutdown)
    assert (pipeline.offered, pipeline.dropped, pipeline.waiting) == (1, 1, 0)
    assert balance(pipeline) == {"fake": 0}


def test_a_span_that_comes_during_a_flush_is_for_the_next(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    pipeline = make_pipeline(exporter)
    flushed: list[bool] = []
    offer_and_meanwhile(pipeline.offer, lambda: flushed.append(pipeline.flush()))
    assert flushed == [True]
    assert (pipeline.waiting, exporter.exported) == (1, 0)
    assert pipeline.flush()
    assert exporter.exported == 1


def test_a_closed_queue_keeps_nothing_alive() -> None:
    """A thread that begins only to shut down must not open the queue again."""
    queue = WaitingSpans(most=10, wake_at=5, wake=lambda: None)
    queue.close()
    queue.watched()
    queue.end()

    class Item:
        pass

    item = Item()
    gone = weakref.ref(item)
    queue.offer(item)
    del item
    gc.collect()
    assert gone() is None
    assert queue.refused == 1
