"""Set traces up: light spans of our own, or spans of the user's tracer provider."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

from tta_dev_primitives import observe

from .cost.prices import PriceBook
from .cost.pricing_stage import PricingStage
from .metrics.recorder import Recorder
from .metrics.telemetry import telemetry_instruments
from .observer import LightObserver
from .pipeline.pipeline import SpanPipeline
from .running import Delivery
from .scope import SCOPE, VERSION
from .semconv.schema import schema_url
from .spans.content import ContentCapture
from .spans.light_span import Scope
from .spans.light_tracer import LightTracerProvider
from .spans.limits import SpanLimits
from .spans.resolve import Resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .export.exporter import SpanExporter
    from .metrics.instrument import CellSource
    from .options import Options
    from .running import Process, Running
    from .spans.light_span import LightSpan

_logger = logging.getLogger("observability_integration")


def set_up_traces(process: Process, running: Running, options: Options) -> None:
    """Use the installed tracer provider, or install ours, and watch every primitive."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider) or provider is process.tracer_provider:
        _own(process, running, options)
    else:
        _joined(provider, running, options)


def _own(process: Process, running: Running, options: Options) -> None:
    # Spans that no exporter sees are not priced.
    counted_later = options.sampling.ratio == 1
    recorder = None if running.cells is None else Recorder(running.cells)
    ended = None if recorder is None else recorder.ended
    pipeline = _pipeline(
        running,
        options,
        options.environ,
        cells=running.cells if counted_later else None,
        before=None if ended is None else ended.count,
    )
    if recorder is not None:
        recorder.priced_later = counted_later and bool(pipeline.exporters)
    if not pipeline.exporters:
        # What was asked for and could not be had was told already.
        asked = options.prometheus_port is not None or _wanted(options, options.environ)
        level = logging.INFO if asked else logging.WARNING
        _logger.log(
            level,
            "traces go nowhere yet; set OTEL_EXPORTER_OTLP_ENDPOINT or pass "
            "enable_console_traces=True",
        )
    provider = process.tracer_provider
    limits = SpanLimits.from_environment(options.environ)
    if provider is None:
        provider = LightTracerProvider(pipeline.offer, options.sampling, limits)
        process.tracer_provider = provider
        provider.process = process
        trace.set_tracer_provider(provider)
    provider.deliver, provider.sampling, provider.limits = pipeline.offer, options.sampling, limits
    provider.pipeline, provider.resource = pipeline, options.resource
    observer = LightObserver(
        provider,
        recorder,
        Scope(SCOPE, VERSION, schema_url(options.schema)),
        span_level=options.level,
        captures_content=options.content.captures,
    )
    running.tracer_provider = provider
    running.closers.append(observe(observer).remove)
    running.kept.append(observer)
    if running.cells is not None:
        told = telemetry_instruments(
            running.cells,
            pipeline,
            pipeline.exporters,
            path_seconds=lambda: observer.path_seconds,
        )
        if running.registry is None:  # else the last metrics tell of it, and the registry goes
            running.closers.append(told)


def _joined(provider: trace.TracerProvider, running: Running, options: Options) -> None:
    from .cost.accounting import CostObserver
    from .metrics.observer import MetricsPrimitive
    from .tracer import TracerPrimitive

    tracer = TracerPrimitive(
        provider.get_tracer(SCOPE, VERSION, schema_url(options.schema)),
        schema=options.schema,
        content=ContentCapture(options.content, schema=options.schema),
    )
    running.closers.append(observe(tracer).remove)
    running.tracer_provider = provider
    if running.cells is not None:
        counting = MetricsPrimitive(running.meter, registry=running.registry, schema=options.schema)
        running.closers.append(observe(counting).remove)
        running.closers.append(observe(CostObserver(running.cells)).remove)
    running.attempt("trace exporters", lambda: _add_exporters(provider, running, options))


def _add_exporters(provider: trace.TracerProvider, running: Running, options: Options) -> None:
    """Feed exporters that were asked for by argument with the spans of *provider*."""
    # Those that the environment names are the provider's own affair.
    if not (options.given or _wanted(options, {})):
        return
    add: Any = getattr(provider, "add_span_processor", None)  # Any: the SDK's, where it is one
    if add is None:
        _logger.warning(
            "traces go only where %s sends them: it takes no further exporters",
            type(provider).__qualname__,
        )
        return
    from .export.sdk import PipelineProcessor

    pipeline = _pipeline(running, options, {})
    processor = PipelineProcessor(pipeline)
    add(processor)
    running.closers.append(processor.remove)
    if running.cells is not None:
        running.closers.append(telemetry_instruments(running.cells, pipeline, pipeline.exporters))


def _wanted(options: Options, environ: Mapping[str, str]) -> bool:
    return (
        options.wants_console(environ)
        or options.wants_otlp(environ)
        or options.trace_file is not None
    )


def _pipeline(
    running: Running,
    options: Options,
    environ: Mapping[str, str],
    *,
    cells: CellSource | None = None,
    before: Callable[[], object] | None = None,
) -> SpanPipeline:
    """Return a pipeline to the exporters that are wanted; one that fails is told and left out.

    Costs that it fills in are counted in *cells*. Its thread calls *before* each look for
    spans.
    """
    exporters: list[SpanExporter] = list(options.given)
    running.attempt("trace exporters", lambda: _make_exporters(exporters, options, environ))
    content = ContentCapture(options.content, schema=options.schema)
    resolve = Resolver(options.schema, content).resolve
    price = PricingStage(options.prices or PriceBook(), cells)

    def complete(span: LightSpan) -> None:
        resolve(span)
        price(span)

    pipeline = SpanPipeline(exporters, resolve=complete, before=before)
    running.closers.append(Delivery(pipeline.shutdown))
    return pipeline


def _make_exporters(
    exporters: list[SpanExporter], options: Options, environ: Mapping[str, str]
) -> None:
    if options.wants_console(environ):
        from .export.console import ConsoleExporter

        exporters.append(ConsoleExporter())
    if options.trace_file is not None:
        from .export.trace_file import TraceFileExporter

        exporters.append(TraceFileExporter(options.trace_file, resource=options.resource))
    if options.wants_otlp(environ):
        from .export.otlp import otlp_exporter

        exporter = otlp_exporter(options.otlp_endpoint, resource=options.resource)
        if exporter is not None:
            exporters.append(exporter)
