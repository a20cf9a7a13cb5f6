"""Metrics that are sent at intervals: in time, bounded, and told when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import MetricsData

from observability_integration.metrics import instruments as table
from observability_integration.metrics.pusher import MetricPusher
from observability_integration.metrics.registry import Registry

from .counted import RESOURCE, SCOPE, told

PATIENCE = 20.0


class FakeExporter:
    """Keeps what it is given; may raise, may be held up, and may not deliver."""

    def __init__(self) -> None:
        self.batches: list[MetricsData] = []
        self.errors: list[Exception | None] = []
        self.arrived = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()
        self.delivers = True
        self.given_seconds: list[float] = []

    def export(self, metrics_data: MetricsData, /) -> None:
        self.arrived.release()
        self.gate.wait(PATIENCE)
        self.batches.append(metrics_data)
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self.delivers

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        self.given_seconds.append(timeout_millis / 1000)

    def after_fork(self) -> None:
        pass

    def wait(self) -> None:
        """Wait until an export has begun."""
        assert self.arrived.acquire(timeout=PATIENCE)


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.cell(table.TIMEOUT_EXPIRATIONS, "t").add(3)
    return registry


@pytest.fixture
def exporter(nothing_left_behind: None) -> FakeExporter:
    return FakeExporter()


@pytest.fixture
def push(registry: Registry, exporter: FakeExporter) -> Iterator[Callable[..., MetricPusher]]:
    """Begin a pusher that does not wake by itself within a test."""
    made: list[MetricPusher] = []

    def begin(**options: Any) -> MetricPusher:
        options.setdefault("interval_seconds", 3600)
        made.append(MetricPusher(registry, exporter, RESOURCE, SCOPE, **options))
        return made[-1]

    yield begin
    exporter.gate.set()
    for pusher in made:
        pusher.shutdown()
        pusher._thread.join(PATIENCE)


def test_metrics_are_sent_at_intervals(
    push: Callable[..., MetricPusher], exporter: FakeExporter
) -> None:
    push(interval_seconds=0.01)
    for _ in range(3):
        exporter.wait()
    assert told(exporter.batches[0], "tta.timeout.expirations") == {("t",): 3}


def test_flush_sends_at_once(push: Callable[..., MetricPusher], exporter: FakeExporter) -> None:
    assert push().flush(PATIENCE)
    assert len(exporter.batches) == 1


def test_a_flush_that_takes_too_long_says_so(
    push: Callable[..., MetricPusher], exporter: FakeExporter
) -> None:
    pusher = push()
    exporter.gate.clear()
    assert not pusher.flush(0.01)


def test_a_flush_sends_what_was_counted_before_it(
    push: Callable[..., MetricPusher], exporter: FakeExporter, registry: Registry
) -> None:
    """An export that is under way has read its numbers already."""
    pusher = push()
    exporter.gate.clear()
    assert not pusher.flush(0.01)
    exporter.wait()
    registry.cell(table.TIMEOUT_EXPIRATIONS, "t").add()
    exporter.gate.set()
    assert pusher.flush(PATIENCE)
    assert told(exporter.batches[-1], "tta.timeout.expirations") == {("t",): 4}


def test_a_flush_that_reaches_nobody_says_so(
    push: Callable[..., MetricPusher], exporter: FakeExporter
) -> None:
    """The collector is away, and `flush` says that all is well."""
    exporter.delivers = False
    assert not push().flush(PATIENCE)
    assert len(exporter.batches) == 1


def test_shutdown_sends_once_more_and_stops(
    push: Callable[..., MetricPusher], exporter: FakeExporter
) -> None:
    """A second shutdown does nothing, and a flush after it says that nothing was sent."""
    pusher = push()
    for _ in range(2):
        pusher.shutdown()
    assert (len(exporter.batches), len(exporter.given_seconds)) == (1, 1)
    assert not pusher.flush(0.01)


def test_the_exporter_has_what_is_left_of_the_time_to_deliver(
    push: Callable[..., MetricPusher], exporter: FakeExporter
) -> None:
    """The end of a program takes twice as long as it may."""
    push().shutdown(PATIENCE)
    (seconds,) = exporter.given_seconds
    assert PATIENCE / 2 < seconds <= PATIENCE


def test_shutdown_gives_up_on_an_exporter_that_is_stuck(
    push: Callable[..., MetricPusher], exporter: FakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """The end of the program must not wait for what does not come back."""
    pusher = push()
    exporter.gate.clear()
    began = time.monotonic()
    pusher.shutdown(0.05)
    assert time.monotonic() - began < PATIENCE / 4
    assert exporter.given_seconds == [0]
    (line,) = caplog.records
    assert line.getMessage() == "the last metrics were not collected within 0.05 seconds; given up"


def test_a_failure_is_told_once_and_without_its_text(
    push: Callable[..., MetricPusher], exporter: FakeExporter, caplog: pytest.LogCaptureFixture
) -> None:
    """One observer that always fails fills the log, or shows what it worked on."""
    error = ConnectionError("https://user:secret@collector")
    exporter.errors = [None, error, error, None, error]
    pusher = push()
    assert [pusher.flush(PATIENCE) for _ in range(5)] == [True, False, False, True, False]
    assert caplog.messages == ["metrics could not be collected (ConnectionError)"] * 2


def test_only_what_was_added_is_sent_to_those_who_want_it_so(
    push: Callable[..., MetricPusher], exporter: FakeExporter, registry: Registry
) -> None:
    """A backend that cannot take totals adds them up, again and again."""
    pusher = push(deltas=True)
    assert pusher.flush(PATIENCE)
    registry.cell(table.TIMEOUT_EXPIRATIONS, "t").add(2)
    assert pusher.flush(PATIENCE)
    assert pusher.flush(PATIENCE)
    found = [told(batch, "tta.timeout.expirations") for batch in exporter.batches]
    assert found == [{("t",): 3}, {("t",): 2}]


def test_nothing_counted_is_nothing_sent(exporter: FakeExporter) -> None:
    pusher = MetricPusher(Registry(), exporter, RESOURCE, SCOPE, interval_seconds=3600)
    assert pusher.flush(PATIENCE)
    pusher.shutdown()
    assert exporter.batches == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 60.0), ("5000", 5.0), (" 250 ", 0.25), ("soon", 60.0), ("0", 60.0), ("-1", 60.0)],
    ids=["unset", "five", "blanks", "word", "zero", "negative"],
)
def test_the_interval_is_that_of_the_environment(
    push: Callable[..., MetricPusher], text: str, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    environ = {"OTEL_METRIC_EXPORT_INTERVAL": text} if text else {}
    pusher = push(interval_seconds=None, environ=environ)
    assert pusher._interval == seconds
    assert len(caplog.records) == int(text in ("soon", "0", "-1"))


def test_an_interval_of_nothing_is_refused(registry: Registry, exporter: FakeExporter) -> None:
    with pytest.raises(ValueError, match="interval_seconds must be more than 0, got 0"):
        MetricPusher(registry, exporter, RESOURCE, SCOPE, interval_seconds=0)


def test_an_endless_interval_sends_at_the_end_alone(
    push: Callable[..., MetricPusher], exporter: FakeExporter
) -> None:
    pusher = push(interval_seconds=float("inf"))
    pusher.shutdown()
    assert len(exporter.batches) == 1


FORKING = """
import os, sys, threading
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from observability_integration.metrics.instrument import counter
from observability_integration.metrics.pusher import MetricPusher
from observability_integration.metrics.registry import Registry

class Exporter:
    def __init__(self): self.values, self.forks = [], 0
    def export(self, data):
        point = data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]
        self.values.append(point.value)
    def force_flush(self, timeout_millis=0): return True
    def shutdown(self, timeout_millis=0): pass
    def after_fork(self): self.forks += 1

registry, exporter = Registry(), Exporter()
orders = registry.cell(counter("orders", (), ""))
pusher = MetricPusher(registry, exporter, Resource({}), InstrumentationScope("t"),
                      interval_seconds=3600)
orders.add(3)
assert pusher.flush(10)
pusher._changed.acquire()  # as the thread would that has just woken
child = os.fork()
if not child:
    orders.add(1)
    assert pusher.flush(10)
    pusher.shutdown(10)
    assert exporter.values == [3, 1, 1], exporter.values
    assert exporter.forks == 1, exporter.forks
    sys.exit(0)
pusher._changed.release()
status = os.waitpid(child, 0)[1]
pusher.shutdown(10)
assert exporter.values == [3, 3], exporter.values
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_sends_what_it_counts_itself() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKING]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
