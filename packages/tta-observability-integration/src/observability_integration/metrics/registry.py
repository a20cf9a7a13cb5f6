"""Our own place for metrics: cells for those who count, snapshots for those who collect."""

from __future__ import annotations

import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, cast

from observability_integration.semconv.schema import DEFAULT_SCHEMA

from .cells import Distribution, HistogramCell, NumberCell, cell_types
from .observed import ObservedValues
from .series import MAX_SERIES, OVERFLOW, attributes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from observability_integration.semconv.schema import Schema

    from .instrument import Adding, C, Instrument, LabelValue, Observed, Setting, Values
    from .series import Attributes


class NumberPoint(NamedTuple):
    """A series of a counter or gauge at one moment."""

    attributes: Attributes
    value: float


class HistogramPoint(NamedTuple):
    """A series of a histogram at one moment."""

    attributes: Attributes
    value: Distribution


class Family(NamedTuple):
    """All series of an instrument at one moment; not empty."""

    instrument: Instrument[object]
    points: Sequence[NumberPoint | HistogramPoint]


class Registry:
    """Give out cells, and tell what is in them.

    Everything may be called in any thread. After a fork the child begins at nothing with the same
    cells, except for gauges: what was counted before is told by the parent.

    Args:
        schema: The version of the GenAI conventions that names the metrics of models.
        max_series: Most series of an instrument. Further label values are counted together in one
            more, which has the attribute `otel.metric.overflow`.
        wall_ns: Gives unix time in nanoseconds.

    Attributes:
        schema: As above.
        start_ns: Since when things are counted.
    """

    def __init__(
        self,
        *,
        schema: Schema = DEFAULT_SCHEMA,
        max_series: int = MAX_SERIES,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        if max_series < 1:
            msg = f"max_series must be 1 or more, got {max_series!r}"
            raise ValueError(msg)
        self.schema: Schema = schema
        self.start_ns = wall_ns()
        self._wall_ns, self._max_series = wall_ns, max_series
        self._number, self._histogram = cell_types()
        self._tables: dict[Instrument[object], _Table] = {}
        self._observed: dict[Instrument[object], ObservedValues] = {}
        self._held_back: list[Callable[[], object]] = []
        self._lock = threading.Lock()
        _registries.add(self)

    def cell(self, instrument: Instrument[C], *values: LabelValue) -> C:
        """Return the cell of *instrument* for these values of its labels; keep it.

        Raises:
            ValueError: There are more or fewer values than labels.
        """
        table = self._tables.get(instrument)
        found = None if table is None else table.cells.get(values)
        return cast("C", self._open(instrument, values) if found is None else found)

    def observe(
        self, instrument: Instrument[Adding] | Instrument[Setting], ask: Observed
    ) -> Callable[[], None]:
        """Take the values of *instrument* from *ask* too, until what is returned is called."""
        with self._lock:
            known = self._observed.get(instrument)
            if known is None:
                known = self._observed[instrument] = ObservedValues(instrument, self._max_series)
        return known.add(ask)

    def before_collecting(self, count: Callable[[], object]) -> None:
        """Let *count* put into cells what it has held back, whenever they are about to be read."""
        self._held_back.append(count)

    def collect(self) -> list[Family]:
        """Return all series there are, each of one moment, in the order they began."""
        for count in tuple(self._held_back):
            count()
        with self._lock:
            tables = [
                (instrument, list(table.cells.items()), table.overflow)
                for instrument, table in self._tables.items()
            ]
            observed = list(self._observed.items())
        families = [
            Family(instrument, [_point(instrument, values, cell) for values, cell in found])
            for instrument, found, _ in tables
        ]
        for family, (_, _, overflow) in zip(families, tables, strict=True):
            if overflow is not None:
                cast("list[object]", family.points).append(_point_of(OVERFLOW, overflow))
        for instrument, values in observed:
            points = [NumberPoint(*point) for point in values.read()]
            if points:
                families.append(Family(instrument, points))
        return families

    def begin_anew(self) -> None:
        """Forget what was counted, after a fork; cells stay where they are, gauges as they are."""
        self._lock = threading.Lock()  # it may have been held by a thread that is not here
        self.start_ns = self._wall_ns()
        for values in self._observed.values():
            values.begin_anew()
        for instrument, table in self._tables.items():
            for cell in (*table.cells.values(), table.overflow):
                if isinstance(cell, HistogramCell):
                    cell.clear()
                elif cell is not None:
                    cell.clear(cell.value if instrument.kind == "gauge" else 0)

    def _open(self, instrument: Instrument[object], values: Values) -> _Cell:
        if len(values) != len(instrument.labels):
            msg = (
                f"{instrument.name} has {len(instrument.labels)} labels "
                f"({', '.join(instrument.labels)}), got {len(values)} values"
            )
            raise ValueError(msg)
        with self._lock:
            table = self._tables.setdefault(instrument, _Table())
            found = table.cells.get(values)
            if found is not None:
                return found
            if len(table.cells) < self._max_series:
                cell = table.cells[values] = self._new(instrument)
                return cell
            if table.overflow is None:
                table.overflow = self._new(instrument)
            return table.overflow

    def _new(self, instrument: Instrument[object]) -> _Cell:
        if instrument.kind == "histogram":
            return self._histogram(instrument.buckets)
        return self._number()


class _Table:
    """The series of one instrument."""

    __slots__ = ("cells", "overflow")

    def __init__(self) -> None:
        self.cells: dict[Values, _Cell] = {}
        self.overflow: _Cell | None = None


_Cell: TypeAlias = NumberCell | HistogramCell


def _point(
    instrument: Instrument[object], values: Values, cell: _Cell
) -> NumberPoint | HistogramPoint:
    return _point_of(attributes_of(instrument, values), cell)


def _point_of(attributes: Attributes, cell: _Cell) -> NumberPoint | HistogramPoint:
    if isinstance(cell, HistogramCell):
        return HistogramPoint(attributes, cell.read())
    return NumberPoint(attributes, cell.value)


_registries: weakref.WeakSet[Registry] = weakref.WeakSet()


def _after_fork() -> None:
    for registry in list(_registries):
        registry.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
