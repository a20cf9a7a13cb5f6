"""Entries in one SQLite file that many processes share.

Write-ahead logging lets readers and one writer work at the same time; a write that has returned
survives the death of the process. Reads and writes are made inline, because a hot read costs a
few microseconds and a hop to a thread several times that. What could stall the event loop raises
`StoreBusyError`, and the cache repeats it in a thread: a file that another process has locked, a
large value to write, and every so often a write after which the file is tidied up.
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
from weakref import WeakSet

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
_PAUSE_SECONDS: Final = 0.005
# After this much the log is copied into the file and the bound is seen to. SQLite does the
# former by itself at 16 MiB (below), but in the middle of somebody's write.
_BYTES_BETWEEN_TIDIES: Final = 8_388_608
_BYTES_PER_WRITE: Final = 16_384
# The value stands last, so that a scan of the times need not read through large ones.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entry(
    key BLOB PRIMARY KEY, stored_at REAL NOT NULL, expires_at REAL NOT NULL,
    cost REAL, input_tokens INTEGER, output_tokens INTEGER, duration REAL, data BLOB NOT NULL
) WITHOUT ROWID
"""
_READ: Final = (
    "SELECT data, stored_at, expires_at, cost, input_tokens, output_tokens, duration"
    " FROM entry WHERE key = ?"
)
_WRITE: Final = (
    "INSERT OR REPLACE INTO entry(key, data, stored_at, expires_at, cost, input_tokens,"
    " output_tokens, duration) VALUES(?, ?, ?, ?, ?, ?, ?, ?)"
)
_DELETE_OLDEST_TENTH: Final = (
    "DELETE FROM entry WHERE key IN (SELECT key FROM entry ORDER BY stored_at"
    " LIMIT 1 + (SELECT count(*) FROM entry) / 10)"
)
# SQLite's message about a damaged file may hold a piece of it, which need not be text.
_FAILURES: Final = (sqlite3.Error, OSError, UnicodeDecodeError)
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
        # A connection is used by one thread only; all are known here, so that any can close them.
        self._local = threading.local()
        self._connections: WeakSet[_Connection] = WeakSet()
        self._lock = threading.Lock()
        self._since_tidy = 0
        self._tidy_after = min(_BYTES_BETWEEN_TIDIES, max_bytes // 4)
        _stores.add(self)

    def read(self, key: bytes, *, wait: bool = False) -> StoredEntry | None:
        """Return the entry of *key*, expired or not, or None."""
        try:
            connection = self._connection()
            with connection.lock:
                found = _select(connection, key)
        except _FAILURES:
            found = self._use(lambda connection: _select(connection, key), wait=wait)
        # In a damaged file, anything may stand anywhere.
        if found is None or not type(found[1]) is type(found[2]) is float:
            return None
        return StoredEntry(*found)

    def write(self, key: bytes, entry: StoredEntry, *, wait: bool = False) -> None:
        """Keep *entry* under *key*; when this returns, it survives the end of the process."""
        size = len(entry.data)
        if size > self.max_bytes // 2:
            msg = (
                f"a value of more than half of max_bytes={self.max_bytes} is not kept in "
                f"{self.path}; raise max_bytes, or return less"
            )
            raise StoreError(msg)
        tidy = self._since_tidy >= self._tidy_after
        if not wait and (tidy or size > _INLINE_BYTES):
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
        try:
            connection = self._connection()
            with connection.lock:
                connection.execute(_WRITE, row)
        except _FAILURES:
            self._use(lambda connection: connection.execute(_WRITE, row), wait=wait)
        self._since_tidy += max(size, _BYTES_PER_WRITE)
        if tidy:
            self._since_tidy = 0
            self._use(self._tidy, wait=True)

    def delete_expired(self, now: float) -> int:
        """Delete entries that expired at or before *now* and return how many."""
        return self._use(
            lambda connection: (
                connection.execute("DELETE FROM entry WHERE expires_at <= ?", (now,)).rowcount
            ),
            wait=True,
        )

    def clear(self) -> None:
        """Delete every entry."""
        self._use(lambda connection: connection.execute("DELETE FROM entry"), wait=True)

    def __len__(self) -> int:
        return self._use(
            lambda connection: connection.execute("SELECT count(*) FROM entry").fetchone()[0],
            wait=True,
        )

    def close(self) -> None:
        """Close the connections; the next use opens new ones.

        Safe from any thread: what another one is doing comes to its end first.
        """
        with self._lock:
            opened = list(self._connections)
        for connection in opened:
            with connection.lock:
                connection.close()

    def _use(self, work: Callable[[sqlite3.Connection], T], *, wait: bool) -> T:
        """Do *work*; a lock becomes StoreBusyError, a damaged file is replaced once."""
        patience = time.monotonic() + _WAIT_SECONDS
        replaced = False
        while True:
            try:
                connection = self._connection()
                with connection.lock:
                    if connection.closed:
                        continue  # by another thread, just now
                    return work(connection)
            except _FAILURES as error:
                if _is_locked(error) and not wait:
                    raise StoreBusyError from error
                if _is_locked(error) and time.monotonic() < patience:
                    # SQLite's own waiting is not used: it does not cover the opening of a file.
                    time.sleep(_PAUSE_SECONDS)
                elif _is_unreadable(error) and not replaced:
                    replaced = True
                    self._set_aside(error)
                else:
                    raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(
            f"cache file {self.path} cannot be used: {error}; the cache goes on without it"
        )

    def _connection(self) -> _Connection:
        try:
            connection = self._local.connection
        except AttributeError:
            pass
        else:
            if not connection.closed:
                return connection
        connection = self._local.connection = self._open()
        with self._lock:
            self._connections.add(connection)
        return connection

    def _open(self) -> _Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = _Connection(
            self.path, timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            self._local.file = _file_identity(self.path)
            connection.execute("BEGIN")  # one look at one state, while others may be creating it
            found = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            connection.execute("COMMIT")
            if found != _APPLICATION_ID and tables:
                msg = "it is another program's database"
                raise _ForeignFileError(msg)
            if version > _SCHEMA_VERSION:
                msg = f"it was written by a newer version ({version})"
                raise _ForeignFileError(msg)
            connection.execute("PRAGMA page_size = 8192")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA cache_size = -32768")
            connection.execute("PRAGMA wal_autocheckpoint = 2000")
            if not tables:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
                connection.execute(_SCHEMA)
                connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self, error: Exception) -> None:
        """Rename the file that could not be read, unless somebody else has done so already."""
        seen = getattr(self._local, "file", None)
        self.close()
        aside = self.path.with_name(f"{self.path.stem}.set-aside-{time.time_ns()}.sqlite3")
        with self._lock:
            if seen != _file_identity(self.path):
                return
            # The log first: beside a new file it would be taken for the new file's.
            for suffix in ("-wal", "-shm", ""):
                part = self.path.with_name(self.path.name + suffix)
                try:
                    part.replace(aside.with_name(aside.name + suffix))
                except FileNotFoundError:
                    continue
                except OSError as refused:
                    raise self._unusable(refused) from error
        _logger.warning(
            "cache file %s cannot be read (%s); it was set aside as %s and a new one is begun",
            self.path, error, aside.name,
        )  # fmt: skip

    def _tidy(self, connection: sqlite3.Connection) -> None:
        """Copy the log into the file, and bring the file back under its bound.

        What expired goes first, then what is oldest.
        """
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        page_size = connection.execute("PRAGMA page_size").fetchone()[0]

        def used() -> int:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            return (pages - connection.execute("PRAGMA freelist_count").fetchone()[0]) * page_size

        if used() <= self.max_bytes:
            return
        connection.execute("DELETE FROM entry WHERE expires_at <= ?", (time.time(),))
        while used() > self.max_bytes * 0.9:
            connection.execute(_DELETE_OLDEST_TENTH)


class _Connection(sqlite3.Connection):
    """A connection that is held while it is used, and closes itself when it is forgotten."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # Any: those of the base
        self.lock = threading.Lock()
        self.closed = False
        super().__init__(*arguments, **options)

    def close(self) -> None:
        self.closed = True
        super().close()

    def __del__(self) -> None:
        try:  # noqa: SIM105 - also called when the interpreter ends, with imports half gone
            self.close()
        except sqlite3.ProgrammingError:
            pass  # the file could not be opened in the first place


class _ForeignFileError(sqlite3.DatabaseError):
    """Raised when the file is a database, but not one of ours."""


_stores: WeakSet[DiskStore] = WeakSet()


def _close_all() -> None:
    for store in list(_stores):
        store.close()


# SQLite loses track of its locks when an open connection is carried over a fork.
with contextlib.suppress(AttributeError):  # Windows has no fork
    os.register_at_fork(before=_close_all)


def _select(connection: sqlite3.Connection, key: bytes) -> Any:  # Any: one row, or None
    return connection.execute(_READ, (key,)).fetchone()


def _file_identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _is_locked(error: Exception) -> bool:
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _is_unreadable(error: Exception) -> bool:
    """Tell whether the file itself is at fault; of a plain error it is, since our SQL is right."""
    return isinstance(error, _ForeignFileError | UnicodeDecodeError) or _code(error) in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_ERROR,
    )


def _code(error: Exception) -> int:
    """Return SQLite's primary result code, 0 for none; the extended bits do not matter here."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
