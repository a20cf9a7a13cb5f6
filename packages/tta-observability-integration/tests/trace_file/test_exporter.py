"""Writing spans to a file."""

from __future__ import annotations

import json
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags

from observability_integration.export.trace_file import TraceFileExporter
from observability_integration.spans.light_span import Scope, SpanEvent, SpanSite
from observability_integration.trace_file.reader import TraceFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from observability_integration.spans.light_span import LightSpan

    MakeSpan = Callable[..., LightSpan]

PRIMITIVE = {
    "tta.primitive.type": "OpenAIPrimitive",
    "tta.primitive.name": "small",
    "tta.primitive.path": "0/1.retry/0.small",
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
}
INPUT = "gen_ai.usage.input_tokens"
ANSWER = {
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 34,
    "gen_ai.usage.cost.amount": 0.25,
    "tta.retry.attempt": 2,
    "user.said": "yes",
}


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def row(path: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        (found,) = connection.execute("SELECT * FROM span").fetchall()
        return dict(found)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces.db"


def test_what_people_look_for_has_a_column(span: MakeSpan, path: Path) -> None:
    """Nobody wants to write json_extract to find out what a model cost."""
    exporter = TraceFileExporter(path)
    call = span(
        "chat gpt-4o",
        0xA,
        0xB,
        trace=0xC,
        start=2,
        seconds=0.5,
        outcome="error",
        error="RateLimitedError",
        kind=SpanKind.CLIENT,
        shared=PRIMITIVE,
        own=ANSWER,
    )
    exporter.export([call])
    exporter.shutdown(1)
    assert row(path) == {
        "id": 1,
        "run_id": 1,
        "trace_id": "0000000000000000000000000000000c",
        "span_id": "000000000000000a",
        "parent_id": "000000000000000b",
        "is_root": 0,
        "name": "chat gpt-4o",
        "kind": "client",
        "start_ns": 2_000_000_000,
        "duration_ns": 500_000_000,
        "status": "error",
        "outcome": "error",
        "error_type": "RateLimitedError",
        "primitive_type": "OpenAIPrimitive",
        "primitive_name": "small",
        "primitive_path": "0/1.retry/0.small",
        "operation": "chat",
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 12,
        "output_tokens": 34,
        "cost_usd": 0.25,
        "saved_usd": None,
        "wasted_usd": None,
        "cache_result": None,
        "attempt": 2,
        "attempts": None,
        "attributes": '{"user.said":"yes"}',
        "scope_id": 1,
        "extra": None,
    }


def test_spans_of_one_place_do_not_share_what_is_their_own(span: MakeSpan, path: Path) -> None:
    """The second call of a place showed the tokens of the first."""
    site = SpanSite("chat", SpanKind.CLIENT, dict(PRIMITIVE), Scope("tests"))
    exporter = TraceFileExporter(path)
    named = span(number=2, site=site, own={"user.said": "no"})
    assert named.details is not None
    named.details.name = "chat other"
    exporter.export([span(number=1, site=site, own=ANSWER), named, span(number=3, site=site)])
    exporter.shutdown(1)
    found = rows(path, "SELECT name, input_tokens, attributes FROM span ORDER BY id")
    assert found == [
        ("chat", 12, '{"user.said":"yes"}'),
        ("chat other", None, '{"user.said":"no"}'),
        ("chat", None, "{}"),
    ]


@pytest.mark.parametrize(
    ("shared", "own", "column", "attributes"),
    [
        ("ten", 10, 10, {}),
        (10, "ten", None, {INPUT: "ten"}),
        (10, True, None, {INPUT: True}),
        (10, 20, 20, {}),
    ],
    ids=["text-then-number", "number-then-text", "number-then-flag", "numbers"],
)
def test_a_value_that_its_column_cannot_hold_is_no_part_of_sums(
    shared: Any, own: Any, column: int | None, attributes: Any, span: MakeSpan, path: Path
) -> None:
    exporter = TraceFileExporter(path)
    exporter.export([span(shared={INPUT: shared}, own={INPUT: own})])
    exporter.shutdown(1)
    assert row(path)["input_tokens"] is column or row(path)["input_tokens"] == column
    assert json.loads(row(path)["attributes"]) == attributes


def test_money_that_is_no_dollars_is_not_counted_as_such(span: MakeSpan, path: Path) -> None:
    exporter = TraceFileExporter(path)
    own = {"gen_ai.usage.cost.amount": 3.0, "gen_ai.usage.cost.currency": "EUR"}
    exporter.export([span(own=own)])
    exporter.shutdown(1)
    assert row(path)["cost_usd"] is None
    assert json.loads(row(path)["attributes"]) == own


def test_a_span_below_another_process_is_a_root(span: MakeSpan, path: Path) -> None:
    exporter = TraceFileExporter(path)
    exporter.export([span(parent=9, remote=True)])
    exporter.shutdown(1)
    assert (row(path)["is_root"], row(path)["parent_id"]) == (1, "0000000000000009")


def test_events_links_and_the_rest_are_kept(span: MakeSpan, path: Path) -> None:
    exporter = TraceFileExporter(path)
    full = span(own={})
    assert full.details is not None
    full.details.events = [SpanEvent("first", 5, {"a": 1}), SpanEvent("second", 6, {})]
    context = SpanContext(0xC, 0xD, is_remote=False, trace_flags=TraceFlags(1))
    full.details.links = [Link(context, {"why": "undo"})]
    full.details.dropped_events = 3
    full.details.status_description = "told"
    exporter.export([full])
    exporter.shutdown(1)
    (read,) = TraceFile(path).spans("1".zfill(32))
    assert [(event.name, event.time_ns) for event in read.events] == [("first", 5), ("second", 6)]
    assert read.events[0].attributes == {"a": 1}
    assert [(link.span_id, link.attributes) for link in read.links] == [
        ("000000000000000d", {"why": "undo"})
    ]
    assert read.status_description == "told"
    assert json.loads(row(path)["extra"])["dropped_events"] == 3


def test_after_shutdown_one_file_is_left_that_only_its_user_reads(
    span: MakeSpan, path: Path
) -> None:
    exporter = TraceFileExporter(path)
    exporter.export([span()])
    log = path.with_name(path.name + "-wal")
    assert [stat.S_IMODE(file.stat().st_mode) for file in (path, log)] == [0o600, 0o600]
    exporter.shutdown(1)
    assert list(path.parent.iterdir()) == [path]
    assert rows(path, "PRAGMA journal_mode") == [("delete",)]


def test_a_file_can_be_read_while_it_is_written(span: MakeSpan, path: Path) -> None:
    exporter = TraceFileExporter(path)
    exporter.export([span()])
    reader = TraceFile(path)
    assert len(reader.traces()) == 1
    exporter.export([span(number=2, trace=2)])
    assert len(reader.traces()) == 2
    (run,) = reader.runs()
    assert (run.exported, run.ended) == (2, None)
    exporter.shutdown(1)


def test_somebody_who_reads_does_not_hold_the_end_up(span: MakeSpan, path: Path) -> None:
    """A forgotten sqlite3 prompt kept the app from ending."""
    exporter = TraceFileExporter(path)
    exporter.export([span()])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM span").fetchall()
        began = time.monotonic()
        exporter.shutdown(0.1)
        assert time.monotonic() - began < 1
    (run,) = TraceFile(path).runs()
    assert run.ended is not None


def test_a_run_knows_its_service_and_its_end(span: MakeSpan, path: Path) -> None:
    resource = {"service.name": "shop", "service.version": "1.2", "host.name": "box"}
    for _ in range(2):
        exporter = TraceFileExporter(path, resource=resource)
        exporter.export([span()])
        exporter.shutdown(1)
    first, second = TraceFile(path).runs()
    assert (first.service_name, first.service_version, first.exported) == ("shop", "1.2", 1)
    assert first.ended is not None
    assert first.began <= first.ended <= second.began
    assert second.resource == resource


def test_nothing_is_made_before_the_first_span(path: Path) -> None:
    exporter = TraceFileExporter(path)
    assert exporter.flush(1)
    exporter.export([])
    exporter.shutdown(1)
    assert not path.exists()


def test_what_comes_after_shutdown_counts_as_dropped(span: MakeSpan, path: Path) -> None:
    exporter = TraceFileExporter(path)
    exporter.export([span()])
    exporter.shutdown(1)
    exporter.shutdown(1)
    exporter.export([span(), span()])
    assert (exporter.exported, exporter.dropped) == (1, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_bytes": 1000}, "max_bytes must be at least 1048576"),
        ({"busy_seconds": -1}, "busy_seconds must not be negative, got -1"),
    ],
    ids=["too-small", "negative-wait"],
)
def test_a_bound_that_cannot_work_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TraceFileExporter("traces.db", **options)


def test_the_oldest_traces_make_room_as_a_whole(span: MakeSpan, path: Path) -> None:
    """A service that runs for a month must not fill the disk, nor keep halves of traces."""
    exporter = TraceFileExporter(path, max_bytes=1 << 20)
    filler = {"text": "x" * 500}
    for batch in range(100):
        spans = [
            span(number=n, parent=n - 1, trace=batch * 10 + n // 10 + 1, own=filler)
            for n in range(1, 60)
        ]
        exporter.export(spans)
    exporter.shutdown(1)
    assert path.stat().st_size < 1.5 * (1 << 20)
    (run,) = TraceFile(path).runs()
    ((kept, newest),) = rows(path, "SELECT count(*), max(id) FROM span")
    assert (run.exported, run.removed) == (5900, 5900 - kept)
    assert newest == 5900
    sizes = {count for (count,) in rows(path, "SELECT count(*) FROM span GROUP BY trace_id")}
    assert sizes == {9, 10}, "traces were cut"


@pytest.mark.parametrize(
    "value",
    ["half \ud83d a pair", 1 << 80, float("nan"), (1.5, float("-inf"))],
    ids=["surrogate", "large", "nan", "infinities"],
)
def test_what_sqlite_cannot_hold_does_not_cost_the_batch(
    value: Any, span: MakeSpan, path: Path
) -> None:
    exporter = TraceFileExporter(path)
    odd = span(number=2, own={"odd": value, "gen_ai.usage.input_tokens": value})
    late = span(number=3)
    late.end_ns = 1 << 70
    exporter.export([span(), odd, late])
    exporter.shutdown(1)
    assert exporter.exported == 3
    assert rows(path, "SELECT sum(json_valid(attributes)) FROM span") == [(3,)]
