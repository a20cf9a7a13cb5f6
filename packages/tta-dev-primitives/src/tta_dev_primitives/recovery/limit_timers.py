"""Exact time limits that calls with the same limit share one timer for.

Of calls that have the same limit, those that began first are due first. So a dict in the order of
their beginning is a dict in the order in which they are due, and one timer for the first of them
does for all. Setting an alarm and silencing it costs two operations on that dict.
"""

from __future__ import annotations

import math
import threading
from asyncio import current_task
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.core.clock import SystemClock
from tta_dev_primitives.core.deadline import no_task

from .coarse_timers import Ringing, Slot

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from tta_dev_primitives.core.clock import Clock, TimerHandle

_LOOK_SECONDS: Final = 1 / 64


class LimitTimers(Ringing):
    """The alarms of one limit in one event loop, and one timer for the first of them.

    No timer stays armed when no alarm is left: on the machine's own clock a look a little later
    finds that out, on any other it is stopped at once; see `CoarseTimers`.

    Args:
        loop: The event loop whose tasks are limited.
        clock: Whose time it is.
    """

    __slots__ = ("_clock", "_lingers", "_timer", "latest", "next", "slot")

    def __init__(self, loop: AbstractEventLoop, clock: Clock) -> None:
        super().__init__(loop)
        self._clock = clock
        self._lingers = isinstance(clock, SystemClock)
        self._timer: TimerHandle | None = None
        self.slot = Slot()
        self.slot.timers = self
        self.next: float = math.inf
        """The moment the timer is armed for."""
        self.latest: float = -math.inf
        """The moment the last alarm is due."""

    def arm(self, moment: float) -> None:
        """Look at *moment*, and no more at the one before."""
        self._stop()
        self.next = moment
        seconds = max(0.0, moment - self._clock.monotonic())
        self._timer = self._clock.call_later(seconds, self._fire)

    def emptied(self) -> None:
        """Find out that there are no alarms, soon or now."""
        if not self._lingers:
            self._stop()
            return
        self.arm(self._clock.monotonic() + _LOOK_SECONDS)
        self.looking = True

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self.next, self.looking = None, math.inf, False

    def _fire(self) -> None:
        # Where the timer came early by a rounding, its moment counts as reached.
        now = max(self._clock.monotonic(), self.next)
        self._stop()
        passed = list(takewhile(lambda alarm: alarm[1][0] <= now, self.slot.items()))
        for key, _ in passed:
            del self.slot[key]
        if self.slot:
            self.arm(next(iter(self.slot.values()))[0])
        for key, (_, task, cancelling) in passed:
            self.ring(key, task, cancelling)


class LimitClock(threading.local):
    """Sets alarms of one limit by one clock, in whatever event loop is running.

    Args:
        clock: Where the time comes from.
    """

    # As those of `CoarseClock`.
    _timers: LimitTimers | None = None

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __reduce__(self) -> tuple[type[LimitClock], tuple[Clock]]:
        return LimitClock, (self._clock,)

    def set(self, key: object, due: float) -> Slot:
        """Cancel the current task at *due*.

        Whoever sets it ends it, with `Slot.silence` and the same *key*. Alarms due in the order in
        which they are set share a timer; one that is due before an earlier one begins anew.

        Args:
            key: Anything hashable that no other alarm is set with at the same time.
            due: In `clock.monotonic()` seconds.
        """
        timers = self._timers
        task = None if timers is None else current_task(timers.loop)
        if timers is None or task is None or (due < timers.latest and timers.slot):
            task = current_task()
            if task is None:
                raise no_task()
            timers = self._timers = LimitTimers(task.get_loop(), self._clock)
        timers.latest = due
        if due < timers.next:
            timers.arm(due)
        slot = timers.slot
        slot[key] = due, task, task.cancelling()
        return slot
