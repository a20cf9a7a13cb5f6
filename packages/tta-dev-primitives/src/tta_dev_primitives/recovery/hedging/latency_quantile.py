"""A quantile of recent durations, kept up to date with every one of them."""

from __future__ import annotations

import bisect
import math
import threading
from dataclasses import dataclass
from typing import Final

from tta_dev_primitives.errors import ConfigurationError

_SHORTEST: Final = 1e-4
_GROWTH: Final = 1.05
_EDGES: Final = tuple(_SHORTEST * _GROWTH**power for power in range(331))
_LIMITS: Final = (*_EDGES[:-1], math.inf)
_PARTS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Quantile:
    """A delay that follows what a step really takes.

    Attributes:
        quantile: Share of calls that end sooner, between 0 and 1: 0.95 is "as long as 19 of 20".
        minimum_samples: Calls to see before there is a delay at all.
        window: Calls that count: at least this many of the last, at most twice as many.

    Raises:
        ConfigurationError: A number that makes no sense.
    """

    quantile: float = 0.95
    minimum_samples: int = 20
    window: int = 1000

    def __post_init__(self) -> None:
        if not 0 < self.quantile < 1:
            msg = f"quantile must lie between 0 and 1, got {self.quantile!r}; p95 is 0.95"
            raise ConfigurationError(msg)
        if not 1 <= self.minimum_samples <= self.window:
            msg = (
                f"minimum_samples must lie between 1 and window={self.window!r}, "
                f"got {self.minimum_samples!r}"
            )
            raise ConfigurationError(msg)


class LatencyQuantile:
    """Track one quantile of the durations of recent calls.

    Durations are counted in classes 5 % wide from 0.1 ms to about 1000 s, so that `value` is never
    too short and at most 5 % too long; outside of these it is the nearest of them. Adding one
    costs the same however many there are. May be used from several threads.

    Args:
        settings: Which quantile, and of how many calls.
    """

    def __init__(self, settings: Quantile) -> None:
        self.value: float | None = None
        """The quantile in seconds; None until there were enough calls."""
        self._window, self._minimum = settings.window, settings.minimum_samples
        self._share = round(settings.quantile * _PARTS)
        self._lock = threading.Lock()
        # Two generations: what is counted now, and that together with the one before. Halving all
        # counts instead would lose the single calls that make up the tail.
        self._young = [0] * len(_EDGES)
        self._young_total = 0
        self._counts = [0] * len(_EDGES)
        self._total = 0
        # The class in which the quantile lies, and how many calls were shorter than that class.
        self._place = 0
        self._below = 0

    def add(self, seconds: float) -> None:
        """Count a call that took *seconds*."""
        index = bisect.bisect_left(_LIMITS, seconds)
        with self._lock:
            self._count(index)

    def add_at_least(self, seconds: float) -> None:
        """Count a call that was given up after *seconds* and would have taken longer.

        Where that is less than the quantile it says nothing about it, and is not counted. Left
        out altogether, the slow calls that a hedge cuts short would be missing, and the quantile
        would sink with each of them.
        """
        index = bisect.bisect_left(_LIMITS, seconds)
        with self._lock:
            if self.value is not None and index >= self._place:
                self._count(index)

    def _count(self, index: int) -> None:
        counts = self._counts
        counts[index] += 1
        self._young[index] += 1
        self._young_total += 1
        total = self._total = self._total + 1
        place, below = self._place, self._below + (index < self._place)
        if self._young_total == self._window:
            counts = self._counts = self._young
            total = self._total = self._young_total
            self._young, self._young_total = [0] * len(_EDGES), 0
            below = sum(counts[:place])
        needed = -(-self._share * total // _PARTS)
        while below >= needed:
            place -= 1
            below -= counts[place]
        while below + counts[place] < needed:
            below += counts[place]
            place += 1
        self._place, self._below = place, below
        if total >= self._minimum:
            self.value = _EDGES[place]
