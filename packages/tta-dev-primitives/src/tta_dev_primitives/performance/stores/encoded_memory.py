"""Encoded entries in this process, in front of a store that is further away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tta_dev_primitives.errors import ConfigurationError

from .memory import MemoryEntry, MemoryStore

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from .base import StoredEntry

# About what the objects around one entry take: those of the entry, its key, and their places.
_BYTES_AROUND: Final = 700
_BYTES_AROUND_TAG: Final = 100


class EncodedMemoryStore:
    """A `Store` in this process, bounded, with SIEVE eviction.

    Meant as the first tier of a `TieredStore`. Its methods may be called from any thread, never
    wait and never fail. What it hands out is the very entry that it keeps, for readers that do
    not change it. An entry that is beyond the bound alone is not kept.

    Args:
        max_entries: More entries than this are never kept.
        max_bytes: Nor more than about this many bytes, keys and tags included.

    Raises:
        ConfigurationError: A bound is not positive.
    """

    never_waits: Final = True

    def __init__(self, *, max_entries: int = 10_000, max_bytes: int = 1 << 26) -> None:
        for name, bound in (("max_entries", max_entries), ("max_bytes", max_bytes)):
            if bound < 1:
                msg = f"{name} must be at least 1, got {bound!r}"
                raise ConfigurationError(msg)
        self._memory = MemoryStore(max_entries, max_bytes)
        # The dict itself, as a read is on the path of every hit.
        self._find = self._memory.entries.get

    def read(self, key: bytes, *, wait: bool = False) -> StoredEntry | None:
        """Return the entry of *key*, expired or not, or None."""
        found = self._find(key)
        if found is None:
            return None
        found.uses += 1
        entry: StoredEntry = found.value
        return entry

    def write(self, key: bytes, entry: StoredEntry, *, wait: bool = False) -> None:
        """Keep *entry* under *key*, replacing what was there, evicting others if need be."""
        kept = MemoryEntry(key, entry, None, entry.stored_at, entry.fresh_until, entry.expires_at)
        kept.tags = entry.tags
        kept.size = len(key) + len(entry.data) + _BYTES_AROUND
        kept.size += sum(len(tag) + _BYTES_AROUND_TAG for tag in entry.tags)
        self._memory.add(kept)

    def delete(self, keys: Sequence[bytes]) -> int:
        """Delete the entries of *keys* and return how many there were."""
        found = (self._find(key) for key in keys)
        return sum(self._memory.remove(entry) for entry in found if entry is not None)

    def delete_prefix(self, prefix: bytes) -> int:
        """Delete the entries whose keys begin with *prefix* and return how many there were."""
        return self.delete([key for key, _ in self.scan(prefix)])

    def delete_tags(self, tags: Collection[str]) -> int:
        """Delete the entries that carry any of *tags* and return how many there were."""
        return self._memory.delete_tags(tags)

    def delete_expired(self, now: float) -> int:
        """Delete entries that expired at or before *now* and return how many."""
        return self._memory.delete_expired(now)

    def clear(self) -> None:
        """Delete every entry."""
        self._memory.clear()

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, StoredEntry]]:
        """Yield the entries whose keys begin with *prefix*, as they are when this is called."""
        found: list[tuple[bytes, StoredEntry]] = []
        for name, entry in list(self._memory.entries.items()):
            key: bytes = name  # pyright: ignore[reportAssignmentType] - only bytes were added
            if key.startswith(prefix):
                found.append((key, entry.value))
        return iter(found)

    def __len__(self) -> int:
        return len(self._memory)

    def close(self) -> None:
        """Do nothing: there are no files and no connections, and the entries stay."""
