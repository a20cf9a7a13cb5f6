"""Observers whose ended spans are kept instead of exported: ours, and the SDK's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observability_integration.observer import LightObserver
from observability_integration.spans.light_span import Scope
from observability_integration.spans.light_tracer import LightTracerProvider
from observability_integration.spans.sampling import Sampling
from observability_integration.tracer import TracerPrimitive

if TYPE_CHECKING:
    from collections.abc import Callable

    from tta_dev_primitives import ObservabilityPrimitive

SCOPE = "observability_integration"


def our_observer(keep: Callable[[object], object]) -> ObservabilityPrimitive:
    """Return an observer that gives light spans to *keep* as they wait to be exported."""
    return LightObserver(LightTracerProvider(keep, Sampling()), None, Scope(SCOPE))


def sdk_observer(keep: Callable[[object], object]) -> ObservabilityPrimitive:
    """Return an observer that gives spans of the SDK to *keep*, as its processors get them."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

    class Keeping(SpanProcessor):
        """Keep every span that ends."""

        def on_end(self, span: ReadableSpan) -> None:
            keep(span)

    provider = TracerProvider(resource=Resource({"service.name": "tta"}), shutdown_on_exit=False)
    provider.add_span_processor(Keeping())
    return TracerPrimitive(provider.get_tracer(SCOPE))
