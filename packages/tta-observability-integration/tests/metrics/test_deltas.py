"""What was added since the last time, against the SDK's own instruments told so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    InMemoryMetricReader,
    MetricsData,
)

from observability_integration.metrics import instruments as table
from observability_integration.metrics.deltas import Deltas
from observability_integration.metrics.meter_cells import MeterCells
from observability_integration.metrics.otlp import metrics_data
from observability_integration.metrics.registry import Registry

from .counted import RESOURCE, SCOPE, metric_names, points, told
from .spans_of_calls import ended_span

COUNTER, HISTOGRAM = table.TIMEOUT_EXPIRATIONS, table.LOOP_ITERATIONS


def at(registry: Registry, moment: int) -> MetricsData:
    return metrics_data(registry, RESOURCE, SCOPE, wall_ns=lambda: moment)


class Told:
    """A registry, asked for what was added."""

    def __init__(self) -> None:
        self.source = Registry(wall_ns=lambda: 10)
        self._deltas = Deltas()
        self._moment = 10

    def data(self) -> MetricsData:
        self._moment += 10
        return self._deltas.since_last(at(self.source, self._moment))


class ToldBySDK:
    """The same over a meter of the SDK."""

    def __init__(self) -> None:
        delta = AggregationTemporality.DELTA
        self._reader = InMemoryMetricReader({Counter: delta, Histogram: delta})
        self._provider = MeterProvider([self._reader], resource=RESOURCE, shutdown_on_exit=False)
        self.source = MeterCells(self._provider.get_meter("tests"))

    def data(self) -> MetricsData:
        return self._reader.get_metrics_data() or MetricsData([])

    def close(self) -> None:
        self._provider.shutdown()


def facts(data: MetricsData) -> dict[str, Any]:
    """Return what each series says, but for times and extremes."""
    return {
        name: {
            frozenset((point.attributes or {}).items()): (
                (point.count, point.sum, tuple(point.bucket_counts))
                if hasattr(point, "count")
                else point.value
            )
            for point in points(data, name)
        }
        for name in metric_names(data)
    }


ROUNDS = st.lists(
    st.lists(st.tuples(st.booleans(), st.sampled_from("abc"), st.integers(1, 40))), max_size=5
)


@settings(max_examples=60, deadline=None)
@given(rounds=ROUNDS)
def test_what_was_added_is_what_the_sdk_s_instruments_tell(
    rounds: list[list[tuple[bool, str, int]]],
) -> None:
    """A backend of differences shows other numbers than one of totals."""
    ours, theirs = Told(), ToldBySDK()
    for work in rounds:
        for counts, label, number in work:
            for counted in (ours, theirs):
                if counts:
                    counted.source.cell(COUNTER, label).add(number)
                else:
                    counted.source.cell(HISTOGRAM, label, True).record(number)
        assert facts(ours.data()) == facts(theirs.data())
    theirs.close()


def test_each_time_begins_where_the_last_one_ended() -> None:
    """A backend takes overlapping times for a mistake, and leaves numbers out."""
    told_ = Told()
    told_.source.cell(COUNTER, "a").add()
    told_.source.cell(HISTOGRAM, "l", True).record(1)
    first = told_.data()
    told_.source.cell(COUNTER, "a").add()
    told_.source.cell(COUNTER, "new").add()
    told_.source.cell(HISTOGRAM, "l", True).record(1)
    second = told_.data()
    for data, times in ((first, (10, 20)), (second, (20, 30))):
        for name in (COUNTER.name, HISTOGRAM.name):
            for point in points(data, name):
                assert (point.start_time_unix_nano, point.time_unix_nano) == times


def test_gauges_and_sums_that_can_shrink_stay_as_they_are() -> None:
    """What runs at this moment is told as what has begun since the last."""
    told_ = Told()
    told_.source.cell(table.PRIMITIVE_ACTIVE, "A", "a").add(2)
    told_.source.cell(table.BREAKER_STATE, "b", "open").set(1)
    first, second = told_.data(), told_.data()
    for data in (first, second):
        assert told(data, "tta.primitive.active") == {("a", "A"): 2}
        assert told(data, "tta.breaker.state") == {("b", "open"): 1}
    (metric,) = [
        metric
        for metric in second.resource_metrics[0].scope_metrics[0].metrics
        if metric.name == "tta.primitive.active"
    ]
    assert getattr(metric.data, "aggregation_temporality", None) is (
        AggregationTemporality.CUMULATIVE
    )


def test_nothing_added_is_nothing_told() -> None:
    told_ = Told()
    told_.source.cell(COUNTER, "a").add()
    told_.data()
    assert told_.data().resource_metrics[0].scope_metrics == []


def test_the_extremes_of_a_later_time_are_unknown() -> None:
    """The greatest value of all times is told as that of the last minute."""
    told_ = Told()
    cell = told_.source.cell(HISTOGRAM, "l", True)
    cell.record(5)
    (first,) = points(told_.data(), HISTOGRAM.name)
    cell.record(1)
    (second,) = points(told_.data(), HISTOGRAM.name)
    assert [(first.min, first.max), (second.min, second.max)] == [(5, 5), (None, None)]


def test_an_example_is_told_once() -> None:
    """Each minute shows the slow call of an hour ago."""
    told_ = Told()
    cell = told_.source.cell(table.PRIMITIVE_DURATION, "A", "a", "ok")
    cell.record(0.015, ended_span(5))  # in 1970, two seconds after its beginning
    told_.data()
    told_._moment = 3_000_000_000
    cell.record(3.0)
    told_.data()
    cell.record(3.0)
    (point,) = points(told_.data(), "tta.primitive.duration")
    assert point.exemplars == []


def test_a_process_that_was_forked_off_tells_all_it_has() -> None:
    """A child that counts less than its parent had tells less than nothing."""
    starts = [1]
    registry, deltas = Registry(wall_ns=lambda: starts[-1]), Deltas()
    registry.cell(COUNTER, "a").add(5)
    registry.cell(HISTOGRAM, "l", True).record(1)
    registry.cell(HISTOGRAM, "l", True).record(1)
    deltas.since_last(at(registry, 2))
    starts.append(3)
    registry.begin_anew()
    registry.cell(COUNTER, "a").add(6)
    registry.cell(HISTOGRAM, "l", True).record(1)
    data = deltas.since_last(at(registry, 4))
    assert told(data, COUNTER.name) == {("a",): 6}
    assert told(data, HISTOGRAM.name) == {(True, "l"): (1, 1)}
    (point,) = points(data, COUNTER.name)
    assert point.start_time_unix_nano == 3


@pytest.mark.parametrize("later", [7, 3], ids=["more", "anew"])
def test_a_counter_that_others_tell_never_shrinks(later: int) -> None:
    """A cache that was made anew has thrown out minus two hundred entries."""
    told_ = Told()
    numbers = [5]
    told_.source.observe(table.CACHE_EVICTIONS, lambda: [(("c",), numbers[-1])])
    told_.data()
    numbers.append(later)
    expected = later - 5 if later > 5 else later
    assert told(told_.data(), "tta.cache.evictions") == {("c",): expected}
