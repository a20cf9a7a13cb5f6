"""One of several stores that are asked in turn, and what it owes after an outage."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final, TypeVar

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import AsyncStore
from tta_dev_primitives.performance.stores.threaded import ThreadedStore

from .deletion import EVERYTHING, Deletion

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tta_dev_primitives.core.clock import Clock
    from tta_dev_primitives.performance.stores.base import Store, StoredEntry

T = TypeVar("T")
_QUIET_SECONDS: Final = 60.0
_MOST_OWED: Final = 100_000
_logger = logging.getLogger("tta_dev_primitives.cache")


class Tier:
    """A store that may fail, and is then made up to.

    A deletion that failed is done before the store is asked anything again, so that what was
    deleted during an outage does not come back after it. One warning is logged for each outage,
    none if the store has already logged it, and none if the same was said within a minute.

    Args:
        store: What to ask.
        clock: Where the time between warnings comes from.
        made_up: Is told what had failed and was deleted later.

    Attributes:
        asked: The store as one that is awaited.
        local: The store itself where it is on this machine; None for one behind a network.
        steady: Whether `read_at_once` may be used: nothing is owed and the last call succeeded.
    """

    def __init__(
        self,
        store: Store | AsyncStore,
        clock: Clock,
        made_up: Callable[[Deletion], Awaitable[None]] | None = None,
    ) -> None:
        self.asked: AsyncStore = store if isinstance(store, AsyncStore) else ThreadedStore(store)
        self.local: Store | None = getattr(self.asked, "local", None)
        self.read_at_once = self.asked.read
        self._clock, self._made_up = clock, made_up
        self._well = self.steady = True
        self._settling = False
        self._lock = threading.Lock()
        self._said, self._said_at = "", 0.0
        self._owed: set[tuple[str, bytes | str]] = set()

    async def read(self, key: bytes) -> StoredEntry | None:
        """Return the entry of *key*, or None.

        Raises:
            StoreError: The store failed; it was logged.
        """
        return await self.use(lambda: self.asked.read(key))

    async def delete(self, deletion: Deletion) -> int:
        """Delete, now or before the store is asked the next time; return how many there were.

        Raises:
            StoreError: It could not be done now; it was logged.
        """
        try:
            return await self.use(lambda: deletion.apply_to(self.asked))
        except StoreError:
            self.owe(deletion)
            raise

    async def use(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return what *work* returns, after what is owed.

        Raises:
            StoreError: The store failed; it was logged.
        """
        await self.settle()
        try:
            found = await work()
        except StoreError as error:
            self.failed(error)
            raise
        if not self.steady:
            with self._lock:
                self._well = True
                self.steady = not self._owed and not self._settling
        return found

    def owe(self, deletion: Deletion) -> None:
        """Have *deletion* done before the store is asked anything again."""
        with self._lock:
            self._owed.update(("key", key) for key in deletion.keys)
            self._owed.update(("prefix", prefix) for prefix in deletion.prefixes)
            self._owed.update(("tag", tag) for tag in deletion.tags)
            if deletion == EVERYTHING or len(self._owed) > _MOST_OWED:
                self._owed = {("prefix", b"")}
            self.steady = False

    async def settle(self) -> None:
        """Do what is owed.

        Raises:
            StoreError: The store failed; it was logged.
        """
        if self.steady:
            return
        with self._lock:
            if self._settling:
                # Waiting for the settler could last as long as its store's own patience.
                msg = "what was deleted during an outage is being deleted now"
                raise StoreError(msg, reported=True)
            if not self._owed:
                return
            owed, self._owed, self._settling = self._owed, set(), True
        deletion = Deletion(
            tuple(name for kind, name in owed if kind == "key" and isinstance(name, bytes)),
            tuple(name for kind, name in owed if kind == "prefix" and isinstance(name, bytes)),
            tuple(name for _, name in owed if isinstance(name, str)),
        )
        try:
            await deletion.apply_to(self.asked)
        except BaseException as error:
            with self._lock:
                self._owed |= owed
            if isinstance(error, StoreError):
                self.failed(error)
            raise
        finally:
            self._settling = False
        if self._made_up is not None:
            await self._made_up(deletion)

    def failed(self, error: StoreError) -> None:
        """Take note that the store failed with *error*, and log it if nobody has."""
        now, text = self._clock.monotonic(), str(error)
        with self._lock:
            repeated = text == self._said and now - self._said_at < _QUIET_SECONDS
            if self._well and not repeated and not error.reported:
                _logger.warning("a cache tier is passed over: %s", text)
                self._said, self._said_at = text, now
            self._well = self.steady = False
        error.reported = True
