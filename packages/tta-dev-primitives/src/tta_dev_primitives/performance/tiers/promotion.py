"""Copies of entries in nearer tiers, which a deletion under way must win against."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.performance.stores.base import StoreBusyError

if TYPE_CHECKING:
    from collections.abc import Collection

    from tta_dev_primitives.performance.stores.base import AsyncStore, Store, StoredEntry

_STRIPES: Final = 1024


class Promotions:
    """Puts entries into nearer tiers unless they were changed since they were read.

    A reader notes `seen(key)` before it reads a farther tier, and hands it to `put`. Whoever
    changes entries does so in the farther tiers first, then awaits `supersede`, and then does so
    in the nearer tier. A copy made of something older is then either refused, or there before the
    nearer tier is changed. Safe between threads and event loops.
    """

    def __init__(self) -> None:
        self._changes_of_all = 0
        # A number for each key would grow without bound; keys that share one lose a copy at worst.
        self._changes = [0] * _STRIPES
        self._lock = threading.Lock()
        self._under_way: set[Future[None]] = set()

    def seen(self, key: bytes) -> int:
        """Return a number that grows when the entry of *key* may have been changed."""
        return self._changes_of_all + self._changes[hash(key) % _STRIPES]

    async def supersede(self, keys: Collection[bytes] | None) -> None:
        """Refuse copies of *keys* (None: of any) read before now; await those under way."""
        with self._lock:
            if keys is None:
                self._changes_of_all += 1
            else:
                for key in keys:
                    self._changes[hash(key) % _STRIPES] += 1
            under_way = list(self._under_way)
        if under_way:
            await asyncio.wait([asyncio.wrap_future(ended) for ended in under_way])

    async def put(
        self, store: AsyncStore, local: Store | None, key: bytes, entry: StoredEntry, seen: int
    ) -> bool:
        """Write *entry* into *store*, or return False if its key may have changed since *seen*.

        Args:
            store: The nearer tier.
            local: The same as a store on this machine, where it is one.
            key: Of the entry.
            entry: What to write.
            seen: What `seen(key)` was before *entry* was read.

        Raises:
            StoreError: The tier failed.
        """
        ended: Future[None] = Future()
        with self._lock:
            if self.seen(key) != seen:
                return False
            if local is not None:
                try:
                    local.write(key, entry)
                except StoreBusyError:
                    pass
                else:
                    return True
            self._under_way.add(ended)  # whoever changes the key from now on waits for this
        ended.add_done_callback(self._under_way.discard)
        if local is None:
            ended.set_running_or_notify_cancel()
            try:
                await store.write(key, entry)
            finally:
                ended.set_result(None)
            return True
        try:
            return await asyncio.to_thread(_write_waiting, ended, local, key, entry)
        finally:
            # The caller was cancelled and the thread may never come to it; if it has begun, this
            # does nothing and the thread tells when it has ended.
            ended.cancel()


def _write_waiting(ended: Future[None], local: Store, key: bytes, entry: StoredEntry) -> bool:
    if not ended.set_running_or_notify_cancel():
        return False
    try:
        local.write(key, entry, wait=True)
    finally:
        ended.set_result(None)
    return True
