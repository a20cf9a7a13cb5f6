"""What becomes of a span that was offered."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry.sdk.trace import ReadableSpan

from observability_integration.pipeline.pipeline import SpanPipeline
from observability_integration.spans.light_span import LightSpan

from .conftest import MakePipeline
from .fake_exporters import PATIENCE_SECONDS, FakeExporter, balance, make_spans, offer_all

SECRET = "sk-what-nobody-may-read"


def test_spans_arrive_in_order_and_in_bounded_batches(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """A batch must not hold more than was asked for, or the spans in another order."""
    pipeline = make_pipeline(exporter, batch_size=10)
    offer_all(pipeline, 35)
    assert pipeline.flush()
    assert exporter.ids == list(range(1, 36))
    assert max(map(len, exporter.batches)) <= 10


def test_a_full_batch_wakes_the_thread(make_pipeline: MakePipeline, exporter: FakeExporter) -> None:
    """A burst must not wait for the interval, and neither must the next one."""
    pipeline = make_pipeline(exporter, batch_size=10)
    for count in (10, 20, 30):
        exporter.arrived.clear()
        exporter.expect(count)
        offer_all(pipeline, 10)
        assert exporter.arrived.wait(PATIENCE_SECONDS)


def test_a_small_queue_wakes_the_thread_before_it_is_full(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """A queue that is smaller than a batch would drop all until the interval is over."""
    exporter.expect(4)
    offer_all(make_pipeline(exporter, max_waiting=8, batch_size=512), 4)
    assert exporter.arrived.wait(PATIENCE_SECONDS)


def test_the_thread_wakes_by_itself(make_pipeline: MakePipeline, exporter: FakeExporter) -> None:
    """A single span must not wait for others."""
    exporter.expect(1)
    offer_all(make_pipeline(exporter, interval_seconds=0.01), 1)
    assert exporter.arrived.wait(PATIENCE_SECONDS)


def test_the_thread_sleeps_while_little_waits(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """Waking for every span costs the calls more than the spans themselves."""
    pipeline = make_pipeline(exporter, batch_size=10)
    offer_all(pipeline, 9)
    assert not exporter.entered.wait(0.05)
    assert pipeline.waiting == 9


def test_every_exporter_gets_every_span(make_pipeline: MakePipeline) -> None:
    exporters = [FakeExporter("a"), FakeExporter("b")]
    pipeline = make_pipeline(*exporters)
    offer_all(pipeline, 3)
    assert pipeline.flush()
    assert [exporter.ids for exporter in exporters] == [[1, 2, 3], [1, 2, 3]]
    assert pipeline.exporters == tuple(exporters)


def test_a_later_exporter_gets_what_comes_later(make_pipeline: MakePipeline) -> None:
    """Users add processors while spans are under way."""
    first, later = FakeExporter("first"), FakeExporter("later")
    pipeline = make_pipeline(first)
    offer_all(pipeline, 2)
    assert pipeline.flush()
    pipeline.add_exporter(later)
    offer_all(pipeline, 1)
    pipeline.shutdown()
    assert (first.ids, later.ids) == ([1, 2, 1], [1])
    assert (later.exported, later.dropped) == (1, 0)


def test_spans_are_resolved_in_the_thread_before_exporters_see_them(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """Describing a span on the path of a call would cost that call."""
    seen: list[tuple[int, str, int]] = []

    def resolve(span: LightSpan) -> None:
        import threading

        seen.append((span.span_id, threading.current_thread().name, exporter.exported))

    pipeline = make_pipeline(exporter, resolve=resolve)
    offer_all(pipeline, 2)
    assert pipeline.flush()
    assert seen == [(1, "tta-span-pipeline", 0), (2, "tta-span-pipeline", 0)]
    assert exporter.threads == {"tta-span-pipeline"}


def test_a_span_that_cannot_be_resolved_is_exported_as_it_is(
    make_pipeline: MakePipeline, exporter: FakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """One record that cannot be described must not cost a span, nor a line in the log for each."""

    def resolve(span: LightSpan) -> None:
        if span.span_id != 2:
            raise ValueError(SECRET)

    pipeline = make_pipeline(exporter, resolve=resolve)
    offer_all(pipeline, 3)
    assert pipeline.flush()
    assert exporter.ids == [1, 2, 3]
    assert len(caplog.messages) == 1
    assert "ValueError at test_delivery.py:" in caplog.messages[0]
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("failure", "takes"),
    [(ValueError(SECRET), 0), (ValueError(SECRET), 2), (SystemExit(SECRET), 0)],
    ids=["none-counted", "two-counted", "not-an-exception"],
)
def test_an_exporter_that_raises_drops_what_it_did_not_count(
    make_pipeline: MakePipeline,
    caplog: pytest.LogCaptureFixture,
    failure: BaseException,
    takes: int,
) -> None:
    """The others get their spans, and the log gets one line without the text of the error."""
    broken, sound = FakeExporter("broken"), FakeExporter("sound")
    broken.failure, broken.takes = failure, takes
    pipeline = make_pipeline(broken, sound, batch_size=5)
    offer_all(pipeline, 10)
    pipeline.flush()
    assert sound.ids == list(range(1, 11))
    assert (broken.exported, broken.dropped) == (2 * takes, 10 - 2 * takes)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "'broken'" in caplog.text
    assert SECRET not in caplog.text


def test_an_exporter_that_recovers_gets_spans_again(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    exporter.failure = OSError("full")
    pipeline = make_pipeline(exporter)
    offer_all(pipeline, 1)
    pipeline.flush()
    exporter.failure = None
    offer_all(pipeline, 1)
    pipeline.shutdown()
    assert (exporter.exported, exporter.dropped) == (1, 1)


class Guarded(FakeExporter):
    """Lets nobody but itself write its counts, although an exporter must."""

    @property
    def dropped(self) -> int:  # type: ignore[override]
        return 0

    @dropped.setter
    def dropped(self, count: int) -> None:
        if count:
            raise AttributeError("read-only")


def test_an_exporter_that_guards_its_counts_costs_the_others_nothing(
    make_pipeline: MakePipeline, caplog: pytest.LogCaptureFixture
) -> None:
    """An error beside the error must not end the thread that serves all exporters."""
    guarded, sound = Guarded("guarded"), FakeExporter("sound")
    guarded.failure = OSError("down")
    pipeline = make_pipeline(guarded, sound)
    offer_all(pipeline, 3)
    pipeline.shutdown()
    assert (sound.exported, len(sound.shutdown_timeouts)) == (3, 1)
    assert len(caplog.messages) == 1


def test_what_is_no_span_is_dropped_alone(
    make_pipeline: MakePipeline, exporter: FakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """A stray object must not cost the spans beside it."""
    pipeline = make_pipeline(exporter)
    first, second = make_spans(2)
    for item in (first, object(), ReadableSpan("without a context"), second):
        pipeline.offer(item)
    pipeline.shutdown()
    assert exporter.ids == [1, 2]
    assert (pipeline.offered, pipeline.dropped) == (4, 2)
    assert balance(pipeline) == {"fake": 0}
    assert len(caplog.messages) == 1


def test_exporting_makes_no_spans_of_its_own(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """An instrumented HTTP client in an exporter would trace the sending of traces for ever."""
    suppressed: list[Any] = []

    def resolve(span: LightSpan) -> None:
        key = otel_context._SUPPRESS_INSTRUMENTATION_KEY
        suppressed.append(otel_context.get_value(key))

    pipeline = make_pipeline(exporter, resolve=resolve)
    offer_all(pipeline, 1)
    assert pipeline.flush()
    assert suppressed == [True]


def test_it_knows_what_it_costs(make_pipeline: MakePipeline, exporter: FakeExporter) -> None:
    """The work of the thread is the instrumentation's own cost, which metrics tell."""
    pipeline = make_pipeline(exporter, resolve=lambda span: sum(range(20_000)))
    assert pipeline.cpu_seconds == 0
    offer_all(pipeline, 20)
    assert pipeline.flush()
    assert 0 < pipeline.cpu_seconds < PATIENCE_SECONDS


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_waiting": 0}, "max_waiting must be at least 1, got 0"),
        ({"batch_size": -1}, "batch_size must be at least 1, got -1"),
        ({"interval_seconds": 0}, "interval_seconds must be positive, got 0"),
        ({"interval_seconds": float("nan")}, "interval_seconds must be positive, got nan"),
    ],
    ids=["max_waiting", "batch_size", "interval", "no-number"],
)
def test_a_number_that_cannot_work_is_told_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpanPipeline([], **options)


def test_work_that_can_wait_is_done_before_spans_are_exported(
    make_pipeline: MakePipeline, exporter: FakeExporter
) -> None:
    """What was to be counted waited for ever, although the thread was awake."""
    done: list[int] = []
    pipeline = make_pipeline(exporter, before=lambda: done.append(len(exporter.ids)))
    offer_all(pipeline, 3)
    assert pipeline.flush()
    assert done == [0]


def test_work_that_fails_costs_no_span(
    make_pipeline: MakePipeline, exporter: FakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread ended, and every span after that was lost."""

    def fail() -> None:
        raise ValueError(SECRET)

    pipeline = make_pipeline(exporter, before=fail)
    for _ in range(2):
        offer_all(pipeline, 3)
        assert pipeline.flush()
    assert len(exporter.ids) == 6
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert SECRET not in caplog.text
