"""Meters for the user's own metrics, from the SDK, which is loaded when one is asked for."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.util.types import Attributes

METRICS_PATH = "/v1/metrics"
_logger = logging.getLogger("observability_integration")


class LazyMeterProvider(metrics.MeterProvider):
    """Make an SDK meter provider with the first meter.

    Attributes:
        resource: Attributes of this process.
        scraped: Whether Prometheus scrapes.
        pushed_to: A collector's base address; None for none, empty for the environment's.
    """

    def __init__(self) -> None:
        self.resource: dict[str, Any] = {}  # Any: values of attributes
        self.scraped = False
        self.pushed_to: str | None = None
        self._made: MeterProvider | None = None
        self._lock = threading.Lock()

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes | None = None,
    ) -> Meter:
        """Return a meter; the first call loads the SDK."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
        return self._made.get_meter(name, version, schema_url, attributes)

    def close(self, timeout_seconds: float = 2.0) -> None:
        """Deliver what waits and forget the provider; the next meter gets a new one.

        Args:
            timeout_seconds: The longest that this takes.
        """
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.shutdown(timeout_millis=timeout_seconds * 1000)

    def _make(self) -> MeterProvider:
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.resources import Resource

        readers: list[MetricReader] = []
        if self.scraped:
            readers += _prometheus_reader()
        if self.pushed_to is not None:
            from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

            exporter = otlp_metric_exporter(self.pushed_to)
            if exporter is not None:
                readers.append(PeriodicExportingMetricReader(exporter))
        return MeterProvider(readers, resource=Resource(self.resource), shutdown_on_exit=False)


def otlp_metric_exporter(endpoint: str) -> Any:  # Any: of an extra, which may not be there
    """Return the SDK's exporter of metrics, or None with one log line without it.

    Args:
        endpoint: A collector's base address; empty for what the environment names.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    except ImportError:
        _logger.warning(
            "metrics are not sent to a collector: opentelemetry-exporter-otlp-proto-http is not "
            "installed. Try: uv add 'tta-observability-integration[otlp]'"
        )
        return None
    if not endpoint:
        return OTLPMetricExporter()
    base = endpoint.rstrip("/").removesuffix("/v1/traces")
    return OTLPMetricExporter(endpoint=base + METRICS_PATH)


def _prometheus_reader() -> list[MetricReader]:
    try:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
    except ImportError:
        _logger.warning(
            "meters of your own are not scraped: opentelemetry-exporter-prometheus is not "
            "installed. Try: uv add 'tta-observability-integration[prometheus]'"
        )
        return []
    return [PrometheusMetricReader()]


def installed_meter_provider() -> metrics.MeterProvider | None:
    """Return the meter provider that somebody installed; the API's placeholder is none."""
    provider = metrics.get_meter_provider()
    return None if type(provider).__module__.startswith("opentelemetry.metrics") else provider
