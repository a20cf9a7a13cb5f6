"""Where telemetry goes: an OTLP collector, a terminal, a Prometheus endpoint."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from wsgiref.simple_server import WSGIServer

    from opentelemetry.context import Context
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from opentelemetry.sdk.trace.export import SpanExportResult

LOOPBACK = "127.0.0.1"
FLUSH_SECONDS = 2.0
_TRACES_PATH = "/v1/traces"
_PACKAGE = "tta-observability-integration"
_logger = logging.getLogger("observability_integration")


class RemovableProcessor(SpanProcessor):
    """Hand spans to an exporter until shut down; then do nothing, and say nothing.

    A tracer provider keeps its processors for ever, and may outlive what we set up.

    Args:
        inner: How spans reach their exporter.
    """

    def __init__(self, inner: SpanProcessor) -> None:
        self._inner: SpanProcessor | None = inner

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Tell the inner processor of a span that begins."""
        inner = self._inner
        if inner is not None:
            inner.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        """Hand a span that ended to the inner processor."""
        inner = self._inner
        if inner is not None:
            inner.on_end(span)

    def shutdown(self) -> None:
        """Deliver what is left and stop; a second call does nothing."""
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Deliver what waits."""
        inner = self._inner
        return inner is None or inner.force_flush(timeout_millis)


class PatientBatchProcessor(BatchSpanProcessor):
    """Send spans in batches, and give up on an exporter that holds the shutdown up.

    The SDK goes on trying a collector that does not answer for up to half a minute, which is how
    long the end of a program would take.

    Args:
        exporter: Where batches go; shut down early when it takes too long.
        flush_seconds: Longest time that shutting down tries to deliver what is left.
    """

    def __init__(self, exporter: SpanExporter, *, flush_seconds: float = FLUSH_SECONDS) -> None:
        self._closed_once = _ClosedOnce(exporter)
        self._flush_seconds = flush_seconds
        self._closing, self._closed = threading.Event(), threading.Event()
        # Begun now, because no thread can be begun while the interpreter shuts down.
        self._watchdog = threading.Thread(target=self._watch, name="tta-flush", daemon=True)
        super().__init__(self._closed_once)
        self._watchdog.start()

    def shutdown(self) -> None:
        """Deliver what is left within the time limit and stop."""
        self._closing.set()
        try:
            super().shutdown()
        finally:
            self._closed.set()
            self._watchdog.join()

    def _watch(self) -> None:
        self._closing.wait()
        if not self._closed.wait(self._flush_seconds):
            self._closed_once.shutdown()


class _ClosedOnce(SpanExporter):
    """An exporter whose second shutdown is quiet; the SDK's own log a warning."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._open = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export(spans)

    def shutdown(self) -> None:
        if self._open:
            self._open = False
            self._exporter.shutdown()


def console_wanted(*, asked: bool | None, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether traces go to the terminal: as *asked*, else as `OTEL_TRACES_EXPORTER` says."""
    return "console" in _exporters(environ) if asked is None else asked


def otlp_wanted(endpoint: str | None, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a collector is named, by argument or in the environment."""
    if endpoint:
        return True
    exporters = _exporters(environ)
    if exporters and "otlp" not in exporters:
        return False
    return bool(
        environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    )


def otlp_exporter(
    endpoint: str | None, environ: Mapping[str, str] = os.environ
) -> SpanExporter | None:
    """Return an exporter to a collector, or None with one log line where it cannot be made.

    Args:
        endpoint: Base URL of the collector, or the whole URL ending in `/v1/traces`; the
            environment names it when left out.
        environ: Where `OTEL_*` settings are read.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        _logger.warning(
            "traces are not sent to a collector: opentelemetry-exporter-otlp-proto-http is not "
            "installed. Try: uv add '%s[otlp]'",
            _PACKAGE,
        )
        return None
    protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", ""
    )
    if protocol and protocol != "http/protobuf":
        _logger.warning(
            "traces are sent as http/protobuf, although the environment asks for %r; use the "
            "collector's HTTP port, usually 4318",
            protocol,
        )
    if not endpoint:
        return OTLPSpanExporter()
    url = endpoint.rstrip("/")
    return OTLPSpanExporter(endpoint=url if url.endswith(_TRACES_PATH) else url + _TRACES_PATH)


class PrometheusEndpoint:
    """An HTTP endpoint on loopback that Prometheus can scrape; close it to free the port."""

    def __init__(self, reader: MetricReader, server: WSGIServer, thread: threading.Thread) -> None:
        self.reader = reader
        self._server, self._thread = server, thread

    @property
    def url(self) -> str:
        """The address to scrape."""
        return f"http://{LOOPBACK}:{self._server.server_port}/metrics"

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def prometheus_endpoint(port: int) -> PrometheusEndpoint | None:
    """Answer scrapes on *port* of loopback, or return None with one log line where that fails.

    Args:
        port: 0 picks a free one.
    """
    try:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from prometheus_client import start_http_server
    except ImportError:
        _logger.warning(
            "no Prometheus endpoint: opentelemetry-exporter-prometheus is not installed. "
            "Try: uv add '%s[prometheus]', or pass enable_prometheus=False",
            _PACKAGE,
        )
        return None
    try:
        server, thread = start_http_server(port, LOOPBACK)
    except (OSError, OverflowError) as error:
        _logger.warning(
            "no Prometheus endpoint: port %s of %s cannot be opened (%s); pass another "
            "prometheus_port",
            port,
            LOOPBACK,
            error,
        )
        return None
    endpoint = PrometheusEndpoint(PrometheusMetricReader(), server, thread)
    _logger.info("Prometheus can scrape %s", endpoint.url)
    return endpoint


def _exporters(environ: Mapping[str, str]) -> set[str]:
    named = environ.get("OTEL_TRACES_EXPORTER", "").split(",")
    return {name.strip() for name in named if name.strip()}
