"""What the environment prefers for metrics: totals or differences, and which histograms."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.sdk.metrics import Counter, Histogram, ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.sdk.metrics.view import (
    Aggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEMPORALITY: Final = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
_HISTOGRAMS: Final = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
_TOLD_AS_DELTAS: Final[Mapping[str, tuple[type, ...]]] = {
    "cumulative": (),
    "delta": (Counter, Histogram, ObservableCounter),
    "lowmemory": (Counter, Histogram),
}
_AGGREGATIONS: Final[Mapping[str, type[Aggregation]]] = {
    "explicit_bucket_histogram": ExplicitBucketHistogramAggregation,
    "base2_exponential_bucket_histogram": ExponentialBucketHistogramAggregation,
}
_logger = logging.getLogger("observability_integration")


class MetricPreferences(NamedTuple):
    """How meters of the SDK count, and how that is told.

    Attributes:
        temporality: Which instruments tell what was added; all others tell totals.
        aggregation: Which histograms have which buckets.
        deltas: Whether anything is told as what was added.
    """

    temporality: dict[type, AggregationTemporality]
    aggregation: dict[type, Aggregation]
    deltas: bool


def metric_preferences(environ: Mapping[str, str]) -> MetricPreferences:
    """Return what *environ* prefers; what makes no sense there is told and left out."""
    told = _TOLD_AS_DELTAS[_chosen(environ, _TEMPORALITY, tuple(_TOLD_AS_DELTAS))]
    histogram = _AGGREGATIONS[_chosen(environ, _HISTOGRAMS, tuple(_AGGREGATIONS))]
    return MetricPreferences(
        dict.fromkeys(told, AggregationTemporality.DELTA), {Histogram: histogram()}, bool(told)
    )


def _chosen(environ: Mapping[str, str], variable: str, known: tuple[str, ...]) -> str:
    """Return one of the *known* words, the first where the variable has none of them."""
    text = environ.get(variable, "").strip().lower()
    if text in known:
        return text
    if text:
        _logger.warning(
            "%s must be one of %s, got %r; %s it is", variable, ", ".join(known), text, known[0]
        )
    return known[0]
