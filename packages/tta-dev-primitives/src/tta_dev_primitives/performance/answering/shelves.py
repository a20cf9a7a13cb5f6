"""Where a cache keeps its answers: in this process, or in a store that holds bytes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

from tta_dev_primitives.errors import ConfigurationError, StoreError
from tta_dev_primitives.performance.keys import stored_key, text_prefix, unhashable
from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry
from tta_dev_primitives.performance.stores.memory import MemoryEntry, MemoryStore
from tta_dev_primitives.performance.stores.threaded import ThreadedStore
from tta_dev_primitives.performance.values import encoding

from .entries import Kept, RememberedError, keep
from .savings import Savings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Hashable

    from tta_dev_primitives.core.clock import Clock
    from tta_dev_primitives.performance.stores.base import AsyncStore, Store
    from tta_dev_primitives.performance.values.serializers import Serializer

    from .entries import Worth

Entry: TypeAlias = MemoryEntry | StoredEntry
PENDING: Final = StoredEntry(b"", 0.0, 0.0, 0.0)
"""Stands for an entry that is not known yet."""
_TAG_SEPARATOR = "\x1f"
# What an entry takes besides its value: the record, its place in the dict, a key of some length.
_ENTRY_BYTES = 400


class Shelf(Protocol):
    """What the two kinds have in common."""

    def now(self) -> float:
        """Return the time that the entries' times are in."""
        ...

    def key(self, scope: str | bytes | None, key: Hashable) -> Hashable:
        """Return *key* of the step of *scope* as this shelf knows it."""
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

    def key(self, scope: str | bytes | None, key: Hashable) -> Hashable:
        """Return the key itself, with the scope where there is one."""
        return key if scope is None else (scope, key)

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


class StoreShelf:
    """Answers as bytes in a store that may outlive this process, by the time of day."""

    def __init__(
        self,
        store: Store | AsyncStore,
        clock: Clock,
        *,
        namespace: str,
        serializer: Serializer | None,
    ) -> None:
        self.local: Store | None = None
        if hasattr(store, "aclose"):
            self.store = cast("AsyncStore", store)
            self.local = getattr(store, "local", None)
        else:
            self.local = cast("Store", store)
            self.store = ThreadedStore(self.local)
        self.now = clock.time
        self.find = cast("Callable[[Hashable], Awaitable[StoredEntry | None]]", self.store.read)
        self._read = None if self.local is None else self.local.read
        self._namespace = namespace.encode() + b"\0"
        self._tag_prefix = namespace + _TAG_SEPARATOR if namespace else ""
        self._serializer = serializer
        self._decode = encoding.decode if serializer is None else serializer.decode
        self._savings = Savings()
        self.used = self._savings.add
        self.expirations = 0  # found by the cache, when it replaces them

    def peek(self, key: Hashable) -> StoredEntry | None:
        """Return the entry of *key* where that takes no waiting, else `PENDING`."""
        if self._read is None:
            return PENDING
        try:
            return self._read(cast("bytes", key))
        except StoreBusyError:
            return PENDING

    def key(self, scope: str | bytes | None, key: Hashable) -> bytes:
        """Return the key as bytes, behind the namespace and the scope."""
        return self._namespace + cast("bytes", scope) + stored_key(key)

    def load(self, entry: StoredEntry) -> Any:
        """Decode the value of *entry*."""
        return self._decode(entry.data)

    def discard(self, entry: StoredEntry) -> None:
        """Leave *entry* where it is, to be replaced by a new one."""

    def savings(self) -> Savings:
        """Return the answers by entries, and what they saved."""
        return self._savings

    def keep(self, value: Any) -> Kept | None:
        """Return *value* encoded; copied if it has no such form, for those who wait for it."""
        return keep(value, share=False, encoded=True, serializer=self._serializer)

    def takes(self, kept: Kept) -> bool:
        """Tell whether *kept* has an encoded form."""
        return kept.data is not None

    def keep_chunk(self, chunk: Any) -> Kept | None:
        """Keep a piece of a stream in this process, as it is or encoded."""
        return keep(chunk, share=False, encoded=False, serializer=self._serializer)

    def entry(
        self, kept: Kept, times: tuple[float, float], worth: Worth, tags: tuple[str, ...]
    ) -> StoredEntry:
        """Return *kept* as the store takes it."""
        return StoredEntry(
            cast("bytes", kept.data),
            self.now(),
            *times,
            worth.cost,
            worth.input_tokens,
            worth.output_tokens,
            worth.duration,
            tags if not self._tag_prefix else tuple(self._tag_prefix + tag for tag in tags),
        )

    async def put(
        self, key: Hashable, kept: Kept, times: tuple[float, float], worth: Worth,
        tags: tuple[str, ...],
    ) -> None:  # fmt: skip
        """Write *kept* under *key*."""
        await self.store.write(cast("bytes", key), self.entry(kept, times, worth, tags))

    async def delete(self, key: Hashable) -> int:
        """Delete the entry of *key*."""
        return await self.store.delete([cast("bytes", key)])

    async def delete_prefix(self, scope: str | bytes | None, prefix: str) -> int:
        """Have the store look for the keys."""
        return await self.store.delete_prefix(self._prefix(scope, prefix))

    def begins(self, key: Hashable, scope: str | bytes | None, prefix: str) -> bool:
        """Tell whether *key* is a text key of the step of *scope* that begins with *prefix*."""
        return cast("bytes", key).startswith(self._prefix(scope, prefix))

    def _prefix(self, scope: str | bytes | None, prefix: str) -> bytes:
        return self._namespace + cast("bytes", scope) + text_prefix(prefix)

    async def delete_tags(self, tags: Collection[str]) -> int:
        """Delete the entries that carry any of *tags* in this namespace."""
        return await self.store.delete_tags([self._tag_prefix + tag for tag in tags])

    async def clear(self) -> None:
        """Delete the entries of the namespace."""
        await self.store.delete_prefix(self._namespace)

        self._savings = Savings()

    def clear_local(self) -> None:
        """Delete the entries of the namespace without waiting for a network."""
        self._local("clear_cache()", "await cache.clear()").delete_prefix(self._namespace)
        self._savings.reset()

    def delete_expired(self) -> int:
        """Delete the entries that are past their time, of all namespaces."""
        instead = "nothing: such a store does it by itself"
        return self._local("evict_expired()", instead).delete_expired(self.now())

    def _local(self, asked: str, instead: str) -> Store:
        if self.local is None:
            msg = f"{asked} cannot wait for a network, and this cache's store is behind one; "
            raise ConfigurationError(msg + f"use {instead}")
        return self.local

    def size(self) -> int:
        """Return the number of entries of the local store, of all namespaces."""
        return 0 if self.local is None else len(self.local)

    def close(self) -> None:
        """Release the files of the local store."""
        if self.local is not None:
            self.local.close()

    async def aclose(self) -> None:
        """Release files and connections."""
        await self.store.aclose()
