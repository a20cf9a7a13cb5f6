"""Set metrics up: our own registry for those who scrape or get them, or the user's meters."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opentelemetry import metrics

from .meters import LazyMeterProvider, installed_meter_provider, otlp_metric_exporter
from .metrics.meter_cells import MeterCells
from .metrics.prometheus import prometheus_endpoint
from .metrics.registry import Registry
from .running import Delivery
from .scope import SCOPE, VERSION
from .semconv.schema import schema_url

if TYPE_CHECKING:
    from .options import Options
    from .running import Process, Running

_logger = logging.getLogger("observability_integration")


def set_up_metrics(process: Process, running: Running, options: Options) -> None:
    """Give *running* cells to count in, where somebody will collect what they count."""
    installed = installed_meter_provider()
    if installed is not None and installed is not process.meter_provider:
        running.meter = installed.get_meter(SCOPE, VERSION, schema_url(options.schema))
        running.cells = MeterCells(running.meter, schema=options.schema)
        if options.prometheus_port is not None:
            _logger.info("a meter provider is installed already; metrics go there")
        return
    registry = Registry(schema=options.schema)
    url = schema_url(options.schema)
    endpoint = None
    if options.prometheus_port is not None:
        endpoint = prometheus_endpoint(
            registry,
            options.prometheus_port,
            resource=options.resource,
            scope_version=VERSION,
            schema_url=url,
        )
    if endpoint is not None:
        running.closers.append(endpoint.close)
    pushed = options.wants_otlp(options.environ, "METRICS")
    if pushed:
        running.attempt("metrics for the collector", lambda: _push(running, registry, options))
    if endpoint is None and not pushed:
        return
    running.cells = running.registry = registry
    _lend_meters(process, running, options, scraped=endpoint is not None, pushed=pushed)


def _push(running: Running, registry: Registry, options: Options) -> None:
    exporter = otlp_metric_exporter(options.otlp_endpoint or "", options.environ)
    if exporter is None:
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from .metrics.pusher import MetricPusher

    pusher = MetricPusher(
        registry,
        exporter,
        Resource(options.resource),
        InstrumentationScope(SCOPE, VERSION, schema_url(options.schema)),
        deltas=exporter.deltas,
        environ=options.environ,
    )
    running.closers.append(Delivery(pusher.shutdown))


def _lend_meters(
    process: Process, running: Running, options: Options, *, scraped: bool, pushed: bool
) -> None:
    """Let the user's own meters be collected beside ours."""
    provider = process.meter_provider or LazyMeterProvider()
    provider.resource, provider.scraped = options.resource, scraped
    provider.pushed_to = (options.otlp_endpoint or "") if pushed else None
    if process.meter_provider is None:
        # Last, because meters that were made before get their instruments now.
        process.meter_provider = provider
        metrics.set_meter_provider(provider)
    running.closers.append(Delivery(provider.close))
