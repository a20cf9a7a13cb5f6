"""One call for many callers who ask for the same thing at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Share calls by key between the callers of one event loop.

    The call runs in a task of its own, so a caller that is cancelled, the first one included,
    harms nobody. When the last waiting caller leaves, the call is cancelled and has ended before
    that caller goes on. An error reaches every caller and is not remembered.
    """

    def __init__(self) -> None:
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, _Flight[T]]] = (
            WeakKeyDictionary()
        )

    def under_way(self, key: Hashable) -> bool:
        """Tell whether a call for *key* could be joined now."""
        return key in self._flights()

    async def run(self, key: Hashable, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result for *key*, of a call under way or else of *call*.

        Raises:
            ConfigurationError: The caller is itself part of the call that it would wait for.
        """
        flights = self._flights()
        outer = _inside.get()
        flight = flights.get(key)
        if flight is None:
            flight = flights[key] = _Flight(call)
            flight.task.add_done_callback(lambda _: _land(flights, key, flight))
        elif outer is not None and _waits_for(flight, outer):
            msg = (
                f"a cached step asked for the result that it is about to give, under key {key!r}, "
                "and would wait for itself for ever; call it past its cache, or with another input"
            )
            raise ConfigurationError(msg)
        landed = asyncio.get_running_loop().create_future()
        flight.waiters.add(landed)
        if outer is not None:
            outer.awaited.append(flight)
        try:
            await landed
        except asyncio.CancelledError:
            if len(flight.waiters) == 1 and not flight.task.done():
                del flights[key]  # whoever asks from now on begins anew
                await _stop(flight.task)
            raise
        finally:
            flight.waiters.discard(landed)
            if outer is not None:
                outer.awaited.remove(flight)
        return flight.task.result()

    def forget(self) -> None:
        """Let whoever asks from now on begin anew; calls under way go on for their callers."""
        self._loops = WeakKeyDictionary()

    def _flights(self) -> dict[Hashable, _Flight[T]]:
        loops, loop = self._loops, asyncio.get_running_loop()
        flights = loops.get(loop)
        if flights is None:
            # A loop that was closed in the middle of a call would be kept alive by that call.
            for known in loops.keyrefs():
                gone = known()
                if gone is not None and gone.is_closed():
                    loops.pop(gone, None)
            flights = loops[loop] = {}
        return flights


class _Flight(Generic[T]):
    """A call under way: who waits for it, and which other calls it waits for itself."""

    __slots__ = ("awaited", "task", "waiters")

    def __init__(self, call: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self.waiters: set[asyncio.Future[None]] = set()
        self.awaited: list[_Flight[Any]] = []
        self.task = asyncio.get_running_loop().create_task(self._fly(call))

    async def _fly(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        _inside.set(self)
        return await call()


# The call that the running task is part of.
_inside: ContextVar[_Flight[Any] | None] = ContextVar("tta_flight", default=None)


def _waits_for(flight: _Flight[Any], goal: _Flight[Any]) -> bool:
    """Tell whether *flight* is *goal*, or cannot end before *goal* does."""
    pending, seen = [flight], set[_Flight[Any]]()
    while pending:
        here = pending.pop()
        if here is goal:
            return True
        if here not in seen:
            seen.add(here)
            pending.extend(here.awaited)
    return False


def _land(flights: dict[Hashable, _Flight[T]], key: Hashable, flight: _Flight[T]) -> None:
    if flights.get(key) is flight:
        del flights[key]
    if not flight.task.cancelled():
        flight.task.exception()  # mark as seen: every waiter may have left before it failed
    for waiter in flight.waiters:
        if not waiter.done():
            waiter.set_result(None)


async def _stop(task: asyncio.Task[Any]) -> None:
    """Cancel *task* and wait until it has ended, however often the waiting is cancelled too."""
    task.cancel()
    while not task.done():
        # The caller raises its own cancellation again when this is over.
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait((task,))
