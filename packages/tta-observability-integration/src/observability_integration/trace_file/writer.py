"""One run's way into a trace file."""

from __future__ import annotations

import ctypes
import sqlite3
import time
from typing import TYPE_CHECKING, Final

from observability_integration.spans.clock import unix_nanoseconds

from .columns import as_json, storable
from .opening import identity_of, leave_one_file, open_for_writing, problem_of, transaction
from .rows import Batch, RowMaker
from .schema import INSERT_EVENT, INSERT_LINK, INSERT_SPAN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from opentelemetry.util.types import AttributeValue

    from observability_integration.spans.light_span import LightSpan, Scope

_REMOVED_AT_ONCE: Final = 10  # one part in so many, so that looking for the oldest is rare
_SIZE: Final = (
    "SELECT (page_count - freelist_count) * page_size "
    "FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
_UNNAMED: Final = "unknown_service"


class TraceFileWriter:
    """A file that is open for one run's spans; any failure is SQLite's own.

    Args:
        path: The file, made when missing.
        resource: What describes the service.
        began_ns: When the run began, in unix nanoseconds.
        max_bytes: Size beyond which the oldest traces make room.
        busy_seconds: Longest wait for another process that writes.

    Raises:
        TraceFileError: The file cannot be used.
    """

    def __init__(
        self,
        path: Path,
        resource: Mapping[str, AttributeValue],
        began_ns: int,
        *,
        max_bytes: int,
        busy_seconds: float,
    ) -> None:
        self._path, self._max_bytes = path, max_bytes
        self._connection = open_for_writing(path, busy_seconds)
        self._exported = 0
        service = str(resource.get("service.name") or _UNNAMED)
        version = str(resource.get("service.version") or "")
        described = (service, version, began_ns, as_json(resource))
        try:
            self._file = identity_of(path)
            with transaction(self._connection):
                self._run_id = self._connection.execute(
                    "INSERT INTO run (service_name, service_version, began_ns, resource) "
                    "VALUES (?, ?, ?, ?)",
                    tuple(map(storable, described)),
                ).lastrowid
        except (sqlite3.Error, OSError) as error:
            self._connection.close()
            raise problem_of(path, error) from error
        self._forget_rows()

    def is_in_place(self) -> bool:
        """Tell whether the file at the path is still the one that is written."""
        return self._file is not None and identity_of(self._path) == self._file

    def be_patient(self, seconds: float) -> None:
        """Wait for other processes that write for at most *seconds* from now on."""
        self._connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    def write(self, spans: Sequence[LightSpan], dropped: int) -> None:
        """Write *spans* and the counts of the run in one transaction."""
        if self._size() > self._max_bytes:
            self._make_room()
        connection = self._connection
        exported = self._exported + len(spans)
        try:
            with transaction(connection):
                (last,) = connection.execute("SELECT max(id) FROM span").fetchone()
                self._insert(self._rows.batch(spans, (last or 0) + 1))
                self._count(exported, dropped)
        except BaseException:
            self._forget_rows()  # with the instrumentations that were to be written with these
            raise
        self._exported = exported

    def end(self, dropped: int, busy_seconds: float) -> None:
        """Note the end of the run and close the file, leaving one file if nobody else has it."""
        deadline = time.monotonic() + max(busy_seconds, 0)
        connection = self._connection
        try:
            self.be_patient(max(deadline - time.monotonic(), 0))
            with transaction(connection):
                self._count(self._exported, dropped)
                connection.execute(
                    "UPDATE run SET ended_ns = ? WHERE id = ?", (unix_nanoseconds(), self._run_id)
                )
            self.be_patient(max(deadline - time.monotonic(), 0) / 2)
            leave_one_file(connection)
        finally:
            connection.close()

    def close(self) -> None:
        """Close the file as it is, with what is in its log.

        SQLite leaves the log of a file that was moved where it is, and would give it to the next
        file of that name.
        """
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self._connection.close()

    def abandon(self) -> None:
        """Keep away from the file: it belongs to the process that this one was forked from."""
        # Not even closed, now or when the interpreter ends: that would take locks and write.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))

    def _forget_rows(self) -> None:
        self._rows = RowMaker(self._run_id or 0, self._scope_id)

    def _insert(self, batch: Batch) -> None:
        connection = self._connection
        connection.execute("SAVEPOINT batch")
        try:
            self._insert_rows(batch)
        except (UnicodeEncodeError, OverflowError):
            connection.execute("ROLLBACK TO batch")
            batch.make_storable()
            self._insert_rows(batch)

    def _insert_rows(self, batch: Batch) -> None:
        self._connection.executemany(INSERT_SPAN, batch.spans)
        self._connection.executemany(INSERT_EVENT, batch.events)
        self._connection.executemany(INSERT_LINK, batch.links)

    def _count(self, exported: int, dropped: int) -> None:
        self._connection.execute(
            "UPDATE run SET exported = ?, dropped = ? WHERE id = ?",
            (exported, dropped, self._run_id),
        )

    def _scope_id(self, scope: Scope) -> int:
        connection = self._connection
        connection.execute(
            "INSERT OR IGNORE INTO scope (name, version, schema_url) VALUES (?, ?, ?)", scope
        )
        (found,) = connection.execute(
            "SELECT id FROM scope WHERE name = ? AND version = ? AND schema_url = ?", scope
        ).fetchone()
        return found

    def _size(self) -> int:
        (size,) = self._connection.execute(_SIZE).fetchone()
        return size

    def _make_room(self) -> None:
        """Remove the oldest traces, each as a whole; what they took is used again."""
        connection = self._connection
        with transaction(connection):
            first, last = connection.execute("SELECT min(id), max(id) FROM span").fetchone()
            if first is None:
                return
            limit = first + (last - first) // _REMOVED_AT_ONCE
            connection.execute(
                "CREATE TEMP TABLE oldest AS SELECT id FROM span WHERE trace_id IN "
                "(SELECT trace_id FROM span WHERE id <= ?)",
                (limit,),
            )
            connection.execute(
                "UPDATE run SET removed = removed + (SELECT count(*) FROM span "
                "WHERE span.id IN (SELECT id FROM temp.oldest) AND span.run_id = run.id)"
            )
            connection.execute("DELETE FROM event WHERE span IN (SELECT id FROM temp.oldest)")
            connection.execute("DELETE FROM link WHERE span IN (SELECT id FROM temp.oldest)")
            connection.execute("DELETE FROM span WHERE id IN (SELECT id FROM temp.oldest)")
            connection.execute("DROP TABLE temp.oldest")
