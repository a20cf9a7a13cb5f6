"""A connection to a cache file: made, checked, brought to this version, or refused."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.performance.stores.base import StoreBusyError

from .meta import meta_of_columns
from .rows import APPLICATION_ID, FROM_VERSION_1, SCHEMA, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

# SQLite's message about a damaged file may hold a piece of it, which need not be text; a number
# may be too large for a column.
FAILURES: Final = (sqlite3.Error, OSError, UnicodeDecodeError, OverflowError)


class Connection(sqlite3.Connection):
    """A connection that is held while it is used, and closes itself when it is forgotten.

    Attributes:
        lock: Held by whoever uses the connection.
        closed: It was closed.
        frozen: The state of a file that is read without locks; None where locks are used.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # Any: those of the base
        self.lock = threading.Lock()
        self.closed = False
        self.frozen: object = None
        super().__init__(*arguments, **options)

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
        self.closed = True
        super().close()

    def __del__(self) -> None:
        try:  # noqa: SIM105 - also called when the interpreter ends, with imports half gone
            self.close()
        except sqlite3.ProgrammingError:
            pass  # the file could not be opened in the first place


class ForeignFileError(sqlite3.DatabaseError):
    """Raised when the file is a database, but not one of ours."""


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """Make what is done inside count together, or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite ends it by itself when the disk is full
            connection.execute("ROLLBACK")
        raise


def open_file(path: Path, synchronous: str, *, wait: bool) -> Connection:
    """Return a connection to the file at *path*, which is made when missing.

    The header, the version and the tables are checked. The rest is not: a look at every page
    would cost 0.4 ms per MiB, and damage is noticed when a page is used. A file that this user
    cannot write is opened for reading.

    Raises:
        ForeignFileError: It is not ours, or is newer than we are.
        StoreBusyError: It must be rewritten for this version first, and *wait* is false.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = _connect(str(path))
        with _closed_on_failure(connection):
            _prepare(connection, synchronous, wait=wait)
    except (sqlite3.OperationalError, OSError) as error:
        if not (_is_refused(error) and path.is_file()):
            raise
        return _open_for_reading(path, error)
    return connection


def state_of(path: Path) -> object:
    """Return what changes when somebody writes to the file at *path*."""
    try:
        status = path.stat()
        log = path.with_name(path.name + "-wal")
        return status.st_ino, status.st_mtime_ns, status.st_size, log.exists()
    except OSError:
        return "no file"


def code_of(error: Exception) -> int:
    """Return SQLite's primary result code, 0 for none; the extended bits do not matter here."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_locked(error: Exception) -> bool:
    """Tell whether somebody else holds a lock."""
    return code_of(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_unreadable(error: Exception) -> bool:
    """Tell whether the file itself is at fault; of a plain error it is, since our SQL is right."""
    return isinstance(error, ForeignFileError | UnicodeDecodeError) or code_of(error) in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_ERROR,
    )


def _is_refused(error: Exception) -> bool:
    """Tell whether SQLite may not write what it needs to: the file, its log, its lock file."""
    return code_of(error) in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def _connect(name: str, *, uri: bool = False) -> Connection:
    return Connection(name, timeout=0, isolation_level=None, check_same_thread=False, uri=uri)


@contextlib.contextmanager
def _closed_on_failure(connection: Connection) -> Generator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _prepare(connection: Connection, synchronous: str, *, wait: bool) -> None:
    connection.execute("BEGIN")  # one look at one state, while others may be creating it
    version = _version(connection)
    connection.execute("COMMIT")
    if version not in (0, SCHEMA_VERSION) and not wait:
        raise StoreBusyError
    if version == 0:
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    # Not mmap, which reads large values faster only where this is too small for all of them: if
    # somebody cuts the file short, a mapped page kills the process, where a read fails.
    connection.execute("PRAGMA cache_size = -32768")
    connection.execute("PRAGMA wal_autocheckpoint = 2000")
    if version != SCHEMA_VERSION:
        with transaction(connection):
            version = _version(connection)
            if version != SCHEMA_VERSION:
                connection.create_function("to_meta", 6, meta_of_columns)
                for statement in FROM_VERSION_1 if version else SCHEMA:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _version(connection: Connection) -> int:
    """Return the version of the tables, 0 where there are none."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {
        sql
        for (sql,) in connection.execute(
            "SELECT CAST(sql AS BLOB) FROM sqlite_master WHERE sql IS NOT NULL"
        )
    }
    if not tables:
        return 0
    if application != APPLICATION_ID:
        msg = "it is another program's database"
        raise ForeignFileError(msg)
    if version > SCHEMA_VERSION:
        msg = f"it was written by a newer version ({version})"
        raise ForeignFileError(msg)
    if version == SCHEMA_VERSION and not tables.issuperset(map(str.encode, SCHEMA)):
        msg = f"its tables are not those of version {version}"
        raise ForeignFileError(msg)
    return version


def _open_for_reading(path: Path, error: Exception) -> Connection:
    """Return a connection to a file that cannot be written."""
    address = path.absolute().as_uri()
    # A file that nobody has open has no log, and none can be made here. It is then read as it
    # stands, without locks, for as long as it does not change.
    frozen = state_of(path)
    for options in ("?mode=ro", "?mode=ro&immutable=1"):
        connection = _connect(address + options, uri=True)
        with _closed_on_failure(connection):
            try:
                if _version(connection) == SCHEMA_VERSION:
                    connection.frozen = frozen if "immutable" in options else None
                    return connection
            except sqlite3.OperationalError as refused:
                if not _is_refused(refused):
                    raise
        connection.close()
        if path.with_name(path.name + "-wal").exists():
            break  # what stands in the log would be missing
    raise error
