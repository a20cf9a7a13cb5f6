"""How recent calls went: the last so many, or those of the last seconds."""

from __future__ import annotations

import math
from collections import deque
from typing import Final, Protocol

BUCKETS: Final = 10


class OutcomeWindow(Protocol):
    """Counts recent calls. Who calls it from several threads holds a lock around each call."""

    def record(self, now: float, *, failed: bool, slow: bool) -> None:
        """Count a call that ended at *now*; it can be both failed and slow."""
        ...

    def counts(self, now: float) -> tuple[int, int, int]:
        """Return how many calls are in the window, how many failed, and how many were slow."""
        ...


class CallWindow:
    """The last *size* calls.

    Calls are numbered, and only the numbers of failed and of slow ones are kept. So a call that
    went well costs one addition, `number += 1`, which the caller may do by itself.

    Args:
        size: How many calls.
    """

    __slots__ = ("_failures", "_size", "_slow", "number")

    def __init__(self, size: int) -> None:
        self.number = 0
        self._size = size
        # No more than *size* numbers can be in the window, so the bound never drops one that is.
        self._failures: deque[int] = deque(maxlen=size)
        self._slow: deque[int] = deque(maxlen=size)

    def record(self, now: float, *, failed: bool, slow: bool) -> None:
        """Count a call; *now* does not matter here."""
        self.number += 1
        if failed:
            self._failures.append(self.number)
        if slow:
            self._slow.append(self.number)

    def counts(self, now: float) -> tuple[int, int, int]:
        """Return how many calls are in the window, how many failed, and how many were slow."""
        last_outside = self.number - self._size
        for numbers in (self._failures, self._slow):
            while numbers and numbers[0] <= last_outside:
                numbers.popleft()
        return min(self.number, self._size), len(self._failures), len(self._slow)


class _Bucket:
    __slots__ = ("calls", "failures", "index", "slow")

    def __init__(self, index: float) -> None:
        self.index = index
        self.calls = self.failures = self.slow = 0


class TimeWindow:
    """The calls of the last *seconds*.

    They are counted in ten buckets, and a bucket leaves as a whole: the window covers between nine
    tenths of *seconds* and all of them. Memory does not grow with the number of calls.

    Args:
        seconds: How far back the window reaches.
    """

    __slots__ = ("_buckets", "_ends", "_failures", "_newest", "_slow", "_width")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / BUCKETS
        self._buckets: deque[_Bucket] = deque()
        self._newest, self._ends = _Bucket(-math.inf), -math.inf
        self._failures = self._slow = 0

    def add_success(self, now: float) -> bool:
        """Count a call that went well, or return False where only `record` can.

        Needs no lock: nothing is called between reading and writing, so that the interpreter does
        not switch threads there. True says that no rate can have risen.
        """
        if now >= self._ends or self._failures or self._slow:
            return False
        self._newest.calls += 1
        return True

    def record(self, now: float, *, failed: bool, slow: bool) -> None:
        """Count a call that ended at *now*; it can be both failed and slow."""
        index = now // self._width
        if index > self._newest.index:
            self._drop(index)
            self._newest, self._ends = _Bucket(index), (index + 1) * self._width
            self._buckets.append(self._newest)
        bucket = self._newest
        bucket.calls += 1
        bucket.failures += failed
        bucket.slow += slow
        self._failures += failed
        self._slow += slow

    def counts(self, now: float) -> tuple[int, int, int]:
        """Return how many calls are in the window, how many failed, and how many were slow."""
        self._drop(now // self._width)
        return sum(bucket.calls for bucket in self._buckets), self._failures, self._slow

    def _drop(self, index: float) -> None:
        """Forget the buckets that are outside while *index* is the newest."""
        buckets = self._buckets
        while buckets and buckets[0].index <= index - BUCKETS:
            old = buckets.popleft()
            self._failures -= old.failures
            self._slow -= old.slow
