"""When to try again, as values that can be put together."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from tta_dev_primitives.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """What a schedule may know about the attempt that has failed just now.

    Attributes:
        number: Its number; the first attempt is 1.
        elapsed: Seconds since the first attempt began.
        asked: Seconds that the server asked to wait; 0 where it did not.
        waited: Seconds waited between attempts so far.
        error: What it raised; None where it returned what was not wanted.
        result: What it returned, where it did.
    """

    number: int
    elapsed: float = 0.0
    asked: float = 0.0
    waited: float = 0.0
    error: Exception | None = None
    result: object = None


Waits: TypeAlias = Callable[[FailedAttempt], float | None]
"""Takes a failed attempt and returns the seconds until the next; None where there is none."""


class Schedule(ABC):
    """When to try again: an immutable value that any number of calls may follow at once.

    A schedule begins with an attempt that has failed, and counts that one. A delay that the server
    asked for makes a wait longer, never shorter, and is under the same limits.

    To write one, define `begin`, and `max_attempts` or `bounded` where it ends by itself.
    """

    __slots__ = ()

    @abstractmethod
    def begin(self, random: Callable[[], float]) -> Waits:
        """Return what tells the waits of one call.

        Args:
            random: Draws a number from 0 up to, not including, 1.
        """

    @property
    def max_attempts(self) -> int | None:
        """Most attempts, the first one included; None where their number has no limit."""
        return None

    @property
    def bounded(self) -> bool:
        """Whether the schedule ends, by number or by time."""
        return self.max_attempts is not None

    def jittered(self) -> Schedule:
        """Draw each wait evenly between 0 and what it would have been."""
        return _Jittered(self)

    def up_to(self, *, attempts: int | None = None, seconds: float | None = None) -> Schedule:
        """End the schedule.

        Args:
            attempts: Most attempts, the first one included: 3 means up to two waits.
            seconds: No attempt begins so long after the schedule began, or later.

        Raises:
            ConfigurationError: A limit that makes no sense, or none.
        """
        return _Limited(self, attempts, seconds)

    def __or__(self, then: Schedule) -> Schedule:
        """Go on with *then* when this schedule has ended.

        To *then* the attempt that failed last is the first, and the moment when it failed is the
        beginning.

        Raises:
            ConfigurationError: This schedule never ends.
        """
        return _Sequence(self, then) if isinstance(then, Schedule) else NotImplemented  # pyright: ignore[reportUnnecessaryIsInstance] - an operator meets anything


def constant(seconds: float) -> Schedule:
    """Wait for *seconds* each time."""
    return _Constant(seconds)


def exponential(base: float = 0.5, factor: float = 2.0, maximum: float = 60.0) -> Schedule:
    """Wait for *base* seconds, then *factor* times as long each time, but at most *maximum*."""
    return _Exponential(base, factor, maximum)


def fibonacci(base: float = 0.5, maximum: float = 60.0) -> Schedule:
    """Wait for 1, 1, 2, 3, 5, 8 ... times *base* seconds, but at most *maximum*."""
    return _Fibonacci(base, maximum)


@dataclass(frozen=True, slots=True)
class _Constant(Schedule):
    seconds: float

    def __post_init__(self) -> None:
        _check(self, "seconds")

    def begin(self, random: Callable[[], float]) -> Waits:
        return lambda failed: max(self.seconds, failed.asked)


@dataclass(frozen=True, slots=True)
class _Exponential(Schedule):
    base: float
    factor: float
    maximum: float

    def __post_init__(self) -> None:
        _check(self, "base", "factor", "maximum")

    def begin(self, random: Callable[[], float]) -> Waits:
        return self._wait

    def _wait(self, failed: FailedAttempt) -> float:
        try:
            wait = self.base * float(self.factor) ** (failed.number - 1)
        except OverflowError:
            wait = self.maximum if self.base else 0.0
        return max(min(wait, self.maximum), failed.asked)


@dataclass(frozen=True, slots=True)
class _Fibonacci(Schedule):
    base: float
    maximum: float

    def __post_init__(self) -> None:
        _check(self, "base", "maximum")

    def begin(self, random: Callable[[], float]) -> Waits:
        return self._wait

    def _wait(self, failed: FailedAttempt) -> float:
        before, wait = 0.0, self.base
        for _ in range(failed.number - 1):
            if not 0 < wait < self.maximum:
                break  # nothing changes from here on, however many attempts there were
            before, wait = wait, before + wait
        return max(min(wait, self.maximum), failed.asked)


@dataclass(frozen=True, slots=True)
class _Jittered(Schedule):
    inner: Schedule

    @property
    def max_attempts(self) -> int | None:
        return self.inner.max_attempts

    @property
    def bounded(self) -> bool:
        return self.inner.bounded

    def begin(self, random: Callable[[], float]) -> Waits:
        waits = self.inner.begin(random)

        def wait(failed: FailedAttempt) -> float | None:
            longest = waits(failed)
            return None if longest is None else max(longest * random(), failed.asked)

        return wait


@dataclass(frozen=True, slots=True)
class _Limited(Schedule):
    inner: Schedule
    attempts: int | None
    seconds: float | None

    def __post_init__(self) -> None:
        if self.attempts is None and self.seconds is None:
            msg = "up_to() needs a limit: attempts=, seconds= or both"
            raise ConfigurationError(msg)
        if self.attempts is not None and not self.attempts >= 1:
            msg = f"attempts must be 1 or more, got {self.attempts!r}; 1 means none after the first"
            raise ConfigurationError(msg)
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            msg = f"seconds must be positive and finite, got {self.seconds!r}"
            raise ConfigurationError(msg)

    @property
    def max_attempts(self) -> int | None:
        within = self.inner.max_attempts
        if self.attempts is None or within is None:
            return within if self.attempts is None else self.attempts
        return min(self.attempts, within)

    @property
    def bounded(self) -> bool:
        return True

    def begin(self, random: Callable[[], float]) -> Waits:
        waits, attempts, seconds = self.inner.begin(random), self.attempts, self.seconds

        def wait(failed: FailedAttempt) -> float | None:
            if attempts is not None and failed.number >= attempts:
                return None
            delay = waits(failed)
            if delay is None or seconds is None or failed.elapsed + delay < seconds:
                return delay
            return None

        return wait


@dataclass(frozen=True, slots=True)
class _Sequence(Schedule):
    first: Schedule
    then: Schedule

    def __post_init__(self) -> None:
        if not self.first.bounded:
            msg = (
                f"{self.first!r} never ends, so what follows it never begins; "
                "end it with .up_to(attempts=...)"
            )
            raise ConfigurationError(msg)

    @property
    def max_attempts(self) -> int | None:
        first, then = self.first.max_attempts, self.then.max_attempts
        # The attempt in between counts for both.
        return None if first is None or then is None else first + then - 1

    @property
    def bounded(self) -> bool:
        return self.then.bounded

    def begin(self, random: Callable[[], float]) -> Waits:
        first, then = self.first.begin(random), self.then.begin(random)
        handover: FailedAttempt | None = None

        def wait(failed: FailedAttempt) -> float | None:
            nonlocal handover
            if handover is None:
                delay = first(failed)
                if delay is not None:
                    return delay
                # Of this attempt only its place is kept, not what it raised.
                handover = replace(failed, error=None, result=None)
            return then(
                replace(
                    failed,
                    number=failed.number - handover.number + 1,
                    elapsed=failed.elapsed - handover.elapsed,
                    waited=failed.waited - handover.waited,
                )
            )

        return wait


def _check(schedule: Schedule, *fields: str) -> None:
    for field in fields:
        value = getattr(schedule, field)
        if not 0 <= value < math.inf:
            msg = f"{field} must be 0 or more, and finite, got {value!r}"
            raise ConfigurationError(msg)
