"""An axis of a chart: which part of its length a value is at, and the values worth a mark."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_STEPS: Final = (1.0, 2.0, 5.0, 10.0)
_MARKS: Final = 5


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values, laid out from *begin* to *end*.

    Attributes:
        low: The value at the beginning.
        high: The value at the end, more than *low*.
        begin: Where it begins, in whatever the chart counts.
        end: Where it ends; less than *begin* on an axis that points up.
    """

    low: float
    high: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Return where *value* is; a value beyond the axis is at its end."""
        part = (value - self.low) / (self.high - self.low)
        return self.begin + (self.end - self.begin) * min(max(part, 0.0), 1.0)

    def marks(self) -> list[float]:
        """Return about five round values, those within the axis."""
        wanted = (self.high - self.low) / _MARKS
        power = 10 ** math.floor(math.log10(wanted))
        step = next(power * each for each in _STEPS if power * each >= wanted * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [step * number for number in range(first, last + 1)]


def axis_over(
    values: Iterable[float], *, begin: float, end: float, margin: float = 0.0, least: float = 0.01
) -> Axis:
    """Return an axis on which all of the values are.

    Args:
        values: At least one; all finite.
        begin: Where the axis begins.
        end: Where it ends.
        margin: What to leave free on either side, as a share of the range.
        least: The smallest range; one that is smaller grows on both sides.
    """
    listed = list(values)
    low, high = min(listed), max(listed)
    lacking = max(0.0, least - (high - low)) / 2
    low, high = low - lacking, high + lacking
    free = (high - low) * margin
    return Axis(low - free, high + free, begin, end)
