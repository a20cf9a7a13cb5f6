"""Several limits as one gate, and those who wait in front of it."""

from __future__ import annotations

import asyncio
import functools
import math
import threading
from typing import TYPE_CHECKING

from .gcra import Limit, Meter
from .line import Line, Plan, Waiter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tta_dev_primitives.core.clock import Clock


class Gate:
    """Let requests through as far as all limits allow: of all of them is taken, or of none.

    Waiting needs no task and no polling: each event loop has one timer, for the first in its
    line. Threads and loops share what is taken; each loop has a line of its own, in strict order.

    Args:
        limits: What is kept.
        clock: Where the time comes from.
    """

    __slots__ = (
        "_clock",
        "_closed_until",
        "_lines",
        "_lock",
        "_not_before",
        "_now",
        "_only",
        "_single",
        "_slack",
        "_waiting",
        "meters",
    )

    def __init__(self, limits: Sequence[Limit], clock: Clock) -> None:
        self.meters = tuple(Meter(limit) for limit in limits)
        self._slack = min(meter.slack for meter in self.meters)
        simple = len(self.meters) == 1 and not self.meters[0].by_token
        self._single = self.meters[0] if simple else None
        self._only: Meter | None = None
        """The one limit of requests, while nobody waits and nothing is closed: a short way."""
        self._clock, self._now = clock, clock.monotonic
        # Held for microseconds, or a millisecond while a thousand in line get a new plan.
        # Never held across an await.
        self._lock = threading.Lock()
        self._not_before = -math.inf
        self._lines: dict[asyncio.AbstractEventLoop, Line] = {}
        self._waiting = 0
        self._closed_until = -math.inf
        """Until when `take` lets nobody through: for ever while anybody waits."""

    def take(self, tokens: float) -> float | None:
        """Let a request with *tokens* through and return the moment; None when it has to wait."""
        lock = self._lock
        lock.acquire()  # half the price of a `with` block, and this is on the path of every call
        try:
            now = self._now()
            only = self._only
            if only is not None and only.tat <= now:  # unused: whatever fits at all, fits
                only.tat = now + only.fixed_cost
                only.unused_at = now
                return now
            if now < self._closed_until:
                return None
            for meter in self.meters:
                cost = meter.fixed_cost + meter.token_cost * tokens
                if meter.tat > now and meter.tat + cost - meter.tolerance > now:
                    return None
            for meter in self.meters:
                cost = meter.fixed_cost + meter.token_cost * tokens
                if meter.tat > now:
                    meter.take(cost, now)
                else:
                    meter.tat = now + cost
                    meter.unused_at = now
            self._only = self._single
            return now
        finally:
            lock.release()

    async def wait(self, tokens: float, longest: float, deadline: float | None) -> Waiter:
        """Stand in line; returns who was admitted, or refused because it would be too late.

        Whoever is cancelled leaves the line, or gives back what it was admitted to.

        Args:
            tokens: What the request weighs.
            longest: Longest wait, in seconds.
            deadline: Latest moment, in seconds of the clock.
        """
        loop = asyncio.get_running_loop()
        with self._lock:
            now = self._now()
            latest = min(now + longest, math.inf if deadline is None else deadline)
            waiter = Waiter(tokens, latest, loop.create_future())
            self._enter(loop, waiter, now)
        try:
            await waiter.woken
        except BaseException:
            with self._lock:
                self._withdraw(loop, waiter)
            raise
        return waiter

    def give_back(self, tokens: float, taken_at: float) -> None:
        """Undo the taking of a request that was let through at *taken_at* and never began."""
        with self._lock:
            self._give_back(tokens, taken_at)

    def settle(self, reserved: float, used: float, taken_at: float) -> None:
        """Make up for the difference between the tokens *reserved* at *taken_at* and those *used*.

        What was used beyond the reservation is owed: whoever comes next waits for it.
        """
        if used == reserved:
            return
        with self._lock:
            now = self._now()
            for meter in self.meters:
                if not meter.by_token:
                    continue
                if used > reserved:
                    meter.take((used - reserved) * meter.interval, now)
                else:
                    meter.give_back((reserved - used) * meter.interval, taken_at, now)
            self._stir()

    def tighten(self, left: Callable[[Limit], float | None]) -> None:
        """Let no more units of each limit be there than *left* says; None says nothing."""
        with self._lock:
            now = self._now()
            for meter in self.meters:
                units = left(meter.limit)
                if units is not None:
                    meter.tighten(units, now)
            self._stir()

    def pause(self, seconds: float) -> None:
        """Let nobody through for *seconds*."""
        with self._lock:
            self._not_before = max(self._not_before, self._now() + seconds)
            self._count(0)
            self._stir()

    @property
    def waiting(self) -> int:
        """How many wait, in all loops."""
        return self._waiting

    def unused(self) -> bool:
        """Tell whether the gate knows nothing that a new one would not."""
        with self._lock:
            now = self._now()
            free = all(meter.tat <= now for meter in self.meters)
            return free and not self._waiting and now >= self._not_before

    def tightest(self) -> tuple[Limit, float]:
        """Return the limit of which the smallest part is left, and how many units that is."""
        with self._lock:
            now = self._now()
            left = [(meter.left(now), meter.limit) for meter in self.meters]
            units, limit = min(left, key=lambda pair: pair[0] / pair[1].most_at_once)
            return limit, units

    # The lock is held in all that follows.

    def _enter(self, loop: asyncio.AbstractEventLoop, waiter: Waiter, now: float) -> None:
        self._drop_closed_loops()
        line = self._lines.get(loop) or Line(loop)
        plan = line.plan
        if plan is None and (waiter.latest < math.inf or not line.waiters):
            plan = line.plan = self._planned(line, now)
        if plan is not None:
            moment = plan.when(waiter.tokens)
            if not line.waiters and moment - self._slack <= now:
                self._admit(waiter, now)
                self._stir()  # those in other loops, if any, have been overtaken
                return
            if moment - self._slack > waiter.latest:
                waiter.retry_after = moment - now
                waiter.wake()
                return
            plan.add(waiter.tokens, moment)
        self._lines[loop] = line
        line.join(waiter)
        self._count(1)
        if len(line.waiters) == 1:
            self._set_timer(line, now)

    def _withdraw(self, loop: asyncio.AbstractEventLoop, waiter: Waiter) -> None:
        line = self._lines.get(loop)
        if waiter.admitted_at is not None:
            self._give_back(waiter.tokens, waiter.admitted_at)
        elif line is not None and waiter in line.waiters:
            self._leave(line, waiter)
            line.plan = None
            self._advance(line)

    def _give_back(self, tokens: float, taken_at: float) -> None:
        now = self._now()
        for meter in self.meters:
            meter.give_back(meter.cost(tokens), taken_at, now)
        self._stir()

    def _admit(self, waiter: Waiter, now: float) -> None:
        for meter in self.meters:
            meter.take(meter.cost(waiter.tokens), now)
        waiter.admitted_at = now
        waiter.wake()

    def _leave(self, line: Line, waiter: Waiter) -> None:
        line.leave(waiter)
        self._count(-1)

    def _count(self, more: int) -> None:
        self._waiting += more
        self._closed_until = math.inf if self._waiting else self._not_before
        self._only = None

    def _planned(self, line: Line, now: float) -> Plan:
        """Return when all in *line* have their turn; those who would be too late are refused."""
        plan = Plan(self.meters, max(now, self._not_before))
        for waiter in list(line.waiters):
            moment = plan.when(waiter.tokens)
            if moment - self._slack > waiter.latest:
                self._leave(line, waiter)
                waiter.retry_after = moment - now
                waiter.wake()
            else:
                plan.add(waiter.tokens, moment)
        return plan

    def _stir(self) -> None:
        """Have all lines looked at, since what they wait for has changed."""
        if not self._lines:
            return
        self._drop_closed_loops()
        running = _running_loop()
        for line in list(self._lines.values()):
            line.plan = None
            if line.loop is running:
                self._advance(line)
            else:
                line.loop.call_soon_threadsafe(self._on_timer, line)

    def _on_timer(self, line: Line) -> None:
        with self._lock:
            self._drop_closed_loops()
            if self._lines.get(line.loop) is line:  # else all have left, and a new line may stand
                line.stop_timer()
                self._advance(line)

    def _advance(self, line: Line) -> None:
        """Admit who is due, refuse who would be too late, and set the timer for the next."""
        now = self._now()
        while line.waiters:
            waiter = line.head()
            if waiter.woken.done():  # cancelled, and about to say so
                self._leave(line, waiter)
                line.plan = None
                continue
            moment = Plan(self.meters, max(now, self._not_before)).when(waiter.tokens)
            if moment - self._slack > now:
                break
            self._leave(line, waiter)
            self._admit(waiter, now)
            for other in self._lines.values():
                if other is not line:
                    other.plan = None  # overtaken: at their timer they find out who is too late
        if line.plan is None and line.patient < len(line.waiters):
            line.plan = self._planned(line, now)
        if line.waiters:
            self._set_timer(line, now)
        else:
            line.stop_timer()
            self._lines.pop(line.loop, None)

    def _set_timer(self, line: Line, now: float) -> None:
        moment = Plan(self.meters, max(now, self._not_before)).when(line.head().tokens)
        if moment != line.timer_at:
            line.stop_timer()
            on_timer = functools.partial(self._on_timer, line)
            line.timer = self._clock.call_later(moment - now, on_timer)
            line.timer_at = moment

    def _drop_closed_loops(self) -> None:
        for loop, line in list(self._lines.items()):
            if loop.is_closed():
                self._count(-len(line.waiters))
                del self._lines[loop]


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
