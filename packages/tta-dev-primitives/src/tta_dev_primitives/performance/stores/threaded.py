"""A store on this machine as one that is awaited."""

from __future__ import annotations

import asyncio
import threading
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from .base import StoreBusyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence

    from .base import Store, StoredEntry

T = TypeVar("T")
_ENTRIES_PER_HOP: Final = 64
_BYTES_PER_HOP: Final = 1 << 20


class ThreadedStore:
    """An `AsyncStore` made of a `Store`.

    Reads and writes are made inline. One that would have to wait is repeated in a thread, and so
    is whatever goes through many entries; a store that never waits (it says so by an attribute
    `never_waits` that is true) is always asked inline.

    A caller who is cancelled does not stop the thread: a write that had begun in it still
    happens, and nobody waits for it.

    Args:
        store: What to ask. Also found as the attribute `local`.
    """

    __slots__ = ("_inline", "_read", "_write", "local")

    def __init__(self, store: Store) -> None:
        self.local = store
        self._inline: bool = getattr(store, "never_waits", False)
        # Bound once, as a read is on the path of every hit.
        self._read, self._write = store.read, store.write

    async def read(self, key: bytes) -> StoredEntry | None:
        """Return the entry of *key*, expired or not, or None."""
        try:
            return self._read(key)
        except StoreBusyError:
            pass
        return await asyncio.to_thread(self._read, key, wait=True)

    async def write(self, key: bytes, entry: StoredEntry) -> None:
        """Keep *entry* under *key*, replacing what was there."""
        try:
            return self._write(key, entry)
        except StoreBusyError:
            pass
        return await asyncio.to_thread(self._write, key, entry, wait=True)

    async def delete(self, keys: Sequence[bytes]) -> int:
        """Delete the entries of *keys* and return how many there were."""
        return await self._do(lambda: self.local.delete(keys))

    async def delete_prefix(self, prefix: bytes) -> int:
        """Delete the entries whose keys begin with *prefix* and return how many there were."""
        return await self._do(lambda: self.local.delete_prefix(prefix))

    async def delete_tags(self, tags: Collection[str]) -> int:
        """Delete the entries that carry any of *tags* and return how many there were."""
        return await self._do(lambda: self.local.delete_tags(tags))

    async def delete_expired(self, now: float) -> int:
        """Delete entries that expired at or before *now* and return how many."""
        return await self._do(lambda: self.local.delete_expired(now))

    async def scan(self, prefix: bytes = b"") -> AsyncIterator[tuple[bytes, StoredEntry]]:
        """Yield the entries whose keys begin with *prefix*; others may write meanwhile.

        They are fetched some at a time. When this ends early, what the thread was fetching comes
        to its end first.
        """
        pages = _Pages(self.local, prefix)
        try:
            while page := await self._do(pages.turn):
                for found in page:
                    yield found
        finally:
            await self._do(pages.close)

    async def size(self) -> int:
        """Return the number of entries."""
        return await self._do(self.local.__len__)

    async def aclose(self) -> None:
        """Release files and connections, those of other event loops as well."""
        await self._do(self.local.close)

    async def _do(self, work: Callable[[], T]) -> T:
        return work() if self._inline else await asyncio.to_thread(work)


class _Pages:
    """A scan that is moved on by one thread at a time, not always the same."""

    def __init__(self, store: Store, prefix: bytes) -> None:
        self._store, self._prefix = store, prefix
        self._found: Iterator[tuple[bytes, StoredEntry]] | None = None
        self._lock = threading.Lock()
        self._closed = False

    def turn(self) -> list[tuple[bytes, StoredEntry]]:
        """Return the next entries, or none at the end."""
        page: list[tuple[bytes, StoredEntry]] = []
        with self._lock:
            if self._closed:
                return page
            if self._found is None:
                self._found = self._store.scan(self._prefix)
            size = 0
            for key, entry in islice(self._found, _ENTRIES_PER_HOP):
                page.append((key, entry))
                size += len(entry.data)
                if size >= _BYTES_PER_HOP:
                    break
        return page

    def close(self) -> None:
        """Let go of what the store holds for the scan, after the turn that is being taken."""
        with self._lock:
            self._closed = True
            # Only generators have it; other iterators hold nothing.
            close = getattr(self._found, "close", None)
            if close is not None:
                close()
