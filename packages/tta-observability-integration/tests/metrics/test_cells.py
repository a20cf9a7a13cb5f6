"""Cells: what they hold, and that threads lose nothing."""

from __future__ import annotations

import functools
import operator
import sys
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability_integration.metrics.cells import Example, HistogramCell, NumberCell, cell_types

from .spans_of_calls import ended_span

THREADS, EACH = 6, 20_000
BOUNDS = (1.0, 2.0, 5.0)
NUMBER, HISTOGRAM = 0, 1


@pytest.fixture(params=[True, False], ids=["gil", "no-gil"])
def types(request: pytest.FixtureRequest) -> tuple[type[NumberCell], type[HistogramCell]]:
    """The classes for interpreters with and without a GIL."""
    return cell_types(gil=request.param)


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads that are interrupted as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def in_threads(work: Callable[[], object], *, meanwhile: Callable[[], object] = int) -> None:
    """Run *work* in threads, and *meanwhile* in this one until they are done."""
    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        meanwhile()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("hasty")
def test_threads_lose_no_addition(types: tuple[type[NumberCell], type[HistogramCell]]) -> None:
    cell = types[NUMBER]()

    def work() -> None:
        for _ in range(EACH):
            cell.add()
            cell.add(2)
            cell.add(-1)

    in_threads(work)
    assert cell.value == THREADS * EACH * 2


@pytest.mark.usefixtures("hasty")
def test_threads_lose_no_value(types: tuple[type[NumberCell], type[HistogramCell]]) -> None:
    cell = types[HISTOGRAM](BOUNDS)

    def work() -> None:
        for _ in range(EACH // 2):
            cell.record(0.5)
            cell.record(3.0)

    in_threads(work)
    half = THREADS * EACH // 2
    assert cell.read()[:4] == ([half, 0, half, 0], half * 3.5, 0.5, 3.0)


@pytest.mark.usefixtures("hasty")
def test_what_is_read_is_of_one_moment(
    types: tuple[type[NumberCell], type[HistogramCell]],
) -> None:
    """A scrape between the count and the sum of a value would show a wrong mean."""
    cell = types[HISTOGRAM](BOUNDS)
    seen: list[tuple[int, float]] = []

    def work() -> None:
        for _ in range(EACH // 4):
            cell.record(1.0)

    def look() -> None:
        found = cell.read()
        seen.append((sum(found.counts), found.total))

    in_threads(work, meanwhile=look)
    assert [pair for pair in seen if pair[0] != pair[1]] == []


def test_a_cell_that_is_written_while_it_is_read_is_read_again() -> None:
    """Under the GIL that needs a thread switch in the middle, which is made by hand here."""
    cell = HistogramCell(BOUNDS)
    cell.record(1.0)

    class Interrupting(list[int]):
        def __iter__(self) -> Iterator[int]:
            cell.counts = [*map(int, list.__iter__(self))]
            found = list(cell.counts)
            cell.record(1.0)
            return iter(found)

    cell.counts = Interrupting(cell.counts)
    found = cell.read()
    assert (sum(found.counts), found.total) == (2, 2.0)


@pytest.mark.parametrize(
    ("value", "bucket"),
    [(0.0, 0), (1.0, 0), (1.0001, 1), (5.0, 2), (5.1, 3), (-1.0, 0), (float("inf"), 3)],
    ids=["zero", "at-bound", "above-bound", "last-bound", "over", "negative", "infinite"],
)
def test_a_bound_belongs_to_the_bucket_below_it(value: float, bucket: int) -> None:
    cell = HistogramCell(BOUNDS)
    cell.record(value)
    assert cell.read().counts == [int(index == bucket) for index in range(4)]


@given(st.lists(st.floats(-10, 10)))
def test_a_histogram_is_what_a_list_of_values_would_say(values: list[float]) -> None:
    cell = HistogramCell(BOUNDS)
    for value in values:
        cell.record(value)
    found = cell.read()
    indexes = [bisect_left(BOUNDS, value) for value in values]
    assert found.counts == [indexes.count(index) for index in range(4)]
    # Added one after the other: `sum` makes good for rounding from Python 3.12 on.
    assert found.total == functools.reduce(operator.add, values, 0.0)
    assert found.least == min(values, default=float("inf"))
    assert found.most == max(values, default=float("-inf"))


def test_a_sampled_span_is_the_example_of_its_bucket() -> None:
    cell = HistogramCell(BOUNDS)
    cell.record(1.5, ended_span(5))
    cell.record(1.6, ended_span(6))
    cell.record(9.0, ended_span(7))
    assert cell.read().examples == [
        None,
        Example(1.6, 9, 6, 2_000_000_000),
        None,
        Example(9.0, 9, 7, 2_000_000_000),
    ]


def test_a_span_that_is_not_sampled_is_no_example() -> None:
    """Whoever follows the link would find nothing."""
    cell = HistogramCell(BOUNDS)
    cell.record(1.5, ended_span(sampled=False))
    assert cell.read().examples == [None] * 4


def test_the_example_of_a_running_span_has_the_time_of_its_start() -> None:
    cell = HistogramCell(BOUNDS)
    span = ended_span()
    span.end_ns = 0
    cell.record(1.5, span)
    (example,) = [each for each in cell.read().examples if each is not None]
    assert example.time_ns == 1_000_000_000


def test_this_interpreter_gets_the_cells_that_fit_it() -> None:
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert cell_types() == cell_types(gil=gil)
