"""What happens when a trace file cannot be written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import SpanKind

from observability_integration.export.trace_file import TraceFileExporter
from observability_integration.spans.light_span import Scope, SpanSite
from observability_integration.trace_file.reader import TraceFile
from observability_integration.trace_file.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from observability_integration.spans.light_span import LightSpan

    MakeSpan = Callable[..., LightSpan]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.db"


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
        connection.commit()


def newer_version(path: Path) -> None:
    exporter = TraceFileExporter(path)
    exporter.export([_span()])
    exporter.shutdown(1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


def _span() -> LightSpan:
    from observability_integration.spans.light_span import LightSpan

    span = LightSpan(SpanSite("a", SpanKind.INTERNAL, {}, Scope("tests")), 1, 1, 0, 1, None)
    span.end_ns = 2
    return span


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path.write_text("Dear diary, " * 100), "is no trace file"),
        (other_database, "is another program's"),
        (newer_version, "upgrade tta-observability-integration"),
        (lambda path: path.mkdir(), "cannot be"),
    ],
    ids=["text", "other-database", "newer", "folder"],
)
def test_a_file_that_is_not_ours_is_left_alone(
    make: Callable[[Path], object],
    told: str,
    span: MakeSpan,
    path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An app lost its own database to a mistyped path."""
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    exporter = TraceFileExporter(path)
    for _ in range(3):
        exporter.export([span(), span()])
    exporter.shutdown(1)
    assert (exporter.exported, exporter.dropped) == (0, 6)
    (message,) = caplog.messages
    assert told in message
    assert str(path) in message
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_file_damaged_while_it_is_written_is_told_once(
    span: MakeSpan, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = TraceFileExporter(path)
    first.export([span(number=n) for n in range(1, 2000)])
    first.shutdown(1)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    exporter = TraceFileExporter(path)
    for _ in range(3):
        exporter.export([span()])
    assert (exporter.exported, exporter.dropped) == (0, 3)
    assert len(caplog.messages) == 1
    assert "is damaged" in caplog.messages[0]


def test_a_refused_file_that_is_moved_away_makes_room_for_a_good_one(
    span: MakeSpan, path: Path
) -> None:
    """It says what to do, and doing it has to help; until then the file stays closed."""
    now = 0.0
    other_database(path)
    exporter = TraceFileExporter(path, monotonic=lambda: now)
    exporter.export([span()])
    now = 10.0
    with closing(sqlite3.connect(path)) as theirs:
        theirs.execute("DROP TABLE theirs")
    exporter.export([span()])
    assert exporter.exported == 0, "the same file was tried again"
    path.rename(path.with_name("theirs.db"))
    exporter.export([span()])
    exporter.shutdown(1)
    assert (exporter.exported, exporter.dropped) == (1, 2)


def test_a_full_disk_costs_the_spans_it_does_not_hold(
    span: MakeSpan, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    exporter = TraceFileExporter(path)
    exporter.export([span()])
    connection = writing_connection(exporter)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    other = SpanSite("b", SpanKind.INTERNAL, {}, Scope("another instrumentation"))
    large = {"text": "x" * 100_000}
    exporter.export([span(number=2, site=other, own=large)])
    exporter.export([span(number=3, site=other, own=large)])
    connection.execute("PRAGMA max_page_count = 1000000")
    exporter.export([span(number=4, site=other, own=large)])
    exporter.export([span(number=5)])
    exporter.shutdown(1)
    assert (exporter.exported, exporter.dropped) == (3, 2)
    assert ["disk is full" in message for message in caplog.messages] == [True, False]
    assert caplog.messages[1].endswith("again; 2 spans were dropped")
    read = TraceFile(path).spans("1".zfill(32))
    assert [(stored.name, stored.scope) for stored in read] == [
        ("lambda step", "tests"),
        ("b", "another instrumentation"),
        ("lambda step", "tests"),
    ]
    (run,) = TraceFile(path).runs()
    assert (run.exported, run.dropped) == (3, 2)


def writing_connection(exporter: TraceFileExporter) -> sqlite3.Connection:
    assert exporter._writer is not None
    return exporter._writer._connection


def test_a_lock_that_somebody_keeps_does_not_hold_the_app_up(
    span: MakeSpan, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    exporter = TraceFileExporter(path, busy_seconds=0)
    exporter.export([span()])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        exporter.export([span(number=2)])
        other.execute("ROLLBACK")
    exporter.export([span(number=3)])
    exporter.shutdown(1)
    assert (exporter.exported, exporter.dropped) == (2, 1)
    assert "is locked by another program" in caplog.messages[0]
    assert caplog.messages[1].endswith("again; 1 spans were dropped")


def test_a_folder_that_comes_later_is_found(
    span: MakeSpan, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A volume is mounted after the app has begun."""
    caplog.set_level("INFO")
    blocked = tmp_path / "mount"
    blocked.write_text("")
    now = 0.0
    exporter = TraceFileExporter(blocked / "traces.db", monotonic=lambda: now)
    exporter.export([span()])
    exporter.export([span()])
    blocked.unlink()
    exporter.export([span()])
    assert exporter.dropped == 3, "it is not tried at every batch"
    now = 1.5
    exporter.export([span()])
    exporter.shutdown(1)
    assert (exporter.exported, exporter.dropped) == (1, 3)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_file_that_is_moved_away_keeps_its_spans_and_a_new_one_is_begun(
    span: MakeSpan, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Log rotation moved the file, and a week of spans went nowhere."""
    exporter = TraceFileExporter(path)
    exporter.export([span(), span(number=2)])
    moved = path.rename(path.with_name("yesterday.db"))
    exporter.export([span(number=3)])
    exporter.shutdown(1)
    assert "was moved or deleted" in caplog.messages[0]
    assert [run.exported for run in TraceFile(moved).runs()] == [2]
    assert [run.exported for run in TraceFile(path).runs()] == [1]
    assert rows(moved, "SELECT count(*) FROM span") == [(2,)]
