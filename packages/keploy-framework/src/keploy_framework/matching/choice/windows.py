"""Which test a mock belongs to, by its mapping or by the time of the call."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Window:
    """The time a test took when it was recorded.

    Args:
        test: The name of the test.
        began: When its request came, in nanoseconds since 1970.
        ended: When its response ended, in nanoseconds since 1970.
    """

    test: str
    began: int
    ended: int


class Windows:
    """Find the tests that ran at a time. Finding costs the logarithm of their number.

    Args:
        windows: The times of the tests; those of concurrent tests overlap.
    """

    __slots__ = ("_begins", "_latest_ends", "_windows")

    def __init__(self, windows: Iterable[Window]) -> None:
        self._windows = sorted(windows, key=lambda window: window.began)
        self._begins = [window.began for window in self._windows]
        self._latest_ends = list(accumulate((one.ended for one in self._windows), max))

    def owners(self, at: int | None) -> frozenset[str]:
        """Give the tests that ran at a time; between two tests, the one that began last.

        A call after a response belongs to the test that caused it. None own a call before the
        first test, nor one without a time.

        Args:
            at: The time, in nanoseconds since 1970.
        """
        last = bisect_right(self._begins, at) - 1 if at is not None else -1
        if at is None or last < 0:
            return frozenset()
        found: set[str] = set()
        for index in range(last, -1, -1):
            if self._latest_ends[index] < at:
                break
            if self._windows[index].ended >= at:
                found.add(self._windows[index].test)
        return frozenset(found or (self._windows[last].test,))
