"""Answers as bytes, in a store that may outlive this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.performance.keys import stored_key, text_prefix
from tta_dev_primitives.performance.stores.base import StoreBusyError, StoredEntry
from tta_dev_primitives.performance.stores.threaded import ThreadedStore
from tta_dev_primitives.performance.values import encoding

from .entries import Kept, keep
from .savings import Savings
from .shelf import PENDING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Hashable

    from tta_dev_primitives.core.clock import Clock
    from tta_dev_primitives.performance.stores.base import AsyncStore, Store
    from tta_dev_primitives.performance.values.serializers import Serializer

    from .entries import Worth

_TAG_SEPARATOR: Final = "\x1f"


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

    def namer(self, scope: str | bytes | None) -> Callable[[Hashable], Hashable]:
        """Return what puts the namespace and the scope before a key in bytes."""
        prefix = self._namespace + cast("bytes", scope)
        return lambda key: prefix + stored_key(key)

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
        self._savings.reset()

    def clear_local(self) -> None:
        """Delete the entries of the namespace without waiting for a network."""
        self._local("clear_cache()", "use await cache.clear()").delete_prefix(self._namespace)
        self._savings.reset()

    def delete_expired(self) -> int:
        """Delete the entries that are past their time, of all namespaces."""
        advice = "such a store drops them by itself"
        return self._local("evict_expired()", advice).delete_expired(self.now())

    def _local(self, asked: str, advice: str) -> Store:
        if self.local is None:
            msg = f"{asked} cannot wait for a network, and this cache's store is behind one; "
            raise ConfigurationError(msg + advice)
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
