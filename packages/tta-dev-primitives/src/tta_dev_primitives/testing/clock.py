"""A clock that moves only when told to."""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeTimer:
    """A timer of a `FakeClock`."""

    def __init__(self, when: float, callback: Callable[[], object]) -> None:
        self.when, self.callback = when, callback
        self.cancelled = False

    def cancel(self) -> None:
        """Stop the timer; a second call does nothing."""
        self.cancelled = True


class FakeClock:
    """Stand in for the clock of primitives under test.

    `advance()` moves time and fires the timers that are due, in order, without giving control to
    other tasks; `sleep_through()` does the same and lets tasks run in between, so that retries
    and timeouts unfold as they would in real time, at once.

    Args:
        start: Seconds that `monotonic()` shows at first.
        epoch: Seconds since the epoch that `time()` shows at first.
    """

    def __init__(self, start: float = 0.0, epoch: float = 1_700_000_000.0) -> None:
        self._now = start
        self._offset = epoch - start
        self._timers: list[tuple[float, int, FakeTimer]] = []
        self._sequence = 0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """Return the clock's seconds."""
        return self._now

    def time(self) -> float:
        """Return the clock's seconds since the epoch."""
        return self._now + self._offset

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has moved on by *seconds*; noted in `slept`."""
        self.slept.append(seconds)
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        timer = self.call_later(seconds, wake)
        try:
            await woken
        finally:
            timer.cancel()

    def call_later(self, seconds: float, callback: Callable[[], object]) -> FakeTimer:
        """Call *callback* when the clock has moved on by *seconds*.

        What is due at once is called by the running event loop at its next turn.
        """
        timer = FakeTimer(self._now + max(0, seconds), callback)
        self._sequence += 1
        heapq.heappush(self._timers, (timer.when, self._sequence, timer))
        if seconds <= 0:
            asyncio.get_running_loop().call_soon(self.advance, 0)
        return timer

    @property
    def pending(self) -> int:
        """How many timers wait to fire."""
        return sum(not timer.cancelled for _, _, timer in self._timers)

    def advance(self, seconds: float) -> None:
        """Move the clock on by *seconds*, firing what is due on the way."""
        target = self._after(seconds)
        while self._timers and self._timers[0][0] <= target:
            self._fire_next()
        self._now = max(self._now, target)

    async def sleep_through(self, seconds: float) -> None:
        """Move the clock on by *seconds*, letting tasks run whenever a timer has fired."""
        target = self._after(seconds)
        await settle()
        while self._timers and self._timers[0][0] <= target:
            self._fire_next()
            await settle()
        self._now = max(self._now, target)
        await settle()

    def jump(self, seconds: float) -> None:
        """Move the wall clock alone, as an administrator or a time server would."""
        self._offset += seconds

    def _after(self, seconds: float) -> float:
        if not seconds >= 0:
            msg = f"a clock cannot go back by {seconds!r} s; use jump() for the wall clock"
            raise ValueError(msg)
        return self._now + seconds

    def _fire_next(self) -> None:
        when, _, timer = heapq.heappop(self._timers)
        if not timer.cancelled:
            self._now = max(self._now, when)
            timer.callback()


async def settle(rounds: int = 20) -> None:
    """Let every task run that can, *rounds* turns of the event loop."""
    for _ in range(rounds):
        await asyncio.sleep(0)
