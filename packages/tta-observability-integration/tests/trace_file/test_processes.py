"""Several processes, killed ones and forked ones, and one trace file."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from observability_integration.export.trace_file import TraceFileExporter
from observability_integration.trace_file.reader import TraceFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from observability_integration.spans.light_span import LightSpan

    MakeSpan = Callable[..., LightSpan]


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.db"


WRITER = """
import sys
from opentelemetry.trace import SpanKind
from observability_integration.export.trace_file import TraceFileExporter
from observability_integration.spans.light_span import LightSpan, Scope, SpanSite

site = SpanSite("step", SpanKind.INTERNAL, {}, Scope("tests"))

def spans(first, count):
    made = []
    for number in range(first, first + count):
        span = LightSpan(site, number, number, 0, number, None)
        span.end_ns = number + 1
        made.append(span)
    return made

exporter = TraceFileExporter(sys.argv[1], busy_seconds=30)
"""


def test_several_processes_write_to_one_file(path: Path) -> None:
    program = WRITER + (
        "for batch in range(20):\n"
        "    exporter.export(spans(1 + batch * 50, 50))\n"
        "exporter.shutdown(30)\n"
        "assert (exporter.exported, exporter.dropped) == (1000, 0), exporter.dropped\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    running = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    assert rows(path, "SELECT run_id, count(*) FROM span GROUP BY 1") == [
        (1, 1000),
        (2, 1000),
        (3, 1000),
    ]
    assert list(path.parent.iterdir()) == [path]


def test_a_killed_process_leaves_all_that_it_had_written(span: MakeSpan, path: Path) -> None:
    """The trace of the crash is the one that is wanted."""
    program = WRITER + (
        "for batch in range(10_000):\n"
        "    exporter.export(spans(1 + batch * 50, 50))\n"
        "    print(exporter.exported, flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        seen = [int(process.stdout.readline()) for _ in range(5)]
        process.send_signal(signal.SIGKILL)
        seen += [int(line) for line in process.stdout if line.endswith("\n")]
    reader = TraceFile(path)
    (run,) = reader.runs()
    assert run.ended is None
    assert run.exported == len(reader.traces(limit=None)) >= seen[-1]
    exporter = TraceFileExporter(path)
    exporter.export([span()])
    exporter.shutdown(1)
    assert list(path.parent.iterdir()) == [path]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert [found.id for found in TraceFile(path).runs()] == [1, 2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_writes_a_run_of_its_own(path: Path) -> None:
    program = WRITER + (
        "import os\n"
        "exporter.export(spans(1, 50))\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    exporter.after_fork()\n"
        "    exporter.export(spans(1, 7))\n"
        "    exporter.shutdown(30)\n"
        "    sys.exit(exporter.exported)\n"
        "exporter.export(spans(51, 50))\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7\n"
        "exporter.export(spans(101, 50))\n"
        "exporter.shutdown(30)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=60)
    assert rows(path, "SELECT run_id, count(*) FROM span GROUP BY 1") == [(1, 150), (2, 7)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_keeps_away_from_what_its_parent_is_writing(path: Path) -> None:
    """A fork in the middle of a batch must not end, or undo, the batch."""
    program = WRITER + (
        "import os\n"
        "exporter.export(spans(1, 50))\n"
        "connection = exporter._writer._connection\n"
        "connection.execute('BEGIN IMMEDIATE')\n"
        "connection.execute('UPDATE span SET name = ?', ('mine',))\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    exporter.after_fork()\n"
        "    sys.exit(0)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
        "connection.execute('COMMIT')\n"
        "exporter.shutdown(30)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, timeout=60)
    assert rows(path, "SELECT DISTINCT name FROM span") == [("mine",)]
