from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.cost_report.report import CostReport
from tta_dev_primitives.devtools.cost_report.text_format import text_lines
from tta_dev_primitives.devtools.findings.source_frame import columns

from .reports_here import REPORTS, member, named, passing


@pytest.mark.parametrize("name", REPORTS)
def test_verdict_comes_first_with_its_reasons(name: str) -> None:
    """Somebody read the saving, and the verdict was a screen further down."""
    verdict = REPORTS[name].measurement.verdict
    lines = text_lines(REPORTS[name])
    assert lines[0] == f"verdict: {verdict.status}"
    assert lines[1 : 1 + len(verdict.reasons)] == [f"  {reason}" for reason in verdict.reasons]


@pytest.mark.parametrize("name", REPORTS)
def test_lines_fit_an_ordinary_terminal(name: str) -> None:
    """The table was broken over two lines of a terminal with 80 columns."""
    assert max(columns(line) for line in text_lines(REPORTS[name], width=80)) <= 80


@pytest.mark.parametrize(
    "text",
    ["short", "a-vendor/" + "long-" * 30 + "model", "\u6a21\u578b" * 30, "e\u0301" * 40],
    ids=["short", "long", "wide", "combining"],
)
def test_columns_stay_below_each_other_whatever_the_name(text: str) -> None:
    """Names of wide characters pushed the figures to the right."""
    lines = text_lines(named(text), width=80)
    start = lines.index("Cost by arm")
    rows = [line for line in lines[start + 1 : start + 8] if line != "to compare with:"]
    assert len({columns(row) for row in rows}) == 1
    assert columns(rows[0]) <= 80


@given(st.text(min_size=1, max_size=200))
def test_no_text_moves_the_cursor(text: str) -> None:
    """A file's name cleared the screen of whoever read the report."""
    lines = text_lines(named(text))
    assert all(line.isprintable() for line in lines)
    assert len(lines) < 60


def test_members_without_calls_are_left_out_of_the_table() -> None:
    """Ten members without a call hid the two that have any."""
    told = "\n".join(text_lines(passing()))
    assert "shop-assistant" in told
    assert "no-calls" not in told


def test_total_adds_up_members() -> None:
    """The last row of the adoption was the last member's."""
    adoption = [
        member("a", 5, cache=(1, 2, 1), timeout=(2, 5, 0)),
        member("b", 7, cache=(3, 4, 2), timeout=(0, 7, 0)),
    ]
    lines = text_lines(CostReport(passing().measurement, adoption))
    (total,) = [line for line in lines if line.startswith("all ") and "together" not in line]
    assert total.split() == ["all", "12", "4/6", "+3?", "-", "2/12", "-"]


def test_members_keep_their_figures_when_they_are_added_up() -> None:
    """The second report in one process counted the calls twice."""
    report = passing()
    assert text_lines(report) == text_lines(report)


def test_adoption_is_told_only_where_code_was_looked_at() -> None:
    """A report without code said that there are no calls in it."""
    lines = text_lines(replace(passing(), adoption=None))
    assert not any("Adoption" in line or "No calls" in line for line in lines)
    assert "No calls of models found, so there is nothing to wrap." in text_lines(
        REPORTS["nothing"]
    )


def test_all_levers_together_are_told_after_several() -> None:
    """Two savings had to be added up to be compared with the target."""
    lines = text_lines(passing())
    start = lines.index("Saving by lever")
    assert [line.split("  ")[0] for line in lines[start + 2 : start + 5]] == [
        "exact cache",
        "router",
        "all together",
    ]
    assert not any(line.startswith("all together") for line in text_lines(REPORTS["fail"]))


def test_conversations_that_were_counted_no_further_are_as_many_or_more() -> None:
    """A hundred thousand conversations were drawn in a thousand parts, and reported as those."""
    measured = replace(passing().measurement, requests=100_000, conversations=1_000)
    lines = text_lines(CostReport(measured))
    assert any("100,000 in 1,000 conversations or more" in line for line in lines)
