"""The ways to watch that are compared, each set up in a process of its own, as an app does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from observability_by_hand import Measured, by_hand_around, calls_by_hand
from observability_sinks import EncodingExporter, collector_processor, encoding_processor
from observability_workflow_parts import Plus, Repeated

from tta_dev_primitives import ObservabilityPrimitive, WorkflowContext, observe

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from observability_workflow_parts import Wrap
    from opentelemetry.sdk.trace import TracerProvider


@dataclass(slots=True)
class Mode:
    """How calls are watched here.

    Attributes:
        alone: One call, at the top of a trace.
        below: 100 calls within another.
        wrap: Puts around a part of a workflow what makes its span by hand.
        provider: Where spans come from; None without any.
        encoded: Tells how many spans were encoded, where they go no further.
        lost: Tells how many spans were lost, where the mode itself counts that.
    """

    alone: Callable[[], Awaitable[object]]
    below: Callable[[], Awaitable[object]]
    wrap: Wrap = field(default=lambda _, primitive: primitive)
    provider: Any = None  # Any: ours or the SDK's, which both have `force_flush`
    encoded: Callable[[], int] | None = None
    lost: Callable[[], int] | None = None

    def flush(self) -> None:
        """Let everything that waits be delivered.

        Raises:
            RuntimeError: It was not, in half a minute.
        """
        if self.provider is not None and not self.provider.force_flush(30_000):
            msg = "spans were not delivered within 30 seconds"
            raise RuntimeError(msg)


def off(_: str) -> Mode:
    """Watch nothing."""
    return _primitives()


def nothing(_: str) -> Mode:
    """Watch with an observer that does nothing."""
    observe(ObservabilityPrimitive())
    return _primitives()


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

    provider, encoded = _sdk(endpoint)
    trace.set_tracer_provider(provider)
    if not initialize_observability(enable_prometheus=False, metrics=False):
        raise _not_set_up()
    mode = _primitives()
    mode.provider, mode.encoded = provider, encoded
    return mode


def by_hand(endpoint: str) -> Mode:
    """Put spans of the SDK around what is awaited, as one does without us."""
    provider, encoded = _sdk(endpoint)
    begin = provider.get_tracer("benchmark").start_as_current_span
    return Mode(*calls_by_hand(begin), by_hand_around(begin), provider, encoded)


def by_hand_measured(endpoint: str) -> Mode:
    """Count and time by the SDK too what a span is around."""
    provider, encoded = _sdk(endpoint)
    begin = provider.get_tracer("benchmark").start_as_current_span
    measured = Measured()
    around = by_hand_around(begin, measured)
    return Mode(*calls_by_hand(begin, measured), around, provider, encoded)


MODES: Final[dict[str, Callable[[str], Mode]]] = {
    "off": off,
    "nothing": nothing,
    "spans": spans,
    "on": on,
    "compatible": compatible,
    "by hand": by_hand,
    "by hand, measured": by_hand_measured,
}


def _primitives() -> Mode:
    plus = Plus()
    repeated, context = Repeated(plus), WorkflowContext()
    return Mode(lambda: plus.execute(1), lambda: repeated.execute(1, context))


def _own(endpoint: str, *, metrics: bool) -> Mode:
    from opentelemetry import trace

    from observability_integration import initialize_observability

    exporter = EncodingExporter()
    begun = initialize_observability(
        prometheus_port=0,
        metrics=metrics,
        otlp_endpoint=endpoint or None,
        exporters=() if endpoint else (exporter,),
    )
    provider: Any = trace.get_tracer_provider()  # Any: ours, if all went well
    pipeline = getattr(provider, "pipeline", None)
    if not begun or pipeline is None or not pipeline.exporters:
        raise _not_set_up()
    mode = _primitives()
    mode.provider = provider
    mode.encoded = None if endpoint else lambda: exporter.exported
    mode.lost = lambda: pipeline.dropped + sum(each.dropped for each in pipeline.exporters)
    return mode


def _sdk(endpoint: str) -> tuple[TracerProvider, Callable[[], int] | None]:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(resource=Resource({"service.name": "tta"}), shutdown_on_exit=False)
    encoded = None
    if endpoint:
        provider.add_span_processor(collector_processor(endpoint))
    else:
        processor, encoded = encoding_processor()
        provider.add_span_processor(processor)
    return provider, encoded


def _not_set_up() -> RuntimeError:
    return RuntimeError("observability could not be set up; the log above says why")
