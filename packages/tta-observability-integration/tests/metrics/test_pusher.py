"""Metrics that are sent at intervals: in time, bounded, and told when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry import context
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData

from observability_integration.metrics import instruments as table
from observability_integration.metrics.pusher import MetricPusher
from observability_integration.metrics.registry import Registry

from .counted import RESOURCE, SCOPE, told

PATIENCE = 20.0


class FakeExporter:
    """Keeps what it is given; may fail, and may be held up."""

    def __init__(self) -> None:
        self.batches: list[MetricsData] = []
        self.results: list[MetricExportResult | Exception] = []
        self.arrived = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()
        self.shutdowns = 0
        self.suppressed: object = None

    def export(self, metrics_data: MetricsData, /) -> MetricExportResult:
        self.arrived.release()
        self.gate.wait(PATIENCE)
        self.suppressed = context.get_value(_SUPPRESS_INSTRUMENTATION_KEY)
        self.batches.append(metrics_data)
        result = self.results.pop(0) if self.results else MetricExportResult.SUCCESS
        if isinstance(result, Exception):
            raise result
        return result

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        self.shutdowns += 1

    def wait(self) -> None:
        """Wait until an export has begun."""
        assert self.arrived.acquire(timeout=PATIENCE)


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.cell(table.TIMEOUT_EXPIRATIONS, "t").add(3)
    return registry


@pytest.fixture
def exporter(nothing_left_behind: None) -> FakeExporter:
    return FakeExporter()


@pytest.fixture
def push(registry: Registry, exporter: FakeExporter) -> Iterator[Callable[..., MetricPusher]]:
    """Begin a pusher that does not wake by itself within a test."""
    made: list[MetricPusher] = []

    def begin(**options: Any) -> MetricPusher:
        options.setdefault("interval_seconds", 3600)
        made.append(MetricPusher(registry, exporter, RESOURCE, SCOPE, **options))
        return made[-1]

    yield begin
    exporter.gate.set()
    for pusher in made:
        pusher.shutdown()
        pusher._thread.join(PATIENCE)


def test_metrics_are_sent_at_intervals(
    push: Callable[..., MetricPusher], exporter: FakeExporter
) -> None:
    push(interval_seconds=0.01)
    for _ in range(3):
        exporter.wait()
    assert told(exporter.batches[0], "tta.timeout.expirations") == {("t",): 3}


def test_flush_sends_at_once(push: Callable[..., MetricPusher], exporter: FakeExporter) -> None:
    assert push().flush(PATIENCE)
    assert len(exporter.batches) == 1


def test_a_flush_that_takes_too_long_says_so(
    push: Callable[..., MetricPusher], exporter: FakeExporter
) -> None:
    pusher = push()
    exporter.gate.clear()
    assert not pusher.flush(0.01)


def test_a_flush_sends_what_was_counted_before_it(
    push: Callable[..., MetricPusher], exporter: FakeExporter, registry: Registry
) -> None:
    """An export that is under way has read its numbers already."""
    pusher = push()
    exporter.gate.clear()
    assert not pusher.flush(0.01)
    exporter.wait()
    registry.cell(table.TIMEOUT_EXPIRATIONS, "t").add()
    exporter.gate.set()
    assert pusher.flush(PATIENCE)
    assert told(exporter.batches[-1], "tta.timeout.expirations") == {("t",): 4}


def test_shutdown_sends_once_more_and_stops(
    push: Callable[..., MetricPusher], exporter: FakeExporter
) -> None:
    """A second shutdown does nothing, and a flush after it says that nothing was sent."""
    pusher = push()
    for _ in range(2):
        pusher.shutdown()
    assert (len(exporter.batches), exporter.shutdowns) == (1, 1)
    assert not pusher.flush(0.01)


def test_shutdown_gives_up_on_an_exporter_that_is_stuck(
    push: Callable[..., MetricPusher], exporter: FakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """The end of the program must not wait for a collector that is away."""
    pusher = push()
    exporter.gate.clear()
    began = time.monotonic()
    pusher.shutdown(0.05)
    assert time.monotonic() - began < PATIENCE / 4
    assert exporter.shutdowns == 1
    (line,) = caplog.records
    assert line.getMessage() == "the last metrics were not sent within 0.05 seconds; given up"


def test_a_failure_is_told_once_and_so_is_its_end(
    push: Callable[..., MetricPusher], exporter: FakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="observability_integration")
    exporter.results = [
        MetricExportResult.SUCCESS,
        MetricExportResult.FAILURE,
        ConnectionError("https://user:secret@collector"),
        MetricExportResult.SUCCESS,
    ]
    pusher = push()
    assert [pusher.flush(PATIENCE) for _ in range(4)] == [True, False, False, True]
    assert [line.getMessage() for line in caplog.records] == [
        "metrics could not be sent; they are sent again in 3600 seconds",
        "metrics are sent again",
    ]


def test_what_an_exporter_raises_is_named_without_its_text(
    push: Callable[..., MetricPusher], exporter: FakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """It may hold an address with a password."""
    exporter.results = [ConnectionError("https://user:secret@collector")]
    assert not push().flush(PATIENCE)
    (line,) = caplog.records
    assert line.getMessage() == (
        "metrics could not be sent (ConnectionError); they are sent again in 3600 seconds"
    )
    assert "secret" not in caplog.text


def test_nothing_counted_is_nothing_sent(exporter: FakeExporter) -> None:
    pusher = MetricPusher(Registry(), exporter, RESOURCE, SCOPE, interval_seconds=3600)
    assert pusher.flush(PATIENCE)
    pusher.shutdown()
    assert exporter.batches == []


def test_the_exporter_s_requests_make_no_spans(
    push: Callable[..., MetricPusher], exporter: FakeExporter
) -> None:
    push().flush(PATIENCE)
    assert exporter.suppressed is True
    assert context.get_value(_SUPPRESS_INSTRUMENTATION_KEY) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 60.0), ("5000", 5.0), (" 250 ", 0.25), ("soon", 60.0), ("0", 60.0), ("-1", 60.0)],
    ids=["unset", "five", "blanks", "word", "zero", "negative"],
)
def test_the_interval_is_that_of_the_environment(
    push: Callable[..., MetricPusher], text: str, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    environ = {"OTEL_METRIC_EXPORT_INTERVAL": text} if text else {}
    pusher = push(interval_seconds=None, environ=environ)
    assert pusher._interval == seconds
    assert len(caplog.records) == int(text in ("soon", "0", "-1"))


def test_an_interval_of_nothing_is_refused(registry: Registry, exporter: FakeExporter) -> None:
    with pytest.raises(ValueError, match="interval_seconds must be more than 0, got 0"):
        MetricPusher(registry, exporter, RESOURCE, SCOPE, interval_seconds=0)


def test_an_endless_interval_sends_at_the_end_alone(
    push: Callable[..., MetricPusher], exporter: FakeExporter
) -> None:
    pusher = push(interval_seconds=float("inf"))
    pusher.shutdown()
    assert len(exporter.batches) == 1


def test_a_real_collector_gets_them(registry: Registry) -> None:
    """OpenTelemetry's own exporter, over HTTP."""
    http = pytest.importorskip(
        "opentelemetry.exporter.otlp.proto.http.metric_exporter",
        reason="no OTLP exporter; uv add 'tta-observability-integration[otlp]'",
    )
    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_port}/v1/metrics"
        pusher = MetricPusher(
            registry, http.OTLPMetricExporter(endpoint), RESOURCE, SCOPE, interval_seconds=3600
        )
        assert pusher.flush(PATIENCE)
        pusher.shutdown(PATIENCE)
        server.shutdown()
        thread.join()
    request = ExportMetricsServiceRequest.FromString(bodies[0])
    (metric,) = request.resource_metrics[0].scope_metrics[0].metrics
    assert metric.name == "tta.timeout.expirations"
    assert metric.sum.data_points[0].as_int == 3
    assert len(bodies) == 2


FORKING = """
import os, sys, threading
from opentelemetry.sdk.metrics.export import MetricExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from observability_integration.metrics.instrument import counter
from observability_integration.metrics.pusher import MetricPusher
from observability_integration.metrics.registry import Registry

class Exporter:
    def __init__(self): self.values = []
    def export(self, data):
        point = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]
        self.values.append(point.value)
        return MetricExportResult.SUCCESS
    def shutdown(self, timeout_millis=0): pass

registry, exporter = Registry(), Exporter()
orders = registry.cell(counter("orders", (), ""))
pusher = MetricPusher(registry, exporter, Resource({}), InstrumentationScope("t"),
                      interval_seconds=3600)
orders.add(3)
assert pusher.flush(10)
pusher._changed.acquire()  # as the thread would that has just woken
child = os.fork()
if not child:
    orders.add(1)
    assert pusher.flush(10)
    pusher.shutdown(10)
    assert exporter.values == [3, 1, 1], exporter.values
    sys.exit(0)
pusher._changed.release()
status = os.waitpid(child, 0)[1]
pusher.shutdown(10)
assert exporter.values == [3, 3], exporter.values
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_sends_what_it_counts_itself() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKING]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
