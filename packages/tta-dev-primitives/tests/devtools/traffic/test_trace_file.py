"""Calls of models in trace files, and files that are none."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tta_dev_primitives.devtools.traffic import trace_file
from tta_dev_primitives.devtools.traffic.errors import TrafficError
from tta_dev_primitives.devtools.traffic.opening import open_traffic
from tta_dev_primitives.devtools.traffic.request import TokenUsage, TrafficRequest

from .logs_here import read
from .trace_files_here import ASKED, change, made, schema, written_by_an_app

LATER = {"start_ns": 1_764_000_001_000_000_000}


def one(path: Path) -> TrafficRequest:
    (request,) = read(path)
    return request


def notes(path: Path) -> tuple[str, ...]:
    with open_traffic(path) as traffic:
        return traffic.notes


@pytest.fixture(scope="module")
def with_content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_by_an_app(tmp_path_factory.mktemp("content") / "desk.db", "SPAN_ONLY")


@pytest.fixture(scope="module")
def content_on_events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_by_an_app(tmp_path_factory.mktemp("events") / "desk.db", "EVENT_ONLY")


@pytest.fixture(scope="module")
def without_content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_by_an_app(tmp_path_factory.mktemp("plain") / "desk.db", "NO_CONTENT")


def test_format_is_the_one_that_is_written() -> None:
    """Files of the version that is written today were refused as newer."""
    assert trace_file.APPLICATION_ID == schema.APPLICATION_ID
    assert trace_file.KNOWN_VERSION == schema.SCHEMA_VERSION


def test_each_call_of_a_watched_app_is_a_request(without_content: Path) -> None:
    """The traffic of a trace file was not what its app had paid."""
    with open_traffic(without_content) as traffic:
        found = list(traffic)
        assert traffic.source == "trace file desk.db"
    assert [request.usage for request in found] == [TokenUsage(20, 4, 8)] * 5 + [TokenUsage()]
    first, failed = found[0], found[-1]
    assert (first.model, first.conversation, first.place) == (
        "small-model",
        "visit-1",
        "0.desk/1.answers/0",
    )
    assert first.cost == pytest.approx(40e-6)
    assert 0 < (first.latency or 0) < 10
    assert failed.error == "BadRequestError"
    assert failed.conversation != "visit-1"
    assert {request.key for request in found} == {None}


def test_answers_of_caches_are_told(without_content: Path) -> None:
    """The app had a cache already, and its hits were forgotten."""
    assert notes(without_content) == (
        "1 answer came from a cache and called no model; it is not among the requests",
        (
            "6 calls have no recorded messages, so their repeats cannot be told; "
            "initialize_observability(capture_content=True) records them"
        ),
    )


@pytest.mark.parametrize("where", ["with_content", "content_on_events"])
def test_recorded_messages_tell_repeats(where: str, request: pytest.FixtureRequest) -> None:
    """Two calls with one seed were no repeat, or two with other seeds were."""
    where_it, and_when, why, again, other_seed, _ = read(request.getfixturevalue(where))
    assert where_it.text == "Where is it?"
    assert why.key == again.key is not None
    assert len({where_it.key, and_when.key, why.key, other_seed.key}) == 4


def test_row_reaches_the_request(tmp_path: Path) -> None:
    """A column of the span was lost on the way."""
    attributes = {
        "gen_ai.usage.cache_read.input_tokens": 5,
        "gen_ai.usage.cache_creation.input_tokens": 2,
    }
    path = made(tmp_path / "t.db", {"primitive_path": "0.desk", "attributes": attributes})
    assert one(path) == TrafficRequest(
        id="4bf92f35/1",
        ts=1_764_000_000.25,
        model="small-model",
        usage=TokenUsage(20, 4, 5, 2),
        provider="openai",
        conversation="4bf92f35",
        latency=1.5,
        cost=0.5,
        place="0.desk",
    )


@pytest.mark.parametrize(
    ("cells", "error"),
    [
        ({}, None),
        ({"status": "error", "error_type": "ServerError"}, "ServerError"),
        ({"outcome": "timeout"}, "timeout"),
        ({"outcome": "cancelled", "error_type": "CancelledError"}, "CancelledError"),
        ({"outcome": "ok", "status": "error"}, None),
        ({"status": "error"}, "error"),
    ],
    ids=["unset", "error", "timeout", "cancelled", "ok-in-its-own-words", "nameless"],
)
def test_failed_calls_say_why(tmp_path: Path, cells: Any, error: str | None) -> None:
    """A call that failed was taken for an answer, which a cache would keep."""
    assert one(made(tmp_path / "t.db", cells)).error == error


def test_failed_call_counts_without_tokens(tmp_path: Path) -> None:
    """A call that failed before it had tokens was not a call."""
    cells = {"input_tokens": None, "output_tokens": None, "status": "error"}
    assert one(made(tmp_path / "t.db", cells)).usage == TokenUsage()


def test_calls_are_in_the_order_of_their_beginning(tmp_path: Path) -> None:
    """Spans stand in the order of their ends, and were replayed in it."""
    path = made(tmp_path / "t.db", LATER, {})
    with open_traffic(path) as traffic:
        assert [request.id for request in traffic] == ["4bf92f35/2", "4bf92f35/1"]
        assert not any("above" in note for note in traffic.notes)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"model": None}, "call does not say which model it was; it is left out"),
        (
            {"input_tokens": None, "output_tokens": None},
            "call does not say its tokens; it is left out",
        ),
    ],
    ids=["model", "tokens"],
)
def test_call_that_tells_too_little_is_left_out_and_told(
    tmp_path: Path, cells: Any, said: str
) -> None:
    """A call without tokens cost nothing."""
    with open_traffic(made(tmp_path / "t.db", cells)) as traffic:
        assert (len(traffic), traffic.notes) == (0, (f"1 {said}",))


def test_model_that_answered_stands_in_for_the_one_asked(tmp_path: Path) -> None:
    """Some instrumentations tell only which model answered, and their calls were left out."""
    attributes = {"gen_ai.response.model": "small-model-2026"}
    path = made(tmp_path / "t.db", {"model": None, "attributes": attributes})
    assert one(path).model == "small-model-2026"


def test_tokens_counted_apart_are_added(tmp_path: Path) -> None:
    """More tokens came from the provider's cache than went in."""
    attributes = {"gen_ai.usage.cache_read_input_tokens": 100}
    path = made(tmp_path / "t.db", {"attributes": attributes})
    assert one(path).usage == TokenUsage(120, 4, 100)
    assert "1 call counts cached tokens apart from its input; they were added to it" in notes(path)


def test_foreign_money_is_not_read(tmp_path: Path) -> None:
    """Euros were added to dollars."""
    attributes = {"gen_ai.usage.cost.amount": 3.0, "gen_ai.usage.cost.currency": "EUR"}
    path = made(tmp_path / "t.db", {"cost_usd": None, "attributes": attributes})
    assert one(path).cost is None
    assert any("another currency than USD" in note for note in notes(path))


@pytest.mark.parametrize(
    "asked",
    [
        ASKED.replace("Why?", "My key is [redacted]"),
        ASKED.replace("Why?", "Once upon[5,000 characters more]".replace(",", "")),
        json.dumps([{"role": "system", "parts": [{"type": "left_out", "messages": 3}]}]),
        json.dumps([{"role": "user", "parts": [{"type": "image", "left_out": "9 characters"}]}]),
    ],
    ids=["redacted", "cut", "oldest-left-out", "picture"],
)
def test_incomplete_messages_tell_no_repeats(tmp_path: Path, asked: str) -> None:
    """Two prompts of which the same half was kept were taken for one."""
    path = made(tmp_path / "t.db", {"attributes": {"gen_ai.input.messages": asked}})
    assert one(path).key is None
    assert "1 call has messages that are cut or redacted, so its repeats cannot be told" in notes(
        path
    )


def test_messages_that_were_cut_off_are_not_recorded(tmp_path: Path) -> None:
    """A limit on the length of attributes made the file unreadable."""
    path = made(tmp_path / "t.db", {"attributes": {"gen_ai.input.messages": ASKED[:20]}})
    assert (one(path).key, one(path).text) == (None, "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gen_ai.request.temperature", 0.5),
        ("gen_ai.system_instructions", '[{"type": "text", "content": "Be kind."}]'),
        ("gen_ai.tool.definitions", '[{"name": "search"}]'),
        ("gen_ai.output.type", "json"),
    ],
)
def test_what_decides_the_answer_is_in_the_key(tmp_path: Path, name: str, value: Any) -> None:
    """The same question with other tools was a repeat."""
    attributes = {"gen_ai.input.messages": ASKED}
    path = made(
        tmp_path / "t.db",
        {"attributes": attributes},
        LATER | {"attributes": attributes | {"gen_ai.request.stream": True}},
        LATER | {"attributes": attributes | {name: value}},
    )
    plain, streamed, other = read(path)
    assert plain.key == streamed.key is not None
    assert other.key not in (None, plain.key)


def test_lost_spans_are_told(tmp_path: Path) -> None:
    """A file that had lost half of its spans was measured as if it had all."""
    path = made(tmp_path / "t.db", run={"dropped": 3, "removed": 4, "ended_ns": None})
    assert notes(path) == (
        "7 spans of the app not in the file, and the calls of models among them",
        "1 run has no end, so its app was killed or still runs; calls that were open are missing",
    )


def test_file_is_read_while_it_is_written(tmp_path: Path) -> None:
    """The app had to be stopped before its traffic could be measured."""
    path = made(tmp_path / "t.db", {})
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("UPDATE span SET cost_usd = 7")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE span SET cost_usd = 8")
        assert one(path).cost == 7
        writer.execute("ROLLBACK")


def test_file_is_not_changed(tmp_path: Path) -> None:
    """Reading a trace file wrote to it."""
    path = made(tmp_path / "t.db", {})
    before = path.read_bytes()
    read(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def foreign(path: Path) -> Path:
    return change(path, "CREATE TABLE cookies (name TEXT)")


def newer(path: Path) -> Path:
    return change(made(path, {}), "PRAGMA user_version = 2")


def without_tables(path: Path) -> Path:
    return change(made(path, {}), "DROP TABLE event")


def half(path: Path) -> Path:
    made(path, *[LATER] * 500)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 // 4096 * 4096])
    return path


def no_attributes(path: Path) -> Path:
    return change(made(path, {}), "UPDATE span SET attributes = '[]'")


def torn_attributes(path: Path) -> Path:
    return change(made(path, {}), "UPDATE span SET attributes = '{'")


def negative(path: Path) -> Path:
    return made(path, {"input_tokens": -5})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (foreign, "is a database of another program"),
        (newer, "is a trace file of version 2, and this package knows 1; upgrade"),
        (without_tables, "is damaged, or no trace file"),
        (half, "is damaged, or no trace file"),
        (no_attributes, "span 1: its attributes are no JSON object"),
        (torn_attributes, "span 1: its attributes are no JSON object"),
        (negative, "span 1: it counts -5 tokens"),
    ],
    ids=["foreign", "newer", "without-a-table", "half", "attributes", "torn", "negative"],
)
def test_file_that_cannot_be_read_is_told(tmp_path: Path, make: Any, said: str) -> None:
    """A damaged trace file gave an error of SQLite's own, or half of the calls."""
    path = make(tmp_path / "t.db")
    with pytest.raises(TrafficError, match=said) as caught:
        open_traffic(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.skipif(os.name == "nt", reason="rights of folders are another matter there")
def test_locked_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that another program holds was called damaged."""
    path = made(tmp_path / "t.db", {})
    monkeypatch.setattr(trace_file, "BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TrafficError, match="is locked by the program that writes it"):
            open_traffic(path)
