"""What waits to be delivered: bounded, and true in its counts."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Parcel(NamedTuple):
    """Bytes to post.

    Attributes:
        body: The bytes.
        items: How many items are in it.
        offered_at: When it came, in monotonic seconds.
    """

    body: bytes
    items: int
    offered_at: float


class Outbox:
    """Parcels in order, and at most one of them in flight; every item is counted once.

    When it is full the oldest parcels are dropped, because whoever looks after an outage asks
    about now. The one in flight stays, since it may be arriving.

    Args:
        count: Called with the items that arrived and that never will, with the lock held.
        most_bytes: Most bytes in it.
        most_seconds: Longest time that a parcel may wait.
        clock: Monotonic seconds.

    Attributes:
        changed: Its lock, which tells when a parcel has come or gone.
        lost: Items dropped so far.
        given_up: Those of them that `give_up` dropped.
    """

    def __init__(
        self,
        count: Callable[[int, int], object],
        most_bytes: int,
        most_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._count, self._clock = count, clock
        self._most_bytes, self._most_seconds = most_bytes, most_seconds
        self.changed = threading.Condition()
        self.lost = self.given_up = 0
        self._parcels: deque[Parcel] = deque()
        self._in_flight: Parcel | None = None
        self._bytes = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is in flight."""
        return not self._parcels and self._in_flight is None

    @property
    def waits(self) -> bool:
        """Whether there is something to take."""
        return bool(self._parcels)

    def put(self, body: bytes, items: int) -> bool:
        """Add a parcel; False when others, or itself, were dropped because it was full."""
        with self.changed:
            self._parcels.append(Parcel(body, items, self._clock()))
            self._bytes += len(body)
            room = self._bytes <= self._most_bytes
            while self._bytes > self._most_bytes and self._parcels:
                self._drop(self._parcels.popleft())
            self.changed.notify_all()
        return room

    def refuse(self, items: int) -> None:
        """Count items as lost that are in no parcel."""
        with self.changed:
            self.lost += items
            self._count(0, items)

    def take(self) -> Parcel | None:
        """Return the oldest parcel, in flight now, once those that waited too long are dropped."""
        with self.changed:
            oldest = self._clock() - self._most_seconds
            while self._parcels and self._parcels[0].offered_at < oldest:
                self._drop(self._parcels.popleft())
            self._in_flight = self._parcels.popleft() if self._parcels else None
            self.changed.notify_all()
            return self._in_flight

    def put_back(self, parcel: Parcel) -> bool:
        """Let a parcel wait again; False when it was given up meanwhile."""
        with self.changed:
            if self._in_flight is not parcel:
                return False
            self._in_flight = None
            self._parcels.appendleft(parcel)
            return True

    def settle(self, parcel: Parcel, lost: int) -> None:
        """Count what became of a parcel, unless it was given up and counted meanwhile.

        Args:
            parcel: It was in flight.
            lost: How many of its items will never arrive; the others have.
        """
        with self.changed:
            if self._in_flight is parcel:
                self._in_flight = None
                self._bytes -= len(parcel.body)
                self.lost += lost
                self._count(parcel.items - lost, lost)
                self.changed.notify_all()

    def give_up(self) -> None:
        """Drop everything, and what is in flight too."""
        with self.changed:
            lost_before = self.lost
            if self._in_flight is not None:
                self._drop(self._in_flight)
                self._in_flight = None
            while self._parcels:
                self._drop(self._parcels.popleft())
            self.given_up += self.lost - lost_before
            self.changed.notify_all()

    def _drop(self, parcel: Parcel) -> None:
        self._bytes -= len(parcel.body)
        self.refuse(parcel.items)
