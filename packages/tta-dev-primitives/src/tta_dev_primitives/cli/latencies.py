"""Percentiles of any number of latencies in little memory."""

from __future__ import annotations

import math
from typing import Final

_GROWTH: Final = 1.01


class Latencies:
    """A histogram with buckets that grow by 1 %, so a percentile is off by at most 1 %."""

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = 0

    def add(self, seconds: float) -> None:
        """Count one latency."""
        bucket = math.ceil(math.log(max(seconds, 1e-9), _GROWTH))
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1

    def percentile(self, share: float) -> float | None:
        """Return the seconds below which *share* (0 to 1) of the latencies lie."""
        wanted = math.ceil(share * self.count)
        for bucket in sorted(self._buckets):
            wanted -= self._buckets[bucket]
            if wanted <= 0:
                return _GROWTH**bucket
        return None

    def milliseconds(self, share: float) -> float | None:
        """Return a percentile in milliseconds, rounded to a tenth."""
        seconds = self.percentile(share)
        return None if seconds is None else round(seconds * 1000, 1)
