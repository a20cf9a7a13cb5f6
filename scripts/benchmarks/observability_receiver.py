"""A collector for benchmarks: takes OTLP over HTTP on loopback and counts the spans.

    python observability_receiver.py PORT

`GET /` answers with what came so far. Runs until it is terminated.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Counts:
    """What came so far."""

    def __init__(self) -> None:
        self.spans = self.requests = self.received_bytes = 0
        self._lock = threading.Lock()

    def add(self, body: bytes, encoding: str | None) -> None:
        """Count the spans in the body of a request."""
        plain = gzip.decompress(body) if encoding == "gzip" else body
        request = ExportTraceServiceRequest.FromString(plain)
        spans = sum(
            len(scope.spans)
            for resource in request.resource_spans
            for scope in resource.scope_spans
        )
        with self._lock:
            self.spans += spans
            self.requests += 1
            self.received_bytes += len(body)

    def record(self) -> dict[str, int]:
        """Return the counts."""
        with self._lock:
            return {
                "spans": self.spans,
                "requests": self.requests,
                "received_bytes": self.received_bytes,
            }


COUNTS = Counts()


class Handler(BaseHTTPRequestHandler):
    """Answer as a collector that takes everything."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/traces":
            COUNTS.add(body, self.headers["Content-Encoding"])
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(json.dumps(COUNTS.record()).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        """Say nothing."""

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
