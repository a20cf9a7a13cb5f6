"""A registry's metrics in the form that exporters of the OpenTelemetry SDK take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)

from .registry import HistogramPoint
from .sendable import sendable_attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    from .cells import Example
    from .registry import Family, NumberPoint, Registry


def metrics_data(
    registry: Registry,
    resource: Resource,
    scope: InstrumentationScope,
    *,
    wall_ns: Callable[[], int] = time.time_ns,
) -> MetricsData:
    """Return all of *registry* at one moment, counted since the registry began.

    Args:
        registry: What is told.
        resource: The process that it is told of.
        scope: Whose metrics they are.
        wall_ns: Gives unix time in nanoseconds.
    """
    families = registry.collect()
    moment = _Moment(registry.start_ns, wall_ns())
    metrics = [
        Metric(
            name=family.instrument.name,
            description=family.instrument.description,
            unit=family.instrument.unit,
            data=moment.data(family),
        )
        for family in families
    ]
    schema_url = scope.schema_url or ""
    told = [ScopeMetrics(scope=scope, metrics=metrics, schema_url=schema_url)] if metrics else []
    return MetricsData([ResourceMetrics(resource, told, resource.schema_url)])


class _Moment:
    """Makes data points that are all of one moment."""

    def __init__(self, start_ns: int, now_ns: int) -> None:
        self._start_ns, self._now_ns = start_ns, now_ns

    def data(self, family: Family) -> Sum | Gauge | Histogram:
        """Return the points of *family* as its instrument's kind wants them."""
        cumulative = AggregationTemporality.CUMULATIVE
        numbers: list[NumberDataPoint] = []
        histograms: list[HistogramDataPoint] = []
        for point in family.points:
            if isinstance(point, HistogramPoint):
                histograms.append(self._histogram(point, family.instrument.buckets))
            else:
                numbers.append(self._number(point))
        match family.instrument.kind:
            case "histogram":
                return Histogram(histograms, cumulative)
            case "gauge":
                return Gauge(numbers)
            case kind:
                return Sum(numbers, cumulative, is_monotonic=kind == "counter")

    def _number(self, point: NumberPoint) -> NumberDataPoint:
        return NumberDataPoint(
            sendable_attributes(point.attributes), self._start_ns, self._now_ns, point.value
        )

    def _histogram(self, point: HistogramPoint, bounds: Sequence[float]) -> HistogramDataPoint:
        values = point.value
        return HistogramDataPoint(
            attributes=sendable_attributes(point.attributes),
            start_time_unix_nano=self._start_ns,
            time_unix_nano=self._now_ns,
            count=sum(values.counts),
            sum=values.total,
            bucket_counts=values.counts,
            explicit_bounds=bounds,
            min=values.least,
            max=values.most,
            exemplars=_exemplars(values.examples),
        )


def _exemplars(examples: Sequence[Example | None]) -> list[Exemplar]:
    return [
        Exemplar({}, each.value, each.time_ns, each.span_id, each.trace_id)
        for each in examples
        if each is not None
    ]
