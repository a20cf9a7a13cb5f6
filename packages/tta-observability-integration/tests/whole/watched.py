"""Programs in this very process, observed by the one line of setup."""

from __future__ import annotations

import asyncio
from typing import Any

from opentelemetry import trace

from observability_integration import initialize_observability, shutdown_observability
from observability_integration.spans.light_tracer import LightTracerProvider
from tta_dev_primitives import LambdaPrimitive

from .collector import Collector


def step(name: str = "a", function: Any = lambda x: x) -> LambdaPrimitive[Any, Any]:
    return LambdaPrimitive(function, name=name)


def call(name: str = "a", function: Any = lambda x: x) -> None:
    asyncio.run(step(name, function).execute(1))


def initialise(collector: Collector | None = None, **options: Any) -> bool:
    """Observe this process without an endpoint for Prometheus, unless one is asked for."""
    merged: dict[str, Any] = {"enable_prometheus": False, **options}
    if collector is not None:
        merged["otlp_endpoint"] = collector.url
    return initialize_observability(**merged)


def observed_call(collector: Collector, **options: Any) -> None:
    """Observe one call, and deliver all there is of it."""
    assert initialise(collector, **options)
    call()
    shutdown_observability()


class Counts:
    """What became of all spans of this process, as its own numbers say.

    Made while observability is on, because it forgets its pipeline afterwards.
    """

    def __init__(self) -> None:
        provider = trace.get_tracer_provider()
        assert isinstance(provider, LightTracerProvider)
        assert provider.pipeline is not None
        self.pipeline = provider.pipeline

    def hold(self, ended: int) -> None:
        """Every span that ended was exported, or was dropped and counted, by every exporter."""
        assert self.pipeline.offered == ended
        for exporter in self.pipeline.exporters:
            known = exporter.exported + exporter.dropped + self.pipeline.dropped
            assert known == ended, (exporter.name, exporter.exported, exporter.dropped)

    @property
    def exported(self) -> int:
        (exporter,) = self.pipeline.exporters
        return exporter.exported
