"""Collectors and Prometheus, real ones on loopback, reached by the one line of setup."""

from __future__ import annotations

import gzip
import importlib.util
import logging
import socket
import threading
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import metrics

from observability_integration import (
    get_meter,
    initialize_observability,
    is_observability_enabled,
    shutdown_observability,
)
from observability_integration.export.otlp import otlp_exporter
from observability_integration.options import Options, read_options
from tta_dev_primitives import LambdaPrimitive, SequentialPrimitive

if TYPE_CHECKING:
    from collections.abc import Generator


def found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


needs_otlp = pytest.mark.skipif(
    not found("opentelemetry.exporter.otlp.proto.common"),
    reason="no OTLP exporter; uv add 'tta-observability-integration[otlp]'",
)
needs_prometheus = pytest.mark.skipif(
    not found("opentelemetry.exporter.prometheus"),
    reason="no Prometheus exporter; uv add 'tta-observability-integration[prometheus]'",
)


class Collector:
    """Takes OTLP over HTTP and keeps the names of the spans."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.paths: list[str] = []
        self.names: list[str] = []
        self.metrics: list[str] = []
        self.services: set[str] = set()


def names_of_metrics(body: bytes) -> list[str]:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )

    return [
        metric.name
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]


@contextmanager
def listening() -> Generator[Collector]:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
        ExportTraceServiceResponse,
    )

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            collector.paths.append(self.path)
            if self.path == "/v1/metrics":
                collector.metrics += names_of_metrics(body)
                self.answer(b"")
                return
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                for pair in resource.resource.attributes:
                    if pair.key == "service.name":
                        collector.services.add(pair.value.string_value)
                for scope in resource.scope_spans:
                    collector.names += [span.name for span in scope.spans]
            self.answer(ExportTraceServiceResponse().SerializeToString())

        def answer(self, answer: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_request(self, code: object = "-", size: object = "-") -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(server.server_port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@needs_otlp
@pytest.mark.parametrize("suffix", ["", "/", "/v1/traces"], ids=["base", "slash", "whole"])
@pytest.mark.usefixtures("fresh")
async def test_spans_arrive_at_a_collector_named_by_argument(suffix: str) -> None:
    with listening() as collector:
        assert initialize_observability(
            "shop", enable_prometheus=False, otlp_endpoint=collector.url + suffix
        )
        await SequentialPrimitive([LambdaPrimitive(lambda x: x, name="a")], name="app").execute(1)
        shutdown_observability()
        assert sorted(set(collector.paths)) == ["/v1/metrics", "/v1/traces"]
        assert "tta.primitive.duration" in collector.metrics
        assert collector.names == ["lambda a", "invoke_workflow app"]
        assert collector.services == {"shop"}


@needs_otlp
@pytest.mark.usefixtures("fresh")
async def test_spans_arrive_at_a_collector_named_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with listening() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        assert initialize_observability(enable_prometheus=False)
        await LambdaPrimitive(lambda x: x, name="a").execute(1)
        shutdown_observability()
        assert collector.names == ["invoke_workflow a"]


@needs_otlp
def test_another_protocol_than_ours_is_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    exporter = otlp_exporter("http://127.0.0.1:4317", resource={}, environ=environ)
    assert exporter is not None
    exporter.shutdown(1)
    assert "'grpc'" in caplog.text


def wishes(**given: Any) -> Options:
    """Return what is asked for by the arguments that are *given*."""
    return read_options(
        service_name="tta",
        service_version="1",
        exporters=(),
        sample_ratio=None,
        capture_content=None,
        span_level="primitive",
        resource=None,
        schema="1.41",
        environ={},
        **given,
    )


@pytest.mark.parametrize(
    ("endpoint", "environ", "expected"),
    [
        ("http://c:4318", {"OTEL_TRACES_EXPORTER": "none"}, True),
        (None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        (None, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        (
            None,
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"},
            False,
        ),
        (
            None,
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "otlp"},
            True,
        ),
        (None, {}, False),
        ("", {}, False),
    ],
    ids=["argument", "base", "traces", "switched-off", "named", "nothing", "empty"],
)
def test_a_collector_is_used_where_one_is_named(
    endpoint: str | None, environ: dict[str, str], expected: bool
) -> None:
    assert wishes(otlp_endpoint=endpoint).wants_otlp(environ) is expected


def test_an_argument_overrules_the_environment_for_the_terminal() -> None:
    environ = {"OTEL_TRACES_EXPORTER": "console"}
    assert wishes().wants_console(environ)
    assert not wishes(console=False).wants_console(environ)


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return answer.read().decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@needs_prometheus
@pytest.mark.usefixtures("fresh")
async def test_prometheus_scrapes_what_primitives_did() -> None:
    port = free_port()
    assert initialize_observability(prometheus_port=port)
    await LambdaPrimitive(lambda x: x, name="a").execute(1)
    meter = get_meter("app")
    assert meter is not None
    meter.create_counter("app.orders").add(2)
    metrics.get_meter("other").create_counter("other.orders").add(3)
    text = scrape(port)
    (count,) = [
        line
        for line in text.splitlines()
        if line.startswith("tta_primitive_duration_seconds_count")
    ]
    assert 'tta_primitive_name="a"' in count
    assert count.endswith(" 1.0")
    assert "app_orders_total{" in text
    assert "other_orders_total{" in text


@needs_prometheus
@pytest.mark.usefixtures("fresh")
async def test_the_endpoint_goes_and_comes_back() -> None:
    port = free_port()
    for _ in range(2):
        assert initialize_observability(prometheus_port=port)
        await LambdaPrimitive(lambda x: x, name="a").execute(1)
        assert scrape(port).count("tta_primitive_duration_seconds_count{") == 1
        shutdown_observability()
        with pytest.raises(OSError, match="refused"):
            scrape(port)


@needs_prometheus
@pytest.mark.parametrize("given", [None, 70_000], ids=["taken", "no-port"])
@pytest.mark.usefixtures("fresh")
async def test_a_port_that_cannot_be_opened_is_one_log_line(
    given: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port: int = holder.getsockname()[1] if given is None else given
        assert initialize_observability(prometheus_port=port)
    (line,) = [record.getMessage() for record in caplog.records if record.levelno > logging.INFO]
    assert line.startswith(f"no Prometheus endpoint: port {port} of 127.0.0.1 cannot be opened (")
    assert line.endswith("; pass another prometheus_port")
    assert is_observability_enabled()
