"""Read a trace file."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from observability_integration.terminal.totals import TraceTotals

from . import queries
from .columns import COLUMNS, from_json
from .errors import TraceFileError, UnknownTraceError
from .opening import FAILURES, open_for_reading, problem_of
from .results import (
    FileSummary,
    ModelFigures,
    PlaceFigures,
    Run,
    StoredEvent,
    StoredLink,
    StoredSpan,
    TraceEntry,
)
from .waste import wasted_in

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Generator, Mapping
_DIGITS: Final = frozenset("0123456789abcdef")
_ID_DIGITS: Final = 32


class TraceFile:
    """A trace file, read only; also while a program writes it.

    Each question opens the file, is answered from one state of it, and closes it again. Threads
    may share a reader.

    Args:
        path: The file.
        run: Look only at the run with this number; None for all.
    """

    def __init__(self, path: str | os.PathLike[str], *, run: int | None = None) -> None:
        self.path, self.run = Path(path), run

    def runs(self) -> list[Run]:
        """Return the runs, oldest first.

        Raises:
            TraceFileError: The file cannot be read, or holds no such run.
        """
        with self._reading() as connection:
            return self._runs(connection)

    def traces(
        self,
        *,
        limit: int | None = 50,
        name: str | None = None,
        since: datetime | float | None = None,
    ) -> list[TraceEntry]:
        """Return traces, newest first.

        Args:
            limit: Most that are returned; None for all.
            name: That of the span at the top; `*` and `?` stand for any letters and for one.
            since: Those that began then or later: a moment, or seconds since 1970.

        Raises:
            TraceFileError: The file cannot be read.
        """
        if isinstance(since, datetime):
            since = since.timestamp()
        asked = {
            "run": self.run,
            "name": name,
            "since": None if since is None else int(since * 1e9),
            "limit": -1 if limit is None else limit,
        }
        with self._reading() as connection:
            found = _records(connection, queries.TRACES, asked)
            return [TraceEntry(complete=bool(row.pop("complete")), **row) for row in found]

    def spans(self, trace_id: str) -> list[StoredSpan]:
        """Return the spans of one trace in the order of their starts.

        Args:
            trace_id: Its hexadecimal digits, or as many of the first as tell it from others.

        Raises:
            UnknownTraceError: There is no such trace, or there are several.
            TraceFileError: The file cannot be read.
        """
        with self._reading() as connection:
            asked = {"run": self.run, "trace": self._whole_id(connection, trace_id)}
            return [
                _span(connection, row)
                for row in connection.execute(queries.SPANS, asked).fetchall()
            ]

    def summary(self) -> FileSummary:
        """Return what all traces came to, by place and by model.

        It looks at every span: that takes seconds for a million. Of the traces in which calls
        failed or were tried again it holds one at a time in memory.

        Raises:
            TraceFileError: The file cannot be read, or holds no such run.
        """
        asked = {"run": self.run}
        with self._reading() as connection:
            models = [ModelFigures(**row) for row in _records(connection, queries.MODELS, asked)]
            places = [PlaceFigures(**row) for row in _records(connection, queries.PLACES, asked)]
            took, spans, failed, saved, traces = connection.execute(
                queries.TOTALS, asked
            ).fetchone()
            wasted = wasted_in(connection, self.run)
            runs = self._runs(connection)
        spent = sum(model.cost for model in models)
        totals = TraceTotals(
            nanoseconds=took,
            spans=spans,
            failed=failed,
            model_calls=sum(model.calls for model in models),
            unpriced_calls=sum(model.unpriced_calls for model in models),
            input_tokens=sum(model.input_tokens for model in models),
            output_tokens=sum(model.output_tokens for model in models),
            spent=spent,
            wasted=min(wasted, spent),  # the same sums in another order can differ in a last digit
            saved=saved,
        )
        return FileSummary(tuple(runs), traces, totals, tuple(places), tuple(models))

    @contextlib.contextmanager
    def _reading(self) -> Generator[sqlite3.Connection]:
        with contextlib.closing(open_for_reading(self.path)) as connection:
            try:
                connection.execute("BEGIN")
                yield connection
            except (*FAILURES, ValueError) as error:  # ValueError: JSON or ids somebody changed
                raise problem_of(self.path, error) from error

    def _runs(self, connection: sqlite3.Connection) -> list[Run]:
        rows = connection.execute(queries.RUNS, {"run": self.run}).fetchall()
        if self.run is not None and not rows:
            raise TraceFileError(self.path, f"holds no run {self.run}; `summary` lists them")
        return [_run(*row) for row in rows]

    def _whole_id(self, connection: sqlite3.Connection, begin: str) -> str:
        begin = begin.strip().lower()
        if not begin or len(begin) > _ID_DIGITS or not _DIGITS.issuperset(begin):
            raise UnknownTraceError(
                self.path, f"has no trace {begin!r}: ids are hexadecimal digits"
            )
        asked = {"run": self.run, "begin": begin}
        found = connection.execute(queries.TRACE_IDS, asked).fetchall()
        if not found:
            raise UnknownTraceError(self.path, f"holds no trace {begin}")
        if len(found) > 1:
            raise UnknownTraceError(
                self.path, f"holds more than one trace that begins with {begin}; give more digits"
            )
        return found[0][0]


def _records(
    connection: sqlite3.Connection, query: str, asked: Mapping[str, object]
) -> list[dict[str, Any]]:  # Any: what SQLite holds
    """Return rows by the names of their columns, which are those of a result's fields."""
    cursor = connection.execute(query, asked)
    names = [column for column, *_ in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _run(
    number: int,
    service_name: str,
    service_version: str,
    began_ns: int,
    ended_ns: int | None,
    exported: int,
    dropped: int,
    removed: int,
    resource: str,
) -> Run:
    ended = None if ended_ns is None else _moment(ended_ns)
    told = (exported, dropped, removed)
    return Run(
        number, service_name, service_version, _moment(began_ns), ended, *told, from_json(resource)
    )


def _span(connection: sqlite3.Connection, row: tuple[Any, ...]) -> StoredSpan:  # Any: as above
    number, run_id, trace_id, span_id, parent_id, is_root, name, kind, start, took = row[:10]
    status, extra, scope, rest = row[10:14]
    attributes = {
        key: cell for key, cell in zip(COLUMNS, row[14:], strict=True) if cell is not None
    }
    attributes.update(from_json(rest))
    for digits in (span_id, parent_id or "0"):
        int(digits, 16)  # raises where somebody changed it
    return StoredSpan(
        run_id=run_id,
        trace_id=trace_id,
        span_id=span_id,
        parent_id=parent_id,
        is_root=bool(is_root),
        name=name,
        kind=kind,
        start_ns=start,
        end_ns=start + took,
        status=status,
        status_description=_described(extra),
        scope=scope,
        attributes=attributes,
        events=tuple(
            StoredEvent(event, time_ns, from_json(told))
            for event, time_ns, told in connection.execute(queries.EVENTS, (number,))
        ),
        links=tuple(
            StoredLink(trace, span, from_json(told))
            for trace, span, told in connection.execute(queries.LINKS, (number,))
        ),
    )


def _described(extra: str | None) -> str | None:
    described = None if extra is None else from_json(extra).get("status_description")
    return None if described is None else str(described)


def _moment(unix_nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(unix_nanoseconds / 1e9, UTC)
