"""The option `--cost-budget`: which runs fail, with what, and what is said."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from .runs import Runs

pytest_plugins = ["pytester"]

TWO = "def test_one():\n    pay(0.02)\ndef test_two():\n    pay(0.03, 0.01)\n"
ACCEPTED = """
[accepted]
usd = 0.05
calls = 3

[accepted.tests]
"test_it.py::test_one" = { usd = 0.02, calls = 1 }
"test_it.py::test_two" = { usd = 0.03, calls = 2 }
"""


def budget(run: Runs, text: str) -> Path:
    path = run.folder / "budget.toml"
    path.write_text(text, encoding="utf-8")
    return path


BUDGETS = {
    "within": ("max_usd = 0.06\nmax_calls = 3\n", []),
    "too-much": (
        "max_usd = 0.059\nmax_calls = 2\n",
        [
            "- spent $0.06, at most $0.059 allowed",
            "- made 3 calls, at most 2 allowed",
        ],
    ),
    "dear-test": (
        "[[test]]\npattern = '*::test_t*'\nmax_usd = 0.03\n",
        ["- test_it.py::test_two: spent $0.04, at most $0.03 allowed"],
    ),
    "tolerated": ("tolerance = 0.2\n" + ACCEPTED, []),
    "dearer": (
        "tolerance = 0.19\n" + ACCEPTED,
        [
            (
                "- spent $0.06, at most $0.0595 tolerated: +20% dearer than the accepted $0.05; "
                "most by test_it.py::test_two (+$0.01)"
            )
        ],
    ),
}


@pytest.mark.parametrize(("text", "faults"), BUDGETS.values(), ids=BUDGETS)
def test_a_run_fails_when_its_budget_is_broken(run: Runs, text: str, faults: list[str]) -> None:
    """A run that costs too much passes, or one that does not fails."""
    result = run(TWO, f"--cost-budget={budget(run, text)}")
    result.assert_outcomes(passed=2)
    assert [line for line in result.outlines if line.startswith("- ")] == faults
    if faults:
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["!*! the cost budget budget.toml is broken !*!"])
    else:
        assert result.ret == pytest.ExitCode.OK
        result.stdout.fnmatch_lines(["the cost budget budget.toml holds"])


def test_unknown_prices_break_dollars_with_the_names_of_the_models(run: Runs) -> None:
    """A run whose price nobody knows passes for free."""
    text = "def test_one():\n    pay(None, model='house')\n"
    result = run(text, f"--cost-budget={budget(run, 'max_usd = 100')}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["- calls without a known price: 1 ('house'), *set_price()"])
    assert run(text, f"--cost-budget={budget(run, 'max_calls = 1')}").ret == pytest.ExitCode.OK


def test_changes_are_marked_for_the_run_and_for_each_test(run: Runs) -> None:
    """One is told that the run became dearer, and has to find out by oneself where."""
    text = TWO + "def test_new():\n    pay(0.005)\n"
    result = run(text, f"--cost-budget={budget(run, 'tolerance = 1' + ACCEPTED)}")
    result.stdout.fnmatch_lines(
        [
            "since accepted: spent +30% dearer ($0.05 before), calls +33% more (3 before)",
            "  *::test_two: spent $0.04, 2 calls, +33% dearer",
            "  *::test_one: spent $0.02, 1 call, unchanged",
            "  *::test_new: spent $0.005, 1 call, new",
        ]
    )


@pytest.mark.parametrize("left_out", ["deselected", "skipped"])
def test_tests_that_did_not_run_are_in_no_change(run: Runs, left_out: str) -> None:
    """Half of the tests run, and the report says that all became half as dear."""
    text = TWO.replace("def test_two", "@pytest.mark.skip\ndef test_two", left_out == "skipped")
    options = ["-k", "one"] if left_out == "deselected" else []
    result = run(text, f"--cost-budget={budget(run, ACCEPTED)}", *options)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "since accepted: spent unchanged ($0.02 before), calls unchanged (1 before)",
            "note: accepted tests that did not run: 1 of 2; they are in no change",
        ]
    )


def test_a_pattern_for_no_test_is_told(run: Runs) -> None:
    """The name of a test changes, and its limit silently holds for nothing."""
    text = "[[test]]\npattern = '*::test_old'\nmax_usd = 0\n"
    result = run(TWO, f"--cost-budget={budget(run, text)}")
    result.stdout.fnmatch_lines(["note: no test of this run fits the pattern '[*]::test_old'"])


def test_a_failed_run_stays_a_failed_run(run: Runs) -> None:
    """A broken budget hides that tests failed, or a failed test hides the broken budget."""
    text = "def test_one():\n    pay(1.0)\n    assert 0\n"
    result = run(text, f"--cost-budget={budget(run, 'max_usd = 0.5')}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["- spent $1.00, at most $0.5 allowed"])


def test_the_file_may_stand_in_the_configuration(run: Runs) -> None:
    """Everybody has to type the option, or its file is looked for where one happens to be."""
    budget(run, "max_calls = 2")
    run.pytester.makeini("[pytest]\ncost_budget = budget.toml\n")
    (run.folder / "below").mkdir()
    run.pytester.chdir()
    assert run(TWO).ret == pytest.ExitCode.TESTS_FAILED
    assert run(TWO, "-o", "cost_budget=").ret == pytest.ExitCode.OK
    (run.folder / "other.toml").write_text("max_calls = 3")
    assert run(TWO, "--cost-budget=other.toml").ret == pytest.ExitCode.OK


def test_the_report_says_what_came_of_it(run: Runs) -> None:
    """A program has to read the terminal to know that the budget is broken."""
    path = budget(run, "tolerance = 0\n" + ACCEPTED)
    run(TWO, f"--cost-budget={path}", "--cost-report=costs.json")
    told = json.loads((run.folder / "costs.json").read_text())
    assert told["budget"]["file"] == "budget.toml"
    assert told["budget"]["holds"] is False
    assert len(told["budget"]["faults"]) == 1
    assert told["budget"]["spent_usd"] == pytest.approx(
        {"accepted": 0.05, "now": 0.06, "change": 0.2}
    )
    assert [(test["accepted_usd"], test["change"]) for test in told["tests"]] == [
        (0.03, pytest.approx(1 / 3)),
        (0.02, 0.0),
    ]


REFUSED = {
    "missing": (None, [], "budget.toml: there is no such budget file; write it, or *"),
    "broken": ("max_usd = \n", [], "budget.toml, line 1: this is not TOML: *"),
    "unknown-key": ("max_dollars = 1\n", [], "budget.toml, line 1: 'max_dollars' is not known*"),
    "negative": ("max_usd = -1\n", [], "*, line 1: max_usd must be a number of 0 or more, got -1"),
    "no-limit": ("tolerance = 0.2\n", [], "*budget.toml: it limits nothing; give max_usd *"),
    "no-folder": ("max_usd = 1\n", ["--cost-report=no/costs.json"], "*there is no folder no; *"),
}


@pytest.mark.parametrize(("text", "options", "line"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_stops_the_run_in_one_line(
    run: Runs, text: str | None, options: list[str], line: str
) -> None:
    """A mistyped budget makes a run that always passes, or ends in a traceback."""
    if text is not None:
        budget(run, text)
    result = run(TWO, "--cost-budget=budget.toml", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert result.outlines == []
    (told,) = filter(None, result.errlines)
    assert told.startswith("ERROR: ")
    result.stderr.fnmatch_lines([f"ERROR: {line}"])


def test_an_update_needs_a_file(run: Runs) -> None:
    """The accepted figures go nowhere, and nobody says so."""
    result = run(TWO, "--cost-budget-update")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --cost-budget-update needs --cost-budget FILE*"])


def test_listing_tests_asks_for_no_budget(run: Runs) -> None:
    """Nobody can list the tests before the budget file is there."""
    result = run(TWO, "--cost-budget=budget.toml", "--collect-only", "-q")
    assert result.ret == pytest.ExitCode.OK


def test_an_update_makes_the_file_and_the_next_run_holds_it(run: Runs) -> None:
    """What was accepted is compared with something else."""
    options = ("--cost-budget=budget.toml", "--cost-budget-update")
    result = run(TWO, *options)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["accepted figures written to budget.toml"])
    assert tomllib.loads((run.folder / "budget.toml").read_text()) == {
        "tolerance": 0.1,
        "accepted": {
            "usd": 0.06,
            "calls": 3,
            "tests": {
                "test_it.py::test_one": {"usd": 0.02, "calls": 1},
                "test_it.py::test_two": {"usd": 0.04, "calls": 2},
            },
        },
    }
    assert run(TWO, "--cost-budget=budget.toml").ret == pytest.ExitCode.OK
    dearer = TWO.replace("0.03", "0.04")
    assert run(dearer, "--cost-budget=budget.toml").ret == pytest.ExitCode.TESTS_FAILED
    assert run(dearer, *options).ret == pytest.ExitCode.OK
    assert run(dearer, "--cost-budget=budget.toml").ret == pytest.ExitCode.OK


def test_an_update_says_which_tests_it_forgets(run: Runs) -> None:
    """A run of one test throws the figures of all others away without a word."""
    path = budget(run, ACCEPTED)
    result = run(TWO, f"--cost-budget={path}", "--cost-budget-update", "-k", "one")
    result.stdout.fnmatch_lines(["no longer among them: test_it.py::test_two"])


def test_an_update_does_not_lift_the_limits(run: Runs) -> None:
    """Accepting the figures of a run makes it pass whatever it cost, now or from then on."""
    path = budget(run, "max_usd = 0.05")
    for options in (["--cost-budget-update"], []):
        result = run(TWO, f"--cost-budget={path}", *options)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        result.stdout.fnmatch_lines(["- spent $0.06, at most $0.05 allowed"])
    assert "accepted" in path.read_text()


def test_figures_that_cannot_be_written_fail_the_run(run: Runs) -> None:
    """An update changes nothing, and looks as if all was well."""
    path = budget(run, "accepted = { calls = 9 }\n")
    result = run(TWO, f"--cost-budget={path}", "--cost-budget-update")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["the accepted figures could not be written: *[[]accepted]*"])
    assert path.read_text() == "accepted = { calls = 9 }\n"


def test_a_run_that_fails_is_not_accepted(run: Runs) -> None:
    """A test stops half way, and the half becomes what it may cost."""
    path = budget(run, ACCEPTED)
    result = run(TWO + "    assert 0\n", f"--cost-budget={path}", "--cost-budget-update")
    assert path.read_text() == ACCEPTED
    result.stdout.fnmatch_lines(["the accepted figures stay as they are: the run did not pass"])


def test_an_update_of_calls_without_a_price_accepts_the_calls(run: Runs) -> None:
    """Calls that nobody can price are accepted as free."""
    text = "def test_one():\n    pay(None)\n"
    options = ("--cost-budget=budget.toml", "--cost-budget-update")
    assert run(text, *options).ret == pytest.ExitCode.OK
    accepted = tomllib.loads((run.folder / "budget.toml").read_text())["accepted"]
    assert accepted == {"calls": 1, "tests": {"test_it.py::test_one": {"calls": 1}}}
    result = run(text, "--cost-budget=budget.toml")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["note: no change of dollars is known: *"])


def test_a_step_of_a_workflow_gets_a_summary(run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of a pull request says nothing of the costs, or loses what others wrote there."""
    summary = run.folder / "summary.md"
    summary.write_text("# Before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    run(TWO, f"--cost-budget={budget(run, 'tolerance = 0.1' + ACCEPTED)}")
    lines = summary.read_text().splitlines()
    assert lines[0] == "# Before"
    assert "**The cost budget budget.toml is broken.**" in lines
    assert "| spent | $0.06 | $0.05 | **+20% dearer** |" in lines


def test_a_summary_that_cannot_be_written_fails_nothing(
    run: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run fails for a file that it did not ask for, or nobody is told that it is missing."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(run.folder))
    result = run(TWO, f"--cost-budget={budget(run, 'max_calls = 3')}")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["note: the step's summary could not be written: *"])


def test_a_report_that_cannot_be_written_fails_the_run(run: Runs) -> None:
    """A later step reads the report of an earlier run."""
    text = TWO + "def test_last():\n    import pathlib\n    pathlib.Path('costs.json').mkdir()\n"
    result = run(text, "--cost-report=costs.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["the cost report could not be written: *"])
