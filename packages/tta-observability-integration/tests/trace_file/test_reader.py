"""Reading a trace file: traces, spans, sums."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observability_integration.terminal.totals import totals_of
from observability_integration.trace_file.errors import TraceFileError, UnknownTraceError
from observability_integration.trace_file.reader import TraceFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from observability_integration.spans.light_span import LightSpan

    MakeSpan = Callable[..., LightSpan]
    Written = Callable[..., TraceFile]

MANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
CALL = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "p"}


def call(cost: float | None = None, tokens: int | None = 10, *, model: str = "m") -> dict[str, Any]:
    told: dict[str, Any] = CALL | {"gen_ai.request.model": model}
    if tokens is not None:
        told["gen_ai.usage.input_tokens"] = told["gen_ai.usage.output_tokens"] = tokens
    if cost is not None:
        told["gen_ai.usage.cost.amount"] = cost
    return told


def test_traces_come_newest_first(span: MakeSpan, written: Written) -> None:
    file = written([span(f"t{n}", n, trace=n, start=n) for n in (2, 3, 1)])
    assert [entry.name for entry in file.traces()] == ["t3", "t2", "t1"]
    assert [entry.name for entry in file.traces(limit=2)] == ["t3", "t2"]
    assert file.traces(limit=0) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"name": "invoke_workflow shop"}, ["invoke_workflow shop"]),
        ({"name": "invoke_*"}, ["invoke_workflow shop"]),
        ({"name": "[odd] name"}, ["[odd] name"]),
        ({"name": "shop"}, []),
        ({"since": 2}, ["[odd] name"]),
        ({"since": 1.5}, ["[odd] name"]),
        ({"since": datetime.fromtimestamp(2, UTC)}, ["[odd] name"]),
        ({"since": 3}, []),
    ],
    ids=["exact", "star", "brackets", "no-part", "at", "before", "moment", "after"],
)
def test_traces_are_found_by_name_and_time(
    asked: dict[str, Any], found: list[str], span: MakeSpan, written: Written
) -> None:
    file = written(
        [span("invoke_workflow shop", 1, trace=1, start=1), span("[odd] name", 2, trace=2, start=2)]
    )
    assert [entry.name for entry in file.traces(**asked)] == found


def test_a_trace_whose_top_never_ended_is_listed_all_the_same(
    span: MakeSpan, written: Written
) -> None:
    """The process was killed, and the trace of the crash was not in the list."""
    file = written([span("below", 3, 2, start=2), span("above", 2, 1, start=1)])
    (entry,) = file.traces()
    assert (entry.name, entry.complete, entry.spans) == ("above", False, 2)


def test_a_trace_counts_what_it_holds(span: MakeSpan, written: Written) -> None:
    top = span("top", 1, outcome="error", error="ValueError", seconds=2)
    file = written(
        [
            span("a", 2, 1, own=call(0.5)),
            span("b", 3, 1, own=call(None)),
            span("cache", 4, 1, own={"tta.cache.saved.cost": 0.125}),
            top,
        ]
    )
    (entry,) = file.traces()
    assert (entry.seconds, entry.outcome, entry.failed) == (2.0, "error", 1)
    assert (entry.model_calls, entry.unpriced_calls) == (2, 1)
    assert (entry.cost, entry.saved) == (0.5, 0.125)


def test_the_same_request_told_twice_counts_once(span: MakeSpan, written: Written) -> None:
    """With the SDK's own instrumentation installed, every dollar was spent twice."""
    file = written(
        [span("chat", 1, own=call(0.5)), span("chat again", 2, 1, own=call(0.5))],
    )
    summary = file.summary()
    assert (summary.totals.model_calls, summary.totals.spent) == (1, 0.5)
    assert sum(place.cost for place in summary.places) == 0.5
    assert [entry.cost for entry in file.traces()] == [0.5]


def test_the_beginning_of_an_id_is_enough(span: MakeSpan, written: Written) -> None:
    file = written([span("a", trace=0xAB << 120), span("b", trace=0xAC << 120)])
    assert [stored.name for stored in file.spans("AB")] == ["a"]
    assert [stored.name for stored in file.spans("ac".ljust(32, "0"))] == ["b"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("a", "more than one trace that begins with a; give more digits"),
        ("b", "holds no trace b"),
        ("a%", "ids are hexadecimal digits"),
        ("", "ids are hexadecimal digits"),
        ("a" * 33, "ids are hexadecimal digits"),
    ],
    ids=["ambiguous", "unknown", "no-digit", "empty", "too-long"],
)
def test_an_id_that_names_no_trace_is_told(
    asked: str, told: str, span: MakeSpan, written: Written
) -> None:
    file = written([span("a", trace=0xAB << 120), span("b", trace=0xAC << 120)])
    with pytest.raises(UnknownTraceError, match=told):
        file.spans(asked)


KEYS = st.sampled_from(
    ["tta.primitive.type", "gen_ai.usage.input_tokens", "gen_ai.usage.cost.amount", "own", "more"]
)
VALUES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.lists(st.integers()).map(tuple),
)
ATTRIBUTES = st.dictionaries(KEYS, VALUES)


@MANY
@given(shared=ATTRIBUTES, own=ATTRIBUTES)
def test_attributes_come_back_as_they_were(
    shared: dict[str, Any], own: dict[str, Any], span: MakeSpan, written: Written
) -> None:
    """Columns are a second home, and no value may change on the way there and back."""
    made = span(shared=shared, own=own)
    (read,) = written([made]).spans("1".zfill(32))
    expected = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in made.attributes.items()
    }
    assert read.attributes == expected
    types = {key: type(value) for key, value in expected.items() if key != COST}
    assert {key: type(value) for key, value in read.attributes.items() if key != COST} == types


COST = "gen_ai.usage.cost.amount"  # a whole number comes back as a fraction


DECISIONS: list[dict[str, Any]] = [
    {},
    {},
    call(0.5),
    call(0.25),
    call(None),
    call(None, None),
    {"tta.cache.saved.cost": 0.25, "tta.cache.result": "hit"},
    {"tta.hedge.wasted_cost": 0.125},
    {"tta.hedge.winner": 0, "tta.hedge.wasted_cost": 0.125},
    {"tta.hedge.winner": 1},
    {"tta.retry.attempts": 2},
    {"tta.fallback.used": "a", "tta.fallback.index": 1},
]


@st.composite
def traces(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw what some spans are made of: trees with calls, failures and all that goes on."""
    made: list[dict[str, Any]] = []
    for number in range(1, draw(st.integers(1, 12)) + 1):
        parent = draw(st.integers(0, number - 1))
        own = dict(draw(st.sampled_from(DECISIONS)))
        if draw(st.integers(0, 5)):  # else it is no primitive
            above = made[parent - 1]["own"].get("tta.primitive.path", "?") if parent else "0"
            own["tta.primitive.path"] = f"{above}/{number}"
            own["tta.primitive.name"] = draw(st.sampled_from(["a", "b"]))
            own["tta.retry.attempt"] = draw(st.integers(1, 2))
        failing = [None, "ok", "ok", "ok", "error", "timeout", "cancelled", "fallback"]
        outcome = draw(st.sampled_from(failing))
        made.append(
            {
                "name": f"s{number}",
                "number": number,
                "parent": parent,
                "start": number,
                "seconds": draw(st.sampled_from([1, 20])),
                "outcome": outcome,
                "error": "ValueError" if outcome == "error" else None,
                "own": own,
            }
        )
    return made


@MANY
@given(drawn=st.lists(traces(), min_size=1, max_size=3))
def test_the_sums_of_a_file_are_those_of_its_trees(
    drawn: list[list[dict[str, Any]]], span: MakeSpan, written: Written
) -> None:
    """The console said one amount was wasted, and the summary another."""
    file = written(
        [span(**made, trace=trace) for trace, tree in enumerate(drawn, 1) for made in tree]
    )
    found = file.summary().totals
    trees = [
        totals_of([stored.as_tree_span() for stored in file.spans(f"{trace:032x}")])
        for trace in range(1, len(drawn) + 1)
    ]
    for field in ("spans", "failed", "model_calls", "unpriced_calls", "input_tokens"):
        assert getattr(found, field) == sum(getattr(tree, field) for tree in trees), field
    for field in ("spent", "wasted", "saved"):
        expected = pytest.approx(sum(getattr(tree, field) for tree in trees))
        assert getattr(found, field) == expected, field


@MANY
@given(lengths=st.lists(st.integers(0, 1000), min_size=1, max_size=60))
def test_half_and_95_of_100_took_at_most_so_long(
    lengths: list[int], span: MakeSpan, written: Written
) -> None:
    place = {"tta.primitive.path": "0", "tta.primitive.type": "P"}
    spans = [span(number=n, seconds=ms / 1000, shared=place) for n, ms in enumerate(lengths, 1)]
    (figures,) = written(spans).summary().places
    ordered = sorted(made.end_ns - made.start_ns for made in spans)
    for part, found in ((0.5, figures.p50_seconds), (0.95, figures.p95_seconds)):
        rank = math.ceil(round(len(ordered) * part, 9))
        assert found == ordered[rank - 1] / 1e9


def test_a_place_knows_its_cache_and_its_retries(span: MakeSpan, written: Written) -> None:
    place = {"tta.primitive.path": "0/1.cache", "tta.primitive.type": "CachePrimitive"}
    results = ["hit", "stale", "coalesced", "miss", "bypass"]
    spans = [
        span(number=n, shared=place, own={"tta.cache.result": word})
        for n, word in enumerate(results, 1)
    ]
    retry = {"tta.primitive.path": "0/2.retry", "tta.primitive.type": "RetryPrimitive"}
    spans += [span(number=10 + n, shared=retry, own={"tta.retry.attempts": n}) for n in (1, 2, 3)]
    spans.append(span("POST", 20))
    outside, cache, retried = written(spans).summary().places
    assert (outside.path, outside.what, outside.hit_share) == ("", "POST", None)
    assert (cache.cache_requests, cache.hit_share) == (5, 0.6)
    assert (retried.attempts_per_call, cache.attempts_per_call) == (2.0, None)


def test_models_come_dearest_first(span: MakeSpan, written: Written) -> None:
    file = written(
        [
            span(number=1, own=call(0.25)),
            span(number=2, own=call(None, model="unknown")),
            span(number=3, own=call(1.0, model="dear")),
        ]
    )
    models = file.summary().models
    assert [(model.model, model.cost, model.unpriced_calls) for model in models] == [
        ("dear", 1.0, 0),
        ("m", 0.25, 0),
        ("unknown", 0.0, 1),
    ]


def test_one_run_can_be_looked_at(span: MakeSpan, written: Written, tmp_path: Path) -> None:
    path = tmp_path / "both.db"
    written([span("a", trace=1, own=call(1.0))], path=path)
    written([span("b", trace=2, own=call(2.0)), span("c", 2, 1, trace=2)], path=path)
    second = TraceFile(path, run=2)
    assert [entry.name for entry in second.traces()] == ["b"]
    assert (second.summary().totals.spent, second.summary().totals.spans) == (2.0, 2)
    with pytest.raises(UnknownTraceError):
        second.spans("1".zfill(32))
    with pytest.raises(TraceFileError, match="holds no run 3"):
        TraceFile(path, run=3).summary()


def test_waste_is_that_of_the_run_that_paid(
    span: MakeSpan, written: Written, tmp_path: Path
) -> None:
    """A service asked a model for a caller that failed, and its own run knew of no waste."""
    path = tmp_path / "both.db"
    fine = span("fine", trace=2, own=call(8.0))
    written([span("caller", 1, own=call(0.25), outcome="error", error="E"), fine], path=path)
    service = span("service", 2, 1, remote=True)
    written([service, span("chat", 3, 2, own=call(1.0)), fine], path=path)
    wasted = [TraceFile(path, run=run).summary().totals.wasted for run in (1, 2, None)]
    assert wasted == [0.25, 1.0, 1.25]


def _text(path: Path) -> None:
    path.write_text("Dear diary, " * 100)


def _other(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (a)")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: None, "is not there"),
        (lambda path: path.mkdir(), "is no file"),
        (lambda path: path.touch(), "another program's, or empty"),
        (_text, "is no trace file"),
        (_other, "is another program's"),
    ],
    ids=["missing", "folder", "empty", "text", "other-database"],
)
def test_what_is_no_trace_file_is_told(
    make: Callable[[Path], object], told: str, tmp_path: Path
) -> None:
    path = tmp_path / "100% odd?#name.db"
    make(path)
    with pytest.raises(TraceFileError, match=told) as raised:
        TraceFile(path).traces()
    assert raised.value.path == path


@pytest.mark.parametrize("change", ["attributes = '{'", "attributes = '[]'", "span_id = 'x'"])
def test_a_file_that_somebody_changed_is_told(
    change: str, span: MakeSpan, written: Written
) -> None:
    file = written([span()])
    with closing(sqlite3.connect(file.path)) as connection:
        connection.execute(f"UPDATE span SET {change}")
        connection.commit()
    with pytest.raises(TraceFileError):
        file.spans("1".zfill(32))


def test_losers_that_have_no_spans_are_told_by_their_hedge(
    span: MakeSpan, written: Written
) -> None:
    """Nothing failed in the trace, and so its hedge was not looked at."""
    file = written(
        [span("hedge", 1, own={"tta.hedge.wasted_cost": 0.25}), span("a", 2, 1, own=call(1.0))]
    )
    assert file.summary().totals.wasted == 0.25


def test_waste_that_cannot_be_read_is_told(span: MakeSpan, written: Written) -> None:
    """Somebody changed the file, and its sums ended in a traceback."""
    file = written([span(own=call(1.0))])
    with closing(sqlite3.connect(file.path)) as connection:
        connection.execute("""UPDATE span SET attributes = '["tta.fallback.used"]'""")
        connection.commit()
    with pytest.raises(TraceFileError):
        file.summary()


def test_spans_above_each_other_end(span: MakeSpan, written: Written) -> None:
    """A file made by hand must not keep the reader for ever."""
    file = written(
        [
            span(number=1, parent=2, own=call(1.0), outcome="ok"),
            span(number=2, parent=1),
            span(number=3, outcome="error", error="E"),
        ]
    )
    assert file.summary().totals.wasted == 0


def test_a_name_that_is_odd_for_a_file_works(
    span: MakeSpan, written: Written, tmp_path: Path
) -> None:
    assert len(written([span()], path=tmp_path / "100% odd?#name.db").traces()) == 1
