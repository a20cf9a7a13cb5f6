"""Waiting no longer than a moment in time, without leaving anything behind."""

from __future__ import annotations

from asyncio import CancelledError, current_task
from typing import TYPE_CHECKING, TypeVar

from tta_dev_primitives.errors import TimeoutError  # noqa: A004 - rooted in the stdlib's

from .clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .clock import Clock, TimerHandle

T = TypeVar("T")


class Bell:
    """Cancels the current task after some seconds, and tells that cancellation from others.

    Whoever makes one ends it with `silence`, however the awaits under it end.

    Args:
        seconds: When to ring.
        clock: Whose timer to use.
    """

    __slots__ = ("_cancelling", "_task", "_timer", "rang")

    def __init__(self, seconds: float, clock: Clock) -> None:
        task = current_task()
        if task is None:
            raise no_task()
        self._task = task
        self._cancelling = task.cancelling()
        self.rang = False
        self._timer: TimerHandle
        if clock is SYSTEM_CLOCK:  # on the path of every limited call, so without its detour
            loop = task.get_loop()
            self._timer = loop.call_at(loop.time() + seconds, self._ring)
        else:
            self._timer = clock.call_later(seconds, self._ring)

    def _ring(self) -> None:
        loop = self._task.get_loop()
        if current_task(loop) is self._task:
            # A clock was moved by the very code under the limit. As in real time, the bell waits
            # until that code waits, and is not heard where it ends first.
            self._timer = loop.call_soon(self._ring)
            return
        self.rang = True
        self._task.cancel()

    def silence(self, error: BaseException | None) -> bool:
        """Stop the timer, and tell whether it alone is why the awaits ended with *error*.

        To be called once; *error* is None where they raised nothing.
        """
        if not self.rang:
            self._timer.cancel()
            return False
        others = self._task.uncancel() > self._cancelling
        return not others and isinstance(error, CancelledError)


class Alarm(Bell):
    """Ends a block of awaits of one task with `TimeoutError` after some seconds.

    Use as a context manager. The task is cancelled, not abandoned: when `TimeoutError` leaves the
    block, the `finally` blocks inside have run. A cancellation from elsewhere goes through
    unchanged, even when it comes together with the alarm.

    Args:
        seconds: When to ring.
        clock: Whose timer to use.
        name: Name for the error's text.
        limit: Limit for the error's text, where it differs from *seconds*.
    """

    __slots__ = ("_limit", "_name")

    def __init__(self, seconds: float, clock: Clock, name: str, limit: float | None = None) -> None:
        super().__init__(seconds, clock)
        self._name, self._limit = name, max(0, seconds) if limit is None else limit

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self.silence(error):
            raise TimeoutError(self._name, self._limit) from error


def no_task() -> RuntimeError:
    """Return the error for code that nothing could cancel."""
    return RuntimeError("a time limit needs a running asyncio task")


async def within(call: Awaitable[T], deadline: float | None, clock: Clock, name: str) -> T:
    """Await *call*, but not beyond *deadline* (in `clock.monotonic()` seconds; None for ever).

    Raises:
        TimeoutError: The deadline passed first; *call* was cancelled and has ended.
    """
    if deadline is None:
        return await call
    with Alarm(deadline - clock.monotonic(), clock, name):
        return await call
