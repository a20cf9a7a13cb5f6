"""Cells that count with a meter of OpenTelemetry, for those who have a provider of their own."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, cast

from opentelemetry.metrics import Observation
from opentelemetry.trace import set_span_in_context

from observability_integration.semconv.schema import DEFAULT_SCHEMA

from .observed import ObservedValues
from .series import MAX_SERIES, OVERFLOW, attributes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import (
        CallbackOptions,
        Counter,
        Histogram,
        Meter,
        UpDownCounter,
    )
    from opentelemetry.metrics import _Gauge as Gauge  # pyright: ignore[reportPrivateUsage] - its only name
    from opentelemetry.trace import Span

    from observability_integration.semconv.schema import Schema

    from .instrument import Adding, C, Instrument, LabelValue, Observed, Setting, Values
    from .series import Attributes


# A meter makes each instrument once, and ignores the callbacks of whoever asks for it again.
_observed: weakref.WeakKeyDictionary[Meter, dict[Instrument[object], ObservedValues]] = (
    weakref.WeakKeyDictionary()
)
_observing = threading.Lock()


class MeterCells:
    """A source of cells over an OpenTelemetry meter; see `Registry.cell`.

    Each count goes to the meter at once. That is what the meter's provider and its views expect,
    and costs microseconds where a cell of a registry costs tens of nanoseconds.

    Args:
        meter: Where instruments come from.
        schema: The version of the GenAI conventions that names the metrics of models.
        max_series: Most series of an instrument; further ones share one.
    """

    def __init__(
        self, meter: Meter, *, schema: Schema = DEFAULT_SCHEMA, max_series: int = MAX_SERIES
    ) -> None:
        self.schema: Schema = schema
        self._meter, self._max_series = meter, max_series
        self._tables: dict[Instrument[object], _Table] = {}
        self._lock = threading.Lock()

    def cell(self, instrument: Instrument[C], *values: LabelValue) -> C:
        """Return the cell of *instrument* for these values of its labels; keep it."""
        table = self._tables.get(instrument)
        found = None if table is None else table.cells.get(values)
        return cast("C", self._open(instrument, values) if found is None else found)

    def observe(
        self, instrument: Instrument[Adding] | Instrument[Setting], ask: Observed
    ) -> Callable[[], None]:
        """Take the values of *instrument* from *ask* too, until what is returned is called."""
        with _observing:
            observed = _observed.setdefault(self._meter, {})
            known = observed.get(instrument)
            if known is None:
                known = observed[instrument] = ObservedValues(instrument, self._max_series)
                self._observe(instrument, known)
        return known.add(ask)

    def _observe(self, instrument: Instrument[object], values: ObservedValues) -> None:
        def callback(options: CallbackOptions) -> Iterable[Observation]:  # noqa: ARG001 - its shape
            return [Observation(number, attributes) for attributes, number in values.read()]

        create = (
            self._meter.create_observable_counter
            if instrument.kind == "counter"
            else self._meter.create_observable_gauge
        )
        create(
            instrument.name, [callback], unit=instrument.unit, description=instrument.description
        )

    def _open(self, instrument: Instrument[object], values: Values) -> object:
        attributes = attributes_of(instrument, values)
        with self._lock:
            table = self._tables.get(instrument)
            if table is None:
                table = self._tables[instrument] = _Table(self._maker(instrument))
            found = table.cells.get(values)
            if found is not None:
                return found
            if len(table.cells) < self._max_series:
                cell = table.cells[values] = table.make(attributes)
                return cell
            if table.overflow is None:
                table.overflow = table.make(OVERFLOW)
            return table.overflow

    def _maker(self, instrument: Instrument[object]) -> Callable[[Attributes], object]:
        """Create *instrument* and return what makes its cells."""
        told = {"unit": instrument.unit, "description": instrument.description}
        match instrument.kind:
            case "counter":
                counter = self._meter.create_counter(instrument.name, **told)
                return lambda attributes: _AddingCell(counter, attributes)
            case "updowncounter":
                up_down = self._meter.create_up_down_counter(instrument.name, **told)
                return lambda attributes: _AddingCell(up_down, attributes)
            case "gauge":
                gauge = self._meter.create_gauge(instrument.name, **told)
                return lambda attributes: _SettingCell(gauge, attributes)
            case "histogram":
                histogram = self._meter.create_histogram(
                    instrument.name,
                    unit=instrument.unit,
                    description=instrument.description,
                    explicit_bucket_boundaries_advisory=instrument.buckets,
                )
                return lambda attributes: _MeasuringCell(histogram, attributes)


class _Table:
    """One instrument of the meter and its cells."""

    __slots__ = ("cells", "make", "overflow")

    def __init__(self, make: Callable[[Attributes], object]) -> None:
        self.make = make
        self.cells: dict[Values, object] = {}
        self.overflow: object = None


class _AddingCell:
    __slots__ = ("_attributes", "_instrument")

    def __init__(self, instrument: Counter | UpDownCounter, attributes: Attributes) -> None:
        self._instrument, self._attributes = instrument, attributes

    def add(self, n: float = 1) -> None:
        self._instrument.add(n, self._attributes)


class _SettingCell:
    __slots__ = ("_attributes", "_instrument")

    def __init__(self, instrument: Gauge, attributes: Attributes) -> None:
        self._instrument, self._attributes = instrument, attributes

    def set(self, value: float) -> None:
        self._instrument.set(value, self._attributes)


class _MeasuringCell:
    __slots__ = ("_attributes", "_instrument")

    def __init__(self, instrument: Histogram, attributes: Attributes) -> None:
        self._instrument, self._attributes = instrument, attributes

    def record(self, value: float, span: Span | None = None) -> None:
        # Where metrics have examples, the provider takes them from the context.
        within = None if span is None else set_span_in_context(span)
        self._instrument.record(value, self._attributes, within)
