"""Time as a parameter: what primitives need of a clock, and the real one."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class TimerHandle(Protocol):
    """A timer that can be stopped before it fires."""

    def cancel(self) -> None:
        """Stop the timer; a second call does nothing."""
        ...


class Clock(Protocol):
    """What a primitive may ask of time. `testing.FakeClock` is the other implementation."""

    def monotonic(self) -> float:
        """Return seconds that never go back, for durations and deadlines."""
        ...

    def time(self) -> float:
        """Return seconds since the epoch, for what outlives the process."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait for *seconds*."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], object]) -> TimerHandle:
        """Call *callback* in the running loop after *seconds*."""
        ...


class SystemClock:
    """The machine's own clock and the running event loop's timers."""

    monotonic = staticmethod(time.monotonic)
    time = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        """Wait for *seconds*."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> TimerHandle:
        """Arm a timer of the running event loop."""
        return asyncio.get_running_loop().call_later(seconds, callback)


SYSTEM_CLOCK: Clock = SystemClock()
