"""The registry: one cell for each series, bounded, and snapshots of all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from observability_integration.metrics.instrument import counter, gauge, histogram
from observability_integration.metrics.meter_cells import MeterCells
from observability_integration.metrics.registry import Family, NumberPoint, Registry

from .counted import MeterCounted, RegistryCounted, told

ORDERS = counter("app.orders", ("kind", "paid"), "Orders")
SIZES = histogram("app.sizes", ("kind",), "Sizes", "", (1.0, 2.0))
LEVEL = gauge("app.level", ("kind",), "Level")


def test_the_same_labels_give_the_same_cell(counted: RegistryCounted | MeterCounted) -> None:
    first = counted.source.cell(ORDERS, "book", True)
    assert counted.source.cell(ORDERS, "book", True) is first
    assert counted.source.cell(ORDERS, "book", False) is not first


def test_a_label_without_a_value_is_left_out(counted: RegistryCounted | MeterCounted) -> None:
    counted.source.cell(ORDERS, None, True).add(2)
    assert told(counted.data(), "app.orders") == {(True,): 2}


@pytest.mark.parametrize("values", [(), ("a",), ("a", True, "b")], ids=["none", "few", "many"])
def test_wrong_numbers_of_label_values_are_refused(values: tuple[str | bool, ...]) -> None:
    """A series with shifted labels would be found much later."""
    with pytest.raises(ValueError, match=r"app\.orders has 2 labels \(kind, paid\), got \d values"):
        Registry().cell(ORDERS, *values)


@pytest.mark.parametrize("kind", [RegistryCounted, MeterCounted], ids=["registry", "meter"])
def test_series_beyond_the_limit_share_one(
    kind: type[RegistryCounted | MeterCounted],
) -> None:
    """A label that takes any text, such as a model's name, would fill the memory."""
    counted = kind(max_series=2)
    for name in ("a", "b", "c", "d", "a"):
        counted.source.cell(ORDERS, name, True).add()
        counted.source.cell(SIZES, name).record(1.5)
    data = counted.data()
    counted.close()
    assert told(data, "app.orders") == {("a", True): 2, ("b", True): 1, (True,): 2}
    assert told(data, "app.sizes") == {("a",): (3.0, 2), ("b",): (1.5, 1), (True,): (3.0, 2)}
    (rest,) = [
        point
        for resource in data.resource_metrics
        for metric in resource.scope_metrics[0].metrics
        if metric.name == "app.orders"
        for point in metric.data.data_points
        if len(point.attributes or {}) == 1
    ]
    assert rest.attributes == {"otel.metric.overflow": True}


def test_a_limit_of_no_series_is_refused() -> None:
    with pytest.raises(ValueError, match="max_series must be 1 or more, got 0"):
        Registry(max_series=0)


def test_observed_values_are_asked_for_when_metrics_are_collected(
    counted: RegistryCounted | MeterCounted,
) -> None:
    value = 3
    counted.source.observe(LEVEL, lambda: [(("a",), value)])
    assert told(counted.data(), "app.level") == {("a",): 3}
    value = 4
    assert told(counted.data(), "app.level") == {("a",): 4}


def test_what_several_tell_of_the_same_labels_is_added_up(
    counted: RegistryCounted | MeterCounted,
) -> None:
    counted.source.observe(LEVEL, lambda: [(("a",), 1), (("b",), 5)])
    counted.source.observe(LEVEL, lambda: [(("a",), 2)])
    assert told(counted.data(), "app.level") == {("a",): 3, ("b",): 5}


def test_who_is_removed_tells_nothing_more(counted: RegistryCounted | MeterCounted) -> None:
    """Removing twice does nothing, nor does it remove somebody else."""
    remove = counted.source.observe(LEVEL, lambda: [(("a",), 1)])
    counted.source.observe(LEVEL, lambda: [(("b",), 2)])
    for _ in range(2):
        remove()
        assert told(counted.data(), "app.level") == {("b",): 2}


def test_two_sources_over_one_meter_are_both_heard() -> None:
    """A meter makes an instrument once and ignores later callbacks; setting up again is common."""
    counted = MeterCounted()
    counted.source.observe(LEVEL, lambda: [(("a",), 1)])
    again = MeterCells(counted.meter)
    again.observe(LEVEL, lambda: [(("b",), 2)])
    assert told(counted.data(), "app.level") == {("a",): 1, ("b",): 2}
    counted.source.cell(ORDERS, "a", True).add(1)
    again.cell(ORDERS, "a", True).add(2)
    assert told(counted.data(), "app.orders") == {("a", True): 3}
    counted.close()


def test_a_counter_may_be_observed(counted: RegistryCounted | MeterCounted) -> None:
    counted.source.observe(ORDERS, lambda: [(("a", True), 4)])
    data = counted.data()
    assert told(data, "app.orders") == {("a", True): 4}
    metric: Any = data.resource_metrics[0].scope_metrics[0].metrics[0]
    assert metric.data.is_monotonic


def test_observed_series_beyond_the_limit_share_one() -> None:
    registry = Registry(max_series=1)
    registry.observe(LEVEL, lambda: [(("a",), 1), (("b",), 5), (("c",), 6)])
    (family,) = registry.collect()
    assert family.points == [
        NumberPoint({"kind": "a"}, 1),
        NumberPoint({"otel.metric.overflow": True}, 11),
    ]


def test_a_callback_that_raises_is_told_once_and_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = Registry()

    def broken() -> list[tuple[tuple[str], float]]:
        raise RuntimeError("no")

    registry.observe(LEVEL, broken)
    registry.observe(LEVEL, lambda: [(("a",), 2)])
    for _ in range(2):
        assert registry.collect() == [Family(LEVEL, [NumberPoint({"kind": "a"}, 2)])]
    (line,) = caplog.records
    assert line.getMessage() == "app.level could not be observed (RuntimeError); it is left out"


def test_series_may_begin_while_metrics_are_collected() -> None:
    """A scrape must not fail because a new model was asked just then."""
    registry = Registry(max_series=5_000)
    thread = threading.Thread(
        target=lambda: [registry.cell(ORDERS, str(n), True).add() for n in range(5_000)]
    )
    thread.start()
    while thread.is_alive():
        registry.collect()
    thread.join()
    (family,) = registry.collect()
    assert len(family.points) == 5_000


FORKING = """
import os, sys
from observability_integration.metrics.meter_cells import MeterCells
from observability_integration.metrics.registry import Registry
from observability_integration.metrics.instrument import counter, gauge, histogram

registry = Registry(wall_ns=iter((1, 2)).__next__, max_series=1)
orders = registry.cell(counter("orders", ("kind",), ""), "a")
rest = registry.cell(counter("visits", (), ""))
level = registry.cell(gauge("level", (), ""))
sizes = registry.cell(histogram("sizes", (), "", "", (1.0,)))
orders.add(3); level.set(7); sizes.record(0.5)
registry._lock.acquire()  # as a thread would that is collecting just then
child = os.fork()
if not child:
    orders.add(1)
    found = {family.instrument.name: family.points[0].value for family in registry.collect()}
    assert registry.start_ns == 2
    assert (found["orders"], found["level"]) == (1, 7), found
    assert found["sizes"].counts == [0, 0], found
    registry.cell(counter("late", (), "")).add()
    sys.exit(0)
registry._lock.release()
status = os.waitpid(child, 0)[1]
assert (orders.value, registry.start_ns) == (3, 1)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_counts_from_nothing_and_the_parent_goes_on() -> None:
    """Both would export what was counted before the fork, and it would be there twice."""
    command = [sys.executable, "-c", FORKING]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
