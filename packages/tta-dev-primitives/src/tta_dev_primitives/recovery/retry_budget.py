"""A bound on extra calls that holds for many calls together."""

from __future__ import annotations

import threading
from typing import Final

from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.errors import ConfigurationError

# Whole numbers, so that ten tenths of a call are one call.
_CALL: Final = 10**12
_MICROSECONDS: Final = 10**6


class RetryBudget:
    """Allow a share of the calls to be made again, and a few per second in any case.

    When everything fails or is slow, repeating every call doubles the load just then. With a
    budget the repeats of n calls in t seconds are at most `ratio * n + minimum_per_second *
    (t + 1)`, whatever happens. One budget may be shared by several policies and threads; each
    counts the calls that come to it.

    Args:
        ratio: Extra calls for each call: 0.1 is one for ten.
        minimum_per_second: Extra calls per second that are allowed without any calls.
        burst: Unused extra calls that are kept for later.
        clock: Where the time comes from.

    Raises:
        ConfigurationError: A number that makes no sense.
    """

    def __init__(
        self,
        ratio: float = 0.1,
        *,
        minimum_per_second: float = 1.0,
        burst: float = 10.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        for name, value in (("ratio", ratio), ("minimum_per_second", minimum_per_second)):
            if not 0 <= value <= 1e6:
                msg = f"{name} must be 0 or more, and finite, got {value!r}"
                raise ConfigurationError(msg)
        if not 1 <= burst <= 1e9:
            msg = (
                f"burst must be 1 or more, and finite, got {burst!r}; with less nothing is allowed"
            )
            raise ConfigurationError(msg)
        self.ratio, self.minimum_per_second, self.burst = ratio, minimum_per_second, burst
        self._clock = clock
        self._per_call = round(ratio * _CALL)
        self._per_microsecond = round(minimum_per_second * _CALL / _MICROSECONDS)
        self._most = round(burst * _CALL)
        self._lock = threading.Lock()
        self._began = clock.monotonic()
        self._seen = 0
        self._balance = min(self._most, self._per_microsecond * _MICROSECONDS)

    def count_call(self) -> None:
        """Note a call, which earns its share."""
        with self._lock:
            self._balance += self._per_call  # cut down to the burst when it is next looked at

    def take(self) -> bool:
        """Take one extra call out of the budget, or return False when there is none left."""
        with self._lock:
            self._earn_time()
            if self._balance < _CALL:
                return False
            self._balance -= _CALL
            return True

    def give_back(self) -> None:
        """Put one extra call back that was taken and not made after all."""
        with self._lock:
            self._balance = min(self._most, self._balance + _CALL)

    @property
    def available(self) -> float:
        """How many extra calls are left now; less than 1 allows none."""
        with self._lock:
            self._earn_time()
            return self._balance / _CALL

    def twin(self) -> RetryBudget:
        """Return a budget with the same settings that nobody else takes from."""
        return RetryBudget(
            self.ratio,
            minimum_per_second=self.minimum_per_second,
            burst=self.burst,
            clock=self._clock,
        )

    def _earn_time(self) -> None:
        now = int((self._clock.monotonic() - self._began) * _MICROSECONDS)
        earned = (now - self._seen) * self._per_microsecond
        self._seen = now
        self._balance = min(self._most, self._balance + earned)
