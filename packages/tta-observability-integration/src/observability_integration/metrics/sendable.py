"""Metrics that can be sent, whatever users put into them: what cannot be costs itself alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.sdk.metrics.export import MetricsData, NumberDataPoint
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from observability_integration.encoding.attributes import UnfitValueError
from observability_integration.encoding.wire import utf8

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics import Exemplar
    from opentelemetry.sdk.metrics.export import Metric, ResourceMetrics, ScopeMetrics

_LOWEST: Final = -(1 << 63)
_BEYOND: Final = 1 << 63
_logger = logging.getLogger("observability_integration")


def sendable_metrics(data: MetricsData) -> MetricsData:
    """Return *data* as protocol buffers can hold it.

    Halves of surrogate pairs become `?`, numbers of more than 64 bits are rounded, and attributes
    are those of `sendable_attributes`.
    """
    return MetricsData([_of_resource(each) for each in data.resource_metrics])


def sendable_attributes(attributes: Mapping[str, object]) -> dict[str, Any]:  # Any: as they were
    """Return *attributes* with texts for names, and without those that cannot be.

    Each that is left out has a log line, without its value.
    """
    found: dict[str, Any] = {}  # Any: as they were
    for key, value in attributes.items():
        name = ""
        try:
            name = _text(str(key))  # from the app, so that it can be anything
            fit = _value(value)
        except Exception:  # noqa: BLE001 - of a type of the app's; it costs this attribute alone
            _logger.warning(
                "an attribute was left out: %r cannot have a value of type %s",
                name,
                type(value).__name__,
            )
            continue
        if name:
            found[name] = fit
        else:
            _logger.warning("an attribute was left out: it has no name")
    return found


def _of_resource(told: ResourceMetrics) -> ResourceMetrics:
    resource = told.resource
    return replace(
        told,
        resource=Resource(sendable_attributes(resource.attributes or {}), resource.schema_url),
        scope_metrics=[_of_scope(each) for each in told.scope_metrics],
    )


def _of_scope(told: ScopeMetrics) -> ScopeMetrics:
    scope = told.scope
    fit = InstrumentationScope(
        _text(scope.name),
        None if scope.version is None else _text(scope.version),
        None if scope.schema_url is None else _text(scope.schema_url),
        sendable_attributes(scope.attributes or {}),
    )
    return replace(told, scope=fit, metrics=[_metric(each) for each in told.metrics])


def _metric(metric: Metric) -> Metric:
    points: list[Any] = [_point(each) for each in metric.data.data_points]  # Any: of its kind
    return replace(
        metric,
        name=_text(metric.name),
        description=_text(metric.description or ""),
        unit=_text(metric.unit or ""),
        data=replace(metric.data, data_points=points),
    )


def _point(point: Any) -> Any:  # Any: each kind of point has these fields
    fit = {
        "attributes": sendable_attributes(point.attributes or {}),
        "exemplars": [_exemplar(each) for each in point.exemplars],
    }
    if isinstance(point, NumberDataPoint):
        return replace(point, value=_number(point.value), **fit)
    return replace(point, **fit)


def _exemplar(exemplar: Exemplar) -> Exemplar:
    return replace(
        exemplar,
        filtered_attributes=sendable_attributes(exemplar.filtered_attributes or {}),
        value=_number(exemplar.value),
    )


def _number(value: float) -> float:
    if isinstance(value, int) and not _LOWEST <= value < _BEYOND:
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    return value


def _value(value: object) -> Any:  # Any: as attributes of OpenTelemetry
    if value is None or isinstance(value, bool | float | bytes):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return value if _LOWEST <= value < _BEYOND else str(value)
    if isinstance(value, Sequence):
        return tuple(_value(each) for each in cast("Sequence[object]", value))
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        return {_text(str(key)): _value(each) for key, each in pairs.items()}
    raise UnfitValueError(value)


def _text(content: str) -> str:
    return utf8(content).decode()
