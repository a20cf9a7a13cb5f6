"""When a circuit opens and closes, and what it tells about itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tta_dev_primitives.errors import ConfigurationError

from .outcome_window import CallWindow, OutcomeWindow, TimeWindow

if TYPE_CHECKING:
    from tta_dev_primitives.core.observe import BreakerState


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """When a circuit opens and how it closes again; see `CircuitBreakerPrimitive`."""

    failure_rate: float
    slow_call_seconds: float | None
    slow_call_rate: float
    window_calls: int
    window_seconds: float | None
    minimum_calls: int
    open_seconds: float
    half_open_permits: int

    def __post_init__(self) -> None:
        for field in ("failure_rate", "slow_call_rate"):
            rate = getattr(self, field)
            if not 0 < rate <= 1:
                msg = f"{field} must be above 0 and at most 1, got {rate!r}"
                raise ConfigurationError(msg)
        if self.slow_call_seconds is None and self.slow_call_rate != 1:
            msg = (
                f"slow_call_rate={self.slow_call_rate!r} means nothing without slow_call_seconds; "
                "give both or neither"
            )
            raise ConfigurationError(msg)
        for field in ("slow_call_seconds", "window_seconds", "open_seconds"):
            seconds = getattr(self, field)
            if seconds is not None and not 0 < seconds < math.inf:
                msg = f"{field} must be positive and finite, got {seconds!r}"
                raise ConfigurationError(msg)
        for field in ("window_calls", "minimum_calls", "half_open_permits"):
            number = getattr(self, field)
            if number < 1:
                msg = f"{field} must be 1 or more, got {number!r}"
                raise ConfigurationError(msg)
        if self.window_seconds is None and self.minimum_calls > self.window_calls:
            msg = (
                f"minimum_calls={self.minimum_calls!r} is never reached with "
                f"window_calls={self.window_calls!r}; lower minimum_calls"
            )
            raise ConfigurationError(msg)

    def new_window(self) -> OutcomeWindow:
        """Return an empty window."""
        if self.window_seconds is not None:
            return TimeWindow(self.window_seconds)
        return CallWindow(self.window_calls)

    def reached(self, calls: int, failures: int, slow: int, what: str = "calls") -> str:
        """Return in words which rate is reached, or nothing."""
        if failures and failures / calls >= self.failure_rate:
            return f"{failures} of {calls} {what} failed"
        if slow and self.slow_call_seconds is not None and slow / calls >= self.slow_call_rate:
            return f"{slow} of {calls} {what} took {self.slow_call_seconds:g}s or more"
        return ""


@dataclass(frozen=True, slots=True)
class BreakerStats:
    """What a circuit knows.

    Attributes:
        state: `closed`, `open`, or `half_open`, which it is from the moment that the next call
            would be let through as a probe.
        forced: Whether it stays so until `reset()`.
        calls: Calls in the window. While half open: probes that have come back. While open: the
            figures it opened with.
        failures: How many of them failed.
        slow_calls: How many of them were slow.
        rejected: Calls refused so far; in shadow mode, those that would have been.
        probes: Probes that are under way.
        retry_after: Seconds until a probe may pass, while it is open and not forced.
    """

    state: BreakerState
    forced: bool
    calls: int
    failures: int
    slow_calls: int
    rejected: int
    probes: int
    retry_after: float | None

    @property
    def failure_rate(self) -> float:
        """The part of the calls that failed; 0 where there are none."""
        return self.failures / self.calls if self.calls else 0.0

    @property
    def slow_call_rate(self) -> float:
        """The part of the calls that were slow; 0 where there are none."""
        return self.slow_calls / self.calls if self.calls else 0.0
