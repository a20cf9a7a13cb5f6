"""A collector on loopback for spans and metrics, which answers as it is told."""

from __future__ import annotations

import gzip
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


@dataclass(frozen=True)
class Arrived:
    """One span, as it came.

    Attributes:
        message: All of it, in protobuf.
        scope: The instrumentation it comes from, in protobuf.
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    events: tuple[str, ...]
    message: Any
    scope: Any


@dataclass
class Request:
    """One request, whatever was answered to it."""

    path: str
    headers: dict[str, str]
    spans: list[Arrived]
    metrics: list[Any]
    connection: tuple[str, int]


def _accept(_: Request) -> int:
    return 200


@dataclass
class Collector:
    """What came, and how it is answered.

    Attributes:
        answer: Gives the status of the answer to a request; 0 ends the connection without one.
        requests: All that came.
        taken: Those that were answered with success.
        hold: What every answer waits for.
    """

    port: int = 0
    answer: Callable[[Request], int] = _accept
    requests: list[Request] = field(default_factory=list[Request])
    taken: list[Request] = field(default_factory=list[Request])
    hold: threading.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def spans(self) -> list[Arrived]:
        return [span for request in self.taken for span in request.spans]

    @property
    def names(self) -> Counter[str]:
        return Counter(span.name for span in self.spans)

    @property
    def metric_names(self) -> set[str]:
        return {metric.name for request in self.taken for metric in request.metrics}

    def named(self, name: str) -> Arrived:
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, [span.name for span in self.spans]
        return found[0]


@contextmanager
def collecting(collector: Collector | None = None) -> Generator[Collector]:
    """Listen, on the port of *collector* where it had one before."""
    collector = collector or Collector()
    server = _Server(("127.0.0.1", collector.port), _handler(collector))
    collector.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield collector
    finally:
        if collector.hold is not None:
            collector.hold.set()
        server.shutdown()
        server.close_connections()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._connections: list[Any] = []

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        self._connections.append(connection)
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that go away are what these tests are about."""

    def close_connections(self) -> None:
        import socket

        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is closed already


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            request = Request(
                self.path,
                {name.lower(): value for name, value in self.headers.items()},
                [] if "metrics" in self.path else spans_of(body),
                metrics_of(body) if "metrics" in self.path else [],
                self.client_address,
            )
            status = collector.answer(request)
            collector.requests.append(request)
            if collector.hold is not None:
                collector.hold.wait(30)
            if not status:
                self.close_connection = True
                return
            if 200 <= status < 300:
                collector.taken.append(request)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            return

    return Handler


def spans_of(body: bytes) -> list[Arrived]:
    return [
        Arrived(
            span.name,
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            plain(span.attributes),
            plain(resource.resource.attributes),
            tuple(event.name for event in span.events),
            span,
            scope.scope,
        )
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def metrics_of(body: bytes) -> list[Any]:
    return [
        metric
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]


def plain(attributes: Any) -> dict[str, Any]:
    """Return attributes of OTLP as a dict."""
    return {pair.key: _value(pair.value) for pair in attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return None if kind is None else getattr(value, kind)
