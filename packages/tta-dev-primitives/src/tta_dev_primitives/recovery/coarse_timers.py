"""Time limits that many calls share one timer for, at the price of a few milliseconds.

An alarm is an entry in a dict, and the dict stands for a slot of time. Setting one and silencing it
costs two operations on that dict, and no timer of the event loop.
"""

from __future__ import annotations

import math
import threading
from asyncio import CancelledError, current_task
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tta_dev_primitives.core.clock import SystemClock
from tta_dev_primitives.core.deadline import no_task

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Handle, Task
    from collections.abc import Callable

    from tta_dev_primitives.core.clock import Clock, TimerHandle

SLOTS_PER_SECOND: Final = 128
"""A power of two, so that the time of a slot is exact and no rounding makes an alarm early."""

# uvloop takes what rounds to no millisecond for now, and would be asked again and again.
_SHORTEST_SECONDS: Final = 0.001
_LOOK_SLOTS: Final = 2

# A task that was being cancelled already when its alarm was set comes with the number of times.
# Any: whatever the task returns.
_Sleeper: TypeAlias = "Task[Any] | tuple[Task[Any], int]"


class Slot(dict[object, Any]):  # Any: what the timers need to ring
    """Alarms that are looked at together, by what they were set with."""

    __slots__ = ("timers",)

    timers: Ringing

    def silence(self, key: object, error: BaseException | None) -> bool:
        """End the alarm set with *key*, and tell whether it alone ended the block with *error*.

        To be called once, however the block ends; *error* is None when it raised nothing. See
        `core.deadline.Bell.silence`.
        """
        timers = self.timers
        if key in self:
            del self[key]
            if not self and not timers.looking:
                timers.emptied()
            return False
        if key in timers.postponed:
            timers.postponed.pop(key).cancel()
            return False
        task, cancelling = timers.rung.pop(key)
        others = task.uncancel() > cancelling
        return not others and isinstance(error, CancelledError)


class Ringing:
    """Cancels tasks, each at a moment when it waits, and knows which it has cancelled.

    Args:
        loop: The event loop whose tasks are limited.
    """

    __slots__ = ("looking", "loop", "postponed", "rung")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.loop = loop
        self.looking = False
        """Whether a look is due so soon that it may find out what has become empty."""
        self.postponed: dict[object, Handle] = {}
        self.rung: dict[object, tuple[Task[Any], int]] = {}  # Any: whatever the task returns

    def emptied(self) -> None:
        """Take note that a slot has no alarm any more."""
        raise NotImplementedError

    def ring(self, key: object, task: Task[Any], cancelling: int) -> None:
        """Cancel *task*, which was being cancelled *cancelling* times when its alarm was set."""
        self.postponed.pop(key, None)
        if current_task(self.loop) is task:
            # A clock was moved by the very code under the limit: see `Bell`.
            self.postponed[key] = self.loop.call_soon(self.ring, key, task, cancelling)
            return
        self.rung[key] = task, cancelling
        task.cancel()


class CoarseTimers(Ringing):
    """The slots of one event loop, and one timer for the next of them.

    No timer stays armed when no alarm is left. On the machine's own clock a look after at most two
    slots finds that out, because stopping the timer at once and starting it again would cost every
    short call what the slots save; on any other clock it is stopped at once.

    Args:
        loop: The event loop whose tasks are limited.
        clock: Whose time it is.
    """

    __slots__ = (
        "_clock",
        "_lingers",
        "_next",
        "_slots",
        "_timer",
        "begins",
        "ends",
        "slot",
    )

    def __init__(self, loop: AbstractEventLoop, clock: Clock) -> None:
        super().__init__(loop)
        self._clock = clock
        self._lingers = isinstance(clock, SystemClock)
        self._slots: dict[int, Slot] = {}
        self._timer: TimerHandle | None = None
        self._next: float = math.inf
        self._forget()

    def find(self, due: float) -> Slot:
        """Return the slot that ends after *due*; `slot` is the same for the next calls."""
        index = int(due * SLOTS_PER_SECOND)
        self.begins, self.ends = index / SLOTS_PER_SECOND, (index + 1) / SLOTS_PER_SECOND
        index += 1
        slot = self._slots.get(index)
        if slot is None:
            slot = self._slots[index] = Slot()
            slot.timers = self
            if index < self._next:
                self._arm(index, self._clock.monotonic())
        self.slot = slot
        return slot

    def emptied(self) -> None:
        """Find out which slots are empty, soon or now."""
        if self._lingers:
            now = self._clock.monotonic()
            self._arm(int(now * SLOTS_PER_SECOND) + _LOOK_SLOTS, now)
            self.looking = True
            return
        self._drop_empty()
        if not self._slots:
            self._stop()

    def _arm(self, index: int, now: float) -> None:
        self._stop()
        self._next = index
        seconds = max(index / SLOTS_PER_SECOND - now, _SHORTEST_SECONDS)
        self._timer = self._clock.call_later(seconds, self._fire)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer, self._next, self.looking = None, math.inf, False

    def _fire(self) -> None:
        self._stop()
        now = self._clock.monotonic()
        past = int(now * SLOTS_PER_SECOND)
        ringing: list[tuple[object, _Sleeper]] = []
        for index in sorted(index for index in self._slots if index <= past):
            slot = self._slots[index]
            ringing += slot.items()
            slot.clear()
        self._drop_empty()
        if self._slots:
            self._arm(min(self._slots), now)
        for key, sleeper in ringing:
            task, cancelling = sleeper if isinstance(sleeper, tuple) else (sleeper, 0)
            self.ring(key, task, cancelling)

    def _drop_empty(self) -> None:
        for index in [index for index, slot in self._slots.items() if not slot]:
            del self._slots[index]
        self._forget()

    def _forget(self) -> None:
        """Have the next call look its slot up."""
        self.slot, self.begins, self.ends = Slot(), math.inf, -math.inf


class CoarseClock(threading.local):
    """Sets alarms by one clock, in whatever event loop is running.

    Args:
        clock: Where the time comes from.
    """

    # The loop that ran last in this thread. A loop that comes back after another one begins anew;
    # alarms set before keep what they were set with.
    _timers: CoarseTimers | None = None

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __reduce__(self) -> tuple[type[CoarseClock], tuple[Clock]]:
        return CoarseClock, (self._clock,)

    def set(self, key: object, due: float) -> Slot:
        """Cancel the current task at *due* or up to 20 ms later, never before.

        Whoever sets it ends it, with `Slot.silence` and the same *key*.

        Args:
            key: Anything hashable that no other alarm is set with at the same time.
            due: In `clock.monotonic()` seconds.
        """
        timers = self._timers
        # Asked with its loop, which is much cheaper, and None where another loop is running.
        task = None if timers is None else current_task(timers.loop)
        if timers is None or task is None:
            task = current_task()
            if task is None:
                raise no_task()
            timers = self._timers = CoarseTimers(task.get_loop(), self._clock)
        slot = timers.slot if timers.begins <= due < timers.ends else timers.find(due)
        cancelling = task.cancelling()
        slot[key] = (task, cancelling) if cancelling else task
        return slot


class CoarseBell:
    """A `core.deadline.Bell` that is set by a `CoarseClock` and is its own key.

    Args:
        set_alarm: `CoarseClock.set`.
        due: When to ring, in the clock's seconds.
    """

    __slots__ = ("_slot",)

    def __init__(self, set_alarm: Callable[[object, float], Slot], due: float) -> None:
        self._slot = set_alarm(self, due)

    def silence(self, error: BaseException | None) -> bool:
        """End the alarm; see `Bell.silence`."""
        return self._slot.silence(self, error)


SYSTEM_COARSE_CLOCK: Final = CoarseClock(SystemClock())
