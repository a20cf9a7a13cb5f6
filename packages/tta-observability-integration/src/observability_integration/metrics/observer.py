"""An observer that counts and times primitive calls, and makes no spans."""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Any, cast

from observability_integration.scope import SCOPE, VERSION
from observability_integration.semconv.schema import DEFAULT_SCHEMA
from tta_dev_primitives import ObservabilityPrimitive

from .meter_cells import MeterCells
from .recorder import PlaceMetrics, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import Meter

    from observability_integration.semconv.schema import Schema
    from tta_dev_primitives import WorkflowContext, WorkflowPrimitive
    from tta_dev_primitives.core.observe import Outcome

    from .registry import Registry


class MetricsPrimitive(ObservabilityPrimitive):
    """Feed metrics from primitive calls and the records they report.

    `tta.retry.attempts` counts attempts, everything else counts calls. A cancelled attempt is not
    counted, because it neither succeeded nor failed.

    Args:
        meter: Where instruments come from; the process-wide meter provider when left out.
        registry: Count here instead, at a hundredth of the price.
        schema: The version of the GenAI conventions that names metrics in a meter.
        monotonic: Gives seconds that never go back.

    Raises:
        ValueError: Both a meter and a registry are given.
    """

    def __init__(
        self,
        meter: Meter | None = None,
        *,
        registry: Registry | None = None,
        schema: Schema = DEFAULT_SCHEMA,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        if meter is not None and registry is not None:
            msg = "metrics go to a meter or to a registry, got both; leave one out"
            raise ValueError(msg)
        if registry is None:
            self._recorder = Recorder(MeterCells(meter or _process_meter(), schema=schema))
        else:
            self._recorder = Recorder(registry)
        self._monotonic = monotonic
        self._places: dict[tuple[int, str], PlaceMetrics] = {}

    def start(
        self,
        primitive: WorkflowPrimitive[Any, Any],  # Any: an observer sees every kind
        path: str,
        context: WorkflowContext,
    ) -> object:
        """Count a call under way and note the time."""
        place = self._places.get((id(primitive), path))
        if place is None:
            place = self._new_place(primitive, path)
        place.began()
        return _TimedCall(place, self._monotonic())

    def end(self, token: object, outcome: Outcome, error: BaseException | None) -> None:
        """Take the duration of a call that is over."""
        call = cast("_TimedCall", token)
        kind = None
        if error is not None and outcome != "cancelled":
            kind = "timeout" if outcome == "timeout" else type(error).__qualname__
        call.place.ended(outcome, self._monotonic() - call.began, None, kind)

    def event(self, token: object, record: object) -> None:
        """Count what *record* tells; records of other kinds are left to others."""
        cast("_TimedCall", token).place.record(record)

    def _new_place(self, primitive: WorkflowPrimitive[Any, Any], path: str) -> PlaceMetrics:
        root = path == primitive.path_segment("0")
        place = self._recorder.place(primitive, path, root=root)
        key = (id(primitive), path)
        self._places[key] = place
        # Another primitive may have the same identity later.
        weakref.finalize(primitive, self._places.pop, key, None).atexit = False
        return place


class _TimedCall:
    """A call that is being timed."""

    __slots__ = ("began", "place")

    def __init__(self, place: PlaceMetrics, began: float) -> None:
        self.place, self.began = place, began


def _process_meter() -> Meter:
    from opentelemetry import metrics

    return metrics.get_meter(SCOPE, VERSION)
