"""Whatever users put into metrics, the others can be sent."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import Exemplar, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    Gauge,
    InMemoryMetricReader,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation
from opentelemetry.sdk.resources import Resource

from observability_integration.metrics import instruments as table
from observability_integration.metrics.otlp import metrics_data
from observability_integration.metrics.registry import Registry
from observability_integration.metrics.sendable import sendable_attributes, sendable_metrics

from .counted import RESOURCE, SCOPE, points, told

HALF = "half \ud800"


class Unreadable:
    """Has no text, and nothing in it."""

    def __str__(self) -> str:
        raise RuntimeError("secret")


def endless() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "fit"),
    [
        ("a", "a"),
        (HALF, "half ?"),
        (True, True),
        (1.5, 1.5),
        (None, None),
        (b"\xff", b"\xff"),
        ((1 << 63) - 1, (1 << 63) - 1),
        (1 << 63, str(1 << 63)),
        (-(1 << 63) - 1, str(-(1 << 63) - 1)),
        (["a", HALF, None, 1], ("a", "half ?", None, 1)),
        ({1: HALF, "deep": {"x": [True]}}, {"1": "half ?", "deep": {"x": (True,)}}),
    ],
    ids=repr,
)
def test_a_value_is_sent_as_it_can_be(value: object, fit: object) -> None:
    """A value that protocol buffers cannot hold keeps all metrics at home."""
    found = sendable_attributes({"key": value})
    assert found == {"key": fit}
    assert type(found["key"]) is type(fit)


@pytest.mark.parametrize(
    ("value", "type_name"),
    [(object(), "object"), ([1, {2}], "list"), (Unreadable(), "Unreadable"), (endless(), "list")],
    ids=["object", "set-in-a-list", "unreadable", "endless"],
)
def test_a_value_that_cannot_be_is_left_out_alone(
    value: object, type_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One odd value costs all that is sent with it, or shows in the log."""
    assert sendable_attributes({"odd": value, "good": 1}) == {"good": 1}
    assert caplog.messages == [
        f"an attribute was left out: 'odd' cannot have a value of type {type_name}"
    ]


def test_a_name_that_is_no_text_becomes_one(caplog: pytest.LogCaptureFixture) -> None:
    odd: Any = {1: "number", "": "none", HALF: "half", Unreadable(): "unreadable"}
    assert sendable_attributes(odd) == {"1": "number", "half ?": "half"}
    assert len(caplog.messages) == 2
    assert "secret" not in caplog.text


def test_a_label_with_half_a_character_costs_nothing() -> None:
    """The name of one step keeps the metrics of all at home."""
    registry = Registry()
    registry.cell(table.TIMEOUT_EXPIRATIONS, HALF).add(3)
    data = metrics_data(registry, RESOURCE, SCOPE)
    assert told(data, "tta.timeout.expirations") == {("half ?",): 3}
    assert encode_metrics(data).SerializeToString()


def test_an_example_with_half_a_character_costs_nothing() -> None:
    """What a view leaves out of the labels comes along with examples, and is encoded too."""
    example = Exemplar({HALF: HALF}, 1 << 70, 5)
    point = NumberDataPoint({}, 1, 2, 3, [example])
    metric = Metric("m", None, None, Gauge([point]))
    scope = ScopeMetrics(SCOPE, [metric], "")
    data = sendable_metrics(MetricsData([ResourceMetrics(RESOURCE, [scope], "")]))
    (found,) = points(data, "m")[0].exemplars
    assert (found.filtered_attributes, found.value) == ({"half ?": "half ?"}, float(1 << 70))
    assert encode_metrics(data).SerializeToString()


class Meters:
    """Meters of the SDK, and what they counted as it is sent."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader(
            preferred_aggregation={Histogram: ExponentialBucketHistogramAggregation()}
        )
        self.provider = MeterProvider(
            [self._reader], resource=Resource({"name": HALF}), shutdown_on_exit=False
        )
        self.meter = self.provider.get_meter(HALF, HALF, HALF, {HALF: HALF})

    def collected(self) -> MetricsData:
        return self._reader.get_metrics_data() or MetricsData([])


@pytest.fixture
def meters() -> Iterator[Meters]:
    made = Meters()
    yield made
    made.provider.shutdown()


def test_whatever_a_meter_counted_can_be_encoded(
    meters: Meters, caplog: pytest.LogCaptureFixture
) -> None:
    """One odd label or number of the app's keeps the metrics of all at home."""
    caplog.set_level(logging.INFO)
    odd = {"half": HALF, HALF: 1, "huge": 1 << 70, "bytes": b"\xff"}
    counter = meters.meter.create_counter("counter", description=HALF)
    counter.add(1 << 1023, odd)
    counter.add(1 << 1023, odd)
    meters.meter.create_gauge("gauge").set(-(1 << 70), odd)
    meters.meter.create_histogram("histogram").record(3, odd)
    data = sendable_metrics(meters.collected())
    encoded = encode_metrics(data).resource_metrics[0]
    assert [metric.name for metric in encoded.scope_metrics[0].metrics] == [
        "counter",
        "gauge",
        "histogram",
    ]
    ((attributes, value),) = told(data, "counter").items()
    assert set(attributes) == {"half ?", 1, str(1 << 70), b"\xff"}
    assert value == float("inf")
    assert told(data, "gauge")[attributes] == -float(1 << 70)
    scope = encoded.scope_metrics[0].scope
    assert (scope.name, scope.version) == ("half ?", "half ?")
    assert caplog.messages == []


def test_metrics_without_fault_stay_as_they_are(meters: Meters) -> None:
    """Cleaning changes what needs none."""
    counter = meters.provider.get_meter("app", "1", "https://example.com").create_counter("c", "s")
    for label in ("a", "b"):
        counter.add(2, {"label": label, "many": ("x", "y")})
    meters.meter.create_histogram("h").record(1.5)
    data = meters.collected()
    (resource,) = data.resource_metrics
    fit = sendable_metrics(data).resource_metrics[0]
    for before, after in zip(resource.scope_metrics, fit.scope_metrics, strict=True):
        if before.scope.name == "app":
            assert (before.scope, before.metrics) == (after.scope, after.metrics)
