"""Flush and shutdown end in their time, and leave nothing uncounted."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from observability_integration.pipeline.pipeline import SpanPipeline
from observability_integration.spans.light_span import LightSpan

from .conftest import MakePipeline
from .fake_exporters import (
    PATIENCE_SECONDS,
    FakeExporter,
    balance,
    make_spans,
    offer_all,
    wait_for_end_of_thread,
)

SHORT_SECONDS = 0.1
# A busy machine may run a thread so much later.
GRACE_SECONDS = 2.0


class SelfCalling(FakeExporter):
    """Calls the pipeline from within `export`."""

    def __init__(self) -> None:
        super().__init__()
        self.pipeline: SpanPipeline | None = None
        self.call = "flush"
        self.answers: list[object] = []
        self.answered = threading.Event()

    def export(self, spans: Sequence[LightSpan]) -> None:
        super().export(spans)
        self.answers.append(getattr(self.pipeline, self.call)(PATIENCE_SECONDS))
        self.answered.set()


class CountingTwice(FakeExporter):
    """Counts every span twice."""

    def export(self, spans: Sequence[LightSpan]) -> None:
        self.exported += 2 * len(spans)


class NeverCounting(FakeExporter):
    """Forgets to count, and fails when it is shut down."""

    def export(self, spans: Sequence[LightSpan]) -> None:
        pass

    def shutdown(self, timeout_seconds: float) -> None:
        raise OSError("gone")


def test_flush_delivers_all_that_was_offered(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    exporter.is_late = True
    pipeline = make_pipeline(exporter, batch_size=10)
    offer_all(pipeline, 25)
    assert pipeline.flush()
    assert (exporter.exported, pipeline.waiting) == (25, 0)


def test_flush_tells_that_an_exporter_was_not_ready(make_pipeline: MakePipeline) -> None:
    slow, quick = FakeExporter("slow"), FakeExporter("quick")
    slow.uses_all_time = True
    pipeline = make_pipeline(slow, quick)
    assert not pipeline.flush(SHORT_SECONDS)
    assert len(quick.flush_timeouts) == 1


def test_flush_ends_in_time_while_an_exporter_hangs(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    exporter.gate.clear()
    pipeline = make_pipeline(exporter)
    offer_all(pipeline, 1)
    begun = time.monotonic()
    assert not pipeline.flush(SHORT_SECONDS)
    assert SHORT_SECONDS * 0.9 <= time.monotonic() - begun < SHORT_SECONDS + GRACE_SECONDS


def test_a_flush_that_nobody_waits_for_is_not_done(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """An exporter that hung would otherwise flush once for each caller who gave up long ago."""
    exporter.gate.clear()
    pipeline = make_pipeline(exporter)
    offer_all(pipeline, 1)
    for _ in range(10):
        assert not pipeline.flush(0.01)
    exporter.gate.set()
    assert pipeline.flush()
    assert len(exporter.flush_timeouts) <= 2  # the first was under way


def test_a_flush_ends_with_the_pipeline(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """Nobody may wait for the answer of a thread that has ended."""
    exporter.gate.clear()
    pipeline = make_pipeline(exporter, batch_size=1)
    offer_all(pipeline, 1)
    assert exporter.entered.wait(PATIENCE_SECONDS)
    answers: list[bool] = []
    flushing = threading.Thread(target=lambda: answers.append(pipeline.flush(PATIENCE_SECONDS)))
    flushing.start()
    pipeline.shutdown(0)
    exporter.gate.set()
    flushing.join(PATIENCE_SECONDS / 2)
    assert len(answers) == 1


def test_no_time_is_too_long(exporter: FakeExporter) -> None:
    """Who wants no limit says infinity, which threads do not understand."""
    pipeline = SpanPipeline([exporter], interval_seconds=float("inf"))
    offer_all(pipeline, 1)
    assert pipeline.flush(float("inf"))
    pipeline.shutdown(float("inf"))
    assert exporter.exported == 1


@pytest.mark.parametrize("call", ["flush", "shutdown"])
def test_an_exporter_may_call_the_pipeline(make_pipeline: MakePipeline, call: str) -> None:
    """It would wait for itself."""
    exporter = SelfCalling()
    exporter.call = call
    pipeline = exporter.pipeline = make_pipeline(exporter, batch_size=1)
    offer_all(pipeline, 1)
    assert exporter.answered.wait(PATIENCE_SECONDS / 2)
    pipeline.shutdown()
    assert exporter.answers in ([False], [None])
    assert len(exporter.shutdown_timeouts) == 1
    assert balance(pipeline) == {"fake": 0}


def test_shutdown_delivers_what_waits_and_ends_the_thread(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    exporter.is_late = True
    pipeline = make_pipeline(exporter, batch_size=10)
    offer_all(pipeline, 25)
    pipeline.shutdown()
    assert (exporter.exported, exporter.dropped, pipeline.dropped) == (25, 0, 0)
    assert "tta-span-pipeline" not in {thread.name for thread in threading.enumerate()}


def test_a_second_shutdown_does_nothing(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    pipeline = make_pipeline(exporter)
    pipeline.shutdown()
    pipeline.shutdown()
    assert len(exporter.shutdown_timeouts) == 1
    assert pipeline.flush()


def test_many_may_shut_down_at_once(make_pipeline: MakePipeline, exporter: FakeExporter) -> None:
    pipeline = make_pipeline(exporter)
    offer_all(pipeline, 100)
    threads = [threading.Thread(target=pipeline.shutdown) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert len(exporter.shutdown_timeouts) == 1
    assert exporter.exported == 100


def test_what_is_offered_after_shutdown_is_dropped(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """Calls that are under way still end their spans."""
    pipeline = make_pipeline(exporter)
    pipeline.shutdown()
    offer_all(pipeline, 3)
    assert (pipeline.offered, pipeline.dropped, pipeline.waiting) == (3, 3, 0)
    assert exporter.batches == []


@pytest.mark.parametrize("stuck_first", [True, False], ids=["stuck-first", "stuck-last"])
def test_shutdown_ends_in_time_while_an_exporter_hangs(
    make_pipeline: MakePipeline, *, stuck_first: bool
) -> None:
    """A program must end; and the exporter that is well must keep what it has."""
    stuck, sound = FakeExporter("stuck"), FakeExporter("sound")
    sound.is_late = stuck.has_lock = True
    stuck.gate.clear()
    order = (stuck, sound) if stuck_first else (sound, stuck)
    pipeline = make_pipeline(*order, batch_size=10)
    offer_all(pipeline, 25)
    assert stuck.entered.wait(PATIENCE_SECONDS)
    begun = time.monotonic()
    pipeline.shutdown(SHORT_SECONDS)
    assert time.monotonic() - begun < SHORT_SECONDS + GRACE_SECONDS
    assert len(sound.shutdown_timeouts) == 1
    assert sound.exported == (0 if stuck_first else 10)
    assert (stuck.exported, stuck.dropped, pipeline.dropped) == (0, 10, 15)
    assert balance(pipeline) == {"stuck": 0, "sound": 0}

    stuck.gate.set()
    wait_for_end_of_thread()
    assert (stuck.exported, stuck.dropped) == (10, 0)  # it counted them after all
    assert len(stuck.shutdown_timeouts) == len(sound.shutdown_timeouts) == 1
    assert len(sound.ids) == (0 if stuck_first else 10)
    assert balance(pipeline) == {"stuck": 0, "sound": 0}


def test_many_may_give_up_at_once(make_pipeline: MakePipeline) -> None:
    """None of them may wait for the exporter that hangs."""
    sound, stuck = FakeExporter("sound"), FakeExporter("stuck")
    stuck.has_lock = True
    stuck.gate.clear()
    pipeline = make_pipeline(sound, stuck, batch_size=1)
    offer_all(pipeline, 1)
    assert stuck.entered.wait(PATIENCE_SECONDS)
    threads = [threading.Thread(target=pipeline.shutdown, args=(SHORT_SECONDS,)) for _ in range(8)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begun < SHORT_SECONDS + GRACE_SECONDS
    assert len(sound.shutdown_timeouts) == 1
    assert balance(pipeline) == {"sound": 0, "stuck": 0}


def test_a_second_shutdown_does_not_wait_for_an_exporter_that_hangs(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """The exit of the program may follow the shutdown that a user called."""
    exporter.gate.clear()
    pipeline = make_pipeline(exporter, batch_size=1)
    offer_all(pipeline, 1)
    assert exporter.entered.wait(PATIENCE_SECONDS)
    pipeline.shutdown(0)
    begun = time.monotonic()
    pipeline.shutdown(PATIENCE_SECONDS)
    assert time.monotonic() - begun < PATIENCE_SECONDS / 2


def test_spans_are_left_behind_so_that_exporters_have_time(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """What is in an exporter's own queue is worth more than what still waits for it."""
    pipeline = make_pipeline(exporter, batch_size=1, resolve=lambda span: time.sleep(0.01))
    offer_all(pipeline, 1_000)
    pipeline.shutdown(2.0)
    assert exporter.shutdown_timeouts[0] > 0
    assert pipeline.dropped > 0
    assert exporter.threads == {"tta-span-pipeline"}  # it did not hang, so nobody stood in for it
    assert balance(pipeline) == {"fake": 0}


def test_exporters_share_the_time(make_pipeline: MakePipeline) -> None:
    """One that does not end must not leave the others none."""
    exporters = [FakeExporter("a"), FakeExporter("b"), FakeExporter("c")]
    exporters[0].uses_all_time = True
    make_pipeline(*exporters).shutdown(0.3)
    first, second, third = (exporter.shutdown_timeouts[0] for exporter in exporters)
    assert first <= 0.1
    assert 0 < second <= 0.1
    assert second < third <= 0.2


def test_an_exporter_that_forgets_spans_drops_them_at_last(make_pipeline: MakePipeline) -> None:
    """The sum holds even where an exporter breaks its promise."""
    pipeline = make_pipeline(NeverCounting())
    offer_all(pipeline, 7)
    pipeline.shutdown()
    assert balance(pipeline) == {"fake": 0}


def test_an_exporter_that_counts_twice_has_not_dropped_less_than_nothing(
    make_pipeline: MakePipeline,
) -> None:
    exporter = CountingTwice()
    pipeline = make_pipeline(exporter)
    offer_all(pipeline, 7)
    pipeline.shutdown()
    assert exporter.dropped == 0


def test_an_exporter_may_have_served_another_pipeline(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """What it counted there is not owed here."""
    exporter.exported, exporter.dropped = 3, 4
    pipeline = make_pipeline(exporter)
    exporter.failure = OSError("down")
    offer_all(pipeline, 7)
    pipeline.shutdown()
    assert (exporter.exported, exporter.dropped) == (3, 11)


def test_without_a_thread_the_caller_does_the_work(
    monkeypatch: pytest.MonkeyPatch, exporter: FakeExporter
) -> None:
    """An interpreter that is about to end begins no threads."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    pipeline = SpanPipeline([exporter], batch_size=2)
    offer_all(pipeline, 5)
    assert pipeline.flush()
    assert exporter.ids == [1, 2, 3, 4, 5]
    offer_all(pipeline, 1)
    pipeline.shutdown()
    assert exporter.ids == [1, 2, 3, 4, 5, 1]
    assert len(exporter.shutdown_timeouts) == 1


def test_the_user_can_interrupt_the_work_of_the_caller(
    monkeypatch: pytest.MonkeyPatch, exporter: FakeExporter
) -> None:
    """Without a thread, an interrupt is the user's; a second call counts what is left."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    pipeline = SpanPipeline([exporter])
    exporter.failure = KeyboardInterrupt()
    pipeline.offer(make_spans(1)[0])
    with pytest.raises(KeyboardInterrupt):
        pipeline.shutdown()
    pipeline.shutdown()
    assert (exporter.exported, exporter.dropped) == (0, 1)
    assert len(exporter.shutdown_timeouts) == 1
