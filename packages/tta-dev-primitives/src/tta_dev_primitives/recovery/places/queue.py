"""The places of a bulkhead: who has one, who waits, and in which order they get theirs."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tta_dev_primitives.core import observe
from tta_dev_primitives.errors import BulkheadFullError

from .adaptive_limit import LimitEstimate

if TYPE_CHECKING:
    from collections.abc import Callable

    from tta_dev_primitives.core.clock import Clock, TimerHandle
    from tta_dev_primitives.core.context import WorkflowContext

    from .adaptive_limit import AdaptiveLimit

_RETURNING: Final = 0
_NEW: Final = 1
_TOLERATED_GONE: Final = 16


@dataclass(frozen=True, slots=True)
class PlaceRules:
    """What holds for all places of one bulkhead; `BulkheadPrimitive` explains each."""

    max_concurrent: int
    max_queue: int
    max_wait_seconds: float | None
    adaptive: AdaptiveLimit | None
    shadow: bool
    clock: Clock
    label: str


class Places:
    """The places for the calls of one event loop and one key.

    A place that comes free goes to the first in the queue at once, before any other code runs. So
    while somebody waits no place is free, and a call that finds one passes nobody.
    """

    __slots__ = (
        "_queue",
        "_sequence",
        "away",
        "estimate",
        "limit",
        "rejected",
        "rules",
        "running",
        "waiting",
    )

    def __init__(self, rules: PlaceRules) -> None:
        self.rules = rules
        self.running = self.waiting = self.rejected = 0
        self.away = 0
        self.limit = rules.max_concurrent
        self.estimate: LimitEstimate | None = None
        if rules.adaptive is not None:
            self.estimate = LimitEstimate(rules.adaptive, rules.max_concurrent)
            self.limit = self.estimate.limit
        # Rank, priority upside down, number; those who left stay in until they come up.
        self._queue: list[tuple[int, int, int, asyncio.Future[bool]]] = []
        self._sequence = 0

    @property
    def idle(self) -> bool:
        """Whether nobody has a place, waits for one, or will come back for one."""
        return not (self.running or self.waiting or self.away)

    async def enter(
        self, context: WorkflowContext, priority: int = 0, *, returning: bool = False
    ) -> None:
        """Take a place, waiting for it where there is none and the rules allow it.

        Args:
            context: Whose deadline caps the wait.
            priority: The higher comes first; among equals, who came first.
            returning: It had a place before: it goes ahead of those who had none, and the queue
                is never too full for it.

        Raises:
            BulkheadFullError: The queue is full, or there was no place in time.
        """
        if self.running < self.limit:
            self.running += 1
            if observe.active is not None:
                self._report(0.0, "allowed")
        elif self.rules.shadow:
            self._let_pass(context, returning=returning)
        else:
            await self._wait(context, priority, returning=returning)

    def leave(self) -> None:
        """Give a place back, or on to the first who waits."""
        self.running -= 1
        if self._queue:
            self.admit()

    def admit(self) -> None:
        """Give free places to those who wait, in their order."""
        queue = self._queue
        while queue and self.running < self.limit:
            waiter = heapq.heappop(queue)[-1]
            if waiter.done():
                continue
            if waiter.get_loop().is_closed():
                return  # a call that outlived its loop is being collected
            self.waiting -= 1
            self.running += 1
            waiter.set_result(True)

    def _let_pass(self, context: WorkflowContext, *, returning: bool) -> None:
        """Let a call run beyond the limit, and count it where it would have been refused."""
        full = not returning and self.running - self.limit >= self.rules.max_queue
        patience = self._patience(context)
        self.rejected += full or (patience is not None and patience <= 0)
        self.running += 1
        if observe.active is not None:
            self._report(0.0, "shadow")

    async def _wait(self, context: WorkflowContext, priority: int, *, returning: bool) -> None:
        if not returning and self.waiting >= self.rules.max_queue:
            raise self._refusal(0.0, "the queue is, too", returning=returning)
        patience = self._patience(context)
        if patience is not None and patience <= 0:
            raise self._refusal(0.0, "there is no time to wait", returning=returning)
        now = self.rules.clock.monotonic
        began = now()
        given = await self._queue_up(_RETURNING if returning else _NEW, priority, patience)
        waited = now() - began
        if not given:
            reason = f"no place came free within {waited:g} s"
            raise self._refusal(waited, reason, returning=returning)
        if observe.active is not None:
            self._report(waited, "waited")

    async def _queue_up(self, rank: int, priority: int, patience: float | None) -> bool:
        """Wait for a place; return False when *patience*, in seconds, ran out."""
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        timer: TimerHandle | None = None
        if patience is not None:
            timer = self.rules.clock.call_later(patience, lambda: self._expire(waiter))
        self._sequence += 1
        heapq.heappush(self._queue, (rank, -priority, self._sequence, waiter))
        self.waiting += 1
        try:
            return await waiter
        except BaseException:
            if waiter.cancelled():
                self.waiting -= 1
                self._forget_gone()
            elif not waiter.done():  # collected, maybe after its loop was closed
                self.waiting -= 1
                self._keep(lambda other: other is not waiter)
            elif waiter.result():
                self.leave()  # the place was given in the same moment
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _expire(self, waiter: asyncio.Future[bool]) -> None:
        if not waiter.done():
            waiter.set_result(False)
            self.waiting -= 1
            self._forget_gone()

    def _forget_gone(self) -> None:
        # Each one who leaves stays in the heap until it comes up, but not most of the heap.
        if len(self._queue) > 2 * self.waiting + _TOLERATED_GONE:
            self._keep(lambda waiter: not waiter.done())

    def _keep(self, wanted: Callable[[asyncio.Future[bool]], bool]) -> None:
        self._queue = [entry for entry in self._queue if wanted(entry[-1])]
        heapq.heapify(self._queue)

    def _patience(self, context: WorkflowContext) -> float | None:
        """Return after how many seconds to stop waiting.

        0 or less means not to begin; None that nothing stops it, or somebody else does.
        """
        longest, deadline = self.rules.max_wait_seconds, context.deadline
        if deadline is None:
            return longest
        left = deadline - self.rules.clock.monotonic()
        if left > 0 and longest is not None and longest < left:
            return longest
        return None if left > 0 and context.deadline_enforced else left

    def _refusal(self, waited: float, reason: str, *, returning: bool) -> BulkheadFullError:
        self.rejected += 1
        if observe.active is not None:
            self._report(waited, "rejected", None if returning else "rejected")
        return BulkheadFullError(
            f"{self.rules.label} is full and {reason} ({self.running} running, {self.waiting} "
            "waiting); try later, or raise max_concurrent, max_queue or max_wait_seconds"
        )

    def _report(
        self,
        wait: float,
        result: Literal["allowed", "waited", "rejected", "shadow"],
        outcome: Literal["rejected"] | None = None,
    ) -> None:
        remaining = max(0, self.limit - self.running)
        record = observe.RateLimitRecord(wait, float(self.limit), float(remaining), result)
        observe.report(record, outcome=outcome)
