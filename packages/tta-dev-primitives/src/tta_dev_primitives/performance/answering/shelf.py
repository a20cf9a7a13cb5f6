"""What a cache asks of the place where it keeps its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.memory import MemoryEntry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Hashable

    from .entries import Kept, Worth
    from .savings import Savings

Entry: TypeAlias = MemoryEntry | StoredEntry
PENDING: Final = StoredEntry(b"", 0.0, 0.0, 0.0)
"""Stands for an entry that is not known yet."""


class Shelf(Protocol):
    """What the two kinds have in common."""

    def now(self) -> float:
        """Return the time that the entries' times are in."""
        ...

    def namer(self, scope: str | bytes | None) -> Callable[[Hashable], Hashable]:
        """Return what turns a key of the step of *scope* into the one that this shelf knows."""
        ...

    @property
    def peek(self) -> Callable[[Hashable], Entry | None]:
        """Return the entry of a key, stale or not, or `PENDING` where `find` has to be awaited."""
        ...

    @property
    def find(self) -> Callable[[Hashable], Awaitable[Entry | None]]:
        """Return the entry of a key, stale or not."""
        ...

    def load(self, entry: Any) -> Any:  # Any: an entry of this shelf; whatever was kept
        """Return the value of *entry* for one caller."""
        ...

    def keep(self, value: Any) -> Kept | None:  # Any: whatever a step returned
        """Return *value* in the form in which this shelf keeps it, or None if there is none."""
        ...

    def discard(self, entry: Any) -> None:  # Any: an entry of this shelf
        """Let go of *entry*, which cannot be read."""
        ...

    @property
    def used(self) -> Callable[[Any], None]:  # Any: an entry of this shelf
        """Count an answer by an entry."""
        ...

    def savings(self) -> Savings:
        """Return the answers by entries, and what they saved."""
        ...

    def begins(self, key: Hashable, scope: str | bytes | None, prefix: str) -> bool:
        """Tell whether *key* is a text key of the step of *scope* that begins with *prefix*."""
        ...

    def takes(self, kept: Kept) -> bool:
        """Tell whether *kept* has a form that can be put here."""
        ...

    def keep_chunk(self, chunk: Any) -> Kept | None:  # Any: whatever a step yielded
        """Do the same with a piece of a stream that is shared in this process."""
        ...

    async def put(
        self, key: Hashable, kept: Kept, times: tuple[float, float], worth: Worth,
        tags: tuple[str, ...],
    ) -> None:  # fmt: skip
        """Keep *kept* under *key*, fresh until the first of *times*, there until the second."""
        ...

    async def delete(self, key: Hashable) -> int:
        """Delete the entry of *key* and return how many there were."""
        ...

    async def delete_prefix(self, scope: str | bytes | None, prefix: str) -> int:
        """Delete the entries of one step whose text keys begin with *prefix*."""
        ...

    async def delete_tags(self, tags: Collection[str]) -> int:
        """Delete the entries that carry any of *tags*."""
        ...

    async def clear(self) -> None:
        """Delete every entry of the cache's namespace."""
        ...

    def clear_local(self) -> None:
        """Do the same in a store that does not wait for a network."""
        ...

    def delete_expired(self) -> int:
        """Delete the entries that are past their time, in a store that does not wait."""
        ...

    def size(self) -> int:
        """Return the number of entries that are not behind a network."""
        ...

    def close(self) -> None:
        """Release what can be released without waiting."""
        ...

    async def aclose(self) -> None:
        """Release files and connections."""
        ...
