"""Meters for the user's own metrics, from the SDK, which is loaded when one is asked for."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import metrics

from .export.delivery_requests import load_requests
from .forking import tell_of_forks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.util.types import Attributes

    from .export.otlp_metrics import OTLPMetricExporter

_PACKAGE: Final = "tta-observability-integration"
# The reader of the SDK cannot wait for longer than a thread can, and then not for ever.
_LONGEST_SECONDS: Final = 366 * 86_400.0
_SHORTEST_SECONDS: Final = 0.01
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
        self._exporter: OTLPMetricExporter | None = None
        self._lock = threading.Lock()
        tell_of_forks(self)

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
            # Without any time the SDK leaves its threads alone, and raises.
            made.shutdown(timeout_millis=max(_SHORTEST_SECONDS, timeout_seconds) * 1000)

    def after_fork(self) -> None:
        """Begin in a forked process with a lock that nobody holds, and nothing that waits."""
        self._lock = threading.Lock()
        if self._exporter is not None:
            self._exporter.after_fork()

    def _make(self) -> MeterProvider:
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.resources import Resource

        readers: list[MetricReader] = []
        if self.scraped:
            readers += _prometheus_reader()
        if self.pushed_to is not None:
            readers += self._pushing_reader(self.pushed_to)
        return MeterProvider(readers, resource=Resource(self.resource), shutdown_on_exit=False)

    def _pushing_reader(self, endpoint: str) -> list[MetricReader]:
        self._exporter = otlp_metric_exporter(endpoint)
        if self._exporter is None:
            return []
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        from .metrics.pusher import export_interval

        seconds = min(export_interval(), _LONGEST_SECONDS)
        return [PeriodicExportingMetricReader(self._exporter, seconds * 1000)]


def otlp_metric_exporter(
    endpoint: str, environ: Mapping[str, str] = os.environ
) -> OTLPMetricExporter | None:
    """Return an exporter to a collector, or None with one log line where there can be none.

    Args:
        endpoint: A collector's base address; empty for what the environment names.
        environ: Where `OTEL_*` settings are read.
    """
    try:
        from .export.otlp_metrics import OTLPMetricExporter
    except ImportError:
        missing = "opentelemetry-exporter-otlp-proto-common"
    else:
        missing = "" if load_requests() else "requests"
        if not missing:
            try:
                return OTLPMetricExporter(endpoint, environ=environ)
            except ValueError as error:
                _logger.warning("metrics are not sent to a collector: %s", error)
                return None
    _logger.warning(
        "metrics are not sent to a collector: %s is not installed. Try: uv add '%s[otlp]'",
        missing,
        _PACKAGE,
    )
    return None


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
