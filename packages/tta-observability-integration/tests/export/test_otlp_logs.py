"""What the log says of trouble: once that it is there, once that it is over, and no secrets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from observability_integration.export.delivery_requests import RequestsTransport
from observability_integration.export.delivery_troubles import Troubles
from observability_integration.export.otlp import OTLPSpanExporter

from .otlp_receiver import FakeClock, Reply, receiving, span, spans

if TYPE_CHECKING:
    from observability_integration.export.delivery_answers import Answer
    from observability_integration.export.delivery_settings import DeliverySettings


@pytest.mark.parametrize(
    ("replies", "told"),
    [
        (
            [Reply(503)] * 5,
            ["status 503; they wait for up to 300 s", "delivered again; 0 were dropped meanwhile"],
        ),
        (
            [Reply(None), Reply(429), Reply(503)],
            [
                "no answer (ConnectionError); they wait for up to 300 s",
                "delivered again; 0 were dropped meanwhile",
            ],
        ),
        (
            [Reply(401)] * 3,
            [
                "status 401; they are dropped, check the settings",
                "delivered again; 6 were dropped meanwhile",
            ],
        ),
        (
            [Reply(rejected=1), Reply(rejected=2)],
            [
                "1 of 2 were rejected and are dropped",
                "delivered again; 3 were dropped meanwhile",
            ],
        ),
        ([], []),
    ],
    ids=["away", "away-in-ways", "refused", "rejected", "well"],
)
def test_a_trouble_is_told_once_and_its_end_once(
    replies: list[Reply], told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A collector in trouble fills the log, or nobody hears of it."""
    with receiving() as receiver:
        receiver.replies += replies
        exporter = OTLPSpanExporter(receiver.url, environ={}, sleep=lambda _: None)
        for number in range(1, 8):
            exporter.export(spans(2 * number, 2))
        exporter.shutdown(5)
    assert [line.partition("/v1/traces: ")[2] for line in caplog.messages] == told
    assert all(line.startswith("spans to http://127.0.0.1:") for line in caplog.messages)


def test_a_full_outbox_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Spans are dropped and nobody hears of it."""
    with receiving() as receiver:
        exporter = OTLPSpanExporter(receiver.url, environ={}, max_waiting_bytes=10)
        for number in range(1, 4):
            exporter.export([span(number)])
        exporter.shutdown(5)
    (line,) = caplog.messages
    assert exporter.dropped == 3
    assert line.endswith(": more than 10 bytes wait; the oldest are dropped")


def test_what_is_left_at_the_end_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Spans are dropped at the end and nobody hears of it."""
    with receiving() as receiver:
        pass
    exporter = OTLPSpanExporter(receiver.url, environ={})
    exporter.export(spans(1, 3))
    exporter.shutdown(0.1)
    assert caplog.messages[-1].endswith(": 3 could not be delivered before the end")


def test_a_trouble_that_comes_and_goes_is_told_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A collector that rejects every second batch fills the log."""
    clock = FakeClock()
    troubles = Troubles("spans", "http://c", clock)
    for _ in range(240):  # two minutes
        troubles.tell("rejected", "some were rejected", 0)
        troubles.over(0)
        clock.now += 0.5
    assert len(caplog.messages) == 4
    troubles.tell("away", "no answer", 0)
    assert len(caplog.messages) == 5


def test_a_trouble_that_lasts_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A collector that is away for an hour fills the log."""
    clock = FakeClock()
    troubles = Troubles("spans", "http://c", clock)
    for _ in range(120):
        troubles.tell("away", "no answer", 0)
        clock.now += 30
    troubles.over(7)
    assert caplog.messages == [
        "spans to http://c: no answer",
        "spans to http://c: delivered again; 7 were dropped meanwhile",
    ]


def test_no_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A key of the collector, or what a span holds, shows in the log."""

    class Talkative:
        """Raises errors that say everything."""

        def __init__(self, settings: DeliverySettings) -> None:
            self._settings = settings

        def post(self, body: bytes, timeout_seconds: float) -> Answer:
            msg = f"{self._settings.headers} {body!r} {self._settings.url}"
            raise ValueError(msg)

        def close(self) -> None:
            return

    secret = "s3cr3t"
    with caplog.at_level(logging.DEBUG), receiving() as receiver:
        receiver.replies += [Reply(401, body=secret.encode()), Reply(503), Reply(None)]
        address = f"http://me:{secret}@127.0.0.1:{receiver.port}/?key={secret}"
        for open_transport in (RequestsTransport, Talkative):
            exporter = OTLPSpanExporter(
                address,
                headers={"x-key": secret},
                resource={"resource": secret},
                compression="none",
                environ={"OTEL_EXPORTER_OTLP_HEADERS": f"y-key={secret},{secret}"},
                sleep=lambda _: None,
                open_transport=open_transport,
            )
            for number in range(1, 5):
                exporter.export([span(number)])
            exporter.shutdown(5)
        assert receiver.received[0].headers["x-key"] == secret
        assert receiver.received[0].headers["authorization"].startswith("Basic ")
    ours = [line for line in caplog.records if line.name == "observability_integration"]
    assert len(ours) >= 4
    assert not [line for line in ours if secret in line.getMessage()]
    assert not [line for line in ours if line.exc_info]
