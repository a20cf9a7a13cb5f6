"""What a cache asks of a store, and what it keeps there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class StoredEntry:
    """An encoded value and what is known about how it came to be.

    Attributes:
        data: The value as `encoding.encode` wrote it.
        stored_at: Seconds since the epoch.
        expires_at: Seconds since the epoch; infinity for never.
        cost: US dollars that the call cost, where known.
        input_tokens: Tokens that went in, where known.
        output_tokens: Tokens that came out, where known.
        duration: Seconds that the call took.
    """

    data: bytes
    stored_at: float
    expires_at: float
    cost: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    duration: float | None = None


class Store(Protocol):
    """A place for encoded entries that answers without waiting for a network.

    Methods may be called from any thread. `read` and `write` may raise `StoreBusyError`, upon
    which the cache calls them again in a worker thread with *wait* set; any other failure is
    raised as `StoreError` and never ends the user's call.
    """

    def read(self, key: bytes, *, wait: bool = False) -> StoredEntry | None:
        """Return the entry of *key*, expired or not, or None."""
        ...

    def write(self, key: bytes, entry: StoredEntry, *, wait: bool = False) -> None:
        """Keep *entry* under *key*, replacing what was there."""
        ...

    def delete_expired(self, now: float) -> int:
        """Delete entries that expired at or before *now* and return how many."""
        ...

    def clear(self) -> None:
        """Delete every entry."""
        ...

    def __len__(self) -> int:
        """Return the number of entries."""
        ...

    def close(self) -> None:
        """Release files and connections; the next use opens them again."""
        ...


class StoreBusyError(Exception):
    """Raised by a store that would have to wait; call again in a thread."""
