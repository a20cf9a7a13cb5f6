"""The ways to watch that are compared, each set up in a process of its own, as an app does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from observability_sinks import encoding_exporter, sdk_processor
from observability_workflow_parts import PARTS, Plus, Repeated, bare

from tta_dev_primitives import ObservabilityPrimitive, WorkflowContext, observe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from observability_workflow_parts import Function, Primitive, Wrap
    from opentelemetry.sdk.trace import TracerProvider

# What a span by hand says of a call is what ours say.
ATTRIBUTES: Final = {
    "tta.primitive.type": "Plus",
    "tta.primitive.name": "plus",
    "tta.primitive.path": "0.repeated/0.plus",
}
LABELS: Final = {"tta.primitive.type": "Plus", "tta.primitive.name": "plus"}
OUTCOME: Final = "tta.outcome"
TIMES: Final = 100


@dataclass(slots=True)
class Mode:
    """How calls are watched here.

    Attributes:
        alone: One call, at the top of a trace.
        below: 100 calls within another.
        wrap: Puts around a part of a workflow what makes its span by hand.
        counts: Tells how many spans were lost, where the other side counts that.
        provider: Where spans come from; None without any.
    """

    alone: Callable[[], Awaitable[object]]
    below: Callable[[], Awaitable[object]]
    wrap: Wrap = field(default=lambda name, primitive: primitive)
    counts: Callable[[], int | None] = field(default=lambda: None)
    provider: Any = None  # Any: ours or the SDK's, which both have `force_flush`

    def flush(self) -> None:
        """Let everything that waits be delivered.

        Raises:
            RuntimeError: It was not, in half a minute.
        """
        if self.provider is not None and not self.provider.force_flush(30_000):
            msg = "spans were not delivered within 30 seconds"
            raise RuntimeError(msg)


def off(endpoint: str) -> Mode:
    """Watch nothing."""
    return _primitives(None)


def nothing(endpoint: str) -> Mode:
    """Watch with an observer that does nothing."""
    observe(ObservabilityPrimitive())
    return _primitives(None)


def spans(endpoint: str) -> Mode:
    """Make spans of our own, and count nothing."""
    return _own(endpoint, metrics=False)


def on(endpoint: str) -> Mode:
    """Make spans of our own and count calls: what `initialize_observability` does by default."""
    return _own(endpoint, metrics=True)


def compatible(endpoint: str) -> Mode:
    """Make spans in a tracer provider of the SDK that the app had before."""
    from opentelemetry import trace

    from observability_integration import initialize_observability

    provider = _sdk(endpoint)
    trace.set_tracer_provider(provider)
    if not initialize_observability(enable_prometheus=False, metrics=False):
        _failed()
    return _primitives(provider)


def by_hand(endpoint: str) -> Mode:
    """Put spans of the SDK around what is awaited, as one does without us."""
    provider = _sdk(endpoint)
    tracer = provider.get_tracer("benchmark")
    begin = tracer.start_as_current_span

    async def alone() -> None:
        with begin("plus", attributes=ATTRIBUTES) as span:
            await bare(1)
            span.set_attribute(OUTCOME, "ok")

    async def below() -> None:
        with begin("repeated"):
            for _ in range(TIMES):
                with begin("plus", attributes=ATTRIBUTES) as span:
                    await bare(1)
                    span.set_attribute(OUTCOME, "ok")

    def wrap(name: str, primitive: Primitive) -> Function:
        attributes = {**ATTRIBUTES, "tta.primitive.type": type(primitive).__name__}
        execute = primitive.execute

        async def call(value: int, context: WorkflowContext) -> int:
            with begin(name, attributes=attributes) as span:
                result = await execute(value, context)
                span.set_attribute(OUTCOME, "ok")
                return result

        return call

    return Mode(alone, below, wrap, provider=provider)


def by_hand_measured(endpoint: str) -> Mode:
    """Count and time by the SDK too what a span is around."""
    import time

    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    provider = _sdk(endpoint)
    begin = provider.get_tracer("benchmark").start_as_current_span
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    meter = meters.get_meter("benchmark")
    active = meter.create_up_down_counter("tta.primitive.active")
    duration = meter.create_histogram("tta.primitive.duration", unit="s")

    async def alone() -> None:
        began = time.perf_counter()
        active.add(1, LABELS)
        with begin("plus", attributes=ATTRIBUTES) as span:
            await bare(1)
            span.set_attribute(OUTCOME, "ok")
        active.add(-1, LABELS)
        duration.record(time.perf_counter() - began, {**LABELS, OUTCOME: "ok"})

    async def below() -> None:
        with begin("repeated"):
            for _ in range(TIMES):
                await alone()

    return Mode(alone, below, provider=provider)


MODES: Final[dict[str, Callable[[str], Mode]]] = {
    "off": off,
    "nothing": nothing,
    "spans": spans,
    "on": on,
    "compatible": compatible,
    "by hand": by_hand,
    "by hand, measured": by_hand_measured,
}


def _primitives(provider: Any) -> Mode:  # Any: as `Mode.provider`
    plus = Plus()
    repeated, context = Repeated(plus), WorkflowContext()
    return Mode(
        lambda: plus.execute(1, context), lambda: repeated.execute(1, context), provider=provider
    )


def _own(endpoint: str, *, metrics: bool) -> Mode:
    from opentelemetry import trace

    from observability_integration import initialize_observability

    begun = initialize_observability(
        prometheus_port=0,
        metrics=metrics,
        otlp_endpoint=endpoint or None,
        exporters=() if endpoint else (encoding_exporter(),),
    )
    provider: Any = trace.get_tracer_provider()  # Any: ours, if all went well
    pipeline = getattr(provider, "pipeline", None)
    if not begun or pipeline is None or not pipeline.exporters:
        _failed()
    mode = _primitives(provider)
    mode.counts = lambda: pipeline.dropped + sum(each.dropped for each in pipeline.exporters)
    return mode


def _sdk(endpoint: str) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(resource=Resource({"service.name": "tta"}), shutdown_on_exit=False)
    provider.add_span_processor(sdk_processor(endpoint))
    return provider


def _failed() -> None:
    msg = "observability could not be set up; the log above says why"
    raise RuntimeError(msg)


__all__ = ["MODES", "PARTS", "Mode"]
