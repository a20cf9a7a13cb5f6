"""What an instrument is, and what a source of its cells promises.

A cell is one series: an instrument with a value for each of its labels. It is looked up once and
kept, so that counting is one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from observability_integration.semconv.schema import Schema
    from observability_integration.spans.light_span import LightSpan

Kind: TypeAlias = Literal["counter", "updowncounter", "gauge", "histogram"]
LabelValue: TypeAlias = "str | bool | None"
Values: TypeAlias = tuple[LabelValue, ...]
Observed: TypeAlias = "Callable[[], Iterable[tuple[Values, float]]]"
"""Gives values and the number for each, in whichever thread collects."""

C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)


class Adding(Protocol):
    """A cell that sums up."""

    def add(self, n: float = 1) -> None:
        """Add *n*; to a counter only what is 0 or more."""
        ...


class Setting(Protocol):
    """A cell that holds the last value."""

    def set(self, value: float) -> None:
        """Hold *value* from now on."""
        ...


class Measuring(Protocol):
    """A cell that sorts values into buckets."""

    def record(self, value: float, span: LightSpan | None = None) -> None:
        """Count *value*; a sampled *span* becomes the example of its bucket."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Instrument(Generic[C_co]):
    """One instrument; there is one object of each, compared by identity.

    Attributes:
        name: By OpenTelemetry's rules, without unit and without `total`.
        kind: What is done with the numbers.
        unit: `s`, `USD`, `{token}`, or nothing for plain counts.
        description: One line for people.
        labels: Attribute names; a cell has a value for each, None where it does not apply.
        buckets: Upper bounds, of a histogram only.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()


class CellSource(Protocol):
    """Where cells come from: a registry of our own, or a meter of OpenTelemetry."""

    @property
    def schema(self) -> Schema:
        """The version of the GenAI conventions that names the metrics of models."""
        ...

    def cell(self, instrument: Instrument[C], *values: LabelValue) -> C:
        """Return the cell of *instrument* for these values of its labels."""
        ...

    def observe(
        self, instrument: Instrument[Adding] | Instrument[Setting], ask: Observed
    ) -> Callable[[], None]:
        """Take the values of *instrument* from *ask* whenever metrics are collected.

        Several may tell values of one instrument. Calling what is returned ends it.
        """
        ...


def counter(
    name: str, labels: tuple[str, ...], description: str, unit: str = ""
) -> Instrument[Adding]:
    """Return an instrument that only grows."""
    return Instrument(name, "counter", unit, description, labels)


def up_down_counter(name: str, labels: tuple[str, ...], description: str) -> Instrument[Adding]:
    """Return an instrument that grows and shrinks."""
    return Instrument(name, "updowncounter", "", description, labels)


def gauge(name: str, labels: tuple[str, ...], description: str) -> Instrument[Setting]:
    """Return an instrument of which the last value counts."""
    return Instrument(name, "gauge", "", description, labels)


def histogram(
    name: str, labels: tuple[str, ...], description: str, unit: str, buckets: tuple[float, ...]
) -> Instrument[Measuring]:
    """Return an instrument that sorts values into buckets."""
    return Instrument(name, "histogram", unit, description, labels, buckets)
