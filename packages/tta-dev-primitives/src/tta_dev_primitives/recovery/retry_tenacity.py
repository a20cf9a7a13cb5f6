"""Stop and wait objects of tenacity as a schedule, without importing tenacity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.errors import ConfigurationError

from .schedules import FailedAttempt, Schedule, Waits

if TYPE_CHECKING:
    from collections.abc import Callable


def tenacity_schedule(
    *,
    stop: Callable[[Any], bool] | None = None,  # Any: what it is called with is tenacity's type
    wait: Callable[[Any], float] | None = None,  # Any: as above
) -> Schedule:
    """Return a schedule that asks *stop* and *wait* as tenacity would.

    Each is called after a failed attempt with an `AttemptState`, first *wait*, then *stop*. The
    time comes from the policy's clock, random waits from tenacity's own generator. A delay that
    the server asked for makes a wait longer, before *stop* sees it.

    Args:
        stop: For example `tenacity.stop_after_attempt(3)`. Without it the schedule has no end of
            its own.
        wait: For example `tenacity.wait_exponential(max=10)`. Without it nobody waits.

    Raises:
        ConfigurationError: One of them cannot be called.
    """
    for name, given in (("stop", stop), ("wait", wait)):
        if given is not None and not callable(given):
            msg = f"{name} must be a {name} object of tenacity or another callable, got {given!r}"
            raise ConfigurationError(msg)
    return _TenacitySchedule(stop, wait)


class AttemptOutcome:
    """What an attempt brought, as much as stop and wait objects may ask about it."""

    __slots__ = ("_error", "_result", "attempt_number")

    def __init__(self, failed: FailedAttempt) -> None:
        self.attempt_number = failed.number
        self._error, self._result = failed.error, failed.result

    @property
    def failed(self) -> bool:
        """Whether it raised."""
        return self._error is not None

    def done(self) -> bool:
        """Return True: it is over."""
        return True

    def cancelled(self) -> bool:
        """Return False: what is cancelled is not retried."""
        return False

    def exception(self, timeout: float | None = None) -> Exception | None:
        """Return what it raised, or None."""
        return self._error

    def result(self, timeout: float | None = None) -> object:
        """Return what it returned, or raise what it raised."""
        if self._error is not None:
            raise self._error
        return self._result


@dataclass(slots=True)
class AttemptState:
    """Stands for tenacity's `RetryCallState`.

    Moments are seconds since the first attempt began. What is called, and with which arguments, is
    not told.

    Attributes:
        attempt_number: Number of the attempt that has ended; the first is 1.
        outcome: What it brought.
        outcome_timestamp: When it ended.
        idle_for: Seconds waited between attempts so far.
        upcoming_sleep: Seconds to wait before the next attempt, once that is known.
        start_time: When the first attempt began.
    """

    attempt_number: int
    outcome: AttemptOutcome
    outcome_timestamp: float
    idle_for: float
    upcoming_sleep: float = 0.0
    start_time: float = 0.0
    fn: None = None
    args: tuple[()] = ()
    kwargs: dict[str, object] = field(default_factory=dict[str, object])
    retry_object: None = None
    next_action: None = None

    @property
    def seconds_since_start(self) -> float:
        """Seconds from the beginning of the first attempt to the end of the last."""
        return self.outcome_timestamp - self.start_time


@dataclass(frozen=True, slots=True)
class _TenacitySchedule(Schedule):
    stop: Callable[[Any], bool] | None  # Any: as above
    wait: Callable[[Any], float] | None  # Any: as above

    @property
    def bounded(self) -> bool:
        return self.stop is not None

    def begin(self, random: Callable[[], float]) -> Waits:
        return self._next

    def _next(self, failed: FailedAttempt) -> float | None:
        state = AttemptState(failed.number, AttemptOutcome(failed), failed.elapsed, failed.waited)
        wait = 0.0 if self.wait is None else self.wait(state)
        state.upcoming_sleep = max(wait, failed.asked)
        return None if self.stop is not None and self.stop(state) else state.upcoming_sleep
