"""One call for many callers who ask for the same thing at the same time."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from tta_dev_primitives.core.tasks import stop_task
from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

T = TypeVar("T")
K = TypeVar("K")


class SingleFlight(Generic[T]):
    """Share calls by key between the callers of one event loop.

    The call runs in a task of its own, so a caller that is cancelled, the first one included,
    harms nobody. When the last waiting caller leaves, the call is cancelled and has ended before
    that caller goes on. An error reaches every caller and is not remembered.

    Args:
        finish: Go on with a call that its last caller has left.
    """

    def __init__(self, *, finish: bool = False) -> None:
        self._finish = finish
        self._flights: LoopTables[Hashable, _Flight[T]] = LoopTables()
        # Calls that go on without callers are held here until they have ended.
        self._unattended: LoopTables[asyncio.Task[T], None] = LoopTables()

    def under_way(self, key: Hashable) -> bool:
        """Tell whether a call for *key* could be joined now."""
        return key in self._flights.here()

    async def run(self, key: Hashable, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result for *key*, of a call under way or else of *call*.

        Raises:
            ConfigurationError: The caller is itself part of the call that it would wait for.
        """
        flight = self._flights.here().get(key) or self._begin(key, call)
        outer = flight.join()
        landed = asyncio.get_running_loop().create_future()
        flight.waiters.add(landed)
        try:
            await landed
        except asyncio.CancelledError:
            if len(flight.waiters) == 1 and not flight.task.done():
                await self._abandon(flight)
            raise
        finally:
            flight.waiters.discard(landed)
            flight.leave(outer)
        return flight.task.result()

    def begin(self, key: Hashable, call: Callable[[], Coroutine[Any, Any, T]]) -> None:
        """Begin *call*, of which nobody waits for the end, unless one is under way for *key*.

        It can be joined, and goes on when those who did so have left. `settle` waits for it.
        """
        if not self.under_way(key):
            flight = self._begin(key, call)
            flight.goes_on = True
            self._attend_no_more(flight)

    async def settle(self) -> None:
        """Wait for the calls in this loop that go on without callers, whatever becomes of them."""
        while unattended := list(self._unattended.here()):
            await asyncio.wait(unattended)
            await asyncio.sleep(0)  # they are struck off at the loop's next turn

    def forget(self) -> None:
        """Let whoever asks from now on begin anew; calls under way go on for their callers."""
        self._flights.forget()

    def _begin(self, key: Hashable, call: Callable[[], Coroutine[Any, Any, T]]) -> _Flight[T]:
        flights = self._flights.here()
        flight = flights[key] = _Flight(key, call)
        flight.task.add_done_callback(lambda _: _land(flights, key, flight))
        return flight

    async def _abandon(self, flight: _Flight[T]) -> None:
        if flight.goes_on:
            return
        if self._finish:
            flight.goes_on = True
            self._attend_no_more(flight)
            return
        flights = self._flights.here()
        if flights.get(flight.key) is flight:
            del flights[flight.key]  # whoever asks from now on begins anew
        await stop_task(flight.task)

    def _attend_no_more(self, flight: _Flight[T]) -> None:
        unattended = self._unattended.here()
        unattended[flight.task] = None
        flight.task.add_done_callback(unattended.pop)


class LoopTables(Generic[K, T]):
    """A table for each running event loop, dropped with its loop."""

    def __init__(self) -> None:
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[K, T]] = WeakKeyDictionary()

    def here(self) -> dict[K, T]:
        """Return the table of the running loop."""
        loops, loop = self._loops, asyncio.get_running_loop()
        table = loops.get(loop)
        if table is None:
            # A loop that was closed in the middle of a call would be kept alive by that call.
            for known in loops.keyrefs():
                gone = known()
                if gone is not None and gone.is_closed():
                    loops.pop(gone, None)
            table = loops[loop] = {}
        return table

    def forget(self) -> None:
        """Begin with empty tables; those in use stay with whoever holds them."""
        self._loops = WeakKeyDictionary()


class Work:
    """Something under way in a task of its own, and what it waits for itself.

    The task puts it into `inside`, so that a wait which could never end is refused.
    """

    __slots__ = ("awaited",)

    def __init__(self) -> None:
        self.awaited: list[Work] = []

    def describe(self) -> str:
        """Return what it gives, for messages."""
        return "result"

    def join(self) -> Work | None:
        """Note that the work of the running task waits for this, until `leave`, and return it.

        Raises:
            ConfigurationError: The running task is part of this, or of what this waits for.
        """
        outer = inside.get()
        if outer is None:
            return None
        if self._waits_for(outer):
            msg = (
                f"a cached step asked for the {self.describe()} that it is about to give, and "
                "would wait for itself for ever; call it past its cache, or with another input"
            )
            raise ConfigurationError(msg)
        outer.awaited.append(self)
        return outer

    def leave(self, outer: Work | None) -> None:
        """Undo the `join` that returned *outer*."""
        if outer is not None:
            outer.awaited.remove(self)

    def _waits_for(self, goal: Work) -> bool:
        """Tell whether this is *goal*, or cannot end before *goal* does."""
        pending: list[Work] = [self]
        seen: set[Work] = set()
        while pending:
            here = pending.pop()
            if here is goal:
                return True
            if here not in seen:
                seen.add(here)
                pending.extend(here.awaited)
        return False


inside: ContextVar[Work | None] = ContextVar("tta_flight", default=None)
"""The work that the running task is part of."""


class _Flight(Work, Generic[T]):
    """A call under way, and who waits for it."""

    __slots__ = ("goes_on", "key", "task", "waiters")

    def __init__(self, key: Hashable, call: Callable[[], Coroutine[Any, Any, T]]) -> None:
        super().__init__()
        self.key = key
        self.goes_on = False
        self.waiters: set[asyncio.Future[None]] = set()
        self.task = asyncio.get_running_loop().create_task(self._fly(call))

    def describe(self) -> str:
        """Return what it gives, for messages."""
        return f"result under key {self.key!r}"

    async def _fly(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        before = inside.set(self)
        try:
            answer = await call()
        except GeneratorExit:
            raise  # from whoever collects a loop that was lost, in a context of its own
        except BaseException:
            inside.reset(before)
            raise
        inside.reset(before)  # or the task's own context would keep this until a collection
        return answer


def _land(flights: dict[Hashable, _Flight[T]], key: Hashable, flight: _Flight[T]) -> None:
    if flights.get(key) is flight:
        del flights[key]
    if not flight.task.cancelled():
        flight.task.exception()  # mark as seen: every waiter may have left before it failed
    for waiter in flight.waiters:
        if not waiter.done():
            waiter.set_result(None)
