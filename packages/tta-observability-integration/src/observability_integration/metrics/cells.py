"""Cells of our own registry: one series each, counted in tens of nanoseconds.

They are exact in any number of threads. With the GIL no lock is needed: the interpreter lets other
threads run where a call begins or returns and where a loop goes round, and between reading and
writing a number here there is neither. Without the GIL each cell has a lock.
"""

from __future__ import annotations

import sys
import threading
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from observability_integration.spans.light_span import LightSpan


class Example(NamedTuple):
    """A value that fell into a bucket, and the span that it was measured in."""

    value: float
    trace_id: int
    span_id: int
    time_ns: int


class Distribution(NamedTuple):
    """What a histogram knows at one moment.

    Attributes:
        counts: For each bucket, the last for what is above all bounds; not summed up.
        total: The sum of the values.
        least: The least value, infinite where there is none.
        most: The greatest one.
        examples: For each bucket, where it has one.
    """

    counts: list[int]
    total: float
    least: float
    most: float
    examples: list[Example | None]


class NumberCell:
    """A number that is added to, or set.

    Attributes:
        value: What it is now.
    """

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.clear()

    def clear(self, value: float = 0) -> None:
        """Begin at *value*, as the only thread there is."""
        self.value: float = value

    def add(self, n: float = 1) -> None:
        """Add *n*."""
        self.value += n

    def set(self, value: float) -> None:
        """Forget the old value and hold *value*."""
        self.value = value


class HistogramCell:
    """A count for each bucket, the sum, the extremes, and an example for each bucket.

    An example is kept by its identifiers and not by its span, which would keep all that the span
    knows alive.

    Args:
        bounds: Upper bounds of the buckets; a value equal to one belongs below it.
    """

    __slots__ = ("bounds", "counts", "examples", "least", "most", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.clear()

    def clear(self) -> None:
        """Begin at nothing, as the only thread there is."""
        self.counts = [0] * (len(self.bounds) + 1)
        self.examples: list[tuple[float, int, int, int] | None] = [None] * len(self.counts)
        self.total = 0.0
        self.least, self.most = float("inf"), float("-inf")

    def record(self, value: float, span: LightSpan | None = None) -> None:
        """Count *value*; a sampled *span* becomes the example of its bucket."""
        index = bisect_left(self.bounds, value)
        self.counts[index] += 1
        if value < self.least:
            self.least = value
        if value > self.most:
            self.most = value
        self.total += value
        # Last, because what is replaced here may end a life and run code of others.
        if span is not None and span.deliver is not None:
            self.examples[index] = (
                value,
                span.trace_id,
                span.span_id,
                span.end_ns or span.start_ns,
            )

    def read(self) -> Distribution:
        """Return what is known, all of one moment."""
        while True:
            # Every value makes a new total, which is another object even where it is equal.
            before = self.total
            counts, least, most = [*self.counts], self.least, self.most
            examples = [*self.examples]
            if self.total is before:
                told = [None if each is None else Example(*each) for each in examples]
                return Distribution(counts, before, least, most, told)


class LockedNumberCell(NumberCell):
    """A number for interpreters without a GIL."""

    __slots__ = ("_lock",)

    def clear(self, value: float = 0) -> None:
        """Begin at *value*, as the only thread there is."""
        self._lock = threading.Lock()  # after a fork the old one may be held for ever
        super().clear(value)

    def add(self, n: float = 1) -> None:
        """Add *n*."""
        with self._lock:
            self.value += n


class LockedHistogramCell(HistogramCell):
    """A histogram for interpreters without a GIL."""

    __slots__ = ("_lock",)

    def clear(self) -> None:
        """Begin at nothing, as the only thread there is."""
        self._lock = threading.Lock()
        super().clear()

    def record(self, value: float, span: LightSpan | None = None) -> None:
        """Count *value*; a sampled *span* becomes the example of its bucket."""
        with self._lock:
            super().record(value, span)

    def read(self) -> Distribution:
        """Return what is known, all of one moment."""
        with self._lock:
            return super().read()


_gil_enabled: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)


def cell_types(*, gil: bool | None = None) -> tuple[type[NumberCell], type[HistogramCell]]:
    """Return the classes of cells that are exact in this interpreter.

    Args:
        gil: Whether there is a GIL; None to ask the interpreter.
    """
    if _gil_enabled() if gil is None else gil:
        return NumberCell, HistogramCell
    return LockedNumberCell, LockedHistogramCell
