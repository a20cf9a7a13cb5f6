"""One call of a step, and the hedges that run beside it."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.clock import SYSTEM_CLOCK
from tta_dev_primitives.core.deadline import within
from tta_dev_primitives.errors import TimeoutError  # noqa: A004 - rooted in the stdlib's

from .plan import Hedge, Plan, stop

if TYPE_CHECKING:
    from tta_dev_primitives.core.base import WorkflowPrimitive
    from tta_dev_primitives.core.clock import TimerHandle
    from tta_dev_primitives.core.context import WorkflowContext


class Race:
    """Run hedges beside a call that the current task is about to make, until one has won.

    Making it arms the timer and no more. The current task then makes the call itself and tells how
    that ended: `succeeded` or `rescue`, and for a stream last `close` (or `abandon`, where nothing
    may be awaited). A hedge that wins meanwhile ends the call by cancelling the task, and what is
    told then takes that cancellation back.
    """

    # Class attributes stand for what most calls never set; slots would forbid them.
    hedges: tuple[Hedge, ...] = ()
    winner: Hedge | None = None
    timer: TimerHandle | None = None
    launched = 1
    began = 0.0
    _errors: tuple[tuple[int, BaseException], ...] = ()
    _running = 0
    _primary_runs = True
    _interrupted = False
    _over = False
    _waiter: asyncio.Future[None] | None = None

    def __init__(
        self,
        plan: Plan,
        primary: WorkflowPrimitive[Any, Any],  # Any: passed through untouched
        input_data: Any,
        context: WorkflowContext,
        streams: bool = False,  # noqa: FBT001, FBT002 - a keyword costs on the path of every call
    ) -> None:
        task = asyncio.current_task()
        if task is None:
            msg = "a hedged call needs a running asyncio task"
            raise RuntimeError(msg)
        self._task, self._cancelling = task, task.cancelling()
        self._plan, self._primary, self._streams = plan, primary, streams
        self._input, self._context = input_data, context
        if plan.budget is not None:
            plan.budget.count_call()
        if plan.latency is None:
            delay = self.delay = plan.delay
        else:
            delay = self.delay = plan.latency.value
            self.began = plan.clock.monotonic()
        if delay is None:
            return
        deadline, clock = context.deadline, plan.clock
        if clock is SYSTEM_CLOCK and (deadline is None or clock.monotonic() + delay < deadline):
            loop = task.get_loop()  # the commonest case of `_arm`, without its detours
            self.timer = loop.call_at(loop.time() + delay, self._launch)
        else:
            self._arm()

    def _arm(self) -> None:
        """Set the timer for the next hedge, unless that could not begin before the deadline."""
        delay, clock, deadline = self.delay, self._plan.clock, self._context.deadline
        if delay is None or (deadline is not None and clock.monotonic() + delay >= deadline):
            return
        # A clock may fire in anybody's context; the hedge belongs to the caller's.
        run = contextvars.copy_context().run
        self.timer = clock.call_later(delay, functools.partial(run, self._launch))

    def _launch(self) -> None:
        """Begin a hedge, where one may begin."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None  # also where it has fired: it holds this race
        plan, context = self._plan, self._context
        budget, deadline = plan.budget, context.deadline
        if self.launched > plan.max_hedges or self._task.cancelling() > self._cancelling:
            return
        if deadline is not None and plan.clock.monotonic() >= deadline:
            return
        if budget is not None and not budget.take():
            return
        number = self.launched
        self.launched += 1
        if not plan.shadow:
            self._begin(number)
        if self.launched <= plan.max_hedges:
            self._arm()

    def _begin(self, number: int) -> None:
        context, steps = self._context, self._plan.alternatives or (self._primary,)
        if context.tally is not None:
            context.tally.attempts += 1
        # The caller's places are the primary's to give up while it waits; two cannot give up one.
        view = context.with_deadline(context.deadline, enforced=context.deadline_enforced)
        view.permits = ()
        step = steps[(number - 1) % len(steps)]
        hedge = Hedge(number, step, self._input, view, streams=self._streams)
        self.hedges += (hedge,)
        self._running += 1
        hedge.first.add_done_callback(functools.partial(self._answered, hedge))

    def _answered(self, hedge: Hedge, first: asyncio.Future[Any]) -> None:
        """Note how a hedge ended. The loop calls this, so the caller's task is not running."""
        error = asyncio.CancelledError() if first.cancelled() else first.exception()
        self._running -= 1
        if self._over or self.winner is not None:
            return
        if error is None:
            self.winner = hedge
            if self._primary_runs and self._task.cancelling() <= self._cancelling:
                self._interrupted = True
                self._task.cancel()
        else:
            self._errors += ((hedge.number, error),)
            if self._plan.can_mend(error):
                self._launch()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def succeeded(self) -> None:
        """End the hedges that lost, now that the call has succeeded."""
        self._primary_runs = False
        cancelled = self._interrupted and self._task.uncancel() > self._cancelling
        await self._stop_losers()
        if cancelled:
            raise asyncio.CancelledError

    async def rescue(self, error: BaseException) -> bool:
        """Tell whether a hedge has succeeded, or still does, where the call ended with *error*.

        Otherwise *error* has a note about each hedge, and is the one to raise; nothing runs then.
        """
        self._primary_runs = False
        latency = self._plan.latency
        if latency is not None:
            latency.add_at_least(self._plan.clock.monotonic() - self.began)
        try:
            saved = await self._outlives(error)
        except GeneratorExit:
            self.abandon()
            raise
        except BaseException:
            await self.close()
            raise
        if saved:
            await self._stop_losers()
        else:
            await self.close()
        return saved

    async def _outlives(self, error: BaseException) -> bool:
        """Wait for the first success of a hedge, where the caller still wants one."""
        if self._interrupted:
            others = self._task.uncancel() > self._cancelling
            if others and not isinstance(error, asyncio.CancelledError):
                raise asyncio.CancelledError from error
            return not others
        if not isinstance(error, Exception) or self._task.cancelling() > self._cancelling:
            return False
        if self._plan.can_mend(error):
            self._launch()
        await self._wait_for_hedges(error)
        if self.winner is not None:
            return True
        for number, failure in self._errors:
            if failure is not error:
                error.add_note(f"hedge {number} failed with {type(failure).__name__}: {failure}")
        return False

    async def _wait_for_hedges(self, error: BaseException) -> None:
        context, clock = self._context, self._plan.clock
        deadline = None if context.deadline_enforced else context.deadline
        while self._running and self.winner is None:
            self._waiter = self._task.get_loop().create_future()
            try:
                await within(self._waiter, deadline, clock, self._primary.label)
            except TimeoutError:
                error.add_note("no hedge answered before the deadline")
                return

    async def _stop_losers(self) -> None:
        self._over = True
        self._stop_timer()
        await stop(hedge for hedge in self.hedges if hedge is not self.winner)

    async def close(self) -> None:
        """End all that still runs, the stream that won included, and wait for it."""
        self._over = True
        self._stop_timer()
        await stop(self.hedges)
        winner = self.winner
        if winner is not None and winner.stream is not None and not winner.task.cancelled():
            winner.task.result()  # the caller reads this stream: what closing it raises is theirs

    def abandon(self) -> None:
        """End all that still runs, without waiting: the caller itself is being thrown away."""
        self._over = True
        self._stop_timer()
        for hedge in self.hedges:
            hedge.task.cancel()
        self.hedges = ()

    def _stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    def report(self, *, failed: bool = False, unused: object = None) -> None:
        """Tell the observers how the race ended.

        Args:
            failed: Nothing has won.
            unused: What the call itself answered, where a hedge won all the same.
        """
        if self.delay is None and self.launched == 1:
            return  # nothing was decided
        winner = None if failed else 0 if self.winner is None else self.winner.number
        losers = [hedge.cost for hedge in self.hedges if hedge is not self.winner]
        costs = [getattr(unused, "cost", None), *losers]
        known = [cost for cost in costs if isinstance(cost, int | float)]
        delay = 0.0 if self.delay is None else self.delay
        wasted_cost = sum(known) if known else None
        shadow = self._plan.shadow
        observe.report(observe.HedgeRecord(self.launched, winner, delay, wasted_cost, shadow))
