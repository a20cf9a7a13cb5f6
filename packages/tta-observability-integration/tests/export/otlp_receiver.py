"""A collector on loopback that answers as it is told, and remembers what it took."""

from __future__ import annotations

import gzip
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.trace import SpanKind

from observability_integration.spans.light_span import LightSpan, Scope, SpanSite

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator

SITE = SpanSite("lambda a", SpanKind.INTERNAL, {"tta.primitive.name": "a"}, Scope("tests"))


def span(number: int, site: SpanSite = SITE) -> LightSpan:
    """Return an ended span whose id is *number*, from 1."""
    light = LightSpan(site, 1, number, 0, 1_000, lambda _: None)
    light.end_ns = 2_000
    return light


def spans(first: int, count: int) -> list[LightSpan]:
    return [span(number) for number in range(first, first + count)]


@dataclass
class Reply:
    """How one request is answered.

    Attributes:
        status: None closes the connection without an answer.
        rejected: How many spans are not taken, in the answer's body.
        body: The body instead of one with `rejected`.
        claimed_length: A Content-Length that is not the body's.
        until: What to wait for before the answer.
    """

    status: int | None = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    rejected: int = 0
    body: bytes | None = None
    claimed_length: int | None = None
    until: threading.Event | None = None

    def content(self) -> bytes:
        if self.body is not None:
            return self.body
        answer = ExportTraceServiceResponse()
        if self.rejected:
            partial = ExportTracePartialSuccess(rejected_spans=self.rejected)
            answer.partial_success.CopyFrom(partial)
        return answer.SerializeToString()


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    request: ExportTraceServiceRequest
    connection: int

    @property
    def numbers(self) -> list[int]:
        return [
            int.from_bytes(span.span_id, "big")
            for resource in self.request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class Receiver:
    """What came, what was taken, and what the next answers are."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.received: list[Received] = []
        self.taken: list[int] = []
        self.port = 0
        self.scheme = "http"
        self.arrived = threading.Semaphore(0)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def wait_for_request(self) -> None:
        assert self.arrived.acquire(timeout=5), "no request came"


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, receiver: Receiver, port: int, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", port), _handler(receiver))
        self._connections: list[Any] = []
        self._context = context

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self._context is not None:
            # In the connection's own thread: one that fails must not stop the others.
            connection = self._context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
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


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = ExportTraceServiceRequest.FromString(body)
            received = Received(self.path, headers, request, id(self.connection))
            reply = receiver.replies.popleft() if receiver.replies else Reply()
            receiver.received.append(received)
            receiver.arrived.release()
            if reply.until is not None:
                reply.until.wait(5)
            if reply.status is None:
                self.close_connection = True
                return
            if 200 <= reply.status < 300:
                receiver.taken += received.numbers
            content = reply.content()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            length = len(content) if reply.claimed_length is None else reply.claimed_length
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content)
            if length > len(content):
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            return

    return Handler


@contextmanager
def receiving(
    receiver: Receiver | None = None, *, context: ssl.SSLContext | None = None
) -> Generator[Receiver]:
    """Listen, on the port of *receiver* where it had one before."""
    receiver = receiver or Receiver()
    if context is not None:
        receiver.scheme = "https"
    server = _Server(receiver, receiver.port, context)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.close_connections()
        server.server_close()
        thread.join()


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait for something that another thread does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


class FakeClock:
    """Time that moves only where something sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
