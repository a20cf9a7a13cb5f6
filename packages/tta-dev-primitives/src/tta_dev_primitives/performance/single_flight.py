"""One call for many callers who ask for the same thing at the same time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

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

    async def run(
        self,
        key: Hashable,
        call: Callable[[], Coroutine[Any, Any, T]],
    ) -> tuple[T, bool]:
        """Return the result for *key* and whether this caller joined a call under way."""
        loop = asyncio.get_running_loop()
        flights = self._loops.get(loop)
        if flights is None:
            flights = self._loops[loop] = {}
        flight = flights.get(key)
        joined = flight is not None
        if flight is None:
            flight = flights[key] = _Flight(loop.create_task(call()))
            flight.task.add_done_callback(lambda task: _land(flights, key, task))
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task), joined
        except asyncio.CancelledError:
            # Either this caller was cancelled, or the call itself ended as cancelled.
            if flight.waiters == 1 and not flight.task.done():
                if flights.get(key) is flight:
                    del flights[key]  # whoever asks from now on begins anew
                flight.task.cancel()
                await asyncio.wait((flight.task,))
            raise
        finally:
            flight.waiters -= 1


class _Flight(Generic[T]):
    __slots__ = ("task", "waiters")

    def __init__(self, task: asyncio.Task[T]) -> None:
        self.task = task
        self.waiters = 0


def _land(flights: dict[Hashable, _Flight[T]], key: Hashable, task: asyncio.Task[T]) -> None:
    flight = flights.get(key)
    if flight is not None and flight.task is task:
        del flights[key]
    if not task.cancelled():
        task.exception()  # mark as seen: every waiter may have left before it failed
