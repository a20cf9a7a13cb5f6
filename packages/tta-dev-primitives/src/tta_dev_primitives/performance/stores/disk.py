"""Entries in one SQLite file that many processes share.

Write-ahead logging lets readers and one writer work at the same time. Reads and writes are made
inline, because a hot read costs a few microseconds and a hop to a thread several times that. What
could stall the event loop raises `StoreBusyError`, and the cache repeats it in a thread: a file
that another process has locked, a large value to write, and every so often a write after which
the file is tidied up.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from weakref import WeakSet

from tta_dev_primitives.errors import ConfigurationError, StoreError
from tta_dev_primitives.performance.disk import rows as disk_rows
from tta_dev_primitives.performance.disk import tidy as disk_tidy
from tta_dev_primitives.performance.disk.file import DiskFile
from tta_dev_primitives.performance.disk.meta import to_entry
from tta_dev_primitives.performance.disk.opening import FAILURES, Connection, transaction
from tta_dev_primitives.performance.disk.rows import DATA, META, READ, WRITE, Row, to_row
from tta_dev_primitives.performance.disk.writer import WriteBehind

from .base import StoreBusyError, StoredEntry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

FILE_NAME: Final = "tta-cache.sqlite3"
_INLINE_BYTES: Final = 262_144
# After this much the log is copied into the file and the bound is seen to. SQLite does the
# former by itself at 16 MiB, but in the middle of somebody's write.
_BYTES_BETWEEN_TIDIES: Final = 8_388_608
_BYTES_PER_WRITE: Final = 16_384
_KEYS_AT_ONCE: Final = 256


class DiskStore:
    """A cache store in one file.

    The file is opened at the first use. A file that is damaged, is not ours, or was written by a
    newer version is set aside under another name with a warning, and a new one is begun. One that
    this user cannot write is read.

    Args:
        directory: Folder of the file; made when missing.
        max_bytes: The file is kept near this size by dropping what expired, then what is oldest.
        durability: What a write that has returned survives. `process`: the death of the process.
            `power`: a power failure too, for which every write waits in a thread for the disk.
            `behind`: neither, until it is flushed; an entry can be read at once, and a thread
            writes many together a moment later. If that fails, one warning says how many entries
            were dropped. In no case does a crash damage the file.
        flush_seconds: With `behind`, how long an entry waits for others.
        max_pending_bytes: With `behind`, at most this much waits.

    Raises:
        ConfigurationError: A bound or time is too small, or *durability* is none of these.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        max_bytes: int = 1 << 30,
        durability: Literal["behind", "process", "power"] = "process",
        flush_seconds: float = 0.05,
        max_pending_bytes: int = 1 << 23,
    ) -> None:
        if max_bytes < 1 << 20:
            msg = f"max_bytes must be at least 1048576 (1 MiB), got {max_bytes!r}"
            raise ConfigurationError(msg)
        if durability not in ("behind", "process", "power"):
            msg = f"durability must be 'behind', 'process' or 'power', got {durability!r}"
            raise ConfigurationError(msg)
        if not flush_seconds > 0:
            msg = f"flush_seconds must be positive, got {flush_seconds!r}"
            raise ConfigurationError(msg)
        if max_pending_bytes < 1:
            msg = f"max_pending_bytes must be at least 1, got {max_pending_bytes!r}"
            raise ConfigurationError(msg)
        self.path = Path(directory) / FILE_NAME
        self.max_bytes = max_bytes
        self.durability = durability
        self._file = DiskFile(self.path, "FULL" if durability == "power" else "NORMAL")
        self._writer: WriteBehind | None = None
        if durability == "behind":
            self._writer = WriteBehind(
                self._commit,
                f"cache file {self.path}",
                flush_seconds=flush_seconds,
                max_bytes=max_pending_bytes,
            )
        self._since_tidy = 0
        self._tidy_after = min(_BYTES_BETWEEN_TIDIES, max_bytes // 4)
        _stores.add(self)

    def read(self, key: bytes, *, wait: bool = False) -> StoredEntry | None:
        """Return the entry of *key*, expired or not, or None."""
        if self._writer is not None:
            row = self._writer.find(key)
            if row is not None:
                return to_entry(row[DATA], row[META])
        try:
            found = self._file.execute(READ, (key, key))
        except (StoreBusyError, *FAILURES):
            found = self._file.use(lambda connection: _select(connection, key), wait=wait)
        return None if found is None else to_entry(*found)

    def write(self, key: bytes, entry: StoredEntry, *, wait: bool = False) -> None:
        """Keep *entry* under *key*; when this returns, it survives what *durability* says."""
        size = len(entry.data)
        if size > self.max_bytes // 2:
            msg = (
                f"a value of more than half of max_bytes={self.max_bytes} is not kept in "
                f"{self.path}; raise max_bytes, or return less"
            )
            raise StoreError(msg)
        if self._writer is not None:
            self._writer.add(to_row(key, entry), wait=wait)
            return
        tidy = self._since_tidy >= self._tidy_after
        if not wait and (tidy or size > _INLINE_BYTES or self.durability == "power"):
            raise StoreBusyError
        row = to_row(key, entry)
        if entry.tags:
            self._file.use(lambda connection: _put_tagged(connection, row), wait=wait)
        else:
            try:
                self._file.execute(WRITE, row)
            except (StoreBusyError, *FAILURES):
                self._file.use(lambda connection: connection.execute(WRITE, row), wait=wait)
        self._since_tidy += max(size, _BYTES_PER_WRITE)
        if tidy:
            self._tidy()

    def delete(self, keys: Sequence[bytes]) -> int:
        """Delete the entries of *keys* and return how many there were."""
        return self._delete("key = ?", [(key,) for key in keys])

    def delete_prefix(self, prefix: bytes) -> int:
        """Delete the entries whose keys begin with *prefix* and return how many there were."""
        end = disk_rows.after_prefix(prefix)
        if end is None:
            return self._delete("key >= ?", [(prefix,)])
        return self._delete("key >= ? AND key < ?", [(prefix, end)])

    def delete_tags(self, tags: Collection[str]) -> int:
        """Delete the entries that carry any of *tags* and return how many there were."""
        return self._delete(
            "key IN (SELECT key FROM tag WHERE tag = ?)",
            [(disk_rows.tag_bytes(tag),) for tag in tags],
        )

    def delete_expired(self, now: float) -> int:
        """Delete entries that expired at or before *now* and return how many."""
        return self._delete("expires_at <= ?", [(now,)])

    def prune(self, now: float) -> int:
        """Delete what expired at or before *now*, make the file smaller, return how many went.

        Waits for locks, and may take seconds where there is much to delete.
        """
        self._drain()
        return self._file.use(lambda connection: disk_tidy.prune(connection, now), wait=True)

    def clear(self) -> None:
        """Delete every entry."""

        def work(connection: Connection) -> None:
            with transaction(connection):
                disk_rows.clear(connection)

        self._drain()
        self._file.use(work, wait=True)

    def scan(self, prefix: bytes = b"") -> Iterator[tuple[bytes, StoredEntry]]:
        """Yield the entries whose keys begin with *prefix*, in the order of their keys.

        Nothing is locked between two entries. What is written meanwhile may appear or not; what
        is there all the time appears once.
        """
        self._drain()
        end = disk_rows.after_prefix(prefix)
        start, condition = prefix, ">="
        while keys := self._keys(condition, start, end):
            for key in keys:
                entry = self.read(key, wait=True)
                if entry is not None:
                    yield key, entry
            start, condition = keys[-1], ">"

    def __len__(self) -> int:
        self._drain()
        return self._file.use(
            lambda connection: connection.execute("SELECT count(*) FROM entry").fetchone()[0],
            wait=True,
        )

    def flush(self) -> None:
        """Wait until what was written survives the death of the process.

        Raises:
            StoreError: Entries could not be written and were dropped.
        """
        dropped = self._drain()
        if dropped:
            msg = f"{dropped} entries could not be written to cache file {self.path}"
            raise StoreError(msg)

    def close(self) -> None:
        """Write what waits and close the file; the next use opens it again.

        Safe from any thread: what another one is doing comes to its end first.
        """
        if self._writer is not None:
            self._writer.close()
        self._file.close()

    def renew(self) -> None:
        """Begin anew in the child after a fork."""
        self._file.renew()
        if self._writer is not None:
            self._writer.renew()

    def _drain(self) -> int:
        return 0 if self._writer is None else self._writer.drain()

    def _keys(self, condition: str, start: bytes, end: bytes | None) -> list[bytes]:
        """Return the next keys of a scan."""
        below = "" if end is None else "AND key < ?"
        statement = (
            f"SELECT key FROM entry WHERE key {condition} ? {below}"  # noqa: S608 - constants
            f" ORDER BY key LIMIT {_KEYS_AT_ONCE}"
        )
        bounds = (start,) if end is None else (start, end)
        return self._file.use(
            lambda connection: [key for (key,) in connection.execute(statement, bounds)],
            wait=True,
        )

    def _delete(self, condition: str, arguments: Sequence[tuple[object, ...]]) -> int:
        statement = f"DELETE FROM entry WHERE {condition}"  # noqa: S608 - the callers' constants

        def work(connection: Connection) -> int:
            with transaction(connection):
                return sum(connection.execute(statement, given).rowcount for given in arguments)

        self._drain()
        return self._file.use(work, wait=True)

    def _commit(self, rows: Sequence[Row]) -> None:
        """Write *rows* in one transaction, in a thread."""

        def work(connection: Connection) -> None:
            with transaction(connection):
                disk_rows.write_rows(connection, rows)

        self._file.use(work, wait=True)
        self._since_tidy += sum(max(len(row[DATA]), _BYTES_PER_WRITE) for row in rows)
        if self._since_tidy >= self._tidy_after:
            self._tidy()

    def _tidy(self) -> None:
        self._since_tidy = 0
        self._file.close_if_moved()
        self._file.use(
            lambda connection: disk_tidy.tidy(connection, self.max_bytes, time.time()), wait=True
        )


_stores: WeakSet[DiskStore] = WeakSet()


def _close_all() -> None:
    for store in list(_stores):
        store.close()


def _renew_all() -> None:
    for store in list(_stores):
        store.renew()


atexit.register(_close_all)
# SQLite loses track of its locks when an open connection is carried over a fork.
with contextlib.suppress(AttributeError):  # Windows has no fork
    os.register_at_fork(before=_close_all, after_in_child=_renew_all)


def _select(connection: Connection, key: bytes) -> Any:  # Any: one row, or None
    return connection.execute(READ, (key, key)).fetchone()


def _put_tagged(connection: Connection, row: Row) -> None:
    with transaction(connection):
        disk_rows.write_rows(connection, [row])
