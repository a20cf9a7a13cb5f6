"""Spans and metrics of opentelemetry-sdk around what is awaited, as one writes them by hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from observability_workflow_parts import TIMES, bare

from tta_dev_primitives import LambdaPrimitive

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from observability_workflow_parts import Primitive, Wrap

    from tta_dev_primitives import WorkflowContext

# Any: a method of the SDK's tracers with many arguments.
Begin: TypeAlias = "Callable[..., AbstractContextManager[Any]]"

# What our spans and metrics say of a call.
ATTRIBUTES: Final = {
    "tta.primitive.type": "Plus",
    "tta.primitive.name": "plus",
    "tta.primitive.path": "0.repeated/0.plus",
}
LABELS: Final = {"tta.primitive.type": "Plus", "tta.primitive.name": "plus"}
OUTCOME: Final = "tta.outcome"


class Measured:
    """Count what is under way, and time what is over."""

    def __init__(self) -> None:
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader

        meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
        meter = meters.get_meter("benchmark")
        self._add = meter.create_up_down_counter("tta.primitive.active").add
        self._record = meter.create_histogram("tta.primitive.duration", unit="s").record

    def began(self) -> float:
        """Count one more, and return the time."""
        self._add(1, LABELS)
        return time.perf_counter()

    def ended(self, began: float) -> None:
        """Count one less, and how long it took."""
        self._add(-1, LABELS)
        self._record(time.perf_counter() - began, {**LABELS, OUTCOME: "ok"})


def calls_by_hand(
    begin: Begin, measured: Measured | None = None
) -> tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[None]]]:
    """Return one call, and 100 calls within another.

    Args:
        begin: Makes the span that is current in a block.
        measured: Takes metrics too.
    """

    async def alone() -> None:
        with begin("plus", attributes=ATTRIBUTES) as span:
            await bare(1)
            span.set_attribute(OUTCOME, "ok")

    async def alone_measured() -> None:
        assert measured is not None
        began = measured.began()
        with begin("plus", attributes=ATTRIBUTES) as span:
            await bare(1)
            span.set_attribute(OUTCOME, "ok")
            measured.ended(began)

    call = alone if measured is None else alone_measured

    async def below() -> None:
        with begin("repeated"):
            for _ in range(TIMES):
                await call()

    return call, below


def by_hand_around(begin: Begin, measured: Measured | None = None) -> Wrap:
    """Return what puts a span around a part of a workflow.

    Args:
        begin: Makes the span that is current in a block.
        measured: Takes metrics too.
    """

    def wrap(name: str, primitive: Primitive) -> Primitive:
        attributes = {**ATTRIBUTES, "tta.primitive.type": type(primitive).__name__}
        execute = primitive.execute

        async def call(value: int, context: WorkflowContext) -> int:
            with begin(name, attributes=attributes) as span:
                result = await execute(value, context)
                span.set_attribute(OUTCOME, "ok")
                return result

        async def call_measured(value: int, context: WorkflowContext) -> int:
            assert measured is not None
            began = measured.began()
            result = await call(value, context)
            measured.ended(began)
            return result

        return LambdaPrimitive(call if measured is None else call_measured, name=name)

    return wrap
