"""Entries in this process, bounded, with SIEVE eviction.

SIEVE (Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024) keeps entries in order of insertion.
A hit only marks its entry. To make room, a hand moves from the oldest entry to the newest, takes
marks away, and evicts the first entry without one. Here the mark is a count of hits that has grown
since the hand last came by, so that one addition serves both the eviction and the statistics.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class MemoryEntry:
    """A value as it is kept in this process, and its place in the order of insertion.

    `restore` makes a caller's own copy of `value`; None where the value can be shared.
    """

    __slots__ = (
        "cost",
        "duration",
        "expires_at",
        "input_tokens",
        "key",
        "newer",
        "older",
        "output_tokens",
        "restore",
        "stored_at",
        "uses",
        "uses_seen",
        "value",
    )

    def __init__(
        self,
        key: Hashable,
        value: Any,  # Any: whatever the cached step returns
        restore: Callable[[Any], Any] | None,
        stored_at: float,
        expires_at: float,
    ) -> None:
        self.key, self.value, self.restore = key, value, restore
        self.stored_at, self.expires_at = stored_at, expires_at
        self.cost: float | None = None
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.duration: float | None = None
        self.uses = self.uses_seen = 0
        self.newer: MemoryEntry | None = None
        self.older: MemoryEntry | None = None


class MemoryStore:
    """A dict of entries with an upper bound.

    Readers go straight to `entries` and add 1 to `uses` on a hit; times are in whatever clock the
    owner uses. The methods may be called from any thread.

    Args:
        max_entries: More entries than this are never kept.
    """

    def __init__(self, max_entries: int) -> None:
        self.entries: dict[Hashable, MemoryEntry] = {}
        self.max_entries = max_entries
        self.evictions = 0
        self._past_uses = 0
        self._lock = threading.Lock()
        self._newest: MemoryEntry | None = None
        self._oldest: MemoryEntry | None = None
        self._hand: MemoryEntry | None = None

    def add(self, entry: MemoryEntry) -> None:
        """Keep *entry*, replacing one with the same key, evicting another if there is no room."""
        with self._lock:
            known = self.entries.get(entry.key)
            if known is not None:
                self._unlink(known)
            elif len(self.entries) >= self.max_entries:
                self._evict()
            entry.older = self._newest
            if self._newest is None:
                self._oldest = entry
            else:
                self._newest.newer = entry
            self._newest = entry
            self.entries[entry.key] = entry

    def remove(self, entry: MemoryEntry) -> bool:
        """Drop *entry*; return False if it was gone already."""
        with self._lock:
            present = self.entries.get(entry.key) is entry
            if present:
                self._unlink(entry)
        return present

    def _unlink(self, entry: MemoryEntry) -> None:
        del self.entries[entry.key]
        self._past_uses += entry.uses
        if self._hand is entry:
            self._hand = entry.newer
        if entry.newer is None:
            self._newest = entry.older
        else:
            entry.newer.older = entry.older
        if entry.older is None:
            self._oldest = entry.newer
        else:
            entry.older.newer = entry.newer
        entry.newer = entry.older = None

    def _evict(self) -> None:
        hand = cast("MemoryEntry", self._hand or self._oldest)  # only called when there are some
        while hand.uses != hand.uses_seen:
            hand.uses_seen = hand.uses
            hand = cast("MemoryEntry", hand.newer or self._oldest)
        self._hand = hand.newer
        self._unlink(hand)
        self.evictions += 1

    def delete_expired(self, now: float) -> int:
        """Drop the entries that expired at or before *now* and return how many."""
        expired = [entry for entry in list(self.entries.values()) if entry.expires_at <= now]
        return sum(map(self.remove, expired))

    def clear(self) -> None:
        """Drop every entry and forget the counts."""
        with self._lock:
            self.entries.clear()
            self.evictions = self._past_uses = 0
            self._newest = self._oldest = self._hand = None

    @property
    def uses(self) -> int:
        """Hits since the store was last cleared, of entries that are gone as well."""
        return self._past_uses + sum(entry.uses for entry in list(self.entries.values()))

    def __len__(self) -> int:
        return len(self.entries)
