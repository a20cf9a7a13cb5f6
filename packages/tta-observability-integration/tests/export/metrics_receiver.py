"""A collector of metrics on loopback, and metrics for it."""

from __future__ import annotations

import gzip
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

if TYPE_CHECKING:
    from collections.abc import Generator


def metric(name: str, value: Any = 1, points: int = 1) -> Metric:
    """Return a counter with so many series, all of one *value*."""
    series = [NumberDataPoint({"number": number}, 1, 2, value) for number in range(points)]
    total = Sum(series, AggregationTemporality.CUMULATIVE, is_monotonic=True)
    return Metric(name, "", "", total)


def metrics(*told: Metric) -> MetricsData:
    scope = ScopeMetrics(InstrumentationScope("tests"), list(told), "")
    return MetricsData([ResourceMetrics(Resource({"service.name": "shop"}), [scope], "")])


@dataclass
class Reply:
    """How one request is answered.

    Attributes:
        rejected: How many data points are not taken.
        until: What to wait for before the answer.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    rejected: int = 0
    until: threading.Event | None = None

    def content(self) -> bytes:
        partial = ExportMetricsPartialSuccess(rejected_data_points=self.rejected)
        return ExportMetricsServiceResponse(partial_success=partial).SerializeToString()


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    request: ExportMetricsServiceRequest
    connection: tuple[str, int]

    @property
    def names(self) -> list[str]:
        return [
            metric.name
            for resource in self.request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]


class Receiver:
    """What came, and what the next answers are."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.place = f"127.0.0.1:{port}"
        self.replies: deque[Reply] = deque()
        self.received: list[Received] = []
        self.arrived = threading.Semaphore(0)


@contextmanager
def receiving_metrics() -> Generator[Receiver]:
    """Listen for metrics during the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = ExportMetricsServiceRequest.FromString(body)
            receiver.received.append(Received(self.path, headers, request, self.client_address))
            reply = receiver.replies.popleft() if receiver.replies else Reply()
            receiver.arrived.release()
            if reply.until is not None:
                reply.until.wait(10)
            content = reply.content()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = False  # closing waits for them

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: clients that go away are what these tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            for reply in receiver.replies:
                if reply.until is not None:
                    reply.until.set()
            server.shutdown()
            thread.join()
