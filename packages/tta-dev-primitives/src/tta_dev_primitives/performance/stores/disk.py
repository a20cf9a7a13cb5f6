"""Entries in one SQLite file that many processes share.

Write-ahead logging lets readers and one writer work at the same time; a write that has returned
survives the death of the process. Reads and writes are made inline, because a hot read costs a
few microseconds and a hop to a thread several times that; a file that another process has locked,
or a value large enough to stall the loop, raises `StoreBusyError`, and the cache repeats the call
in a thread.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tta_dev_primitives.errors import ConfigurationError, StoreError

from .base import StoreBusyError, StoredEntry

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

FILE_NAME: Final = "tta-cache.sqlite3"
_APPLICATION_ID: Final = 0x74746163  # "ttac"
_SCHEMA_VERSION: Final = 1
_INLINE_BYTES: Final = 262_144
_WAIT_SECONDS: Final = 10.0
_WRITES_BETWEEN_CHECKS: Final = 256
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entry(
    key BLOB PRIMARY KEY, data BLOB NOT NULL, stored_at REAL NOT NULL, expires_at REAL NOT NULL,
    cost REAL, input_tokens INTEGER, output_tokens INTEGER, duration REAL
) WITHOUT ROWID
"""
_READ: Final = (
    "SELECT data, stored_at, expires_at, cost, input_tokens, output_tokens, duration"
    " FROM entry WHERE key = ?"
)
_WRITE: Final = "INSERT OR REPLACE INTO entry VALUES(?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE_OLDEST_TENTH: Final = (
    "DELETE FROM entry WHERE key IN (SELECT key FROM entry ORDER BY stored_at"
    " LIMIT 1 + (SELECT count(*) FROM entry) / 10)"
)
_logger = logging.getLogger("tta_dev_primitives.cache")


class DiskStore:
    """A cache store in one file.

    The file is opened at the first use. A file that is damaged, is not ours, or was written by a
    newer version is set aside under another name with a warning, and a new one is begun.

    Args:
        directory: Folder of the file; made when missing.
        max_bytes: The file is kept near this size by dropping what expired, then what is oldest.

    Raises:
        ConfigurationError: *max_bytes* is too small to hold anything.
    """

    def __init__(self, directory: str | os.PathLike[str], *, max_bytes: int = 1 << 30) -> None:
        if max_bytes < 1 << 20:
            msg = f"max_bytes must be at least 1048576 (1 MiB), got {max_bytes!r}"
            raise ConfigurationError(msg)
        self.path = Path(directory) / FILE_NAME
        self.max_bytes = max_bytes
        # A connection is used by one thread only, and never carried over a fork.
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._writes = 0
        self._generation = 0

    def read(self, key: bytes, *, wait: bool = False) -> StoredEntry | None:
        """Return the entry of *key*, expired or not, or None."""
        if wait:
            found = self._guard(lambda connection: _select(connection, key), wait=True)
        else:
            try:
                found = _select(self._connection(), key)
            except (sqlite3.Error, OSError):
                found = self._guard(lambda connection: _select(connection, key), wait=False)
        return None if found is None else StoredEntry(*found)

    def write(self, key: bytes, entry: StoredEntry, *, wait: bool = False) -> None:
        """Keep *entry* under *key*; when this returns, it survives the end of the process."""
        if not wait and len(entry.data) > _INLINE_BYTES:
            raise StoreBusyError
        row = (
            key,
            entry.data,
            entry.stored_at,
            entry.expires_at,
            entry.cost,
            entry.input_tokens,
            entry.output_tokens,
            entry.duration,
        )
        self._guard(lambda connection: connection.execute(_WRITE, row), wait=wait)
        self._writes += 1
        if self._writes % _WRITES_BETWEEN_CHECKS == 0:
            self._guard(self._shrink, wait=wait)

    def delete_expired(self, now: float) -> int:
        """Delete entries that expired at or before *now* and return how many."""
        return self._guard(
            lambda connection: (
                connection.execute("DELETE FROM entry WHERE expires_at <= ?", (now,)).rowcount
            ),
            wait=True,
        )

    def clear(self) -> None:
        """Delete every entry."""
        self._guard(lambda connection: connection.execute("DELETE FROM entry"), wait=True)

    def __len__(self) -> int:
        return self._guard(
            lambda connection: connection.execute("SELECT count(*) FROM entry").fetchone()[0],
            wait=True,
        )

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        self._generation += 1
        while self._opened:
            self._opened.pop().close()

    def _guard(self, work: Callable[[sqlite3.Connection], T], *, wait: bool) -> T:
        """Run *work*; a lock becomes StoreBusyError, a damaged file is replaced once."""
        for attempt in (1, 2):
            try:
                connection = self._connection()
                if not wait:
                    return work(connection)
                connection.execute(f"PRAGMA busy_timeout = {int(_WAIT_SECONDS * 1000)}")
                try:
                    return work(connection)
                finally:
                    connection.execute("PRAGMA busy_timeout = 0")
            except sqlite3.OperationalError as error:
                if not wait and _is_locked(error):
                    raise StoreBusyError from error
                msg = f"cache file {self.path} cannot be used: {error}"
                raise StoreError(msg) from error
            except sqlite3.DatabaseError as error:
                if attempt == 2 or not _is_unreadable(error):
                    msg = f"cache file {self.path} cannot be used: {error}"
                    raise StoreError(msg) from error
                self._set_aside(str(error))
            except OSError as error:
                msg = f"cache file {self.path} cannot be used: {error}"
                raise StoreError(msg) from error
        raise AssertionError

    def _connection(self) -> sqlite3.Connection:
        local = self._local
        owner = (os.getpid(), self._generation)
        if getattr(local, "owner", None) != owner:
            local.connection = self._open()
            local.owner = owner
        return local.connection

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self.path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            found = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if found != _APPLICATION_ID and tables:
                msg = "it is another program's database"
                raise _ForeignFileError(msg)
            if version > _SCHEMA_VERSION:
                msg = f"it was written by a newer version ({version})"
                raise _ForeignFileError(msg)
            connection.execute("PRAGMA page_size = 16384")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA mmap_size = 268435456")
            connection.execute("PRAGMA cache_size = -32768")
            if not tables:
                connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
            connection.execute(_SCHEMA)
            connection.execute("PRAGMA busy_timeout = 0")
        except BaseException:
            connection.close()
            raise
        self._opened.append(connection)
        return connection

    def _set_aside(self, why: str) -> None:
        self.close()
        aside = self.path.with_name(f"{self.path.stem}.set-aside-{time.time_ns()}.sqlite3")
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            self.path.replace(aside)
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        _logger.warning(
            "cache file %s cannot be read (%s); it was set aside as %s and a new one is begun",
            self.path, why, aside.name,
        )  # fmt: skip

    def _shrink(self, connection: sqlite3.Connection) -> None:
        """Bring the file back under its bound: what expired goes first, then what is oldest."""
        page_size = connection.execute("PRAGMA page_size").fetchone()[0]

        def used() -> int:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            return (pages - connection.execute("PRAGMA freelist_count").fetchone()[0]) * page_size

        if used() <= self.max_bytes:
            return
        connection.execute("DELETE FROM entry WHERE expires_at <= ?", (time.time(),))
        while used() > self.max_bytes * 0.9:
            if connection.execute(_DELETE_OLDEST_TENTH).rowcount == 0:
                return


def _select(connection: sqlite3.Connection, key: bytes) -> Any:  # Any: one row, or None
    return connection.execute(_READ, (key,)).fetchone()


class _ForeignFileError(sqlite3.DatabaseError):
    """Raised when the file is a database, but not one of ours."""


def _is_locked(error: sqlite3.OperationalError) -> bool:
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _is_unreadable(error: sqlite3.DatabaseError) -> bool:
    return isinstance(error, _ForeignFileError) or _code(error) in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )


def _code(error: sqlite3.Error) -> int:
    """Return the primary result code; the extended bits do not matter here."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
