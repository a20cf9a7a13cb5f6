"""Every span is counted once, whatever happens."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observability_integration.export.delivery_answers import Answer, NoAnswerError
from observability_integration.export.delivery_outbox import Outbox
from observability_integration.export.otlp import OTLPSpanExporter

from .otlp_receiver import FakeClock, Receiver, Reply, receiving, span, spans

if TYPE_CHECKING:
    from observability_integration.export.delivery_settings import DeliverySettings

PARTIAL = b"\x0a\x02\x08\x02"  # two rejected


class ScriptedTransport:
    """Answers in order, then 200; takes part in no network."""

    def __init__(self, script: list[int], clock: FakeClock) -> None:
        self.script, self.clock = script, clock
        self.posts = 0
        self.closed = False

    def post(self, body: bytes, timeout_seconds: float) -> Answer:
        self.posts += 1
        self.clock.now += 1.0
        status = self.script.pop(0) if self.script else 200
        if status == 0:
            raise NoAnswerError("ConnectionError")
        if status == 1:
            msg = "a header that no request can have"
            raise ValueError(msg)
        return Answer(status, "2" if status == 429 else None, PARTIAL if status == 206 else b"")

    def close(self) -> None:
        self.closed = True


@settings(max_examples=150, deadline=None)
@given(
    script=st.lists(st.sampled_from([0, 0, 1, 200, 206, 400, 429, 503, 503]), max_size=25),
    batches=st.lists(st.integers(1, 9), max_size=15),
    max_bytes=st.sampled_from([1, 300, 5_000, 1 << 20]),
    give_up=st.sampled_from([3.0, 30.0, 300.0]),
    flushes=st.booleans(),
)
def test_exported_and_dropped_are_all_that_was_given(
    script: list[int], batches: list[int], max_bytes: int, give_up: float, flushes: bool
) -> None:
    """Some order of troubles loses a span without a trace, or counts it twice."""
    clock = FakeClock()
    transport = ScriptedTransport(list(script), clock)

    def open_transport(_: DeliverySettings) -> ScriptedTransport:
        return transport

    exporter = OTLPSpanExporter(
        environ={},
        max_waiting_bytes=max_bytes,
        give_up_seconds=give_up,
        open_transport=open_transport,
        clock=clock,
        sleep=clock.sleep,
    )
    given_spans = 0
    for size in batches:
        exporter.export(spans(given_spans + 1, size))
        given_spans += size
        if flushes:
            assert exporter.flush(5)
            assert exporter.exported + exporter.dropped == given_spans
    exporter.shutdown(1_000)
    assert exporter.exported + exporter.dropped == given_spans
    assert exporter.exported >= 0
    assert exporter.dropped >= 0
    assert transport.closed == bool(transport.posts)


@pytest.mark.parametrize("seed", range(3))
def test_a_real_server_agrees_with_the_counts(seed: int) -> None:
    """What the exporter says that it exported is not what the collector has."""
    import random

    choices = random.Random(seed)
    receiver = Receiver()
    for _ in range(60):
        kind = choices.choice(["ok", "ok", "ok", "away", "closed", "wrong"])
        status = {"ok": 200, "away": 503, "closed": None, "wrong": 400}[kind]
        receiver.replies.append(Reply(status))
    with receiving(receiver):
        exporter = OTLPSpanExporter(receiver.url, environ={}, sleep=lambda _: None)
        for number in range(1, 101):
            exporter.export([span(number)])
        exporter.shutdown(10)
    assert exporter.exported + exporter.dropped == 100
    assert exporter.exported == len(receiver.taken)
    assert len(set(receiver.taken)) == len(receiver.taken)
    assert exporter.dropped > 0


def test_threads_may_share_an_exporter() -> None:
    """Counts go wrong where several threads export."""
    with receiving() as receiver:
        exporter = OTLPSpanExporter(receiver.url, environ={})

        def export() -> None:
            for number in range(1, 51):
                exporter.export([span(number)])

        threads = [threading.Thread(target=export) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        exporter.shutdown(10)
        assert (exporter.exported, exporter.dropped) == (200, 0)
        assert len(receiver.taken) == 200


class TestOutbox:
    """The outbox alone, where threads would make the order a matter of luck."""

    def make(self, most_bytes: int = 100) -> tuple[Outbox, list[tuple[int, int]], FakeClock]:
        clock = FakeClock()
        counts: list[tuple[int, int]] = []
        box = Outbox(lambda arrived, lost: counts.append((arrived, lost)), most_bytes, 10, clock)
        return box, counts, clock

    def test_what_is_in_flight_is_not_dropped_for_room(self) -> None:
        """A parcel that is arriving counts as lost."""
        box, counts, _ = self.make()
        assert box.put(b"x" * 60, 1)
        flying = box.take()
        assert flying is not None
        assert not box.put(b"x" * 60, 2)
        assert counts == [(0, 2)]
        box.settle(flying, lost=0)
        assert counts == [(0, 2), (1, 0)]
        assert box.put(b"x" * 100, 3)

    def test_what_was_given_up_is_counted_once(self) -> None:
        """The answer to a request that was given up counts its spans again."""
        box, counts, _ = self.make()
        box.put(b"x", 4)
        flying = box.take()
        assert flying is not None
        box.give_up()
        box.settle(flying, lost=0)
        assert not box.put_back(flying)
        assert counts == [(0, 4)]
        assert box.is_idle
        assert box.lost == 4

    def test_what_is_put_back_comes_first_again(self) -> None:
        """Spans change their order after a failure, and all wait behind the newest."""
        box, _, clock = self.make()
        box.put(b"a", 1)
        box.put(b"b", 1)
        first = box.take()
        assert first is not None
        assert box.put_back(first)
        assert box.take() is first
        assert box.put_back(first)
        clock.now += 10
        assert box.take() is first
        assert box.put_back(first)
        clock.now += 0.1
        assert box.take() is None
        assert (box.lost, box.is_idle) == (2, True)
