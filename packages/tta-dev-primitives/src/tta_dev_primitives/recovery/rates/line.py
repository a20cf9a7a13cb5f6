"""Those who wait for a rate limit, and when it will be their turn."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from tta_dev_primitives.core.clock import TimerHandle

    from .gcra import Meter


class Waiter:
    """Somebody who waits; by the time it is woken, it is admitted or refused.

    Attributes:
        tokens: What its request weighs.
        latest: The moment after which it would be too late, in seconds of the clock.
        woken: Done when it need not wait any longer.
        admitted_at: When it was admitted; None when it was refused.
        retry_after: How many seconds it would have had to wait.
    """

    __slots__ = ("admitted_at", "latest", "retry_after", "tokens", "woken")

    def __init__(self, tokens: float, latest: float, woken: asyncio.Future[None]) -> None:
        self.tokens, self.latest, self.woken = tokens, latest, woken
        self.admitted_at: float | None = None
        self.retry_after = 0.0

    def wake(self) -> None:
        """End the waiting, unless a cancellation has done so."""
        if not self.woken.done():
            self.woken.set_result(None)


class Line:
    """Those who wait in one event loop, first come first served."""

    __slots__ = ("loop", "patient", "plan", "timer", "timer_at", "waiters")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        # Ordered for its constant time at the front: a dict passes over what was deleted there.
        self.waiters: OrderedDict[Waiter, None] = OrderedDict()
        self.patient = 0
        """How many of them would wait for ever."""
        self.plan: Plan | None = None
        """When each will have its turn; None when something has changed since it was made."""
        self.timer: TimerHandle | None = None
        self.timer_at = math.inf

    def head(self) -> Waiter:
        """Return who came first."""
        return next(iter(self.waiters))

    def join(self, waiter: Waiter) -> None:
        """Stand behind all others."""
        self.waiters[waiter] = None
        self.patient += waiter.latest == math.inf

    def leave(self, waiter: Waiter) -> None:
        """Stand in line no longer."""
        del self.waiters[waiter]
        self.patient -= waiter.latest == math.inf

    def stop_timer(self) -> None:
        """Forget the timer."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer, self.timer_at = None, math.inf


class Plan:
    """When one after the other will be let through, if nothing else happens.

    Args:
        meters: What the limits hold now.
        moment: The earliest moment, in seconds of the clock.
    """

    __slots__ = ("_meters", "_moment", "_tats")

    def __init__(self, meters: Sequence[Meter], moment: float) -> None:
        self._meters, self._moment = meters, moment
        self._tats = [meter.tat for meter in meters]

    def when(self, tokens: float) -> float:
        """Return the moment at which the next one, with *tokens*, would have its turn."""
        moment = self._moment
        for meter, tat in zip(self._meters, self._tats, strict=True):
            moment = max(moment, tat + meter.cost(tokens) - meter.span)
        return moment

    def add(self, tokens: float, moment: float) -> None:
        """Count one with *tokens* that has its turn at *moment*; nobody has one before it."""
        for index, meter in enumerate(self._meters):
            self._tats[index] = max(self._tats[index], moment) + meter.cost(tokens)
