"""Metrics for Prometheus: families made of a registry, and an endpoint to scrape.

`prometheus_client` comes with the extra `prometheus` and is imported where it is needed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from observability_integration.forking import tell_of_forks
from observability_integration.scope import SCOPE

from .prometheus_names import (
    exposed_labels,
    exposed_series,
    family_name,
    label_name,
    label_text,
    underscored,
    unit_name,
)
from .registry import HistogramPoint

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator, Mapping
    from wsgiref.simple_server import WSGIServer

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric
    from prometheus_client.samples import Exemplar

    from .cells import Example
    from .registry import Family, Registry

__all__ = [
    "LOOPBACK",
    "PrometheusEndpoint",
    "RegistryCollector",
    "exposed_labels",
    "exposed_series",
    "prometheus_endpoint",
]

LOOPBACK: Final = "127.0.0.1"
_PACKAGE: Final = "tta-observability-integration"
_TYPES: Final = {"updowncounter": "gauge"}
_logger = logging.getLogger("observability_integration")


class RegistryCollector:
    """Show a registry to `prometheus_client`.

    Names, labels and buckets are those of OpenTelemetry's exporter, with the scope as three labels;
    a family has a series only once something was counted. Examples of histogram buckets show in the
    OpenMetrics format.

    Args:
        registry: What is shown.
        resource: Attributes of the process, shown as `target_info`; none for no such family.
        scope_version: The version of this package, as one of the scope's labels.
        schema_url: The scope's schema, as another.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        resource: Mapping[str, object] | None = None,
        scope_version: str = "",
        schema_url: str = "",
    ) -> None:
        self._registry, self._resource = registry, dict(resource or {})
        self._scope = {
            "otel_scope_name": SCOPE,
            "otel_scope_schema_url": schema_url,
            "otel_scope_version": scope_version,
        }

    def describe(self) -> Iterable[Metric]:
        """Return nothing: families appear when something is counted, and clash with none."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield a family for each instrument that counted something."""
        from prometheus_client.core import Metric

        if self._resource:
            target = Metric("target", "Target metadata", "info")
            labels = {label_name(key): label_text(told) for key, told in self._resource.items()}
            labels.pop("", None)  # Prometheus refuses a whole scrape with a label that has no name
            target.add_sample("target_info", labels, 1)
            yield target
        for family in self._registry.collect():
            instrument = family.instrument
            metric = Metric(
                family_name(instrument),
                instrument.description,
                _TYPES.get(instrument.kind, instrument.kind),
                unit_name(instrument),
            )
            self._fill(metric, family)
            yield metric

    def _fill(self, metric: Metric, family: Family) -> None:
        for point in family.points:
            labels = {
                underscored(key): label_text(value) for key, value in point.attributes.items()
            }
            if isinstance(point, HistogramPoint):
                _add_buckets(metric, {**self._scope, **labels}, point, family.instrument.buckets)
            else:
                name = f"{metric.name}_total" if metric.type == "counter" else metric.name
                metric.add_sample(name, {**self._scope, **labels}, point.value)


def _add_buckets(
    metric: Metric, labels: dict[str, str], point: HistogramPoint, bounds: tuple[float, ...]
) -> None:
    upto = 0
    values = point.value
    texts = [*map(str, bounds), "+Inf"]
    for text, count, example in zip(texts, values.counts, values.examples, strict=True):
        upto += count
        metric.add_sample(
            f"{metric.name}_bucket",
            {**labels, "le": text},
            upto,
            exemplar=None if example is None else _exemplar(example),
        )
    metric.add_sample(f"{metric.name}_count", labels, upto)
    metric.add_sample(f"{metric.name}_sum", labels, values.total)


def _exemplar(example: Example) -> Exemplar:
    from prometheus_client.samples import Exemplar

    ids = {"trace_id": f"{example.trace_id:032x}", "span_id": f"{example.span_id:016x}"}
    return Exemplar(ids, example.value, example.time_ns / 1e9)


class PrometheusEndpoint:
    """An HTTP endpoint on loopback that Prometheus can scrape; close it to free the port.

    It shows the registry together with whatever is in the default registry of `prometheus_client`,
    each name once; the registry is added there too while the endpoint is open, so that endpoints
    of the user's own show it as well.

    In a process that is forked off, nobody answers: open an endpoint there, at a port of its own.

    Args:
        registry: What is shown.
        port: 0 picks a free one.
        host: Where it listens.
        resource: Attributes of the process, shown as `target_info`.
        scope_version: The version of this package.
        schema_url: The schema of the metrics' names.

    Raises:
        ImportError: `prometheus_client` is not installed.
        OSError: The port cannot be opened.
        OverflowError: There is no such port.
    """

    def __init__(
        self,
        registry: Registry,
        port: int,
        host: str = LOOPBACK,
        *,
        resource: Mapping[str, object] | None = None,
        scope_version: str = "",
        schema_url: str = "",
    ) -> None:
        from prometheus_client import REGISTRY, start_http_server

        from .prometheus_families import DistinctFamilies

        self._collector: Any = RegistryCollector(  # Any: prometheus_client wants its own base class
            registry, resource=resource, scope_version=scope_version, schema_url=schema_url
        )
        self._shared: CollectorRegistry = REGISTRY
        everything: Any = DistinctFamilies(REGISTRY)  # Any: as above
        server, thread = start_http_server(port, host, everything)
        self._server: WSGIServer = server
        self._thread: threading.Thread = thread
        self._host = host
        self._is_child = False
        REGISTRY.register(self._collector)
        self._open = True
        tell_of_forks(self)

    @property
    def url(self) -> str:
        """The address to scrape."""
        return f"http://{self._host}:{self._server.server_port}/metrics"

    def close(self) -> None:
        """Stop answering; a second call does nothing."""
        if not self._open:
            return
        self._open = False
        self._shared.unregister(self._collector)
        if self._is_child:
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def after_fork(self) -> None:
        """Leave the port to the parent: nobody answers here, as its thread is not here."""
        self._is_child = True
        self._server.socket.close()


def prometheus_endpoint(
    registry: Registry,
    port: int,
    host: str = LOOPBACK,
    *,
    resource: Mapping[str, object] | None = None,
    scope_version: str = "",
    schema_url: str = "",
) -> PrometheusEndpoint | None:
    """Open an endpoint, or return None with one log line where that fails; see the class.

    Args:
        registry: What is shown.
        port: 0 picks a free one.
        host: Where it listens.
        resource: Attributes of the process, shown as `target_info`.
        scope_version: The version of this package.
        schema_url: The schema of the metrics' names.
    """
    try:
        endpoint = PrometheusEndpoint(
            registry,
            port,
            host,
            resource=resource,
            scope_version=scope_version,
            schema_url=schema_url,
        )
    except ImportError:
        _logger.warning(
            "no Prometheus endpoint: prometheus-client is not installed. "
            "Try: uv add '%s[prometheus]', or pass enable_prometheus=False",
            _PACKAGE,
        )
        return None
    except (OSError, OverflowError) as error:
        _logger.warning(
            "no Prometheus endpoint: port %s of %s cannot be opened (%s); pass another "
            "prometheus_port",
            port,
            host,
            error,
        )
        return None
    _logger.info("Prometheus can scrape %s", endpoint.url)
    return endpoint
