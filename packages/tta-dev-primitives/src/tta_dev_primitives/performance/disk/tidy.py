"""Keeping a cache file small: the log copied back, old entries dropped, free pages returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3

_DELETE_EXPIRED: Final = "DELETE FROM entry WHERE expires_at <= ?"
_DELETE_OLDEST_TENTH: Final = (
    "DELETE FROM entry WHERE rowid IN (SELECT rowid FROM entry ORDER BY stored_at"
    " LIMIT 1 + (SELECT count(*) FROM entry) / 10)"
)
_INCREMENTAL: Final = 2
_PAGES_AT_ONCE: Final = 1024


def delete_expired(connection: sqlite3.Connection, now: float) -> int:
    """Delete what expired at or before *now* and return how many entries that were."""
    return connection.execute(_DELETE_EXPIRED, (now,)).rowcount


def tidy(connection: sqlite3.Connection, max_bytes: int, now: float) -> None:
    """Copy the log into the file, and bring the file back under its bound.

    What expired goes first, then what is oldest.
    """
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    if _used_bytes(connection) <= max_bytes:
        return
    delete_expired(connection, now)
    while _used_bytes(connection) > max_bytes * 0.9:
        connection.execute(_DELETE_OLDEST_TENTH)


def prune(connection: sqlite3.Connection, now: float) -> int:
    """Delete what expired, make the file smaller, and return how many entries went.

    Others can work meanwhile, but for the moments in which pages are moved.
    """
    deleted = delete_expired(connection, now)
    if _value(connection, "auto_vacuum") == _INCREMENTAL:
        free = _value(connection, "freelist_count")
        while free:
            connection.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()
            before, free = free, _value(connection, "freelist_count")
            if free >= before:
                break  # others free pages as fast as we return them
    else:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # a file of version 1 is not yet
        connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return deleted


def _used_bytes(connection: sqlite3.Connection) -> int:
    pages = _value(connection, "page_count") - _value(connection, "freelist_count")
    return pages * _value(connection, "page_size")


def _value(connection: sqlite3.Connection, name: str) -> int:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]
