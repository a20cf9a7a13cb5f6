"""Metrics to a collector: each once, in order, as it was asked for, and without secrets."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import (
    Counter,
    Histogram,
    MeterProvider,
    ObservableCounter,
    UpDownCounter,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExportResult,
    PeriodicExportingMetricReader,
)

from observability_integration.export import otlp_metrics
from observability_integration.export.otlp_metrics import OTLPMetricExporter

from .metrics_receiver import Reply, metric, metrics, receiving_metrics

PREFIX = "OTEL_EXPORTER_OTLP_"
SECRET = "s3cr3ts3cr3t"


def exporter_to(url: str | None, environ: dict[str, str] | None = None, **options: Any) -> Any:
    options.setdefault("sleep", lambda _: None)
    return OTLPMetricExporter(url, environ=environ or {}, **options)


def test_metrics_arrive_as_the_sdk_encodes_them() -> None:
    with receiving_metrics() as receiver:
        exporter = exporter_to(receiver.url)
        data = metrics(metric("orders", 3), metric("visits", 1.5, points=2))
        assert exporter.export(data) is MetricExportResult.SUCCESS
        assert exporter.force_flush(5_000)
        exporter.shutdown(5_000)
    (received,) = receiver.received
    assert received.request == encode_metrics(data)
    assert received.path == "/v1/metrics"
    assert received.headers["content-type"] == "application/x-protobuf"
    assert received.headers["content-encoding"] == "gzip"
    assert (exporter.exported, exporter.dropped) == (3, 0)


@pytest.mark.parametrize(
    ("suffix", "path"),
    [
        ("", "/v1/metrics"),
        ("/", "/v1/metrics"),
        ("/v1/traces", "/v1/metrics"),
        ("/v1/metrics", "/v1/metrics"),
        ("/below/v1/traces/?key=1", "/below/v1/metrics?key=1"),
        ("/?key=1", "/v1/metrics?key=1"),
    ],
)
def test_the_path_of_another_signal_is_replaced(suffix: str, path: str) -> None:
    """Metrics are posted to where traces go, or into a query."""
    with receiving_metrics() as receiver:
        exporter = exporter_to(receiver.url + suffix)
        exporter.export(metrics(metric("orders")))
        exporter.shutdown(5_000)
    assert [received.path for received in receiver.received] == [path]


def test_the_variables_of_metrics_win_over_those_of_all() -> None:
    with receiving_metrics() as receiver:
        environ = {
            f"{PREFIX}ENDPOINT": "http://127.0.0.1:9",
            f"{PREFIX}METRICS_ENDPOINT": f"{receiver.url}/mine",
            f"{PREFIX}HEADERS": "x-key=all",
            f"{PREFIX}METRICS_HEADERS": "x-key=metrics",
            f"{PREFIX}COMPRESSION": "gzip",
            f"{PREFIX}METRICS_COMPRESSION": "none",
        }
        exporter = exporter_to(None, environ)
        exporter.export(metrics(metric("orders")))
        exporter.shutdown(5_000)
    (received,) = receiver.received
    assert (received.path, received.headers["x-key"]) == ("/mine", "metrics")
    assert "content-encoding" not in received.headers


def test_what_is_not_taken_at_once_is_posted_again_in_order(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One bad minute of a collector is a hole in all graphs."""
    waits: list[float] = []
    with receiving_metrics() as receiver:
        receiver.replies += [Reply(503), Reply(429, {"Retry-After": "7"}), Reply()]
        exporter = exporter_to(receiver.url, sleep=waits.append, random=lambda: 0.0)
        exporter.export(metrics(metric("first")))
        exporter.export(metrics(metric("second")))
        exporter.shutdown(5_000)
    names = [received.names for received in receiver.received]
    assert names == [["first"], ["first"], ["first"], ["second"]]
    assert waits == [0.5, 7.0]
    assert (exporter.exported, exporter.dropped) == (2, 0)
    assert caplog.messages == [
        f"metrics to {receiver.url}/v1/metrics: status 503; they wait for up to 300 s",
        f"metrics to {receiver.url}/v1/metrics: delivered again; 0 were dropped meanwhile",
    ]


def test_points_that_a_collector_rejects_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    """Half of the metrics are missing, and nobody hears of it."""
    with receiving_metrics() as receiver:
        receiver.replies.append(Reply(rejected=2))
        exporter = exporter_to(receiver.url)
        exporter.export(metrics(metric("orders", points=5)))
        exporter.shutdown(5_000)
    assert (exporter.exported, exporter.dropped) == (3, 2)
    assert caplog.messages[0].endswith(": 2 of 5 were rejected and are dropped")


def test_export_waits_for_nobody_and_the_end_for_as_long_as_it_may(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A collector that does not answer keeps the program from ending."""
    answer = threading.Event()
    with receiving_metrics() as receiver:
        receiver.replies.append(Reply(until=answer))
        exporter = exporter_to(receiver.url)
        begun = time.monotonic()
        exporter.export(metrics(metric("orders", points=4)))
        assert receiver.arrived.acquire(timeout=5)
        assert not exporter.force_flush(10)
        exporter.shutdown(50)
        assert time.monotonic() - begun < 2
        answer.set()
        exporter._delivery._thread.join(5)
    assert (exporter.exported, exporter.dropped) == (0, 4)
    assert caplog.messages == [
        f"metrics to {receiver.url}/v1/metrics: 4 could not be delivered before the end"
    ]


def test_one_metric_that_cannot_be_encoded_costs_itself_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One odd number keeps all metrics at home, or shows in the log."""
    odd = metric("odd", "42.4242", points=2)
    with receiving_metrics() as receiver:
        exporter = exporter_to(receiver.url)
        for _ in range(2):
            exporter.export(metrics(metric("a"), metric("b"), odd, metric("c"), odd))
        exporter.shutdown(5_000)
    names = [name for received in receiver.received for name in received.names]
    assert names == ["a", "b", "c"] * 2
    assert (exporter.exported, exporter.dropped) == (6, 8)
    (line,) = caplog.messages
    assert line.startswith("a metric was dropped: it cannot be encoded (")
    assert "42" not in line


def test_too_much_for_one_request_becomes_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy refuses all metrics of a service that has many."""
    monkeypatch.setattr(otlp_metrics, "MOST_POSTED_BYTES", 400)
    names = [f"metric.{number}" for number in range(9)]
    with receiving_metrics() as receiver:
        exporter = exporter_to(receiver.url)
        exporter.export(metrics(*map(metric, names)))
        exporter.shutdown(5_000)
    assert [name for received in receiver.received for name in received.names] == names
    assert len(receiver.received) > 1
    for received in receiver.received:
        assert received.request.ByteSize() <= 400


def test_no_metrics_are_no_request() -> None:
    with receiving_metrics() as receiver:
        exporter = exporter_to(receiver.url)
        exporter.export(metrics())
        exporter.shutdown(5_000)
    assert receiver.received == []


def test_no_secret_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The key of a collector shows in the log where it refuses it."""
    with receiving_metrics() as receiver:
        receiver.replies += [Reply(401), Reply(503)]
        exporter = exporter_to(
            f"http://me:{SECRET}@{receiver.place}/?key={SECRET}",
            {f"{PREFIX}HEADERS": f"x-key={SECRET},{SECRET}"},
        )
        for _ in range(3):
            exporter.export(metrics(metric("orders")))
        exporter.shutdown(5_000)
    assert receiver.received[0].headers["x-key"] == SECRET
    assert len(caplog.messages) >= 2
    assert SECRET not in caplog.text
    assert {record.name for record in caplog.records} == {"observability_integration"}


TEMPORALITIES = {
    "unset": ("", False, set[type](), 0),
    "totals": ("cumulative", False, set[type](), 0),
    "added": (" Delta ", True, {Counter, Histogram, ObservableCounter}, 0),
    "little-memory": ("LOWMEMORY", True, {Counter, Histogram}, 0),
    "unknown": ("both", False, set[type](), 1),
}


@pytest.mark.parametrize(
    ("text", "deltas", "kinds", "lines"), TEMPORALITIES.values(), ids=TEMPORALITIES
)
def test_a_preference_for_differences_is_kept(
    text: str, deltas: bool, kinds: set[type], lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A backend that cannot take totals shows nothing, and nobody knows why."""
    exporter = exporter_to("http://c", {f"{PREFIX}METRICS_TEMPORALITY_PREFERENCE": text})
    assert exporter.deltas is deltas
    reader = PeriodicExportingMetricReader(exporter, float("inf"))
    found = {
        kind
        for kind in (Counter, Histogram, ObservableCounter, UpDownCounter)
        if reader._instrument_class_temporality[internal(kind)] is AggregationTemporality.DELTA
    }
    reader.shutdown()
    assert found == kinds
    assert len(caplog.messages) == lines


def internal(kind: type) -> type:
    """Return the class that the SDK makes for *kind*."""
    import opentelemetry.sdk.metrics._internal.instrument as instruments

    return getattr(instruments, f"_{kind.__name__}")


def test_a_preference_for_fine_histograms_is_kept() -> None:
    variable = f"{PREFIX}METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
    with receiving_metrics() as receiver:
        environ = {variable: "base2_exponential_bucket_histogram"}
        exporter = exporter_to(receiver.url, environ)
        provider = MeterProvider(
            [PeriodicExportingMetricReader(exporter, 3_600_000)], shutdown_on_exit=False
        )
        provider.get_meter("app").create_histogram("size").record(3)
        provider.shutdown()
    (received,) = receiver.received
    (found,) = received.request.resource_metrics[0].scope_metrics[0].metrics
    assert found.WhichOneof("data") == "exponential_histogram"


def test_a_reader_of_the_sdk_ends_within_its_time() -> None:
    """The user's own meters keep the program from ending."""
    answer = threading.Event()
    with receiving_metrics() as receiver:
        receiver.replies.append(Reply(until=answer))
        exporter = exporter_to(receiver.url)
        provider = MeterProvider(
            [PeriodicExportingMetricReader(exporter, 3_600_000)], shutdown_on_exit=False
        )
        provider.get_meter("app").create_counter("orders").add(1)
        begun = time.monotonic()
        provider.shutdown(timeout_millis=200)
        assert time.monotonic() - begun < 2
        answer.set()
        exporter._delivery._thread.join(5)
    assert (exporter.exported, exporter.dropped) == (0, 1)


FORKING = """
import os, sys
from opentelemetry.sdk.metrics.export import *
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from observability_integration.export.otlp_metrics import OTLPMetricExporter

def told(name):
    total = Sum([NumberDataPoint({}, 1, 2, 1)], AggregationTemporality.CUMULATIVE, True)
    scope = ScopeMetrics(InstrumentationScope("t"), [Metric(name, "", "", total)], "")
    return MetricsData([ResourceMetrics(Resource({}), [scope], "")])

exporter = OTLPMetricExporter(sys.argv[1], environ={})
exporter.export(told("first"))
assert exporter.force_flush(5_000)
exporter.export(told("second"))
with exporter._delivery._changed:  # what another thread may hold at that moment
    child = os.fork()
if not child:
    exporter.after_fork()
    assert (exporter.exported, exporter.dropped) == (0, 0)
    exporter.export(told("child"))
    exporter.shutdown(5_000)
    assert (exporter.exported, exporter.dropped) == (1, 0)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
exporter.export(told("third"))
exporter.shutdown(5_000)
assert (exporter.exported, exporter.dropped) == (3, 0)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_begins_with_nothing() -> None:
    """A fork sends what its parent sends too, or writes into its connection."""
    with receiving_metrics() as receiver:
        command = [sys.executable, "-W", "ignore", "-c", FORKING, receiver.url]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
    places = {received.names[0]: received.connection for received in receiver.received}
    assert sorted(places) == ["child", "first", "second", "third"]
    assert len(receiver.received) == 4
    assert places.pop("child") not in places.values()
