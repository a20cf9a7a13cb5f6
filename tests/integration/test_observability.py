"""A workflow's traces reach a collector and its metrics reach Prometheus."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

WORKLOAD = Path(__file__).with_name("workload.py")
pytestmark = pytest.mark.service("observability")


def require(module: str, extra: str) -> None:
    """Skip without an exporter that this installation does not have."""
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        reason = f"{module} is not installed; uv sync --all-packages --all-extras installs {extra}"
        if os.environ.get("TTA_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


@contextmanager
def workload(port: int, endpoint: str | None = None) -> Generator[None]:
    """Run the app; the block begins when its workflow is through."""
    command = [sys.executable, str(WORKLOAD), str(port), *([endpoint] if endpoint else [])]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    if said != "ready\n":
        _, problem = process.communicate()
        pytest.fail(f"the workload ended early: {problem[-2000:]}")
    try:
        yield
    finally:
        process.communicate(timeout=20)


class Collector:
    """Takes OTLP over HTTP and keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                request: Any = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
                for resource in request.resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans.extend(scope.spans)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it
                """Keep the test's output clean."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


def query(prometheus: str, expression: str) -> float:
    """Return the value of an expression, 0 where there is none yet."""
    question = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"{prometheus}/api/v1/query?{question}", timeout=5) as response:
        found = json.load(response)["data"]["result"]
    return float(found[0]["value"][1]) if found else 0.0


def test_a_trace_reaches_a_collector_whole(free_port: Callable[[], int]) -> None:
    """One trace per call, every span but the root with its parent, the retry inside its cache."""
    require("opentelemetry.exporter.otlp.proto.common", "otlp")
    with Collector() as collector:
        with workload(free_port(), collector.endpoint):
            pass
        spans = collector.spans
    roots = [span for span in spans if not span.parent_span_id]
    assert len(roots) == 3
    assert len({span.trace_id for span in spans}) == 3
    known = {span.span_id for span in spans}
    assert all(span.parent_span_id in known for span in spans if span.parent_span_id)
    chats = [span for span in spans if span.name == "chat desk"]
    assert len(chats) == 3, "two answers and one failed attempt; the third call was a hit"
    results = [
        attribute.value.string_value
        for span in spans
        for attribute in span.attributes
        if attribute.key == "tta.cache.result"
    ]
    assert sorted(results) == ["hit", "miss", "miss"]


def test_metrics_reach_prometheus(
    request: pytest.FixtureRequest,
    free_port: Callable[[], int],
    until: Callable[[Callable[[], bool], str], None],
) -> None:
    """What the primitives decided can be asked of Prometheus: scraped, or by way of a collector."""
    require("opentelemetry.exporter.prometheus", "prometheus")
    prometheus, endpoint = (
        os.environ.get("TTA_TEST_PROMETHEUS_URL"),
        os.environ.get("TTA_TEST_OTLP_ENDPOINT"),
    )
    port = free_port()
    if prometheus and endpoint:
        expression = 'sum(traces_span_metrics_calls_total{service_name="workload"})'
        with workload(port, endpoint):
            pass
        until(lambda: query(prometheus, expression) > 0, "the arrival of span metrics")
        return
    url = request.getfixturevalue("start_prometheus")(port)
    with workload(port):
        expression = 'tta_cache_requests_total{tta_cache_result="hit"}'
        until(lambda: query(url, expression) == 1, "the arrival of one cache hit")
        expression = 'sum(tta_cache_requests_total{tta_cache_result="miss"})'
        assert query(url, expression) == 2
