"""Turn observability on and off for the whole process."""

from __future__ import annotations

import atexit
import logging
import os
from typing import TYPE_CHECKING, Any

from .options import DEFAULT_SERVICE_NAME, DEFAULT_SERVICE_VERSION, read_options
from .running import Process, Running

# OpenTelemetry is imported where it is used: asking whether observability is on must cost nothing.
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

    from .cost.prices import PriceBook
    from .export.exporter import SpanExporter

_logger = logging.getLogger("observability_integration")


# What is set up outlives a reload of this module.
_process: Process = globals().get("_process") or Process()


def initialize_observability(
    service_name: str = DEFAULT_SERVICE_NAME,
    service_version: str = DEFAULT_SERVICE_VERSION,
    enable_prometheus: bool = True,  # noqa: FBT001, FBT002 - 0.1 took these by position
    enable_console_traces: bool | None = None,  # noqa: FBT001 - as above
    prometheus_port: int = 9464,
    *,
    otlp_endpoint: str | None = None,
    exporters: Iterable[str | SpanExporter] = (),
    trace_file: str | os.PathLike[str] | None = None,
    sample_ratio: float | None = None,
    capture_content: bool | str | None = None,
    span_level: str = "primitive",
    metrics: bool = True,
    resource: Mapping[str, Any] | None = None,  # Any: values of attributes
    schema: str = "1.41",
    prices: str | os.PathLike[str] | PriceBook | None = None,
) -> bool:
    """Trace and measure every primitive of this process, and return whether that worked.

    It never raises: what cannot be set up is told in one log line, and the rest goes on. A second
    call changes nothing. A tracer or meter provider that is installed already is used as it is;
    then only exporters asked for by argument are added to it, because it has its own. Without one,
    spans are light ones of this package, for the user's own tracers and instrumentations too.

    What waits is delivered at the end of the program, in two seconds at most.

    Args:
        service_name: Name of the service in traces; `OTEL_SERVICE_NAME` replaces the default.
        service_version: Version of the service in traces; `service.version` among
            `OTEL_RESOURCE_ATTRIBUTES` replaces the default.
        enable_prometheus: Answer Prometheus on loopback; needs the extra `prometheus`.
        enable_console_traces: Print each finished trace to stderr. None leaves it to the
            environment: on when `OTEL_TRACES_EXPORTER` names `console`.
        prometheus_port: Port of the Prometheus endpoint; 0 picks a free one.
        otlp_endpoint: Base URL of an OTLP/HTTP collector, for example `http://localhost:4318`;
            needs the extra `otlp`. Left out, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and
            `OTEL_EXPORTER_OTLP_ENDPOINT` are asked.
        exporters: Names among `console`, `file` and `otlp`, or exporters of spans.
        trace_file: Write spans to this SQLite file.
        sample_ratio: Share of traces to record, from 0 to 1; left out, `OTEL_TRACES_SAMPLER` and
            its argument are asked. Metrics count all calls.
        capture_content: Keep what is said to models and by them, redacted, on spans; None leaves
            it to `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`, whose words are taken too.
        span_level: `primitive` for a span of every call, `workflow` for one of every workflow and
            of every call of a model. In a tracer provider of the user's every call has one.
        metrics: Whether calls are measured.
        resource: Further attributes of this process.
        schema: Names of the GenAI conventions: `1.41`, or `latest`.
        prices: A TOML file of your own prices, or a book of them, for spans of models that come
            without their cost; the extra `cost` knows what is not in it. They are priced in the
            thread that exports, whoever made them.
    """
    _adopt_earlier()
    with _process.lock:
        if _process.running is not None:
            _logger.info("observability is on already; nothing changed")
            return True
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            _logger.warning("observability stays off: OTEL_SDK_DISABLED is true")
            return False
        try:
            options = read_options(
                service_name=service_name,
                service_version=service_version,
                exporters=exporters,
                sample_ratio=sample_ratio,
                capture_content=capture_content,
                span_level=span_level,
                resource=resource,
                schema=schema,
                prices=prices,
                otlp_endpoint=otlp_endpoint,
                trace_file=trace_file,
                console=enable_console_traces,
                prometheus_port=prometheus_port if enable_prometheus else None,
                metrics=metrics,
            )
        except (TypeError, ValueError, AttributeError) as error:
            _logger.error("observability stays off: an argument cannot be used: %s", error)  # noqa: TRY400 - the app's mistake, told in one line
            return False
        from .context.logs import install_log_correlation, wants_log_correlation
        from .measuring import set_up_metrics
        from .tracing import set_up_traces

        running = Running()
        if wants_log_correlation():
            correlation = install_log_correlation(str(options.resource["service.name"]))
            running.closers.append(correlation.remove)
        if metrics:
            running.attempt("metrics", lambda: set_up_metrics(_process, running, options))
        running.attempt("traces", lambda: set_up_traces(_process, running, options))
        if running.tracer_provider is None and running.cells is None:
            running.close()
            return False
        _process.running, _process.shut_down = running, shutdown_observability
        _process.close_with_worker()
        atexit.register(shutdown_observability)
        return True


def _adopt_earlier() -> None:
    """Go on with what an earlier copy of this package set up, whose modules are gone."""
    global _process  # noqa: PLW0603 - the one state of the process
    if _process.tracer_provider is None:
        from opentelemetry import trace

        earlier = getattr(trace.get_tracer_provider(), "process", None)
        if earlier is not None:
            _process = earlier


def is_observability_enabled() -> bool:
    """Tell whether primitives are traced or measured."""
    return _process.running is not None


def shutdown_observability() -> None:
    """Stop watching and deliver what waits; a second call does nothing.

    That takes two seconds at most, however many collectors do not answer.

    Tracer and meter providers stay installed, because OpenTelemetry installs them once per
    process. Calls under way still end their spans, which then go nowhere.
    """
    with _process.lock:
        running, _process.running = _process.running, None
    if running is not None:
        atexit.unregister(shutdown_observability)
        running.close()


def get_tracer(name: str) -> Tracer | None:
    """Return a tracer for the user's own spans, or None while observability is off."""
    running = _process.running
    if running is None or running.tracer_provider is None:
        return None
    return running.tracer_provider.get_tracer(name)


def get_meter(name: str) -> Meter | None:
    """Return a meter for the user's own metrics, or None while observability is off.

    Where nothing collects metrics, its instruments do nothing. The first call loads the SDK.
    """
    if _process.running is None:
        return None
    from opentelemetry import metrics

    return metrics.get_meter_provider().get_meter(name)
