"""Answers in this process."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, cast

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.keys import unhashable
from tta_dev_primitives.performance.stores.memory import MemoryEntry, MemoryStore

from .entries import Kept, RememberedError, keep

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable

    from tta_dev_primitives.core.clock import Clock
    from tta_dev_primitives.performance.values.serializers import Serializer

    from .entries import Worth
    from .savings import Savings

# What an entry takes besides its value: the record, its place in the dict, a key of some length.
_ENTRY_BYTES: Final = 400


class MemoryShelf:
    """Answers in this process, by a clock that nobody can set."""

    def __init__(
        self,
        store: MemoryStore,
        clock: Clock,
        *,
        share: bool,
        serializer: Serializer | None,
    ) -> None:
        self.store = store
        self.expirations = 0
        self.now = clock.monotonic
        self._share, self._serializer = share, serializer

    def namer(self, scope: str | bytes | None) -> Callable[[Hashable], Hashable]:
        """Return what adds the scope to a key, where there is one."""
        return (lambda key: key) if scope is None else (lambda key: (scope, key))

    async def find(self, key: Hashable) -> MemoryEntry | None:
        """Return the entry of *key*."""
        return self.peek(key)

    def peek(self, key: Hashable) -> MemoryEntry | None:
        """Return the entry of *key*; drop it when it is past its time."""
        try:
            entry = self.store.entries.get(key)
        except TypeError as error:
            raise unhashable(key[1] if type(key) is tuple else key) from error
        if entry is None or entry.expires_at > self.now():
            return entry
        self.expirations += self.store.remove(entry)
        return None

    def load(self, entry: MemoryEntry) -> Any:
        """Return the value itself where it can be shared, else a copy."""
        value = entry.value
        return value if entry.restore is None else entry.restore(value)

    def discard(self, entry: MemoryEntry) -> None:
        """Drop *entry*."""
        self.store.remove(entry)

    def used(self, entry: MemoryEntry) -> None:
        """Count an answer by *entry*."""
        entry.uses += 1

    def savings(self) -> Savings:
        """Return the answers by entries, those gone as well, and what they saved."""
        return self.store.savings()

    def keep(self, value: Any) -> Kept | None:
        """Return *value* as it is where it can be shared, else encoded or copied."""
        share = self._share and type(value) is not RememberedError
        return keep(value, share=share, encoded=False, serializer=self._serializer)

    def keep_chunk(self, chunk: Any) -> Kept | None:
        """Keep a piece of a stream in the same way."""
        return self.keep(chunk)

    def takes(self, kept: Kept) -> bool:
        """Tell that any form will do."""
        del kept
        return True

    async def put(
        self, key: Hashable, kept: Kept, times: tuple[float, float], worth: Worth,
        tags: tuple[str, ...],
    ) -> None:  # fmt: skip
        """Keep *kept* under *key*."""
        entry = MemoryEntry(key, kept.value, kept.restore, self.now(), *times)
        entry.cost, entry.duration = worth.cost, worth.duration
        entry.input_tokens, entry.output_tokens = worth.input_tokens, worth.output_tokens
        entry.tags = tags
        entry.size = kept.size + _ENTRY_BYTES
        if not kept.plain:
            entry.direct_until = -math.inf
        if not self.store.add(entry):
            msg = (
                f"a value of {kept.size} bytes is more than max_bytes={self.store.max_bytes:g} of "
                "the memory backend and is not kept; raise max_bytes, or return less"
            )
            raise StoreError(msg)

    async def delete(self, key: Hashable) -> int:
        """Drop the entry of *key*."""
        entry = self.store.entries.get(key)
        return 0 if entry is None else int(self.store.remove(entry))

    async def delete_prefix(self, scope: str | bytes | None, prefix: str) -> int:
        """Look at every key."""
        return self.store.delete_where(lambda entry: self.begins(entry.key, scope, prefix))

    def begins(self, key: Hashable, scope: str | bytes | None, prefix: str) -> bool:
        """Tell whether *key* is a text key of the step of *scope* that begins with *prefix*."""
        if scope is not None:
            if type(key) is not tuple or len(cast("tuple[Any, ...]", key)) != 2 or key[0] != scope:
                return False
            key = cast("Hashable", key[1])
        return type(key) is str and key.startswith(prefix)

    async def delete_tags(self, tags: Collection[str]) -> int:
        """Drop the entries that carry any of *tags*."""
        return self.store.delete_tags(tags)

    async def clear(self) -> None:
        """Drop every entry."""
        self.store.clear()
        self.expirations = 0

    def clear_local(self) -> None:
        """Drop every entry."""
        self.store.clear()
        self.expirations = 0

    def delete_expired(self) -> int:
        """Drop the entries that are past their time."""
        return self.store.delete_expired(self.now())

    def size(self) -> int:
        """Return the number of entries."""
        return len(self.store)

    def close(self) -> None:
        """Do nothing: nothing is held open."""

    async def aclose(self) -> None:
        """Do nothing: nothing is held open."""
