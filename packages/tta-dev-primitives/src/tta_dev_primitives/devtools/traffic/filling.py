"""From requests as they are read to a spool of them."""

from __future__ import annotations

import sqlite3
from array import array
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from .errors import TrafficError
from .spool import Traffic
from .spool_rows import INSERT, TABLE, row_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .notes import Notes
    from .request import TrafficRequest
    from .spool_rows import Row

_BUCKETS: Final = 256
# What a crash leaves is removed with its folder, so nothing has to survive one.
_SETTINGS: Final = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA cache_size = -32768",
)


def kept(
    requests: Iterable[tuple[int, TrafficRequest]],
    path: Path,
    *,
    source: str,
    notes: Notes,
    tells_disorder: bool = False,
    spool_dir: Path | None = None,
) -> Traffic:
    """Return *requests* as traffic; nothing stays on disk when that fails.

    Of each request 8 bytes stay in memory meanwhile, to find ids that are there twice.

    Args:
        requests: Each with its line. They are taken one after the other.
        path: Where they come from.
        source: That in words.
        notes: Remarks, which are complete when all requests were taken.
        tells_disorder: Note it where a request was sent before the one above it.
        spool_dir: Where the temporary folder is made; in the system's folder for them when None.

    Raises:
        TrafficError: An id is there twice, or the disk cannot be written.
    """
    try:
        folder = TemporaryDirectory(prefix="tta-traffic-", dir=spool_dir)
    except OSError as error:
        where = Path(error.filename or spool_dir or ".")
        raise _unwritable(where, error.strerror or str(error)) from error
    connection: sqlite3.Connection | None = None
    filling = _Filling(path, notes if tells_disorder else None)
    try:
        connection = sqlite3.connect(
            Path(folder.name, "traffic.db"), isolation_level=None, check_same_thread=False
        )
        filling.take(requests, connection)
    except sqlite3.Error as error:
        _drop(folder, connection)
        raise _unwritable(Path(folder.name), str(error)) from error
    except UnicodeEncodeError as error:
        _drop(folder, connection)
        reason = f"a name holds half of a surrogate pair ({error.reason}); correct it"
        raise TrafficError(path, reason, line=filling.line) from error
    except BaseException:
        _drop(folder, connection)
        raise
    return Traffic(
        path,
        folder,
        connection,
        filling.count,
        ordered=filling.ordered,
        source=source,
        notes=notes.texts(),
    )


class _Filling:
    """One pass of requests into an empty database."""

    def __init__(self, path: Path, notes: Notes | None) -> None:
        self._path, self._notes = path, notes
        self.count, self.line, self.ordered = 0, 0, True
        # A set of all ids would take a hundred bytes and more for each.
        self._hashes = [array("q") for _ in range(_BUCKETS)]

    def take(
        self, requests: Iterable[tuple[int, TrafficRequest]], connection: sqlite3.Connection
    ) -> None:
        """Take all of *requests*, see that no id is there twice, and that they can be sorted."""
        for setting in _SETTINGS:
            connection.execute(setting)
        connection.execute(TABLE)
        connection.execute("BEGIN")
        connection.executemany(INSERT, self._rows(requests))
        self._look_for_duplicates(connection)
        if not self.ordered:
            connection.execute("CREATE INDEX request_in_time ON request (ts, id)")
        connection.execute("COMMIT")

    def _rows(self, requests: Iterable[tuple[int, TrafficRequest]]) -> Iterator[Row]:
        hashes, notes = self._hashes, self._notes
        last, last_id = float("-inf"), ""
        for line, request in requests:
            ts, identity = request.ts, request.id
            if ts <= last and (ts < last or identity < last_id):
                self.ordered = False
                if notes is not None and ts < last:
                    notes.count(
                        "request was sent before the one on the line above; sorted by time",
                        "requests were sent before those on the lines above; sorted by time",
                        f"on line {line}",
                    )
            last, last_id = ts, identity
            number = hash(identity)
            hashes[number % _BUCKETS].append(number)
            self.count += 1
            self.line = line
            yield row_of(request, line)

    def _look_for_duplicates(self, connection: sqlite3.Connection) -> None:
        suspects: set[int] = set()
        for numbers in self._hashes:
            if len(set(numbers)) != len(numbers):
                seen: set[int] = set()
                suspects.update(number for number in numbers if number in seen or seen.add(number))
        self._hashes.clear()
        if not suspects:
            return
        lines: dict[str, int] = {}
        for identity, line in connection.execute("SELECT id, line FROM request"):
            if hash(identity) in suspects:
                first = lines.setdefault(identity, line)
                if first != line:
                    reason = (
                        f"the id {identity!r} is on line {first} already; give each request an id "
                        "of its own, or remove the line that is there twice"
                    )
                    raise TrafficError(self._path, reason, line=line)


def _drop(folder: TemporaryDirectory[str], connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        connection.close()
    folder.cleanup()


def _unwritable(where: Path, why: str) -> TrafficError:
    reason = (
        f"cannot hold the requests ({why}); free some space, or choose another folder by spool_dir "
        "or TMPDIR"
    )
    return TrafficError(where, reason)
