"""What a cache asks of a store, and what it keeps there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence


@dataclass(slots=True)
class StoredEntry:
    """An encoded value and what is known about how it came to be.

    Attributes:
        data: The value as the cache's serializer wrote it.
        stored_at: Seconds since the epoch.
        fresh_until: The soft expiry: from this moment the value is stale. Seconds since the epoch;
            infinity for never.
        expires_at: The hard expiry: from this moment the entry is gone. Not before `fresh_until`.
        cost: US dollars that the call cost, where known.
        input_tokens: Tokens that went in, where known.
        output_tokens: Tokens that came out, where known.
        duration: Seconds that the call took.
        tags: What the entry can be deleted by, besides its key.
    """

    data: bytes
    stored_at: float
    fresh_until: float
    expires_at: float
    cost: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    duration: float | None = None
    tags: tuple[str, ...] = ()


class Store(Protocol):
    """A place for encoded entries that answers without waiting for a network.

    Methods may be called from any thread. Those that take *wait* may raise `StoreBusyError` while
    it is false, upon which the cache calls them again in a worker thread with *wait* set; any
    other failure is raised as `StoreError` and never ends the user's call.
    """

    def read(self, key: bytes, *, wait: bool = False) -> StoredEntry | None:
        """Return the entry of *key*, expired or not, or None."""
        ...

    def write(self, key: bytes, entry: StoredEntry, *, wait: bool = False) -> None:
        """Keep *entry* under *key*, replacing what was there."""
        ...

    def delete(self, keys: Sequence[bytes]) -> int:
        """Delete the entries of *keys* and return how many there were."""
        ...

    def delete_prefix(self, prefix: bytes) -> int:
        """Delete the entries whose keys begin with *prefix* and return how many there were."""
        ...

    def delete_tags(self, tags: Collection[str]) -> int:
        """Delete the entries that carry any of *tags* and return how many there were."""
        ...

    def delete_expired(self, now: float) -> int:
        """Delete entries that expired at or before *now* and return how many."""
        ...

    def clear(self) -> None:
        """Delete every entry."""
        ...

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, StoredEntry]]:
        """Yield the entries whose keys begin with *prefix*; others may write meanwhile."""
        ...

    def __len__(self) -> int:
        """Return the number of entries."""
        ...

    def close(self) -> None:
        """Release files and connections; the next use opens them again."""
        ...


@runtime_checkable
class AsyncStore(Protocol):
    """A place for encoded entries behind a network, or behind several such places.

    One object may be used from several event loops. A failure is raised as `StoreError` and never
    ends the user's call. A caller who is cancelled harms no other caller.
    """

    async def read(self, key: bytes) -> StoredEntry | None:
        """Return the entry of *key*, or None; stale ones too, and expired ones if still there."""
        ...

    async def write(self, key: bytes, entry: StoredEntry) -> None:
        """Keep *entry* under *key*, replacing what was there."""
        ...

    async def delete(self, keys: Sequence[bytes]) -> int:
        """Delete the entries of *keys* and return how many there were."""
        ...

    async def delete_prefix(self, prefix: bytes) -> int:
        """Delete the entries whose keys begin with *prefix* and return how many there were."""
        ...

    async def delete_tags(self, tags: Collection[str]) -> int:
        """Delete the entries that carry any of *tags* and return how many there were."""
        ...

    async def delete_expired(self, now: float) -> int:
        """Delete entries that expired at or before *now* and return how many."""
        ...

    def scan(self, prefix: bytes = b"") -> AsyncIterator[tuple[bytes, StoredEntry]]:
        """Yield the entries whose keys begin with *prefix*; others may write meanwhile."""
        ...

    async def size(self) -> int:
        """Return the number of entries."""
        ...

    async def aclose(self) -> None:
        """Release the connections of the running event loop; the next use opens them again."""
        ...


@runtime_checkable
class ClusterStore(AsyncStore, Protocol):
    """A store that can let one process of many do the work for an entry."""

    async def fill_once(
        self, key: bytes, fill: Callable[[], Awaitable[StoredEntry | None]]
    ) -> StoredEntry | None:
        """Return the entry of *key* that another process is making, or else make it by *fill*.

        Of all processes that ask for the same key at the same time, one runs *fill*; what it
        returned is written and given to all. If it returned None, failed, was cancelled or died,
        another one takes over. Where the store cannot tell, *fill* runs here.

        Raises:
            Exception: What *fill* raised in this process.
        """
        ...


class StoreBusyError(Exception):
    """Raised by a store that would have to wait; call again in a thread."""
