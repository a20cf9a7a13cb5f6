"""What was added since the last time, for backends that cannot take totals."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    MetricsData,
    NumberDataPoint,
    Sum,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.metrics.export import Metric

_Point: TypeAlias = NumberDataPoint | HistogramDataPoint
_Series: TypeAlias = tuple[str, frozenset[tuple[str, object]]]


class Deltas:
    """Turn totals of counters and histograms into what was added since they were told last.

    A series to which nothing was added is left out. Gauges, and sums that can shrink, stay as they
    are. The least and greatest values of a histogram are known for its first time alone.
    """

    def __init__(self) -> None:
        self._last: dict[_Series, _Point] = {}
        self._told_ns = self._now_ns = 0

    def since_last(self, data: MetricsData) -> MetricsData:
        """Return what was added to *data*, whose points are all of one moment."""
        told = MetricsData(
            [
                replace(
                    resource,
                    scope_metrics=[
                        replace(scope, metrics=metrics)
                        for scope in resource.scope_metrics
                        if (metrics := self._changed(scope.metrics))
                    ],
                )
                for resource in data.resource_metrics
            ]
        )
        self._told_ns = self._now_ns
        return told

    def _changed(self, metrics: Sequence[Metric]) -> list[Metric]:
        found: list[Metric] = []
        for metric in metrics:
            data = metric.data
            if isinstance(data, Histogram) or (isinstance(data, Sum) and data.is_monotonic):
                points: list[Any] = [  # Any: of this metric's kind
                    added
                    for point in data.data_points
                    if (added := self._added(metric.name, point)) is not None
                ]
                changed = replace(
                    data,
                    data_points=points,
                    aggregation_temporality=AggregationTemporality.DELTA,
                )
                if points:
                    found.append(replace(metric, data=changed))
            else:
                found.append(metric)
        return found

    def _added(self, name: str, point: _Point) -> _Point | None:
        series = name, frozenset((point.attributes or {}).items())
        last = self._last.get(series)
        self._last[series] = point
        self._now_ns = point.time_unix_nano
        if last is not None and last.start_time_unix_nano != point.start_time_unix_nano:
            last = None  # in a process that was forked off, which began at nothing
        since = max(point.start_time_unix_nano, self._told_ns)
        if isinstance(point, HistogramDataPoint):
            return _values_added(
                point, last if isinstance(last, HistogramDataPoint) else None, since
            )
        before = last.value if isinstance(last, NumberDataPoint) else 0
        # One that is told by others can begin anew.
        added = point.value - before if point.value >= before else point.value
        if not added and last is not None:
            return None
        return replace(point, value=added, start_time_unix_nano=since)


def _values_added(
    point: HistogramDataPoint, last: HistogramDataPoint | None, since: int
) -> HistogramDataPoint | None:
    if last is None:
        return replace(point, start_time_unix_nano=since) if point.count else None
    if point.count == last.count:
        return None
    unknown: Any = None  # Any: the wire knows of histograms without extremes, its type does not
    return replace(
        point,
        start_time_unix_nano=since,
        count=point.count - last.count,
        sum=point.sum - last.sum,
        bucket_counts=[
            now - before
            for now, before in zip(point.bucket_counts, last.bucket_counts, strict=True)
        ],
        min=unknown,
        max=unknown,
        exemplars=[each for each in point.exemplars if each.time_unix_nano >= since],
    )
