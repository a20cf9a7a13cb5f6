"""A cache as `CachePrimitive` keeps one in memory, on the clock of the recorded requests."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from .errors import ReplayError

if TYPE_CHECKING:
    from collections.abc import Hashable

Kept = TypeVar("Kept")

DEFAULT_MAX_ENTRIES: Final = 10_000
DEFAULT_TTL_SECONDS: Final = 3600.0


class _Entry(Generic[Kept]):
    """What is kept, and its neighbours in the order of insertion."""

    __slots__ = ("expires_at", "hit", "kept", "key", "newer", "older")

    def __init__(self, key: Hashable, kept: Kept, expires_at: float) -> None:
        self.key, self.kept, self.expires_at = key, kept, expires_at
        self.hit = False
        self.newer: _Entry[Kept] | None = None
        self.older: _Entry[Kept] | None = None


class CachedAnswers(Generic[Kept]):
    """Answers by key, bounded in number and age, as `CachePrimitive` bounds them by default.

    An answer is there from the moment its request was sent, since concurrent callers share one
    call, and gone at exactly its age. To make room, a hand goes from the oldest entry to the
    newest, takes the marks of hits away, and evicts the first entry without one (SIEVE).

    Args:
        max_entries: More are never kept; 0 keeps none.
        ttl_seconds: How long an answer is given again; None for as long as there is room.
    """

    def __init__(
        self,
        max_entries: int = DEFAULT_MAX_ENTRIES,
        ttl_seconds: float | None = DEFAULT_TTL_SECONDS,
    ) -> None:
        if max_entries < 0:
            msg = f"max_entries must be at least 0, got {max_entries!r}"
            raise ReplayError(msg)
        if ttl_seconds is not None and not ttl_seconds > 0:
            msg = f"ttl_seconds must be positive or None, got {ttl_seconds!r}"
            raise ReplayError(msg)
        self._max_entries = max_entries
        self._ttl_seconds = math.inf if ttl_seconds is None else ttl_seconds
        self._entries: dict[Hashable, _Entry[Kept]] = {}
        self._newest: _Entry[Kept] | None = None
        self._oldest: _Entry[Kept] | None = None
        self._hand: _Entry[Kept] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: Hashable, at: float) -> Kept | None:
        """Return what is kept under *key* at a time, and mark it as used.

        Args:
            key: What was asked, by whom and of which model.
            at: Seconds since 1970, never less than in a call before.
        """
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires_at <= at:
            self._drop(entry)
            return None
        entry.hit = True
        return entry.kept

    def keep(self, key: Hashable, kept: Kept, at: float) -> None:
        """Keep an answer under a key that `find` did not find."""
        if not self._max_entries:
            return
        if len(self._entries) >= self._max_entries:
            self._make_room()
        entry = self._entries[key] = _Entry(key, kept, at + self._ttl_seconds)
        entry.older = self._newest
        if self._newest is None:
            self._oldest = entry
        else:
            self._newest.newer = entry
        self._newest = entry

    def _make_room(self) -> None:
        entry = cast("_Entry[Kept]", self._hand or self._oldest)  # it is full, so there is one
        while entry.hit:
            entry.hit = False
            entry = cast("_Entry[Kept]", entry.newer or self._oldest)
        self._hand = entry
        self._drop(entry)

    def _drop(self, entry: _Entry[Kept]) -> None:
        del self._entries[entry.key]
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
