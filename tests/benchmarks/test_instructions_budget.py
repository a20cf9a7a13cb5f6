"""A budget is held, read, and renewed."""

from __future__ import annotations

import sys
from pathlib import Path

import instructions
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instructions_budget import (
    OTHER_BUILD_TOLERANCE,
    Allowed,
    Budget,
    BudgetError,
    Finding,
    budget_for,
    compare,
    read_budgets,
    this_build,
    updated,
    write_budgets,
)
from instructions_cases import CASES

HERE = "CPython 3.11.7, GCC 12.2.0, Linux x86_64"
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)
BUDGETS = st.dictionaries(
    NAMES,
    st.builds(
        Allowed,
        st.integers(1, 10**9).map(lambda tenths: tenths / 10),
        st.integers(0, 100).map(lambda part: part / 100),
    ),
)


@pytest.mark.parametrize(
    ("counted", "finding"),
    [(1000.0, None), (1020.0, None), (1020.1, Finding.MORE), (500.0, None)],
    ids=["as-before", "just-inside", "just-over", "less"],
)
def test_a_case_may_take_what_its_tolerance_allows(counted: float, finding: object) -> None:
    """A regression passed, or a gain failed."""
    (compared,) = compare({"a": counted}, {"a": Allowed(1000.0, 0.02)}, whole=True)
    assert compared.finding is finding
    assert compared.is_far_below is (counted < 980)


@pytest.mark.parametrize(("whole", "count"), [(True, 2), (False, 1)], ids=["all", "some"])
def test_a_case_and_a_budget_need_each_other(*, whole: bool, count: int) -> None:
    """A case was renamed, and nothing held it any more."""
    compared = compare({"new": 1.0}, {"old": Allowed(1.0)}, whole=whole)
    findings = [each.finding for each in compared]
    assert findings == [Finding.NO_BUDGET, Finding.NO_CASE][:count]


def test_another_build_of_the_same_python_is_held_more_loosely() -> None:
    """The same code failed on the Python of the distribution, which is built otherwise."""
    budgets: dict[str, Budget] = {HERE: {"a": Allowed(100.0, 0.02), "b": Allowed(100.0, 0.5)}}
    assert budget_for(HERE, budgets) == (HERE, budgets[HERE])
    found = budget_for("CPython 3.11.2, Clang 20, Linux aarch64", budgets)
    assert found is not None
    assert found[0] == HERE
    assert [each.tolerance for each in found[1].values()] == [OTHER_BUILD_TOLERANCE, 0.5]
    assert budget_for("CPython 3.1.7, GCC 12.2.0, Linux x86_64", budgets) is None


@given(st.dictionaries(st.sampled_from([HERE, this_build()]), BUDGETS))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, budgets: dict[str, Budget]
) -> None:
    """A budget came back with another number."""
    path = tmp_path_factory.mktemp("budget") / "instructions.toml"
    write_budgets(path, budgets)
    assert read_budgets(path) == budgets
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<<<<<<< HEAD", "is not TOML: .*line 1"),
        ("schema = 1", "has 1 where a table of cases belongs"),
        ("['a']\nb = 7", "gives b 7; it needs instructions above 0"),
        ("['a']\nb = { instructions = 0, tolerance = 0.1 }", "above 0 and a tolerance"),
        ("['a']\nb = { instructions = 5, tolerance = -0.1 }", "above 0 and a tolerance"),
    ],
    ids=["conflict", "no-table", "no-pair", "nothing", "negative"],
)
def test_a_broken_budget_is_told(tmp_path: Path, text: str, told: str) -> None:
    """A merge left marks in the file, and every case passed."""
    path = tmp_path / "instructions.toml"
    path.write_text(text)
    with pytest.raises(BudgetError, match=told):
        read_budgets(path)


def test_an_update_keeps_tolerances_and_drops_what_is_gone() -> None:
    """A tolerance that somebody had widened with care was narrow again."""
    before = {"a": Allowed(1.0, 0.3), "gone": Allowed(1.0)}
    after = updated({"a": 7.06, "new": 8.0}, before, whole=True)
    assert after == {"a": Allowed(7.1, 0.3), "new": Allowed(8.0)}
    assert updated({"new": 8.0}, before, whole=False) == before | {"new": Allowed(8.0)}


def test_every_case_has_a_committed_budget() -> None:
    """A new case was counted, and held to nothing."""
    budgets = read_budgets(instructions.BUDGETS)
    assert {build: list(budget) for build, budget in budgets.items()} == {
        build: list(CASES) for build in budgets
    }
    assert any(build.startswith("CPython 3.11.") for build in budgets)


def test_a_folder_in_the_place_of_the_budget_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped path was answered with the number of an error."""
    program = tmp_path / ("valgrind.bat" if sys.platform == "win32" else "valgrind")
    program.touch(mode=0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert instructions.main(["check", "--budget", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"cannot use {tmp_path}: ")  # what the system says differs
    assert told.endswith("; name another file\n")


@pytest.mark.parametrize(("words", "code"), [([], 0), (["--require"], 2)], ids=["here", "in-ci"])
def test_without_valgrind_it_says_so(
    words: list[str],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The check passed for months on a machine that could count nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert instructions.main(["check", *words]) == code
    told = capsys.readouterr()
    assert told.err.startswith("nothing is counted: valgrind is not on PATH")
    assert not told.out


def test_an_update_without_valgrind_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A budget of nothing was written, and everything was over it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    budget = tmp_path / "instructions.toml"
    assert instructions.main(["update", "--budget", str(budget)]) == 2
    assert "apt-get install valgrind" in capsys.readouterr().err
    assert not budget.exists()
