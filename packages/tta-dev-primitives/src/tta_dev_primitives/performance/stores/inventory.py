"""What is in a cache file, for those who look and must not touch it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.disk.meta import meta_of_columns, to_entry
from tta_dev_primitives.performance.disk.opening import (
    FAILURES,
    Connection,
    ForeignFileError,
    is_locked,
    state_of,
)
from tta_dev_primitives.performance.disk.rows import APPLICATION_ID, COLUMNS_1, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .base import StoredEntry

# What there is of an entry besides key and value, by the version of the tables.
_COLUMNS: Final = {1: COLUMNS_1, 2: "meta"}
# The row's own key is compared, not that of the index: a damaged one leads to another's row.
_READ: Final = {
    1: f"SELECT data, {_COLUMNS[1]} FROM entry WHERE key = ?",  # noqa: S608 - a constant
    2: f"SELECT data, {_COLUMNS[2]} FROM entry"  # noqa: S608 - as above
    " WHERE rowid = (SELECT rowid FROM entry WHERE key = ?) AND +key = ?",
}
_ROWS_AT_ONCE: Final = 256
_WAIT_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.005


class DiskInventory:
    """The entries of a disk store's file, read without a change to it.

    A disk store makes its file when there is none, brings an old one to its own version, and sets
    a damaged one aside. This does nothing of the kind. Programs that use the file go on meanwhile;
    what they write may be seen or not.

    Args:
        path: The file.

    Attributes:
        damaged: How many rows were met that are no entries.

    Raises:
        StoreError: The file is not there, is damaged, or is not a cache file of this version or
            an earlier one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        self._connection: Connection | None = None
        self._version = 0
        self._rows("SELECT 1")

    def file_bytes(self) -> int:
        """Return the size of the file and of its log."""
        parts = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def scan(self) -> Iterator[tuple[bytes, StoredEntry, int]]:
        """Yield key, entry without its value, and bytes of the value, in the order of the keys.

        The values themselves are not read, however large they are.
        """
        start, condition = b"", ">="
        while self._version:
            rows = self._rows(
                f"SELECT key, length(data), {_COLUMNS[self._version]} FROM entry"  # noqa: S608 - constants
                f" WHERE key {condition} ? ORDER BY key LIMIT {_ROWS_AT_ONCE}",
                start,
            )
            for key, size, *columns in rows:
                entry = self._entry(b"", columns)
                if entry is not None:
                    yield key, entry, size
            if len(rows) < _ROWS_AT_ONCE:
                return
            start, condition = rows[-1][0], ">"

    def read(self, key: bytes) -> StoredEntry | None:
        """Return the entry of *key*, expired or not, or None."""
        if not self._version:
            return None
        statement = _READ[self._version]
        for data, *columns in self._rows(statement, *[key] * statement.count("?")):
            return self._entry(data, columns)
        return None

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _entry(self, data: object, columns: list[Any]) -> StoredEntry | None:  # Any: anything
        meta = meta_of_columns(*columns) if self._version == 1 else columns[0]
        entry = to_entry(data, meta)
        if entry is None:
            self.damaged += 1
        return entry

    def _rows(self, statement: str, *arguments: bytes) -> list[Any]:  # Any: rows
        """Return all rows of a query, asked again when somebody wrote in the middle of it."""
        patience = time.monotonic() + _WAIT_SECONDS
        while True:
            connection = self._connection
            try:
                if connection is None:
                    connection = self._connection = self._open()
                found = connection.execute(statement, arguments).fetchall()
            except FAILURES as error:
                frozen = connection is not None and connection.frozen is not None
                if not (is_locked(error) or (frozen and self._has_changed())):
                    self.close()
                    raise self._unusable(error) from error
                if time.monotonic() > patience:
                    raise self._unusable(error) from error
                time.sleep(_PAUSE_SECONDS)
            else:
                if connection.frozen is None or not self._has_changed():
                    return found
            self.close()

    def _has_changed(self) -> bool:
        connection = self._connection
        return connection is not None and connection.frozen != state_of(self.path)

    def _open(self) -> Connection:
        frozen = state_of(self.path)
        # Without a log nobody has the file open, and all is in it. SQLite would make a log of its
        # own even to read, unless it is told that nothing changes; so whether something does is
        # seen to here. With a log, it reads along as any other process.
        if self.path.with_name(self.path.name + "-wal").exists():
            frozen = None
        options = "?mode=ro" if frozen is None else "?mode=ro&immutable=1"
        connection = Connection(
            self.path.absolute().as_uri() + options,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
            uri=True,
        )
        try:
            self._version = self._checked_version(connection)
        except BaseException:
            connection.close()
            raise
        connection.frozen = frozen
        return connection

    def _checked_version(self, connection: Connection) -> int:
        """Return the version of the tables, 0 where there are none yet."""
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return 0
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            msg = "it is another program's database"
            raise ForeignFileError(msg)
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        if not 1 <= version <= SCHEMA_VERSION:
            msg = f"it was written by a newer version ({version})"
            raise ForeignFileError(msg)
        return version

    def _unusable(self, error: object) -> StoreError:
        return StoreError(f"cache file {self.path} cannot be read: {error}; it was left as it is")
