"""What changed from one run to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observability_integration.terminal.text import Style
from observability_integration.trace_file.diff import FileDiff, MeasureChange, PlaceChange, diff
from observability_integration.trace_file.errors import TraceFileError
from observability_integration.trace_file.reader import TraceFile
from observability_integration.trace_file.text import diff_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from observability_integration.spans.light_span import LightSpan

    MakeSpan = Callable[..., LightSpan]
    Written = Callable[..., TraceFile]

FEW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def place(path: str, kind: str = "P") -> dict[str, Any]:
    return {"tta.primitive.path": path, "tta.primitive.type": kind}


def llm(cost: float) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.cost.amount": cost,
    }


DRAWN_SPANS = st.lists(
    st.fixed_dictionaries(
        {
            "shared": st.sampled_from([{}, place("0"), place("0/1"), place("0/1", "Q")]),
            "own": st.sampled_from(
                [{}, llm(0.5), llm(0.1), {"tta.cache.result": "hit"}, {"tta.retry.attempts": 3}]
            ),
            "seconds": st.sampled_from([0.0, 0.01, 0.0105, 0.02, 5.0]),
            "error": st.sampled_from([None, "ValueError"]),
        }
    ),
    min_size=1,
    max_size=10,
)


def make(span: MakeSpan, drawn: list[dict[str, Any]]) -> list[LightSpan]:
    return [
        span(number=number, outcome="error" if each["error"] else "ok", **each)
        for number, each in enumerate(drawn, 1)
    ]


@FEW
@given(drawn=DRAWN_SPANS)
def test_a_file_does_not_differ_from_itself(
    drawn: list[dict[str, Any]], span: MakeSpan, written: Written
) -> None:
    file = written(make(span, drawn))
    found = diff(file, file.path, tolerance=0)
    assert found.changes == ()
    assert found.before == found.after


def turned(found: FileDiff) -> FileDiff:
    kinds = {"new": "gone", "gone": "new"}
    return FileDiff(
        found.after,
        found.before,
        tuple(
            PlaceChange(
                change.path,
                change.what,
                kinds.get(change.kind, change.kind),  # pyright: ignore[reportArgumentType]
                change.after,
                change.before,
                tuple(
                    MeasureChange(each.measure, each.unit, each.after, each.before)
                    for each in change.changes
                ),
            )
            for change in found.places
        ),
    )


@FEW
@given(one=DRAWN_SPANS, other=DRAWN_SPANS, tolerance=st.sampled_from([0.0, 0.05, 0.1, 1.0]))
def test_swapping_the_files_turns_the_diff_around(
    one: list[dict[str, Any]],
    other: list[dict[str, Any]],
    tolerance: float,
    span: MakeSpan,
    written: Written,
) -> None:
    """A change that is one way round only is no change."""
    a, b = written(make(span, one)), written(make(span, other))
    assert diff(b, a, tolerance=tolerance) == turned(diff(a, b, tolerance=tolerance))


@pytest.mark.parametrize(
    ("before", "after", "tolerance", "changes"),
    [
        (1.0, 1.05, 0.1, set[str]()),
        (1.0, 1.2, 0.1, {"p50_seconds", "p95_seconds"}),
        (1.2, 1.0, 0.1, {"p50_seconds", "p95_seconds"}),
        (1.0, 1.05, 0.0, {"p50_seconds", "p95_seconds"}),
        (1.0, 5.0, 1.0, set[str]()),
    ],
    ids=["within", "slower", "faster", "strict", "anything-goes"],
)
def test_times_may_differ_a_little(
    before: float,
    after: float,
    tolerance: float,
    changes: set[str],
    span: MakeSpan,
    written: Written,
) -> None:
    """No two runs take the same time, and each diff was full of that."""
    a, b = (written([span(shared=place("0"), seconds=each)]) for each in (before, after))
    (found,) = diff(a, b, tolerance=tolerance).places
    assert {change.measure for change in found.changes} == changes


def test_each_figure_that_differs_is_named(span: MakeSpan, written: Written) -> None:
    before = [
        span(number=1, shared=place("0"), own=llm(0.5)),
        span(number=2, shared=place("1"), own={"tta.cache.result": "hit"}),
        span(number=3, shared=place("2"), own={"tta.retry.attempts": 1}),
    ]
    after = [
        span(number=1, shared=place("0"), own=llm(1.0), outcome="error", error="E"),
        span(number=2, shared=place("1"), own={"tta.cache.result": "miss"}),
        span(number=3, shared=place("2"), own={"tta.retry.attempts": 3}),
        span(number=4, shared=place("2")),
    ]
    found = diff(written(before), written(after))
    told = {
        change.path: {each.measure: (each.before, each.after) for each in change.changes}
        for change in found.changes
    }
    assert told == {
        "0": {"failed": (0, 1), "cost": (0.5, 1.0)},
        "1": {"hit_share": (1.0, 0.0)},
        "2": {"calls": (1, 2), "attempts_per_call": (1.0, 3.0)},
    }


def test_a_place_of_another_type_is_another_place(span: MakeSpan, written: Written) -> None:
    """A retry that became a hedge is not a retry with other figures."""
    a, b = written([span(shared=place("0", "P"))]), written([span(shared=place("0", "Q"))])
    kinds = [(change.what, change.kind) for change in diff(a, b).places]
    assert kinds == [("P", "gone"), ("Q", "new")]


def test_two_runs_of_one_file_are_compared(
    span: MakeSpan, written: Written, tmp_path: Path
) -> None:
    path = tmp_path / "both.db"
    for cost in (0.5, 1.0):
        written([span(shared=place("0"), own=llm(cost))], path=path)
    found = diff(TraceFile(path, run=1), TraceFile(path, run=2))
    assert (found.before.spent, found.after.spent) == (0.5, 1.0)


def test_a_diff_reads_well(span: MakeSpan, written: Written) -> None:
    a = written(
        [
            span(number=1, shared=place("0/0.ask", "OpenAIPrimitive"), own=llm(0.5), seconds=1),
            span(number=2, shared=place("0/1.old"), seconds=1),
            span(number=3, shared=place("0/2.same"), seconds=1),
        ]
    )
    b = written(
        [
            span(number=1, shared=place("0/0.ask", "OpenAIPrimitive"), own=llm(1.0), seconds=2),
            span(number=2, shared=place("0/1.new"), own=llm(0.25), seconds=1),
            span(number=3, shared=place("0/2.same"), seconds=1),
        ]
    )
    assert diff_lines(diff(a, b), Style(plain=True)) == [
        "before  1.00 s, 1 model call, 10 in, 0 out, $0.500000 spent",
        "after   2.00 s, 2 model calls, 20 in, 0 out, $1.250000 spent",
        "",
        "0/0.ask OpenAIPrimitive",
        "  p50                      1.00 s -> 2.00 s        +100.0%",
        "  p95                      1.00 s -> 2.00 s        +100.0%",
        "  cost                  $0.500000 -> $1.000000     +100.0%",
        "",
        "new   0/1.new P: 1 call, $0.250000",
        "gone  0/1.old P: 1 call",
        "",
        "3 places changed, 1 the same",
    ]


def test_a_tolerance_that_means_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="tolerance must be from 0 to 1, got 2"):
        diff(tmp_path / "a", tmp_path / "b", tolerance=2)


def test_a_side_that_is_not_there_is_named(span: MakeSpan, written: Written) -> None:
    with pytest.raises(TraceFileError, match=r"missing\.db is not there"):
        diff(written([span()]), "missing.db")
