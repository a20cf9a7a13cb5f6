"""The spans that wait between the path of a call and the thread that exports them."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class WaitingSpans:
    """A bounded queue that knows exactly how many spans it was offered, took in and refused.

    Only the refusals and what leaves are counted. What was offered is their sum and what waits, so
    that the path of a call writes one thing alone, the queue, in one step that neither a thread, a
    signal nor a collected generator can split, with or without a global interpreter lock.

    Args:
        most: Spans that may wait. Threads that offer in the same instant can pass it by one each.
        wake_at: How many waiting spans are worth waking the other side for.
        wake: Wakes it.

    Attributes:
        lock: Guards the counts. Reentrant, because a span that is collected while it is held may
            end, and be refused, within the holder.
        awake: Whether the other side was woken and has not looked since.
    """

    def __init__(self, most: int, wake_at: int, wake: Callable[[], None]) -> None:
        self._most, self._calm_below, self._wake = most, wake_at - 1, wake
        self.start_again(is_open=True)

    def offer(self, span: object) -> None:
        """Let *span* wait, or refuse and count it where too many do or nobody takes them any more.

        Never blocks for long and never raises, so that any thread, signal handler or event loop
        may call it.
        """
        waiting = len(self._queue)
        if waiting >= self._calm:
            if waiting >= self._room:
                with self.lock:
                    self._refused += 1
                return
            if not self.awake:
                self._queue.append(span)
                self.awake = True
                self._wake()
                return
        self._queue.append(span)

    def take(self, limit: int) -> list[object]:
        """Remove and return the spans that wait longest, at most *limit*."""
        with self.lock:
            popleft = self._queue.popleft
            batch = [popleft() for _ in range(min(limit, len(self._queue)))]
            self._taken += len(batch)
            return batch

    def refuse_taken(self, count: int) -> None:
        """Count *count* of the spans that were taken as refused after all."""
        with self.lock:
            self._taken -= count
            self._refused += count

    def close(self) -> None:
        """Refuse what is offered from now on; what waits can still be taken."""
        with self.lock:
            self._room = self._calm = 0

    def end(self) -> None:
        """After `close`: refuse what waits, and what a thread that was in `offer` still brings."""
        with self.lock:
            self._ended = True
            self._refuse_late()

    def watched(self) -> None:
        """Leave the other side alone until `wake_at` spans wait, because it looks by itself."""
        with self.lock:
            if self._room:
                self._calm = self._calm_below

    def start_again(self, *, is_open: bool) -> None:
        """Forget all spans and counts, as in a process that was forked off.

        The lock is a new one: in that process nobody is left to release the old one. Until the
        other side calls `watched`, every span wakes it.
        """
        self.lock = threading.RLock()
        self._queue: deque[object] = deque()
        self._taken = self._refused = 0
        self._room = self._most if is_open else 0
        self._calm = 0
        self._ended = not is_open
        self.awake = False

    @property
    def waiting(self) -> int:
        """How many spans wait."""
        return 0 if self._ended else len(self._queue)

    @property
    def offered(self) -> int:
        """How many spans came."""
        with self.lock:
            return self._taken + len(self._queue) + self._refused

    @property
    def refused(self) -> int:
        """How many spans came and were let go."""
        with self.lock:
            if self._ended:
                self._refuse_late()
            return self._refused

    def _refuse_late(self) -> None:
        late = self.take(len(self._queue))
        self.refuse_taken(len(late))
