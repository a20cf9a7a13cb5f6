"""The summary of a step, where names of tests and models are text and nothing else."""

from __future__ import annotations

import html
import re

from hypothesis import example, given
from hypothesis import strategies as st

from observability_integration.pytest_plugin.whole_run.budget import RunBudget
from observability_integration.pytest_plugin.whole_run.costs import RunCosts
from observability_integration.pytest_plugin.whole_run.judgement import Judgement
from observability_integration.pytest_plugin.whole_run.step_summary import step_summary
from observability_integration.pytest_plugin.whole_run.told_run import ToldRun

from .runs import report


def summary(node_id: str, model: str = "m", fault: str = "f") -> list[str]:
    costs = RunCosts({node_id: report(0.1, 1, unpriced=1, model=model)})
    told = ToldRun(costs, "budget.toml", RunBudget(), Judgement(faults=(fault,)))
    return step_summary(told).splitlines()


@given(name=st.text(st.characters(exclude_categories=["Cs"])))
@example(name="a|b<script>`x` *y* __z__ [l](javascript:1) ![i](x) @user #1 \\ https://x www.y.z")
@example(name="a\nb\r\n# c\u2028d")
def test_no_name_makes_markup_or_lines(name: str) -> None:
    """The name of a test opens a link, breaks the table, or calls somebody by name."""
    plain = summary("plain", "plain", "plain")
    lines = summary(name, name, name)
    assert len(lines) == len(plain)
    for line, other in zip(lines, plain, strict=True):
        assert line.count("|") == other.count("|")
        told = re.sub(r"</?code>|&#\d+;|^- |\*\*", "", line)
        assert not re.search(r"[<>`*_\[\]@#\\!&~]|www\.|://", told.removeprefix("### "))
    (row,) = (line for line in lines if line.startswith("| <code>"))
    shown = html.unescape(row.removeprefix("| <code>").partition("</code>")[0])
    # HTML has no letter for what is no letter, such as a line feed from another age.
    assert shown == html.unescape("".join(f"&#{ord(it)};" for it in " ".join(name.split())))


def test_a_long_list_is_cut_and_says_so() -> None:
    """A thousand tests make a summary that is refused for its length."""
    costs = RunCosts({f"test_{number}": report(0.1) for number in range(1_000)})
    told = ToldRun(costs, "b", RunBudget(), Judgement(faults=tuple(map(str, range(1_000)))))
    text = step_summary(told)
    assert "And 990 more tests." in text
    assert "- and 950 more" in text
    assert len(text) < 10_000
