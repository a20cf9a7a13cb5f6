"""Entries in this process, bounded, with SIEVE eviction.

SIEVE (Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024) keeps entries in order of insertion.
A hit only marks its entry. To make room, a hand moves from the oldest entry to the newest, takes
marks away, and evicts the first entry without one. Here the mark is a count of hits that has grown
since the hand last came by, so that one addition serves both the eviction and the statistics.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.performance.answering.savings import Savings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable


class MemoryEntry:
    """A value as it is kept in this process, and its place in the order of insertion.

    `restore` makes a caller's own copy of `value`; None where the value can be shared.
    `direct_until` is the moment until which readers may hand the value out without a further look.
    `size` is what the entry counts for towards the store's bound, in bytes.
    """

    __slots__ = (
        "cost",
        "direct_until",
        "duration",
        "expires_at",
        "fresh_until",
        "input_tokens",
        "key",
        "newer",
        "older",
        "output_tokens",
        "restore",
        "size",
        "stored_at",
        "tags",
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
        fresh_until: float,
        expires_at: float,
    ) -> None:
        self.key, self.value, self.restore = key, value, restore
        self.stored_at, self.fresh_until, self.expires_at = stored_at, fresh_until, expires_at
        self.direct_until = fresh_until
        self.cost: float | None = None
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self.duration: float | None = None
        self.tags: tuple[str, ...] = ()
        self.size = 0
        self.uses = self.uses_seen = 0
        self.newer: MemoryEntry | None = None
        self.older: MemoryEntry | None = None


class MemoryStore:
    """A dict of entries with upper bounds.

    Readers go straight to `entries` and add 1 to `uses` on a hit; times are in whatever clock the
    owner uses. The methods may be called from any thread.

    Args:
        max_entries: More entries than this are never kept.
        max_bytes: Nor entries whose sizes add up to more than this.
    """

    def __init__(self, max_entries: int, max_bytes: float) -> None:
        self.entries: dict[Hashable, MemoryEntry] = {}
        self.max_entries, self.max_bytes = max_entries, max_bytes
        self.evictions = 0
        self.bytes = 0
        self._past = Savings()
        self._tagged: dict[str, set[MemoryEntry]] = {}
        self._lock = threading.Lock()
        self._newest: MemoryEntry | None = None
        self._oldest: MemoryEntry | None = None
        self._hand: MemoryEntry | None = None

    def add(self, entry: MemoryEntry) -> bool:
        """Keep *entry*, replacing one with the same key, evicting others if there is no room.

        Returns False, and keeps nothing under the key, if the entry alone is beyond the bound.
        """
        with self._lock:
            known = self.entries.get(entry.key)
            if known is not None:
                self._unlink(known)
            if entry.size > self.max_bytes:
                return False
            while self.entries and (
                len(self.entries) >= self.max_entries or self.bytes + entry.size > self.max_bytes
            ):
                self._evict()
            entry.older = self._newest
            if self._newest is None:
                self._oldest = entry
            else:
                self._newest.newer = entry
            self._newest = entry
            self.entries[entry.key] = entry
            self.bytes += entry.size
            for tag in entry.tags:
                self._tagged.setdefault(tag, set()).add(entry)
        return True

    def remove(self, entry: MemoryEntry) -> bool:
        """Drop *entry*; return False if it was gone already."""
        with self._lock:
            present = self.entries.get(entry.key) is entry
            if present:
                self._unlink(entry)
        return present

    def _unlink(self, entry: MemoryEntry) -> None:
        del self.entries[entry.key]
        self.bytes -= entry.size
        if entry.uses:
            self._past.add(entry, entry.uses)
        for tag in entry.tags:
            others = self._tagged[tag]
            others.discard(entry)
            if not others:
                del self._tagged[tag]
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

    def delete_where(self, condition: Callable[[MemoryEntry], bool]) -> int:
        """Drop the entries for which *condition* holds and return how many."""
        return sum(map(self.remove, filter(condition, list(self.entries.values()))))

    def delete_expired(self, now: float) -> int:
        """Drop the entries that expired at or before *now* and return how many."""
        return self.delete_where(lambda entry: entry.expires_at <= now)

    def delete_tags(self, tags: Collection[str]) -> int:
        """Drop the entries that carry any of *tags* and return how many."""
        with self._lock:
            tagged = [entry for tag in tags for entry in self._tagged.get(tag, ())]
        return sum(map(self.remove, tagged))

    def clear(self) -> None:
        """Drop every entry and forget the counts."""
        with self._lock:
            self.entries.clear()
            self._tagged.clear()
            self.evictions = self.bytes = 0
            self._past = Savings()
            self._newest = self._oldest = self._hand = None

    def savings(self) -> Savings:
        """Return hits and what they saved since the last clearing, by entries now gone as well."""
        total = self._past.copy()
        for entry in list(self.entries.values()):
            if entry.uses:
                total.add(entry, entry.uses)
        return total

    def __len__(self) -> int:
        return len(self.entries)
