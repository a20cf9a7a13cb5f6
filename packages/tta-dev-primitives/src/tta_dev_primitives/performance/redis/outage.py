"""What to do while a server is away: fail at once, ask again now and then, say so once."""

from __future__ import annotations

import logging
import random
import threading
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tta_dev_primitives.core.clock import Clock

_FIRST_SECONDS: Final = 0.1
_MOST_SECONDS: Final = 5.0
_logger = logging.getLogger("tta_dev_primitives.cache")


def doubling_pause(attempt: int) -> float:
    """Return the seconds to wait after failed *attempt* (from 0): 0.1 doubling to 5, jittered."""
    longest = min(_MOST_SECONDS, _FIRST_SECONDS * 2.0 ** min(attempt, 10))
    return longest * random.uniform(0.5, 1.0)


class Outage:
    """Whether a server can be asked; shared by the threads and loops of one store.

    While all is well, `admit` costs a comparison. After a failure it raises at once until a pause
    has passed; then it lets one call through, whose fate decides. A call that was let through and
    is never heard of again, because its caller was cancelled, only delays the next one.

    Args:
        trouble: What to say when it begins, such as `redis at localhost:6379 cannot be used`.
        relief: What to say when it is over.
        patience_seconds: How long a call that was let through may take.
        clock: Whose monotonic seconds count.
        pause: Seconds to wait after so many failed attempts in a row, counted from 0.
    """

    def __init__(
        self,
        trouble: str,
        relief: str,
        patience_seconds: float,
        clock: Clock,
        pause: Callable[[int], float],
    ) -> None:
        self._trouble, self._relief, self._patience = trouble, relief, patience_seconds
        self._now, self._pause = clock.monotonic, pause
        self._lock = threading.Lock()
        self.lasts = False
        self._reason = ""
        self._until = 0.0
        self._attempts = 0
        self._permit = 0

    def admit(self) -> int:
        """Return a permit to ask the server, to be handed to `failed` or `worked`.

        Raises:
            StoreError: The server is away, and it is not yet time to look again.
        """
        if not self.lasts:
            return self._permit
        with self._lock:
            now = self._now()
            if self.lasts:
                if now < self._until:
                    raise self._error()
                self._attempts += 1
                self._permit += 1  # whatever was under way before cannot end the outage
                self._until = now + self._patience + self._pause(self._attempts)
            return self._permit

    def failed(self, permit: int, reason: str) -> StoreError:
        """Take note that a call did not work, and return the error to raise."""
        with self._lock:
            if permit == self._permit:
                if not self.lasts:
                    self.lasts = True
                    self._attempts = 0
                    self._permit += 1
                    _logger.warning("%s: %s; the cache goes on without it", self._trouble, reason)
                self._reason = reason
                self._until = self._now() + self._pause(self._attempts)
            return self._error()

    def worked(self, permit: int) -> None:
        """Take note that a call worked: if it was let through during an outage, that is over."""
        if not self.lasts:
            return
        with self._lock:
            if self.lasts and permit == self._permit:
                self.lasts = False
                _logger.info(self._relief)

    def forget(self) -> None:
        """Begin anew in a child process, where another thread's lock would stay locked."""
        self._lock = threading.Lock()
        self.lasts = False
        self._permit += 1

    def _error(self) -> StoreError:
        return StoreError(f"{self._trouble}: {self._reason}", reported=True)
