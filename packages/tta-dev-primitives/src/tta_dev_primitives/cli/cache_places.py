"""Where a cache is that the command works on: a folder with a disk store, or a Redis server."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import urlsplit

from tta_dev_primitives.performance.environment.records import FILE_NAME as FINGERPRINTS
from tta_dev_primitives.performance.environment.records import FingerprintRecords
from tta_dev_primitives.performance.stores.disk import FILE_NAME, DiskStore
from tta_dev_primitives.performance.stores.inventory import DiskInventory

from .cache_entries import counted
from .event_loop import run_async
from .exits import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from tta_dev_primitives.performance.stores.base import StoredEntry
    from tta_dev_primitives.performance.tiers.deletion import Deletion

DEFAULT_FOLDER = ".tta-cache"
FOLDER_VARIABLE = "TTA_CACHE_DIR"
_SCHEMES = ("redis://", "rediss://", "unix://")
# A person waits here, not a request; and the server may be far away.
_PATIENCE_SECONDS = 5.0
_DAYS_UNUSED = 30
_ENTRIES_BETWEEN_TURNS = 64
_logger = logging.getLogger("tta_dev_primitives.cache")


class Place(Protocol):
    """A cache to look into, and to delete from.

    Attributes:
        label: How to call it; without a password.
        backend: What kind of store it is.
    """

    label: str
    backend: Literal["disk", "redis"]

    def scan(
        self, wanted: Callable[[bytes, StoredEntry], bool], *, values: bool
    ) -> AsyncGenerator[tuple[bytes, StoredEntry, int], None]:
        """Yield key, entry and bytes of the value of the entries that are *wanted*.

        Args:
            wanted: Sees the entry, but perhaps not its value.
            values: The values are needed.
        """
        ...

    async def read(self, key: bytes) -> StoredEntry | None:
        """Return the entry of *key*, or None."""
        ...

    def file_bytes(self) -> int | None:
        """Return what the store takes on disk, None where that cannot be told."""
        ...

    def delete(self, deletion: Deletion) -> int:
        """Delete entries for all processes and return how many there were."""
        ...

    def prune(self) -> str:
        """Delete what is of no use any more, and return a sentence about it."""
        ...

    async def aclose(self) -> None:
        """Release files and connections."""
        ...


class DiskPlace:
    """The store in a folder; it is looked at without a change to its file.

    Raises:
        StoreError: The file cannot be read.
    """

    backend: Literal["disk", "redis"] = "disk"

    def __init__(self, folder: Path) -> None:
        self.label = str(folder)
        self._folder = folder
        self._inventory = DiskInventory(folder / FILE_NAME)

    async def scan(
        self, wanted: Callable[[bytes, StoredEntry], bool], *, values: bool
    ) -> AsyncGenerator[tuple[bytes, StoredEntry, int], None]:
        """Yield the entries in the order of their keys."""
        for seen, (key, entry, size) in enumerate(self._inventory.scan()):
            if seen % _ENTRIES_BETWEEN_TURNS == 0:
                await asyncio.sleep(0)  # here an interruption is heard
            if wanted(key, entry):
                whole = self._inventory.read(key) if values else entry
                if whole is not None:
                    yield key, whole, size

    async def read(self, key: bytes) -> StoredEntry | None:
        """Return the entry of *key*, or None."""
        return self._inventory.read(key)

    def file_bytes(self) -> int | None:
        """Return the size of the file and its log."""
        return self._inventory.file_bytes()

    def delete(self, deletion: Deletion) -> int:
        """Delete entries, and give the space back."""
        self._inventory.close()
        with closing(DiskStore(self._folder)) as store:
            count = store.delete(deletion.keys) if deletion.keys else 0
            count += sum(map(store.delete_prefix, deletion.prefixes))
            count += store.delete_tags(deletion.tags) if deletion.tags else 0
            store.prune(0.0)
        return count

    def prune(self) -> str:
        """Delete what expired, and the entries of packages that nobody has any more."""
        before = self.file_bytes() or 0
        self._inventory.close()
        now = time.time()
        of_packages = ""
        with closing(DiskStore(self._folder)) as store:
            if (self._folder / FINGERPRINTS).exists():
                # The same as UVCachePrimitive.prune does for its folder.
                records = FingerprintRecords(self._folder)
                unused_since = now - _DAYS_UNUSED * 86_400
                dead = records.dead(unused_since)
                gone = sum(store.delete_prefix(digest.encode()) for digest in dead)
                records.forget(dead, unused_since)
                of_packages = f", {gone:,} of packages that no environment has any more"
            expired = store.prune(now)
        after = self.file_bytes() or 0
        return (
            f"deleted {counted(expired)} that had expired{of_packages}; "
            f"{before:,} bytes on disk before, {after:,} now"
        )

    async def aclose(self) -> None:
        """Close the file; one warning tells of what could not be read."""
        self._inventory.close()
        if self._inventory.damaged:
            _logger.warning(
                "%d damaged rows of %s were passed over", self._inventory.damaged, self.label
            )


class RedisPlace:
    """A store on a Redis server.

    Raises:
        ConfigurationError: The address cannot be understood; it is not repeated.
        UsageError: The same.
        MissingExtraError: redis-py or hiredis is not installed.
    """

    backend: Literal["disk", "redis"] = "redis"

    def __init__(self, url: str) -> None:
        from tta_dev_primitives.performance.stores.redis import RedisStore

        self._url = url
        # First the store, which refuses what cannot be taken apart without repeating it.
        self._store = RedisStore(url, timeout_seconds=_PATIENCE_SECONDS)
        self.label = without_login(url)

    async def scan(
        self, wanted: Callable[[bytes, StoredEntry], bool], *, values: bool
    ) -> AsyncGenerator[tuple[bytes, StoredEntry, int], None]:
        """Yield the entries, each once, as the server happens to have them."""
        del values  # the server gives an entry as a whole
        seen: set[bytes] = set()
        async for key, entry in self._store.scan():
            if key not in seen:
                seen.add(key)
                if wanted(key, entry):
                    yield key, entry, len(entry.data)

    async def read(self, key: bytes) -> StoredEntry | None:
        """Return the entry of *key*, or None."""
        return await self._store.read(key)

    def file_bytes(self) -> int | None:
        """Return None: the server may keep its memory where it likes."""
        return None

    def delete(self, deletion: Deletion) -> int:
        """Delete entries, and let the nearer tiers of running processes do so too."""
        return run_async(self._delete(deletion))

    async def _delete(self, deletion: Deletion) -> int:
        from tta_dev_primitives.performance.redis.invalidation import RedisInvalidation

        async def forget(_: Deletion) -> None:
            """There is no nearer tier here."""

        try:
            count = await deletion.apply_to(self._store)
            others = RedisInvalidation(self._url, timeout_seconds=_PATIENCE_SECONDS)
            try:
                await others.start(forget, None)
                await others.publish(deletion)
            finally:
                await others.aclose()
        finally:
            await self._store.aclose()
        return count

    def prune(self) -> str:
        """Do nothing."""
        return "nothing to do: Redis deletes what expired by itself"

    async def aclose(self) -> None:
        """Close the connections."""
        await self._store.aclose()


def find_place(where: str | None) -> Place:
    """Return the cache at *where*: a folder, the address of a Redis server, or None to look.

    Raises:
        UsageError: There is none. Nothing is made by looking.
        StoreError: There is one that cannot be read.
        ConfigurationError: See `RedisPlace`.
    """
    if where is not None and where.startswith(_SCHEMES):
        return RedisPlace(where)
    if where is not None and "://" in where:
        # The text is not repeated: it may hold a password.
        msg = f"the address is of no kind known here; use a folder or {', '.join(_SCHEMES)}"
        raise UsageError(msg)
    folder = Path(where or os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER)
    if (folder / FILE_NAME).is_file():
        return DiskPlace(folder)
    if folder.is_file():
        msg = f"{folder} is a file; name the folder of a cache"
    elif where is not None:
        msg = f"no cache in {folder}: it has no file {FILE_NAME}"
    elif os.environ.get(FOLDER_VARIABLE):
        msg = f"no cache in {folder}, which {FOLDER_VARIABLE} names: it has no file {FILE_NAME}"
    else:
        msg = (
            f"no cache here: {FOLDER_VARIABLE} is not set, and there is no "
            f"{folder / FILE_NAME}; name a folder or the address of a Redis server"
        )
    raise UsageError(msg)


def without_login(url: str) -> str:
    """Return the address of a server without user, password and options.

    Raises:
        UsageError: It is that of a socket, with a login that ends up in the path.
    """
    parts = urlsplit(url)
    if parts.scheme == "unix" and parts.netloc and not parts.netloc.endswith("@"):
        msg = (
            "the address of the socket cannot be understood; give it as "
            "unix://user:password@/path, with special characters percent-encoded"
        )
        raise UsageError(msg)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
