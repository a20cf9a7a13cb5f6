"""Has a case happen, and looks for whatever is left of it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Mapping
from contextlib import ExitStack, aclosing
from typing import Any

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import WorkflowContext, WorkflowPrimitive, as_primitive
from tta_dev_primitives.errors import RejectedError
from tta_dev_primitives.testing.clock import settle

from .answers import whole, wrong_error
from .cases import DEEPEST, KINDS, Begin, Cancel, Case, Move, Turns, build, kinds_in
from .makers import Maker
from .worlds import HEALED_SECONDS, World

LONGEST_CASE_SECONDS = 60_000.0
"""Of the fake clock: whoever still waits then waits for ever."""
BUSY = {"loop", "mapped", "mapped_unordered", "batch_window"}
"""What turns one call into many, or takes its time, and so meets limits in a healthy world too."""
OUTLIVING = {"cache_stale", "cache_finish", "abandon", "hold"}
"""What is meant to go on for those who come later, or is closed by the loop."""
UNDOING = {"saga", "saga_in_vain", "saga_steps"}
"""What takes its time before it lets go of somebody who was cancelled."""
TOO_MUCH = (RejectedError, TimeoutError)


class WrongCaseError(AssertionError):
    """Raised when a case has left something behind, or somebody got what is not theirs."""


def happen(case: Case, kinds: Mapping[str, tuple[int, Maker]] = KINDS) -> int:
    """Run *case* in an event loop of its own and return how many cancellations there were.

    Args:
        case: What happens.
        kinds: What the nodes of its tree stand for.

    Raises:
        WrongCaseError: Something is wrong; the message lists all of it.
    """
    with asyncio.Runner() as runner:
        return runner.run(Machine(case, kinds).run())


class Caller:
    """Somebody who asks once, and how that ended."""

    def __init__(self, machine: Machine, begin: Begin) -> None:
        self.machine, self.begin = machine, begin
        self.cancellations = 0
        self.asks = begin.how != "late"
        self.task = asyncio.create_task(self._ask())
        self.task.add_done_callback(machine.somebody_left)

    async def _ask(self) -> Any:  # Any: a result, a list of chunks, or None
        begin, flow = self.begin, self.machine.flow
        clock = self.machine.world.clock
        deadline = None if begin.seconds is None else clock.monotonic() + begin.seconds
        context = WorkflowContext(deadline=deadline)
        if begin.how == "late":
            await _be_cancelled()
            self.asks = True
        if begin.how in ("execute", "late"):
            return await flow.execute(begin.x, context)
        if begin.how == "hold":
            return await self._hold(flow.stream(begin.x, context))
        if begin.how == "abandon":
            await anext(flow.stream(begin.x, context), None)
            return None
        found: list[Any] = []
        async with aclosing(flow.stream(begin.x, context)) as chunks:
            async for chunk in chunks:
                if begin.how == "close":
                    return None
                found.append(chunk)
                if begin.how == "slowly":
                    await clock.sleep(0.25)
        return found

    async def _hold(self, chunks: AsyncGenerator[Any, None]) -> None:
        await anext(chunks, None)
        self.machine.held.append(chunks)

    def cancel(self) -> None:
        """Cancel the call, and count it where it was under way."""
        if self.asks:
            self.cancellations += self.task.cancel()

    def wrong(self) -> str | None:
        """Return what is wrong about how it ended."""
        task, x = self.task, self.begin.x
        if not task.done():
            return f"waits for ever at {task.get_stack()}"
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        cancelled = isinstance(error, asyncio.CancelledError)
        if cancelled != (self.cancellations > 0):
            return f"was cancelled {self.cancellations} times and ended with {error!r}"
        if cancelled:
            return None
        if error is not None:
            return wrong_error(error, x)
        if task.result() is not None and whole(task.result()) != x:
            return f"was answered {task.result()!r}"
        return None


class Machine:
    """One case: its world, its composition, its callers."""

    def __init__(self, case: Case, kinds: Mapping[str, tuple[int, Maker]]) -> None:
        self.case, self.world = case, World()
        self.flow: WorkflowPrimitive[Any, Any] = as_primitive(build(self.world, case.tree, kinds))
        self.callers: list[Caller] = []
        self.held: list[AsyncGenerator[Any, None]] = []
        self.wrong: list[str] = []
        self.watcher = Watcher()
        self.driver: asyncio.Task[Any] | None = None

    async def run(self) -> int:
        """Have it happen; return the number of cancellations."""
        self.driver = asyncio.current_task()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, found: self.wrong.append(f"the loop says {found}"))
        with ExitStack() as stack:
            if self.case.watched:
                stack.enter_context(observe.observe(self.watcher))
            await self._live()
            await self._see_them_off()
            await self._end()
            await self._look("afterwards")
            cancellations = sum(caller.cancellations for caller in self.callers)
            if not self.wrong:
                await self._begin_anew()
        if self.wrong:
            raise WrongCaseError("\n  ".join(["", *self.wrong]))
        return cancellations

    async def _live(self) -> None:
        for action in self.case.actions:
            if isinstance(action, Begin):
                self.callers.append(Caller(self, action))
            elif isinstance(action, Turns):
                await settle(action.number)
            elif isinstance(action, Cancel):
                await self._cancel(action)
            else:
                await self._move(action)

    async def _move(self, move: Move) -> None:
        if move.lively:
            await self.world.clock.sleep_through(move.seconds)
        else:
            self.world.clock.advance(move.seconds)

    async def _cancel(self, cancel: Cancel) -> None:
        waiting = [caller for caller in self.callers if not caller.task.done()]
        if waiting:
            caller = waiting[cancel.who % len(waiting)]
            caller.cancel()
            if cancel.again is not None:
                await settle(cancel.again)
                caller.cancel()

    def somebody_left(self, task: asyncio.Task[Any]) -> None:
        """Look, in the very moment in which nobody is left, for what works on for nobody."""
        everybody = {caller.task for caller in self.callers}
        if all(each.done() for each in everybody) and not (self.held or self._excused(OUTLIVING)):
            left = asyncio.all_tasks() - everybody - {self.driver}
            self.wrong += [f"outlives its call: {each.get_coro()}" for each in left]

    async def _see_them_off(self) -> None:
        """Note who was cancelled and does not go, though all they have to do takes no time."""
        await self._give_turns()
        if not self._excused(UNDOING):
            self.wrong += [
                f"call {number} of {caller.begin} was cancelled and stays"
                for number, caller in enumerate(self.callers)
                if caller.cancellations and not caller.task.done()
            ]

    async def _give_turns(self) -> None:
        """Let everybody have all turns of the loop they need, as long as the clock stands still."""
        for _ in range(20 * DEEPEST):
            if all(caller.task.done() for caller in self.callers):
                return
            await settle(5)

    def _excused(self, kinds: set[str]) -> bool:
        """Tell whether something in the composition, or an abandoned stream, is of *kinds*."""
        hows = {action.how for action in self.case.actions if isinstance(action, Begin)}
        return bool(kinds & (kinds_in(self.case.tree) | hows))

    async def _end(self) -> None:
        """Let everybody come to an end, in no time."""
        clock = self.world.clock
        over = clock.monotonic() + LONGEST_CASE_SECONDS
        while clock.monotonic() < over:
            await clock.sleep_through(50)
            await self._let_go()  # not sooner, but others may be waiting for what they hold
            if not self.held and not _others() and not clock.pending:
                break
        for close in self.world.closings:
            await close()
        if self._excused({"abandon"}) and self._left():
            gc.collect()  # only the loop closes what was abandoned, when it is collected
            await settle()

    async def _let_go(self) -> None:
        held, self.held = self.held, []
        for chunks in held:
            await chunks.aclose()

    async def _look(self, when: str) -> None:
        """Note what is there that should not be, and who got what is not theirs."""
        for number, caller in enumerate(self.callers):
            found = caller.wrong()
            if found is not None:
                self.wrong.append(f"call {number} of {caller.begin} {found}")
        self.wrong += [f"{when}: {line}" for line in self._left()]

    def _left(self) -> list[str]:
        """Return what is there that should not be, now that nobody calls."""
        world = self.world
        wrong = [f"{len(_others())} tasks: {[each.get_coro() for each in _others()]}"]
        wrong = wrong if _others() else []
        wrong += [f"{world.clock.pending} timers"] if world.clock.pending else []
        wrong += [f"{world.running} calls of services"] if world.running else []
        wrong += [line for audit in world.audits for line in audit()]
        wrong += [f"open spans: {self.watcher.open}"] if self.watcher.open else []
        return wrong

    async def _begin_anew(self) -> None:
        """See that everything works for those who come next."""
        world = self.world
        world.healthy = True
        world.clock.advance(HEALED_SECONDS)
        for recover in world.recoveries:
            self.wrong += await recover()
        self.callers = [Caller(self, Begin("a0")), Caller(self, Begin("b1", "stream"))]
        await self._give_turns()  # no limit may pass before they had every turn they need
        await self._end()
        await self._look("after fresh calls")
        excused = self._excused(BUSY)
        for caller in self.callers:
            error = caller.task.exception() if caller.task.done() else None
            if error is not None and not (excused and isinstance(error, TOO_MUCH)):
                self.wrong.append(f"a fresh call ended with {error!r}")


class Watcher(observe.ObservabilityPrimitive):
    """Counts the calls that began and were not said to have ended."""

    def __init__(self) -> None:
        self.open = 0

    def start(self, primitive: Any, path: str, context: WorkflowContext) -> object:
        self.open += 1
        return path

    def end(self, token: object, outcome: object, error: BaseException | None) -> None:
        self.open -= 1


def _others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]


async def _be_cancelled() -> None:
    """Go on in a task that was cancelled, as one that tidies up does."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        return
