"""Meters of the user's own, and how their metrics reach a collector."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from observability_integration import get_meter, initialize_observability, shutdown_observability
from observability_integration.meters import LazyMeterProvider, otlp_metric_exporter
from tta_dev_primitives import LambdaPrimitive

from .export.metrics_receiver import Receiver, receiving_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFERENCE = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving_metrics() as receiver:
        yield receiver


@pytest.fixture
def environ(fresh: None, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A process whose metrics go to the receiver."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{receiver.url}/?key=1")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    return monkeypatch


def observed(**options: Any) -> None:
    """Observe one call, and one order of the user's, to their end."""
    assert initialize_observability(enable_prometheus=False, **options)
    meter = get_meter("app")
    assert meter is not None
    meter.create_counter("app.orders").add(2)
    asyncio.run(LambdaPrimitive(lambda x: x, name="a").execute(1))
    shutdown_observability()


def sums(receiver: Receiver) -> dict[str, Any]:
    """Return what came by its name: the last sum of each."""
    return {
        metric.name: metric.sum
        for received in receiver.received
        for resource in received.request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.WhichOneof("data") == "sum"
    }


def test_metrics_of_the_user_go_where_ours_go(
    environ: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    """The user's own metrics are posted into the query of an address, or without its key."""
    environ.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b")
    observed()
    names = {name for received in receiver.received for name in received.names}
    assert {"app.orders", "tta.primitive.duration"} <= names
    assert {received.headers["x-key"] for received in receiver.received} == {"a b"}
    assert {received.path for received in receiver.received} == {"/v1/metrics?key=1"}


@pytest.mark.parametrize(
    ("text", "temporality"), [("", 2), ("delta", 1)], ids=["totals", "differences"]
)
def test_metrics_are_told_as_the_variable_prefers(
    environ: pytest.MonkeyPatch, receiver: Receiver, text: str, temporality: int
) -> None:
    """A backend that cannot take totals gets ours as such."""
    environ.setenv(PREFERENCE, text)
    observed()
    found = sums(receiver)
    assert found["app.orders"].aggregation_temporality == temporality
    assert found["tta.telemetry.ended"].aggregation_temporality == temporality


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan", "inf", "1e300"])
def test_an_odd_interval_costs_nothing(
    environ: pytest.MonkeyPatch, receiver: Receiver, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A mistake in a variable is raised where the app asks for a meter, or ends its thread."""
    environ.setenv("OTEL_METRIC_EXPORT_INTERVAL", text)
    observed()
    assert sums(receiver)["app.orders"].data_points[0].as_int == 2
    assert not [line for line in caplog.records if line.name.startswith("opentelemetry")]


def test_odd_attributes_of_the_process_cost_only_themselves(
    environ: pytest.MonkeyPatch, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """One value of the resource fills the log with lines of another library."""
    caplog.set_level(logging.INFO)
    odd: Any = {1: "number", "half": "\ud800", "huge": 1 << 70, "mixed": [1, "x"], "good": "kept"}
    observed(resource=odd)
    assert receiver.received
    for received in receiver.received:
        for resource in received.request.resource_metrics:
            values = {each.key: each.value.string_value for each in resource.resource.attributes}
            assert (values["good"], values["half"]) == ("kept", "?")
    assert not [line for line in caplog.records if line.name.startswith("opentelemetry")]


@pytest.mark.parametrize(
    ("module", "package"),
    [
        (
            "opentelemetry.exporter.otlp.proto.common.metrics_encoder",
            "opentelemetry-exporter-otlp-proto-common",
        ),
        ("requests", "requests"),
    ],
)
def test_a_missing_package_is_one_log_line(
    module: str,
    package: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    if module != "requests":
        exporters = "observability_integration.export.otlp_metrics"
        monkeypatch.delitem(sys.modules, exporters, raising=False)
    assert otlp_metric_exporter("http://c", {}) is None
    (line,) = caplog.messages
    assert line == (
        f"metrics are not sent to a collector: {package} is not installed. "
        "Try: uv add 'tta-observability-integration[otlp]'"
    )


def test_an_address_that_cannot_be_used_is_one_log_line(caplog: pytest.LogCaptureFixture) -> None:
    assert otlp_metric_exporter("http://me:secret/x@c", {}) is None
    (line,) = caplog.messages
    assert line.startswith("metrics are not sent to a collector: endpoint must have a host")
    assert "secret" not in line


def test_a_meter_can_be_asked_for_in_a_child_that_was_forked_meanwhile() -> None:
    """The child waits for ever for a lock whose holder it has not got."""
    provider = LazyMeterProvider()
    with provider._lock:
        provider.after_fork()
        asked = threading.Thread(target=provider.get_meter, args=("app",), daemon=True)
        asked.start()
        asked.join(10)
        assert not asked.is_alive()
    provider.close()


def test_nothing_is_left_of_a_provider_that_has_no_time() -> None:
    """An end without any time left leaves a thread, or raises."""
    provider = LazyMeterProvider()
    provider.pushed_to = "http://127.0.0.1:9"
    provider.get_meter("app").create_counter("orders")
    provider.close(0.0)
    for thread in threading.enumerate():
        if thread.name.startswith("Otel"):
            thread.join(5)
