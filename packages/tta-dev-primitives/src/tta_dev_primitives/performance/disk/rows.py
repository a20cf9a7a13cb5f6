"""The tables of a cache file, and entries as rows of them.

An entry's row is found by an index on its key. The alternative, a table that is ordered by the key
itself, is no faster to read, dearer to write, and keeps most of a large value in a chain of
overflow pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from .meta import tags_of, to_meta

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from tta_dev_primitives.performance.stores.base import StoredEntry

APPLICATION_ID: Final = 0x74746163  # "ttac"
SCHEMA_VERSION: Final = 2

# In the order of the columns below: data, meta, stored_at, expires_at, tagged, key.
Row: TypeAlias = tuple[bytes, bytes, float, float, int | None, bytes]
DATA, META, TAGGED, KEY = 0, 1, 4, 5
_COLUMNS: Final = "data, meta, stored_at, expires_at, tagged, key"
# Besides `meta` there is only what SQL looks for: the times once more, and 1 where there are tags.
# The value stands last, so that a look at the others need not read through large ones.
_ENTRY: Final = (
    "CREATE TABLE entry(key BLOB NOT NULL UNIQUE, stored_at REAL NOT NULL,"
    " expires_at REAL NOT NULL, tagged INTEGER, meta BLOB NOT NULL, data BLOB NOT NULL)"
)
_TAG: Final = "CREATE TABLE tag(tag BLOB, key BLOB, PRIMARY KEY(tag, key)) WITHOUT ROWID"
_TAG_OF_KEY: Final = "CREATE INDEX tag_of_key ON tag(key)"
_TAGS_GO: Final = (
    "CREATE TRIGGER tags_go AFTER DELETE ON entry WHEN old.tagged"
    " BEGIN DELETE FROM tag WHERE key = old.key; END"
)
_TAGS_CHANGE: Final = (
    "CREATE TRIGGER tags_change AFTER UPDATE ON entry WHEN old.tagged"
    " BEGIN DELETE FROM tag WHERE key = old.key; END"
)
SCHEMA: Final = (_ENTRY, _TAG, _TAG_OF_KEY, _TAGS_GO, _TAGS_CHANGE)
# What version 1 had: the value, two times, what it took, in columns. `to_meta` is the one below.
COLUMNS_1: Final = "stored_at, expires_at, cost, input_tokens, output_tokens, duration"
FROM_VERSION_1: Final = (
    "ALTER TABLE entry RENAME TO entry_1",
    *SCHEMA,
    # A damaged row is passed over: its meta is NULL.
    (
        f"INSERT OR IGNORE INTO entry({_COLUMNS}) SELECT data, to_meta({COLUMNS_1}),"  # noqa: S608 - constants
        " stored_at, expires_at, NULL, key FROM entry_1"
    ),
    "DROP TABLE entry_1",
)

# A damaged index may lead to somebody else's row. So the key is compared once more, and with the
# one in the row: SQLite would else take it from that very index. Columns have names of one letter
# because Python makes their names anew for every row.
READ: Final = (
    "SELECT data AS a, meta AS b FROM entry"
    " WHERE rowid = (SELECT rowid FROM entry WHERE key = ?) AND +key = ?"
)
_UPDATES: Final = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[:-1])
# SQL by the number of rows that it writes.
_SIZES: Final = (64, 32, 16, 8, 4, 2, 1)
_BYTES_PER_STATEMENT: Final = 262_144
_WRITES: Final = {
    size: f"INSERT INTO entry({_COLUMNS}) VALUES"
    + ", ".join(["(?, ?, ?, ?, ?, ?)"] * size)
    # Not INSERT OR REPLACE, which would put every row in a new place.
    + f" ON CONFLICT(key) DO UPDATE SET {_UPDATES}"
    for size in _SIZES
}
_ADD_TAGS: Final = {
    size: "INSERT OR IGNORE INTO tag(tag, key) VALUES" + ", ".join(["(?, ?)"] * size)
    for size in _SIZES
}
WRITE: Final = _WRITES[1]


def to_row(key: bytes, entry: StoredEntry) -> Row:
    """Return the row of *entry*.

    Raises:
        StoreError: A number is too large.
    """
    return (
        entry.data,
        to_meta(entry),
        entry.stored_at,
        entry.expires_at,
        1 if entry.tags else None,
        key,
    )


def tag_bytes(tag: str) -> bytes:
    """Return *tag* as the table has it: text that is half of a character cannot be bound."""
    return tag.encode("utf-8", "surrogatepass")


def write_rows(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Write *rows*, whose keys differ, and their tags within the transaction under way."""
    # A value is copied while the interpreter stands still, so large ones go one or two at a time.
    largest = max(len(row[DATA]) for row in rows)
    _execute(connection, _WRITES, rows, at_most=_BYTES_PER_STATEMENT // max(1, largest))
    # The triggers have removed the tags of the rows that were replaced.
    tags = [(tag_bytes(tag), row[KEY]) for row in rows if row[TAGGED] for tag in tags_of(row[META])]
    if tags:
        _execute(connection, _ADD_TAGS, tags, at_most=_SIZES[0])


def _execute(
    connection: sqlite3.Connection,
    statements: Mapping[int, str],
    rows: Sequence[Sequence[object]],
    *,
    at_most: int,
) -> None:
    # Not executemany: every row would let go of the interpreter and, with a busy thread beside
    # it, wait milliseconds for its next turn.
    place = 0
    for size in _SIZES:
        while len(rows) - place >= size and size <= max(1, at_most):
            group = rows[place : place + size]
            connection.execute(statements[size], [value for row in group for value in row])
            place += size


def after_prefix(prefix: bytes) -> bytes | None:
    """Return the smallest key behind all that begin with *prefix*; None if nothing is behind."""
    head = prefix.rstrip(b"\xff")
    return head[:-1] + bytes([head[-1] + 1]) if head else None


def clear(connection: sqlite3.Connection) -> None:
    """Delete every row within the transaction that is under way."""
    # Without its trigger a table is emptied at once, else row by row.
    connection.execute("DROP TRIGGER tags_go")
    connection.execute("DELETE FROM tag")
    connection.execute("DELETE FROM entry")
    connection.execute(_TAGS_GO)
