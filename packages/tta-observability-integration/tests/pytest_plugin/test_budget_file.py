"""Reading budgets, and writing accepted figures among what people wrote."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observability_integration.cost.budget import CostBudget
from observability_integration.pytest_plugin.whole_run.accepted_figures import (
    accepted_costs,
    with_accepted,
    write_atomically,
)
from observability_integration.pytest_plugin.whole_run.budget import (
    AcceptedCost,
    AcceptedCosts,
    PatternLimits,
    RunBudget,
)
from observability_integration.pytest_plugin.whole_run.budget_file import (
    BudgetFileError,
    parse_budget,
    read_text,
)
from observability_integration.pytest_plugin.whole_run.costs import RunCosts

from .runs import report

PATH = Path("budget.toml")
WHOLE = """\
# What the tests may cost.
max_usd = 0.5
max_calls = 400
tolerance = 0.2  # providers are moody

[[test]]
pattern = "tests/chat/*"  # the dear ones
max_usd = 0.01

[accepted]
usd = 0.4
calls = 380

[accepted.tests]
"tests/test_a.py::test_x[a = [b]]" = { usd = 0.4, calls = 380 }

# Nobody may call twice here.
[[test]]
pattern = "tests/free/*"
max_calls = 1
"""
BUDGET = RunBudget(
    CostBudget(0.5, 400),
    (
        PatternLimits("tests/chat/*", CostBudget(max_usd=0.01)),
        PatternLimits("tests/free/*", CostBudget(max_calls=1)),
    ),
    0.2,
    AcceptedCosts(
        AcceptedCost(0.4, 380), {"tests/test_a.py::test_x[a = [b]]": AcceptedCost(0.4, 380)}
    ),
)


def test_a_whole_file_is_read() -> None:
    """A key that the page has is not read."""
    assert parse_budget(PATH, WHOLE) == BUDGET


FAULTS = {
    "not-toml": ("max_usd = 1\nmax_calls\n", 2, "this is not TOML: "),
    "unknown-key": ("max_usd = 1\nmax_call = 2\n", 2, "'max_call' is not known, use max_usd, "),
    "negative": ("max_usd = -0.5\n", 1, "max_usd must be a number of 0 or more, got -0.5"),
    "nan": ("max_usd = nan\n", 1, "max_usd must be a number of 0 or more, got nan"),
    "endless": ("max_usd = inf\n", 1, "max_usd must be a number of 0 or more, got inf"),
    "text": ("max_usd = '1 dollar'\n", 1, "max_usd must be a number of 0 or more, got '1 dollar'"),
    "yes": ("max_usd = true\n", 1, "max_usd must be a number of 0 or more, got True"),
    "half-a-call": ("max_calls = 1.5\n", 1, "max_calls must be a whole number of 0 or more"),
    "negative-calls": ("max_calls = -1\n", 1, "max_calls must be a whole number of 0 or more"),
    "negative-tolerance": ("tolerance = -0.1\n", 1, "tolerance must be a number of 0 or more"),
    "one-test": ("[test]\npattern = '*'\n", 1, "test must be tables [[test]]"),
    "no-pattern": ("[[test]]\nmax_calls = 1\n", 1, "pattern must name the tests"),
    "empty-pattern": ("[[test]]\nmax_calls = 1\npattern = ''\n", 3, "pattern must name the tests"),
    "no-limit": ("[[test]]\npattern = '*'\n", 1, "give max_usd, max_calls or both"),
    "second-test": (
        "[[test]]\npattern = '*'\nmax_usd = 1\n\n[[test]]\npattern = '*'\nmax_usd = -1\n",
        7,
        "max_usd must be a number of 0 or more, got -1",
    ),
    "missing-in-first": (
        "[[test]]\nmax_usd = 1\n[[test]]\npattern = '*'\nmax_usd = 1\n",
        1,
        "pattern must name the tests",
    ),
    "unknown-in-test": ("[[test]]\npattern = '*'\nusd = 1\n", 3, "'usd' is not known, use pattern"),
    "accepted-number": ("accepted = 1\n", None, "accepted must be a table, got 1"),
    "no-calls": ("[accepted]\nusd = 1\n", 1, "calls must be a whole number of 0 or more, got None"),
    "negative-accepted": ("[accepted]\ncalls = 1\nusd = -1\n", 3, "usd must be a number of 0"),
    "unknown-accepted": ("[accepted]\ncalls = 1\nwasted = 1\n", 3, "'wasted' is not known, use"),
    "accepted-test": (
        "[accepted]\ncalls = 1\n[accepted.tests]\n'a.py::b' = 1\n",
        4,
        "'a.py::b' must be a table with usd and calls, got 1",
    ),
}


@pytest.mark.parametrize(("text", "line", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_fault_has_its_line_and_what_to_do(text: str, line: int | None, reason: str) -> None:
    """A mistyped limit is taken for none, or one has to search the file for it."""
    with pytest.raises(BudgetFileError, match=re.escape(reason)) as raised:
        parse_budget(PATH, text)
    assert raised.value.line == line
    assert str(raised.value).startswith("budget.toml" + (f", line {line}: " if line else ": "))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no such budget file; write it, or let --cost-budget-update do so"),
        (b"\xff", "the budget cannot be read (UnicodeDecodeError); give a file of TOML in UTF-8"),
    ],
    ids=["missing", "bytes"],
)
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """A missing file ends in a traceback."""
    path = tmp_path / "budget.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BudgetFileError) as raised:
        read_text(path)
    assert raised.value.reason == reason


NEW = AcceptedCosts(AcceptedCost(0.1, 2), {"b.py::test": AcceptedCost(0.1, 2)})


def test_new_figures_leave_all_else_as_people_wrote_it() -> None:
    """An update throws comments away, or moves them to another table."""
    written = with_accepted(PATH, WHOLE, NEW)
    assert written == WHOLE.replace(
        WHOLE[WHOLE.index("[accepted]") : WHOLE.index("\n# Nobody")],
        "[accepted]\n# Written by pytest --cost-budget-update.\nusd = 0.1\ncalls = 2\n\n"
        '[accepted.tests]\n"b.py::test" = { usd = 0.1, calls = 2 }\n',
    )
    assert with_accepted(PATH, written, NEW) == written


def test_the_ends_of_lines_stay_those_of_the_file() -> None:
    """An update on Windows changes every line of the file."""
    written = with_accepted(PATH, WHOLE.replace("\n", "\r\n"), NEW)
    assert written.count("\n") == written.count("\r\n") > 20


@pytest.mark.parametrize(
    "text",
    [
        "accepted = { calls = 1 }\n",
        "accepted.calls = 1\n",
        "max_usd = 1\n[[test]]\nmax_usd = 1\npattern = '''\n[accepted]\n'''\n",
    ],
    ids=["inline", "dotted", "within-a-text"],
)
def test_figures_in_another_form_are_not_overwritten(text: str) -> None:
    """An update writes a file that nobody can read, or changes a limit."""
    parse_budget(PATH, text)
    with pytest.raises(BudgetFileError, match="write them as a table"):
        with_accepted(PATH, text, NEW)


figures = st.builds(
    AcceptedCost, st.none() | st.floats(0, 1e6, allow_subnormal=False), st.integers(0, 10**9)
)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@settings(max_examples=200, deadline=None)
@given(accepted=st.builds(AcceptedCosts, figures, st.dictionaries(names, figures, max_size=4)))
@pytest.mark.parametrize("before", ["", WHOLE], ids=["new", "over-old"])
def test_what_is_written_is_what_is_read(before: str, accepted: AcceptedCosts) -> None:
    """A name of a test with quotes, or a small sum, comes back as something else."""
    budget = parse_budget(PATH, with_accepted(PATH, before, accepted))
    assert budget == replace(BUDGET if before else RunBudget(), accepted=accepted)


def test_accepted_figures_are_short_enough_to_review() -> None:
    """A line changes in a digit that only the order of a sum decides."""
    costs = RunCosts({"b": report(0.1 + 0.2), "a": report(0.0, unpriced=1)})
    assert list(accepted_costs(costs).tests.items()) == [
        ("a", AcceptedCost(None, 1)),
        ("b", AcceptedCost(0.3, 1)),
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="has no such links and permissions")
def test_a_file_keeps_its_permissions_and_links_to_it(tmp_path: Path) -> None:
    """An update replaces a link by a file, or opens a file to everybody."""
    path = tmp_path / "budget.toml"
    path.write_text("old")
    path.chmod(0o600)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    write_atomically(link, "new")
    assert link.is_symlink()
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)


def test_a_file_is_replaced_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk is full, and half of the budget file is what remains."""

    def full(_: int) -> None:
        raise OSError(28, "no space left on device")

    path = tmp_path / "budget.toml"
    path.write_text("old")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["budget.toml"]
