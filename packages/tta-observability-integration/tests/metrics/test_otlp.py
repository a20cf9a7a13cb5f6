"""A registry in OTLP, against the SDK's own instruments fed with the same numbers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

from observability_integration.metrics import instruments as table
from observability_integration.metrics.instrument import Instrument
from observability_integration.metrics.model_instruments import instruments
from observability_integration.metrics.otlp import metrics_data
from observability_integration.metrics.registry import Registry

from .counted import (
    RESOURCE,
    SCOPE,
    MeterCounted,
    RegistryCounted,
    metric_names,
    points,
    told,
    wire,
)
from .spans_of_calls import ended_span

ALL = instruments()


def count(source: Any, instrument: Instrument[Any], label: str | None, number: int) -> None:
    """Count *number* with *instrument*, all of whose labels are *label*."""
    cell = source.cell(instrument, *[label for _ in instrument.labels])
    match instrument.kind:
        case "histogram":
            cell.record(number / 4)
        case "gauge":
            cell.set(number)
        case "updowncounter":
            cell.add(number - 50)
        case "counter":
            cell.add(number / 4 if instrument.unit in ("s", "USD") else number)


WORK = st.lists(
    st.tuples(
        st.sampled_from(ALL), st.sampled_from(["a", "b", "é\n", "", None]), st.integers(0, 400)
    )
)


@settings(max_examples=60, deadline=None)
@given(work=WORK)
def test_the_bytes_are_those_of_the_sdk_s_instruments(
    work: list[tuple[Instrument[Any], str | None, int]],
) -> None:
    """A collector must not have to know who counted; times and examples aside."""
    ours, theirs = RegistryCounted(), MeterCounted()
    for counted in (ours, theirs):
        for instrument, label, number in work:
            count(counted.source, instrument, label, number)
    sent, expected = wire(ours.data()), wire(theirs.data())
    theirs.close()
    assert not work or sent == expected


@pytest.mark.parametrize("instrument", ALL, ids=lambda each: each.name)
def test_the_bytes_of_each_instrument_are_those_of_the_sdk_s(instrument: Instrument[Any]) -> None:
    """Kind, unit, description, buckets: a random workload seldom has all of them."""
    ours, theirs = RegistryCounted(), MeterCounted()
    for counted in (ours, theirs):
        for label, number in (("a", 3), ("b", 0), ("a", 7)):
            count(counted.source, instrument, label, number)
    sent, expected = wire(ours.data()), wire(theirs.data())
    theirs.close()
    assert metric_names(ours.data()) == {instrument.name}
    assert sent == expected


def test_all_is_counted_since_the_registry_began() -> None:
    """A backend takes a later start for a restart, and an earlier one for a rate near nothing."""
    registry = Registry(wall_ns=lambda: 5)
    count(registry, table.PRIMITIVE_DURATION, "a", 1)
    count(registry, table.CACHE_REQUESTS, "a", 1)
    data = metrics_data(registry, RESOURCE, SCOPE, wall_ns=lambda: 8)
    for name in ("tta.primitive.duration", "tta.cache.requests"):
        (point,) = points(data, name)
        assert (point.start_time_unix_nano, point.time_unix_nano) == (5, 8)


def test_examples_lead_to_traces() -> None:
    registry = Registry()
    cell = registry.cell(table.PRIMITIVE_DURATION, "A", "a", "ok")
    cell.record(0.015, ended_span(5))
    cell.record(0.015, ended_span(6))
    cell.record(3.0, ended_span(7))
    request = encode_metrics(metrics_data(registry, RESOURCE, SCOPE))
    (point,) = request.resource_metrics[0].scope_metrics[0].metrics[0].histogram.data_points
    assert [
        (found.as_double, found.span_id, found.trace_id, found.time_unix_nano)
        for found in point.exemplars
    ] == [
        (value, span_id.to_bytes(8, "big"), (9).to_bytes(16, "big"), 2_000_000_000)
        for value, span_id in ((0.015, 6), (3.0, 7))
    ]


def test_a_registry_without_series_makes_no_scope() -> None:
    (resource,) = metrics_data(Registry(), RESOURCE, SCOPE).resource_metrics
    assert resource.scope_metrics == []


def test_a_span_given_to_a_meter_is_its_example() -> None:
    """The context of a call that has ended is another's."""
    counted = MeterCounted()
    counted.source.cell(table.PRIMITIVE_DURATION, "A", "a", "ok").record(0.5, ended_span(5))
    (point,) = points(counted.data(), "tta.primitive.duration")
    counted.close()
    assert [(found.span_id, found.trace_id) for found in point.exemplars] == [(5, 9)]


def test_the_label_values_arrive_with_their_types() -> None:
    counted = RegistryCounted()
    counted.source.cell(table.LOOP_ITERATIONS, "l", True).record(2)
    assert told(counted.data(), "tta.loop.iterations") == {(True, "l"): (2, 1)}
