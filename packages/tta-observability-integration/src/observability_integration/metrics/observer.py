"""An observer that counts and times primitive calls with OpenTelemetry metrics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry import metrics

from observability_integration.semconv import names as semconv
from observability_integration.tracer import SCOPE
from tta_dev_primitives import ObservabilityPrimitive
from tta_dev_primitives.core import observe

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import Meter

    from tta_dev_primitives import WorkflowContext, WorkflowPrimitive

# Cache hits take microseconds and models a minute; the upper part is that of the GenAI conventions.
DURATION_BUCKETS: Final = (
    *(0.0001, 0.001, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28),
    *(2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
)
COUNT_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class MetricsPrimitive(ObservabilityPrimitive):
    """Feed metrics from primitive calls and the records they report.

    `tta.retry.attempts` counts attempts, everything else counts calls. A cancelled attempt is not
    counted, because it neither succeeded nor failed.

    Args:
        meter: Where instruments come from; the process-wide meter provider when left out.
        monotonic: Gives seconds that never go back.
    """

    def __init__(
        self, meter: Meter | None = None, *, monotonic: Callable[[], float] = time.perf_counter
    ) -> None:
        meter = metrics.get_meter(SCOPE) if meter is None else meter
        self._monotonic = monotonic
        self._duration = meter.create_histogram(
            semconv.METRIC_PRIMITIVE_DURATION,
            unit="s",
            description="How long primitive calls took",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS,
        )
        self._active = meter.create_up_down_counter(
            semconv.METRIC_PRIMITIVE_ACTIVE, description="Primitive calls under way"
        )
        self._cache_requests = meter.create_counter(
            semconv.METRIC_CACHE_REQUESTS, description="What caches answered"
        )
        self._retry_attempts = meter.create_counter(
            semconv.METRIC_RETRY_ATTEMPTS, description="Attempts of retried calls that ended"
        )
        self._timeout_expirations = meter.create_counter(
            semconv.METRIC_TIMEOUT_EXPIRATIONS, description="Time limits that passed"
        )
        self._fallback_activations = meter.create_counter(
            semconv.METRIC_FALLBACK_ACTIVATIONS, description="Calls that an alternative answered"
        )
        self._route_decisions = meter.create_counter(
            semconv.METRIC_ROUTE_DECISIONS, description="Where routers sent calls"
        )
        self._batch_size = meter.create_histogram(
            semconv.METRIC_BATCH_SIZE,
            description="How many calls the batch had that a call was part of",
            explicit_bucket_boundaries_advisory=COUNT_BUCKETS,
        )
        self._loop_iterations = meter.create_histogram(
            semconv.METRIC_LOOP_ITERATIONS,
            description="How often loops ran their bodies",
            explicit_bucket_boundaries_advisory=COUNT_BUCKETS,
        )
        self._fault_injections = meter.create_counter(
            semconv.METRIC_FAULT_INJECTIONS, description="Faults that were injected on purpose"
        )

    def start(
        self,
        primitive: WorkflowPrimitive[Any, Any],  # Any: an observer sees every kind
        path: str,
        context: WorkflowContext,
    ) -> object:
        """Count a call under way and note the time."""
        call = _TimedCall(type(primitive).__name__, primitive.label, self._monotonic())
        self._active.add(1, call.labels)
        return call

    def end(self, token: object, outcome: observe.Outcome, error: BaseException | None) -> None:
        """Take the duration of a call that is over."""
        call = cast("_TimedCall", token)
        elapsed = self._monotonic() - call.began
        self._active.add(-1, call.labels)
        self._duration.record(elapsed, {**call.labels, semconv.TTA_OUTCOME: outcome})

    def event(self, token: object, record: object) -> None:
        """Count what *record* tells; records of other kinds are left to others."""
        name = {semconv.TTA_PRIMITIVE_NAME: cast("_TimedCall", token).name}
        match record:
            case observe.CacheRecord():
                self._cache_requests.add(1, {**name, semconv.TTA_CACHE_RESULT: record.result})
            case observe.RetryScheduledRecord():
                self._retry_attempts.add(1, {**name, semconv.TTA_OUTCOME: "error"})
            case observe.RetryRecord():
                outcome = "error" if record.exhausted else "ok"
                self._retry_attempts.add(1, {**name, semconv.TTA_OUTCOME: outcome})
            case observe.TimeoutRecord():
                self._timeout_expirations.add(1, name)
            case observe.FallbackRecord():
                origin = name[semconv.TTA_PRIMITIVE_NAME]
                labels = {
                    semconv.TTA_FALLBACK_FROM: origin,
                    semconv.TTA_FALLBACK_TO: record.used,
                    semconv.ERROR_TYPE: record.reason,
                }
                self._fallback_activations.add(1, labels)
            case observe.RouteRecord():
                labels = {
                    **name,
                    semconv.TTA_ROUTE_SELECTED: record.selected,
                    semconv.TTA_ROUTE_REASON: record.reason,
                }
                self._route_decisions.add(1, labels)
            case observe.BatchRecord():
                self._batch_size.record(
                    record.size, {**name, semconv.TTA_BATCH_REASON: record.reason}
                )
            case observe.LoopRecord():
                self._loop_iterations.record(
                    record.iterations, {**name, semconv.TTA_LOOP_EXHAUSTED: record.exhausted}
                )
            case observe.FaultRecord():
                for kind in record.injected:
                    self._fault_injections.add(1, {**name, semconv.TTA_FAULT_KIND: kind})
            case _:
                return


class _TimedCall:
    """A call that is being timed."""

    __slots__ = ("began", "labels", "name")

    def __init__(self, kind: str, name: str, began: float) -> None:
        self.name, self.began = name, began
        self.labels = {semconv.TTA_PRIMITIVE_TYPE: kind, semconv.TTA_PRIMITIVE_NAME: name}
