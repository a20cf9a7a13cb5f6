"""Trace files of tta-observability-integration, whose format its documentation describes."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Final

from .errors import RequestError, TrafficError
from .trace_call import request_of_call

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from .notes import Notes
    from .request import TrafficRequest

APPLICATION_ID: Final = 0x7474_6174  # "ttat"
KNOWN_VERSION: Final = 1
BUSY_SECONDS: Final = 5.0
"""Longest wait for a program that writes without a log beside the file."""

# What was said to a model is on its span, or on an event of it.
_CALLS: Final = """
SELECT id, trace_id, start_ns, duration_ns, status, outcome, error_type, primitive_path, provider,
    model, input_tokens, output_tokens, cost_usd, attributes,
    (SELECT event.attributes FROM event WHERE event.span = model_call.id
        AND event.name = 'gen_ai.client.inference.operation.details' LIMIT 1)
FROM model_call
"""
_HITS: Final = "SELECT count(*) FROM span WHERE cache_result IN ('hit', 'stale', 'coalesced')"
_RUNS: Final = "SELECT total(dropped), total(removed), total(ended_ns IS NULL) FROM run"


def read_trace_file(path: Path, notes: Notes) -> Iterator[tuple[int, TrafficRequest]]:
    """Yield the calls of models in a trace file, each with the number of its span.

    The file may be written at the same time: what it held at the beginning is read, and nothing in
    it is changed.

    Args:
        path: The file.
        notes: Told of what was left out, and of what the file does not hold.

    Raises:
        TrafficError: It is another program's, of a newer version, or damaged.
    """
    with _opened(path) as connection:
        _note_losses(connection, notes)
        for row in connection.execute(_CALLS):
            try:
                request = request_of_call(row, notes)
            except RequestError as error:
                reason = f"span {row[0]}: {error}"
                raise TrafficError(path, reason) from error
            if request is not None:
                yield row[0], request


@contextlib.contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection]:
    try:
        connection = _connected(path)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    try:
        connection.execute("BEGIN")  # one state of it, while others may write
        _check(path, connection)
        yield connection
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    finally:
        connection.close()


def _connected(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(
        f"{uri}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_SECONDS
    )
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        # A folder that cannot be written has no room for SQLite's locks, and needs none where
        # nobody writes.
        if _code(error) != sqlite3.SQLITE_CANTOPEN or path.with_name(f"{path.name}-wal").exists():
            raise
        return sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _check(path: Path, connection: sqlite3.Connection) -> None:
    (identity,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if identity != APPLICATION_ID:
        reason = (
            "is a database of another program; give a trace file, as "
            "initialize_observability(trace_file=...) writes one"
        )
        raise TrafficError(path, reason)
    if version != KNOWN_VERSION:
        reason = (
            f"is a trace file of version {version}, and this package knows {KNOWN_VERSION}; "
            "upgrade tta-dev-primitives"
        )
        raise TrafficError(path, reason)


def _note_losses(connection: sqlite3.Connection, notes: Notes) -> None:
    (hits,) = connection.execute(_HITS).fetchone()
    dropped, removed, open_runs = map(int, connection.execute(_RUNS).fetchone())
    notes.count(
        "answer came from a cache and called no model; it is not among the requests",
        "answers came from caches and called no model; they are not among the requests",
        times=hits,
    )
    lost = "of the app not in the file, and the calls of models among them"
    notes.count(f"span {lost}", f"spans {lost}", times=dropped + removed)
    unended = "has no end, so its app was killed or still runs; calls that were open are missing"
    notes.count(f"run {unended}", unended.replace("has", "runs have", 1), times=open_runs)


def _unreadable(path: Path, error: sqlite3.Error) -> TrafficError:
    code = _code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        reason = "is locked by the program that writes it; try again, or copy it"
    elif code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY):
        reason = f"cannot be opened ({error}); see to the rights of it and its folder"
    else:
        reason = f"is damaged, or no trace file ({error}); take another copy of it"
    return TrafficError(path, reason)


def _code(error: sqlite3.Error) -> int:
    """Return the kind of trouble, which the first eight bits tell."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
