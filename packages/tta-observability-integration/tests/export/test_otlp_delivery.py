"""Spans over HTTP to a real server that is well, slow, full, away or wrong."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from observability_integration.export.delivery_answers import Answer
from observability_integration.export.otlp import OTLPSpanExporter
from observability_integration.spans.light_span import SpanDetails

from .otlp_receiver import FakeClock, Receiver, Reply, eventually, receiving, span, spans

if TYPE_CHECKING:
    from collections.abc import Generator

    from observability_integration.export.delivery_settings import DeliverySettings


@contextmanager
def exporting(receiver: Receiver, **settings: Any) -> Generator[OTLPSpanExporter]:
    """Export to *receiver*; what is left is dropped at the end."""
    settings = {"environ": {}, **settings}
    exporter = OTLPSpanExporter(receiver.url, **settings)
    try:
        yield exporter
    finally:
        exporter.shutdown(0.5)


def counted(exporter: OTLPSpanExporter) -> tuple[int, int]:
    return exporter.exported, exporter.dropped


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_spans_arrive_with_their_resource_and_headers(compression: str) -> None:
    """A collector does not get what it needs to know."""
    with receiving() as receiver:
        with exporting(
            receiver,
            compression=compression,
            headers={"X-Tenant": "blue"},
            resource={"service.name": "shop"},
        ) as exporter:
            exporter.export(spans(1, 3))
            assert exporter.flush(5)
            assert counted(exporter) == (3, 0)
        (received,) = receiver.received
    assert received.path == "/v1/traces"
    assert received.numbers == [1, 2, 3]
    assert received.headers["x-tenant"] == "blue"
    assert received.headers["content-type"] == "application/x-protobuf"
    assert received.headers.get("content-encoding") == ("gzip" if compression == "gzip" else None)
    assert received.headers["user-agent"].startswith("tta-observability-integration")
    (resource,) = received.request.resource_spans
    assert resource.resource.attributes[0].value.string_value == "shop"


def test_one_connection_serves_all_batches() -> None:
    """Each batch costs a handshake."""
    with receiving() as receiver, exporting(receiver) as exporter:
        for number in range(1, 6):
            exporter.export([span(number)])
        assert exporter.flush(5)
        assert receiver.taken == [1, 2, 3, 4, 5]
        assert len({received.connection for received in receiver.received}) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504, None])
def test_spans_are_sent_again_after(status: int | None) -> None:
    """A moment of trouble at the collector loses spans."""
    clock = FakeClock()
    with receiving() as receiver:
        receiver.replies += [Reply(status), Reply(status)]
        with exporting(receiver, clock=clock, sleep=clock.sleep, random=lambda: 0.5) as exporter:
            exporter.export(spans(1, 2))
            exporter.export(spans(3, 2))
            assert exporter.flush(5)
            assert counted(exporter) == (4, 0)
        assert receiver.taken == [1, 2, 3, 4]
        assert [received.numbers for received in receiver.received] == [[1, 2]] * 3 + [[3, 4]]
    assert clock.slept == [0.75, 1.5]


def test_waits_begin_small_again_after_an_answer() -> None:
    """A collector that was away in the morning is asked hardly ever in the evening."""
    clock = FakeClock()
    with receiving() as receiver:
        receiver.replies += [Reply(503), Reply(503), Reply(), Reply(503), Reply(400), Reply(503)]
        with exporting(receiver, clock=clock, sleep=clock.sleep, random=lambda: 0.0) as exporter:
            for number in range(1, 4):
                exporter.export([span(number)])
            assert exporter.flush(5)
            assert counted(exporter) == (2, 1)
    assert clock.slept == [0.5, 1.0, 0.5, 0.5]


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 408, 413, 500, 501])
def test_spans_are_dropped_at_once_after(status: int) -> None:
    """Spans that a collector will never take are sent again and again."""
    with receiving() as receiver:
        receiver.replies.append(Reply(status, {"Location": f"{receiver.url}/elsewhere"}))
        with exporting(receiver) as exporter:
            exporter.export(spans(1, 2))
            exporter.export(spans(3, 1))
            assert exporter.flush(5)
            assert counted(exporter) == (1, 2)
        assert [received.path for received in receiver.received] == ["/v1/traces"] * 2
        assert receiver.taken == [3]


@pytest.mark.parametrize(
    ("header", "expected"),
    [("7", 7.0), (formatdate(5_012, usegmt=True), 12.0), ("soon", 0.5), ("100000", 300.0)],
    ids=["seconds", "date", "nonsense", "too-long"],
)
def test_a_collector_says_when_to_come_back(header: str, expected: float) -> None:
    """Retry-After is not honoured, or silences the exporter for ever."""
    clock = FakeClock()
    with receiving() as receiver:
        receiver.replies.append(Reply(429, {"Retry-After": header}))
        with exporting(
            receiver,
            clock=clock,
            wall_clock=lambda: 5_000.0,
            sleep=clock.sleep,
            random=lambda: 0.0,
            give_up_seconds=300,
        ) as exporter:
            exporter.export([span(1)])
            assert exporter.flush(5)
            assert counted(exporter) == (1, 0)
    assert clock.slept == [expected]


def test_spans_that_waited_too_long_are_dropped() -> None:
    """A collector that is away for an hour gets an hour of spans, or is asked for ever."""
    clock = FakeClock()
    with receiving() as receiver:
        receiver.replies += [Reply(503)] * 50
        with exporting(
            receiver, clock=clock, sleep=clock.sleep, random=lambda: 0.0, give_up_seconds=60
        ) as exporter:
            exporter.export(spans(1, 5))
            assert exporter.flush(5)
            assert counted(exporter) == (0, 5)
    # 0.5, 1, 2, 4 and 8 seconds, and 15 from then on, where half of the wait is chance.
    assert clock.slept == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]


@pytest.mark.parametrize(("rejected", "taken"), [(2, 3), (5, 0), (9, 0), (-1, 5)])
def test_what_a_collector_rejects_counts_as_dropped(rejected: int, taken: int) -> None:
    """A partial success counts as a whole one."""
    with receiving() as receiver:
        receiver.replies.append(Reply(rejected=rejected))
        with exporting(receiver) as exporter:
            exporter.export(spans(1, 5))
            assert exporter.flush(5)
            assert counted(exporter) == (taken, 5 - taken)
        assert len(receiver.received) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"<html>fine</html>"),
        Reply(body=b'{"partialSuccess":{}}'),
        Reply(claimed_length=500),
        Reply(202),
        Reply(headers={"Content-Encoding": "gzip"}, body=b"not gzip"),
        Reply(body=b"x" * 3_000_000),
    ],
    ids=["html", "json", "cut-off", "accepted", "not-gzip", "huge"],
)
def test_an_odd_body_of_a_success_changes_nothing(reply: Reply) -> None:
    """Spans are sent twice after a success, because its body could not be read."""
    with receiving() as receiver:
        receiver.replies.append(reply)
        with exporting(receiver) as exporter:
            exporter.export(spans(1, 2))
            exporter.export(spans(3, 1))
            assert exporter.flush(5)
            assert counted(exporter) == (3, 0)
        assert receiver.taken == [1, 2, 3]


def test_a_collector_goes_away_and_comes_back() -> None:
    """Spans of an outage are lost, or come twice."""
    receiver = Receiver()
    paused = threading.Semaphore(0)
    go_on = threading.Event()

    def sleep(_: float) -> None:
        paused.release()
        go_on.wait(5)

    with receiving(receiver):
        exporter = OTLPSpanExporter(receiver.url, environ={}, sleep=sleep)
        exporter.export([span(1)])
        assert exporter.flush(5)
    for number in range(2, 12):
        exporter.export([span(number)])
    assert paused.acquire(timeout=5)
    with receiving(receiver):
        go_on.set()
        assert exporter.flush(5)
        assert counted(exporter) == (11, 0)
        exporter.shutdown(1)
    assert receiver.taken == list(range(1, 12))


def test_a_full_outbox_drops_the_oldest() -> None:
    """An outage fills the memory, or leaves only spans of long ago."""
    released = threading.Event()
    with receiving() as receiver:
        receiver.replies.append(Reply(until=released))
        with exporting(receiver, compression="none", max_waiting_bytes=1_000) as exporter:
            exporter.export([span(1)])
            receiver.wait_for_request()
            for number in range(2, 41):
                exporter.export([span(number)])
            dropped = exporter.dropped
            released.set()
            assert exporter.flush(5)
            assert dropped > 20
            assert counted(exporter) == (40 - dropped, dropped)
        assert receiver.taken == [1, *range(2 + dropped, 41)]


def test_a_batch_beyond_the_outbox_is_dropped_and_no_other() -> None:
    """One batch that is too big for the outbox stays in it for ever, or takes others along."""
    with receiving() as receiver:
        with exporting(receiver, compression="none", max_waiting_bytes=2_000) as exporter:
            exporter.export(spans(1, 100))
            exporter.export([span(101)])
            assert exporter.flush(5)
            assert counted(exporter) == (1, 100)
        assert receiver.taken == [101]


def test_a_slow_collector_holds_up_nobody() -> None:
    """`export` waits for the network, and with it the pipeline."""
    released = threading.Event()
    with receiving() as receiver:
        receiver.replies.append(Reply(until=released))
        with exporting(receiver) as exporter:
            exporter.export([span(1)])
            receiver.wait_for_request()
            begun = time.monotonic()
            for number in range(2, 50):
                exporter.export([span(number)])
            assert not exporter.flush(0.05)
            assert time.monotonic() - begun < 1
            assert counted(exporter) == (0, 0)
            released.set()
            assert exporter.flush(5)
            assert counted(exporter) == (49, 0)


def test_an_answer_that_does_not_come_in_time_is_none() -> None:
    """A collector that hangs is waited for for ever."""
    released = threading.Event()
    with receiving() as receiver:
        receiver.replies.append(Reply(503, until=released))
        with exporting(receiver, timeout_seconds=0.05, sleep=lambda _: None) as exporter:
            exporter.export([span(1)])
            assert exporter.flush(5)
            assert counted(exporter) == (1, 0)
        released.set()


def test_shutdown_leaves_a_collector_that_hangs() -> None:
    """A program cannot end, because a collector does not answer."""
    released = threading.Event()
    with receiving() as receiver:
        receiver.replies.append(Reply(until=released))
        exporter = OTLPSpanExporter(receiver.url, environ={}, timeout_seconds=5)
        exporter.export(spans(1, 3))
        receiver.wait_for_request()
        exporter.export(spans(4, 3))
        begun = time.monotonic()
        exporter.shutdown(0.2)
        assert 0.15 < time.monotonic() - begun < 1
        assert counted(exporter) == (0, 6)
        released.set()
        assert eventually(lambda: not any(t.name == "tta-spans" for t in threading.enumerate()))
        # The late answer counts nothing twice.
        assert counted(exporter) == (0, 6)


def test_shutdown_cuts_a_wait_short_and_delivers() -> None:
    """The spans of a short outage are lost at the end of a program."""
    with receiving() as receiver:
        receiver.replies.append(Reply(503, {"Retry-After": "60"}))
        exporter = OTLPSpanExporter(receiver.url, environ={})
        exporter.export([span(1)])
        receiver.wait_for_request()
        exporter.export([span(2)])
        begun = time.monotonic()
        exporter.shutdown(5)
        assert time.monotonic() - begun < 2
        assert counted(exporter) == (2, 0)
        assert receiver.taken == [1, 2]


def test_shutdown_does_not_wait_where_waiting_is_no_use() -> None:
    """A program waits at its end for a collector that said it is away for a minute."""
    with receiving() as receiver:
        receiver.replies += [Reply(503, {"Retry-After": "60"})] * 2
        exporter = OTLPSpanExporter(receiver.url, environ={})
        exporter.export([span(1)])
        begun = time.monotonic()
        exporter.shutdown(5)
        assert time.monotonic() - begun < 2
        assert counted(exporter) == (0, 1)


def test_shutdown_tries_again_as_long_as_it_lasts() -> None:
    """One failure at the end of a program loses what a second try would deliver."""
    with receiving() as receiver:
        receiver.replies += [Reply(503), Reply(None)]
        exporter = OTLPSpanExporter(receiver.url, environ={}, random=lambda: 0.0)
        exporter.export([span(1)])
        receiver.wait_for_request()
        exporter.shutdown(5)
        assert counted(exporter) == (1, 0)


def test_nobody_listens_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """A program without a collector takes long to end."""
    with receiving() as receiver:
        pass
    exporter = OTLPSpanExporter(receiver.url, environ={})
    exporter.export(spans(1, 3))
    begun = time.monotonic()
    with caplog.at_level(logging.INFO):
        exporter.shutdown(0.3)
    assert time.monotonic() - begun < 1
    assert counted(exporter) == (0, 3)


def test_after_shutdown_everything_is_dropped() -> None:
    """A late span begins a thread again, or is not counted."""
    with receiving() as receiver:
        exporter = OTLPSpanExporter(receiver.url, environ={})
        exporter.export([span(1)])
        exporter.shutdown(5)
        exporter.export(spans(2, 3))
        exporter.shutdown(5)
        assert exporter.flush(1)
        assert counted(exporter) == (1, 3)
        assert receiver.taken == [1]


def test_an_exporter_that_is_not_used_begins_no_thread() -> None:
    """Every process that is set up has a thread more."""
    threads = threading.active_count()
    exporter = OTLPSpanExporter(environ={})
    exporter.export([])
    assert threading.active_count() == threads
    assert exporter.flush(0)
    exporter.shutdown(0)


@pytest.mark.parametrize("ending", ["flush", "shutdown"])
def test_where_no_thread_can_begin_the_caller_delivers(
    ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans of the last moment are lost, because the interpreter begins no thread any more."""
    with receiving() as receiver:
        receiver.replies += [Reply(503), Reply(503)]
        exporter = OTLPSpanExporter(receiver.url, environ={}, sleep=lambda _: None)

        with monkeypatch.context() as patch:
            patch.setattr(threading, "Thread", NoThread)
            exporter.export(spans(1, 3))
            exporter.export(spans(4, 1))
            if ending == "flush":
                assert exporter.flush(5)
                assert counted(exporter) == (4, 0)
            exporter.shutdown(5)
        assert counted(exporter) == (4, 0)
        assert receiver.taken == [1, 2, 3, 4]


def test_the_last_requests_wait_no_longer_than_shutdown_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A program waits for an answer beyond the time that it has for its end, or leaves sockets."""

    class Transport:
        timeouts: ClassVar[list[float]] = []
        closed = False

        def __init__(self, settings: DeliverySettings) -> None:
            return

        def post(self, body: bytes, timeout_seconds: float) -> Answer:
            self.timeouts.append(timeout_seconds)
            clock.now += 1.5
            return Answer(200)

        def close(self) -> None:
            Transport.closed = True

    clock = FakeClock()
    exporter = OTLPSpanExporter(
        environ={}, timeout_seconds=2, open_transport=Transport, clock=clock, sleep=clock.sleep
    )
    with monkeypatch.context() as patch:
        patch.setattr(threading, "Thread", NoThread)
        for number in range(1, 6):
            exporter.export([span(number)])
        exporter.shutdown(4)
    assert Transport.timeouts == [2, 2, 1]
    assert counted(exporter) == (3, 2)
    assert Transport.closed


class NoThread(threading.Thread):
    """What threads are while the interpreter shuts down."""

    def start(self) -> None:
        if self.name.startswith("tta-"):  # the receiver begins threads as well
            msg = "can't create new thread at interpreter shutdown"
            raise RuntimeError(msg)
        super().start()


def test_a_batch_that_is_too_big_is_sent_in_parts() -> None:
    """A collector refuses requests beyond its limit, and with them all spans of a batch."""
    big = spans(1, 8)
    for light in big:
        light.details = SpanDetails()
        light.details.attributes = {"content": "x" * 1_000_000}
    with receiving() as receiver:
        with exporting(receiver) as exporter:
            exporter.export(big)
            assert exporter.flush(5)
            assert counted(exporter) == (8, 0)
        assert receiver.taken == [1, 2, 3, 4, 5, 6, 7, 8]
        assert all(received.request.ByteSize() < 5 << 20 for received in receiver.received)


def test_a_span_that_cannot_be_encoded_costs_itself_only(caplog: pytest.LogCaptureFixture) -> None:
    """One odd span costs its whole batch."""
    odd: Any = span(3)
    odd.span_id = 1 << 70
    with receiving() as receiver:
        with exporting(receiver) as exporter:
            exporter.export([*spans(1, 2), odd, *spans(4, 2)])
            exporter.export([odd])
            assert exporter.flush(5)
            assert counted(exporter) == (4, 2)
        assert receiver.taken == [1, 2, 4, 5]
    assert caplog.messages == [
        "a span was dropped: it cannot be encoded (OverflowError). This is told once"
    ]
