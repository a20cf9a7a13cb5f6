"""How many calls a service takes at once, found out from how long its answers take."""

from __future__ import annotations

import builtins
import math
from dataclasses import dataclass
from typing import Final

from tta_dev_primitives.errors import ConfigurationError, RateLimitedError

_SMOOTHING: Final = 0.5
_BACKOFF: Final = 0.9
_STEEPEST: Final = 0.5
_PROBED_CALLS: Final = 10
_ROUNDS_BETWEEN_PROBES: Final = 100
_BUSY: Final = frozenset({429, 503, 529})


@dataclass(frozen=True, slots=True)
class AdaptiveLimit:
    """Let a bulkhead find its limit between two bounds.

    Where answers take longer the more calls run, calls wait in the service, and fewer should run.
    Once in a round trip, which is when the first call begun after the last change is answered, the
    limit L moves half of the way to

        L * clamp(tolerance * idle / duration, 0.5, 1) + sqrt(L)

    where `duration` is what the answers took on average since then, and `idle` what they take when
    the service has little to do. This is the gradient of Netflix's concurrency-limits
    (`Gradient2Limit`), a descendant of TCP Vegas (Brakmo and Peterson, 1995); sqrt(L) is the queue
    that the service may have. `idle` is a moving average over answers to calls that began among at
    most sqrt(L). So that there are some, only so many run at first and once in 100 round trips,
    until 10 were answered, as TCP BBR and Envoy's adaptive concurrency filter do it. While at most
    half of the limit is in use, it stays. When the service is too busy (HTTP 429, 503 or 529, or no
    answer in time), the limit goes down by a tenth, once for all calls that were under way.

    Attributes:
        min: Fewest calls at a time.
        max: Most calls at a time.
        tolerance: How many times as long as in the idle service an answer may take.
    """

    min: int = 1
    max: int = 200
    tolerance: float = 1.5

    def __post_init__(self) -> None:
        if self.min < 1:
            msg = f"min must be 1 or more, got {self.min!r}; with 0 nothing would ever run"
            raise ConfigurationError(msg)
        if self.max < self.min:
            msg = f"max must be at least min, got {self.max!r}, where min is {self.min!r}"
            raise ConfigurationError(msg)
        if not self.tolerance >= 1:
            msg = f"tolerance must be 1 or more, got {self.tolerance!r}"
            raise ConfigurationError(msg)


class LimitEstimate:
    """The limit as the answers so far suggest it.

    Args:
        bounds: What it stays between.
        first: Where it begins, within the bounds.
    """

    __slots__ = ("_bounds", "_cut", "_exact", "_idle", "_left", "_probe_began", "_round", "_rounds")

    def __init__(self, bounds: AdaptiveLimit, first: int) -> None:
        self._bounds = bounds
        self._exact = float(min(max(first, bounds.min), bounds.max))
        self._idle: float | None = None
        self._cut = -math.inf
        self._round = _Round(-math.inf)
        self._rounds = 0
        self._probe_began, self._left = -math.inf, _PROBED_CALLS

    @property
    def limit(self) -> int:
        """How many calls may run now."""
        return self._few() if self._left else int(self._exact)

    def learn(self, began: float, duration: float, among: int) -> None:
        """Take in that the service answered.

        Args:
            began: When the call began, in seconds of the bulkhead's clock.
            duration: How many seconds the answer took.
            among: How many calls ran when it had begun, itself included.
        """
        if self._left:
            if began >= self._probe_began:
                self._learn_idle(duration)
                self._left -= 1
            if not self._left:
                self._round = _Round(began + duration)
        elif among > self._exact / 2:
            self._round.add(duration)
            if began >= self._round.began:
                self._adjust(self._round.mean)
                self._next_round(began + duration)
        elif among <= self._few():
            self._learn_idle(duration)

    def cut(self, began: float, now: float) -> None:
        """Take in that the service was too busy for a call begun at *began*, in clock seconds."""
        if began >= self._cut:
            self._cut = now
            self._exact = max(self._bounds.min, self._exact * _BACKOFF)

    def _few(self) -> int:
        return max(self._bounds.min, math.isqrt(int(self._exact)))

    def _learn_idle(self, duration: float) -> None:
        idle = duration if self._idle is None else self._idle
        self._idle = idle + (duration - idle) / _PROBED_CALLS

    def _adjust(self, duration: float) -> None:
        exact, bounds = self._exact, self._bounds
        gradient = 1.0
        if duration > 0 and self._idle is not None:
            gradient = min(1.0, max(_STEEPEST, bounds.tolerance * self._idle / duration))
        wanted = exact * gradient + math.sqrt(exact)
        exact += (wanted - exact) * _SMOOTHING
        self._exact = min(max(exact, bounds.min), bounds.max)

    def _next_round(self, now: float) -> None:
        self._round = _Round(now)
        self._rounds += 1
        if self._rounds >= _ROUNDS_BETWEEN_PROBES:
            self._rounds, self._left, self._probe_began = 0, _PROBED_CALLS, now


class _Round:
    """The answers since the limit last changed."""

    __slots__ = ("_answers", "_seconds", "began")

    def __init__(self, began: float) -> None:
        self.began = began
        self._seconds, self._answers = 0.0, 0

    def add(self, duration: float) -> None:
        self._seconds += duration
        self._answers += 1

    @property
    def mean(self) -> float:
        return self._seconds / self._answers


def is_overload(error: BaseException) -> bool:
    """Tell whether *error* says that the service has too much to do."""
    if isinstance(error, builtins.TimeoutError | RateLimitedError):
        return True
    status = getattr(error, "status", None) or getattr(error, "status_code", None)
    return status in _BUSY
