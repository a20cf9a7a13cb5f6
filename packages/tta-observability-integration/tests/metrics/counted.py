"""Helpers of these tests: what was counted, read through the form that exporters get."""

from __future__ import annotations

from typing import Any

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData, NumberDataPoint
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from observability_integration.metrics.meter_cells import MeterCells
from observability_integration.metrics.otlp import metrics_data
from observability_integration.metrics.registry import Registry

RESOURCE = Resource({"service.name": "tests"})
SCOPE = InstrumentationScope("tests", "1", "https://example.com/schema")


class RegistryCounted:
    """A registry and what is in it."""

    def __init__(self, **options: Any) -> None:
        self.source = Registry(**options)

    def data(self) -> MetricsData:
        return metrics_data(self.source, RESOURCE, SCOPE)

    def close(self) -> None:
        pass


class MeterCounted:
    """Cells over a meter of the SDK and what its reader collects."""

    def __init__(self, **options: Any) -> None:
        self._reader = InMemoryMetricReader()
        self._provider = MeterProvider([self._reader], resource=RESOURCE, shutdown_on_exit=False)
        meter = self._provider.get_meter(SCOPE.name, SCOPE.version, SCOPE.schema_url)
        self.meter = meter
        self.source = MeterCells(meter, **options)

    def data(self) -> MetricsData:
        return self._reader.get_metrics_data() or MetricsData([])

    def close(self) -> None:
        self._provider.shutdown()


KINDS: dict[str, type[RegistryCounted | MeterCounted]] = {
    "registry": RegistryCounted,
    "meter": MeterCounted,
}


def points(data: MetricsData, metric: str) -> list[Any]:
    """Return the data points of *metric*."""
    return [
        point
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for found in scope.metrics
        if found.name == metric
        for point in found.data.data_points
    ]


def metric_names(data: MetricsData) -> set[str]:
    """Return the names of everything that has a series."""
    return {
        metric.name
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def told(data: MetricsData, metric: str) -> dict[tuple[Any, ...], Any]:
    """Return values, or (sum, count), by the labels in the order of their names."""
    found: dict[tuple[Any, ...], Any] = {}
    for point in points(data, metric):
        labels = tuple(value for _, value in sorted((point.attributes or {}).items()))
        number = isinstance(point, NumberDataPoint)
        found[labels] = point.value if number else (point.sum, point.count)
    return found


def everything(data: MetricsData) -> dict[str, dict[tuple[Any, ...], Any]]:
    """Return what `told` returns, of all metrics."""
    return {name: told(data, name) for name in metric_names(data)}


def wire(data: MetricsData) -> list[str]:
    """Return the protobuf of each metric as text: sorted, without times and examples."""
    request = encode_metrics(data)
    texts: list[str] = []
    for resource in request.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                body = getattr(metric, metric.WhichOneof("data") or "")
                for point in body.data_points:
                    point.ClearField("start_time_unix_nano")
                    point.ClearField("time_unix_nano")
                    point.ClearField("exemplars")
                    attributes = sorted(point.attributes, key=lambda pair: pair.key)
                    del point.attributes[:]
                    point.attributes.extend(attributes)
                ordered = sorted(body.data_points, key=str)
                del body.data_points[:]
                body.data_points.extend(ordered)
                texts.append(str(metric))
            del scope.metrics[:]
    texts.append(str(request))
    return sorted(texts)
