"""Turn observability on and off for the whole process."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

# OpenTelemetry is imported where it is used: asking whether observability is on must cost nothing.
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.metrics import Meter, MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Tracer, TracerProvider

DEFAULT_SERVICE_NAME = "tta"
_logger = logging.getLogger("observability_integration")


class _Running:
    """What one `initialize_observability` set up, and how to undo it."""

    def __init__(self) -> None:
        self.tracer_provider: TracerProvider | None = None
        self.meter_provider: MeterProvider | None = None
        self.closers: list[Callable[[], object]] = []

    def attempt(self, what: str, set_up: Callable[[], None]) -> None:
        """Set a part up; one that fails is undone and told, and the app goes on without it."""
        done = len(self.closers)
        try:
            set_up()
        except Exception:
            _logger.exception("%s could not be set up; the app goes on without them", what)
            self.close(down_to=done)

    def close(self, *, down_to: int = 0) -> None:
        """Undo what was set up, last things first."""
        while len(self.closers) > down_to:
            closer = self.closers.pop()
            try:
                closer()
            except Exception:
                _logger.exception("a part of observability could not be shut down")


class _Process:
    """The state of this process; providers can be installed only once in its life."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running: _Running | None = None
        self.own_tracer_provider: TracerProvider | None = None
        self.own_meter_provider: MeterProvider | None = None


_process = _Process()


def initialize_observability(
    service_name: str = DEFAULT_SERVICE_NAME,
    service_version: str = "0.1.0",
    enable_prometheus: bool = True,  # noqa: FBT001, FBT002 - 0.1 took these by position
    enable_console_traces: bool | None = None,  # noqa: FBT001 - as above
    prometheus_port: int = 9464,
    *,
    otlp_endpoint: str | None = None,
) -> bool:
    """Trace and measure every primitive of this process, and return whether that worked.

    It never raises: what cannot be set up is told in one log line, and the rest goes on. A second
    call changes nothing. A tracer or meter provider that is installed already is used as it is;
    then only exporters asked for by argument are added to it, because it has its own.

    Args:
        service_name: Name of the service in traces; `OTEL_SERVICE_NAME` replaces the default.
        service_version: Version of the service in traces.
        enable_prometheus: Answer Prometheus on loopback; needs the extra `prometheus`.
        enable_console_traces: Print each finished trace to stderr. None leaves it to the
            environment: on when `OTEL_TRACES_EXPORTER` names `console`.
        prometheus_port: Port of the Prometheus endpoint; 0 picks a free one.
        otlp_endpoint: Base URL of an OTLP/HTTP collector, for example `http://localhost:4318`;
            needs the extra `otlp`. Left out, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and
            `OTEL_EXPORTER_OTLP_ENDPOINT` are asked.
    """
    with _process.lock:
        if _process.running is not None:
            _logger.info("observability is on already; nothing changed")
            return True
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            _logger.warning("observability stays off: OTEL_SDK_DISABLED is true")
            return False
        running = _Running()
        port = prometheus_port if enable_prometheus else None
        resource = (service_name, service_version)
        running.attempt("metrics", lambda: _set_up_metrics(running, resource, port))
        running.attempt(
            "traces",
            lambda: _set_up_traces(running, resource, enable_console_traces, otlp_endpoint),
        )
        if running.tracer_provider is None and running.meter_provider is None:
            return False
        _process.running = running
        return True


def is_observability_enabled() -> bool:
    """Tell whether primitives are traced or measured."""
    return _process.running is not None


def shutdown_observability() -> None:
    """Stop watching and deliver what waits; a second call does nothing.

    A collector that does not answer is given up after two seconds.

    Tracer and meter providers stay installed, because OpenTelemetry installs them once per
    process. Calls under way still end their spans, which then go nowhere.
    """
    with _process.lock:
        running, _process.running = _process.running, None
    if running is not None:
        running.close()


def get_tracer(name: str) -> Tracer | None:
    """Return a tracer for the user's own spans, or None while observability is off."""
    running = _process.running
    if running is None or running.tracer_provider is None:
        return None
    return running.tracer_provider.get_tracer(name)


def get_meter(name: str) -> Meter | None:
    """Return a meter for the user's own metrics, or None while observability is off.

    Where nothing collects metrics, its instruments do nothing.
    """
    running = _process.running
    if running is None:
        return None
    from opentelemetry import metrics

    provider = running.meter_provider or metrics.get_meter_provider()
    return provider.get_meter(name)


def _resource(service_name: str, service_version: str) -> Resource:
    from opentelemetry.sdk.resources import Resource

    if service_name == DEFAULT_SERVICE_NAME:
        service_name = os.environ.get("OTEL_SERVICE_NAME") or service_name
    return Resource.create({"service.name": service_name, "service.version": service_version})


def _set_up_metrics(running: _Running, service: tuple[str, str], port: int | None) -> None:
    """Use the installed meter provider, or make one when somebody will collect from it."""
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider

    from tta_dev_primitives import observe

    from .export.doors import prometheus_endpoint
    from .metrics.observer import MetricsPrimitive
    from .tracer import SCOPE

    provider = metrics.get_meter_provider()
    # The API's own placeholder does nothing; anything else was installed by somebody.
    free = type(provider).__module__.startswith("opentelemetry.metrics")
    if free or provider is _process.own_meter_provider:
        endpoint = None if port is None else prometheus_endpoint(port)
        if endpoint is None:
            return
        running.closers.append(endpoint.close)
        provider = MeterProvider(metric_readers=[endpoint.reader], resource=_resource(*service))
        running.closers.append(provider.shutdown)
        if free:
            metrics.set_meter_provider(provider)
            _process.own_meter_provider = provider
    elif port is not None:
        _logger.info("a meter provider is installed already; metrics go there")
    running.closers.append(observe(MetricsPrimitive(provider.get_meter(SCOPE))).remove)
    running.meter_provider = provider


def _set_up_traces(
    running: _Running,
    service: tuple[str, str],
    console: bool | None,  # noqa: FBT001 - the 0.1 parameter passed on
    otlp_endpoint: str | None,
) -> None:
    """Use the installed tracer provider, or install one, and add what was asked for."""
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    from tta_dev_primitives import observe

    from .tracer import SCOPE, TracerPrimitive

    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        provider = _process.own_tracer_provider = TracerProvider(resource=_resource(*service))
        trace.set_tracer_provider(provider)
    running.closers.append(observe(TracerPrimitive(provider.get_tracer(SCOPE))).remove)
    running.tracer_provider = provider
    running.attempt(
        "trace exporters", lambda: _add_exporters(running, provider, console, otlp_endpoint)
    )


def _add_exporters(
    running: _Running,
    provider: TracerProvider,
    console: bool | None,  # noqa: FBT001 - as above
    otlp_endpoint: str | None,
) -> None:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    from .export.console import ConsoleTraceExporter
    from .export.doors import (
        PatientBatchProcessor,
        RemovableProcessor,
        console_wanted,
        otlp_exporter,
        otlp_wanted,
    )

    ours = provider is _process.own_tracer_provider
    environ: Mapping[str, str] = os.environ if ours else {}
    processors: list[SpanProcessor] = []
    if console_wanted(asked=console, environ=environ):
        processors.append(SimpleSpanProcessor(ConsoleTraceExporter()))
    if otlp_wanted(otlp_endpoint, environ):
        exporter = otlp_exporter(otlp_endpoint)
        if exporter is not None:
            processors.append(PatientBatchProcessor(exporter))
    elif ours and not processors:
        _logger.info(
            "traces go nowhere yet; set OTEL_EXPORTER_OTLP_ENDPOINT or pass "
            "enable_console_traces=True"
        )
    if not processors:
        return
    add = getattr(provider, "add_span_processor", None)
    if add is None:
        _logger.warning(
            "traces go only where %s sends them: it takes no further exporters",
            type(provider).__qualname__,
        )
        return
    for processor in map(RemovableProcessor, processors):
        add(processor)
        running.closers.append(processor.shutdown)
