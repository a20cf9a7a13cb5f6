"""Requests on disk, in the order of time."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from .errors import TrafficError
from .spool_rows import COLUMNS, request_from_row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from tempfile import TemporaryDirectory
    from types import TracebackType
    from typing import Self

    from .request import TrafficRequest

_IN_ORDER: Final = f"SELECT {COLUMNS} FROM request ORDER BY rowid"  # noqa: S608 - constants
_SORTED: Final = f"SELECT {COLUMNS} FROM request ORDER BY ts, id"  # noqa: S608 - constants


class Traffic:
    """Recorded requests, which take flat memory however many they are.

    They are kept in a temporary folder that only this user can read, and that is removed on exit
    from the `with` block. Iterating gives them in the order of time, those of the same time in the
    order of their ids; it can be done again and again, and several times at once.

    Args:
        path: Where the requests were read from.
        folder: The temporary folder, which is taken over.
        connection: The database in it, which is taken over.
        count: How many requests there are.
        ordered: Whether they stand in the database in their order.
        source: What was read, in words.
        notes: What a reader of figures has to know about how it was read.
    """

    def __init__(
        self,
        path: Path,
        folder: TemporaryDirectory[str],
        connection: sqlite3.Connection,
        count: int,
        *,
        ordered: bool,
        source: str,
        notes: tuple[str, ...],
    ) -> None:
        self.source, self.notes = source, notes
        self._path, self._folder, self._connection = path, folder, connection
        self._count, self._query = count, _IN_ORDER if ordered else _SORTED

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[TrafficRequest]:
        try:
            yield from map(request_from_row, self._connection.execute(self._query))
        except sqlite3.ProgrammingError as error:
            reason = "is closed already; look at its requests inside its with block"
            raise TrafficError(self._path, reason) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what is on disk. What is iterated at the time ends with an error."""
        self._connection.close()
        self._folder.cleanup()
