"""A connection to a trace file: made, checked, or refused with the reason."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from typing import TYPE_CHECKING, Final

from .errors import TraceFileError
from .schema import APPLICATION_ID, SCHEMA_VERSION, TABLES

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

# What SQLite says about a damaged file may hold a piece of it, which need not be text.
FAILURES: Final = (sqlite3.Error, OSError, UnicodeDecodeError)
_PAUSE_SECONDS: Final = 0.01


def open_for_writing(path: Path, busy_seconds: float) -> sqlite3.Connection:
    """Return a connection to the file at *path*, which is made, for its user alone, when missing.

    Several processes may write to one file, each for a moment at a time.

    Args:
        path: The file; its folder is made when missing.
        busy_seconds: Longest wait for another process that writes.

    Raises:
        TraceFileError: It cannot be written, is none of ours, is newer than we are, or is damaged.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite would make it readable for others; it gives its log the mode of the file.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(
            path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )
    except FAILURES as error:
        raise problem_of(path, error) from error
    try:
        _prepare(path, connection, busy_seconds)
    except FAILURES as error:
        connection.close()
        raise problem_of(path, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Return a connection that reads the file at *path* and changes nothing in it.

    Raises:
        TraceFileError: There is no such file, it is none of ours, is newer, or is damaged.
    """
    if not path.is_file():
        raise TraceFileError(path, "is not there" if not path.exists() else "is no file")
    try:
        connection = _connect_read_only(path)
    except FAILURES as error:
        raise problem_of(path, error) from error
    try:
        _look(path, connection, empty_is_new=False)
        connection.execute("PRAGMA query_only = ON")
    except FAILURES as error:
        connection.close()
        raise problem_of(path, error) from error
    except TraceFileError:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """Make what is written inside count together, or not at all."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite ends it by itself when the disk is full
            connection.execute("ROLLBACK")
        raise


def leave_one_file(connection: sqlite3.Connection) -> None:
    """Move the log into the file and drop it, unless somebody else has the file open."""
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.OperationalError as error:
        if not is_locked(error):  # else whoever has it open does this in its turn
            raise


def identity_of(path: Path) -> tuple[int, int] | None:
    """Return what tells the file at *path* from others that were or will be there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_locked(error: BaseException) -> bool:
    """Tell whether somebody else holds a lock."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def problem_of(path: Path, error: BaseException) -> TraceFileError:
    """Return *error* as what is wrong with the file, and whether that will last."""
    code = _code(error)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or (
        isinstance(error, UnicodeDecodeError)
    ):
        return TraceFileError(path, f"is damaged, or is no trace file ({error}); move it away")
    if code == sqlite3.SQLITE_FULL:
        return TraceFileError(path, "cannot grow: the disk is full; free some space", lasting=False)
    if is_locked(error):
        return TraceFileError(path, "is locked by another program for too long", lasting=False)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        reason = f"cannot be opened or written ({error}); see to the rights of it and its folder"
        return TraceFileError(path, reason, lasting=False)
    return TraceFileError(path, f"cannot be used: {error}", lasting=False)


def _prepare(path: Path, connection: sqlite3.Connection, busy_seconds: float) -> None:
    is_new = _look(path, connection, empty_is_new=True)
    patience = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            # SQLite does not wait by itself while others change the mode.
            if not is_locked(error) or time.monotonic() >= patience:
                raise
            time.sleep(_PAUSE_SECONDS)
    connection.execute("PRAGMA synchronous = NORMAL")
    if is_new:
        with transaction(connection):
            if _check(path, connection, empty_is_new=True):  # nobody else made it meanwhile
                for statement in TABLES:
                    connection.execute(statement)


def _look(path: Path, connection: sqlite3.Connection, *, empty_is_new: bool) -> bool:
    """Check the file in one state of it, while others may be making it."""
    connection.execute("BEGIN")
    try:
        return _check(path, connection, empty_is_new=empty_is_new)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _check(path: Path, connection: sqlite3.Connection, *, empty_is_new: bool) -> bool:
    """Return whether the file is empty; refuse one that is not ours, or is newer."""
    (identity,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if empty_is_new and not (identity or version or tables):
        return True
    if identity != APPLICATION_ID:
        raise TraceFileError(path, "is another program's, or empty; choose another path")
    if version > SCHEMA_VERSION:
        reason = (
            f"has version {version} of its format, and this package knows {SCHEMA_VERSION}; "
            "upgrade tta-observability-integration"
        )
        raise TraceFileError(path, reason)
    return False


def _connect_read_only(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        log = path.with_name(path.name + "-wal")
        if _code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY) or log.exists():
            raise
        # Where the folder cannot be written and nobody writes, no locks are needed.
        connection = sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
    except BaseException:
        connection.close()
        raise
    return connection


def _code(error: BaseException) -> int:
    """Return SQLite's primary result code, 0 for none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
