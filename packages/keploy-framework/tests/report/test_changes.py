"""What changed between two runs."""

from __future__ import annotations

import json

import pytest

from keploy_framework.report import ReportedRun, SetView, TestView, compare_runs
from keploy_framework.report.changes import ChangeKind
from keploy_framework.report.differences import DifferenceView


def run(name: str, **statuses: str | tuple[str, ...]) -> ReportedRun:
    """Make a run; a tuple stands for a failed test with these differences."""
    tests = [
        TestView(
            "s",
            test,
            status if isinstance(status, str) else "FAILED",
            differences=tuple(
                DifferenceView(path, path, "value", "1", "2")
                for path in (status if isinstance(status, tuple) else ())
            ),
        )
        for test, status in statuses.items()
    ]
    return ReportedRun(name, (SetView("s", "FAILED", tuple(tests)),))


@pytest.mark.parametrize(
    ("before", "after", "kind", "worse"),
    [
        ("PASSED", ("body.a",), ChangeKind.BROKEN, True),
        (("body.a",), "PASSED", ChangeKind.FIXED, False),
        (("body.a",), ("body.b",), ChangeKind.OTHERWISE, True),
        ("PASSED", "IGNORED", ChangeKind.STATUS, False),
        (("body.a",), "IGNORED", ChangeKind.STATUS, False),
        ("IGNORED", ("body.a",), ChangeKind.BROKEN, True),
    ],
    ids=["broken", "fixed", "otherwise", "left-out", "failure-left-out", "ignored-then-broken"],
)
def test_kind_of_a_change(before, after, kind, worse):
    """A test that broke was reported as something else."""
    changes = compare_runs(run("r1", t=before), run("r2", t=after))
    assert [one.kind for one in changes.tests] == [kind]
    assert changes.is_worse is worse


@pytest.mark.parametrize("status", ["PASSED", ("body.a", "body.b")], ids=["passed", "failed"])
def test_what_stayed_is_no_change(status):
    """Two equal runs differed."""
    changes = compare_runs(run("r1", t=status), run("r2", t=status))
    assert (changes.tests, changes.unchanged, changes.is_worse) == ((), 1, False)


def test_new_and_gone_tests_are_told():
    """A test that vanished was not missed."""
    changes = compare_runs(run("r1", old="PASSED"), run("r2", new=("body.a",)))
    assert [(one.name, one.kind) for one in changes.tests] == [
        ("new", ChangeKind.ADDED),
        ("old", ChangeKind.REMOVED),
    ]
    assert changes.is_worse


def test_text_says_what_appeared_and_vanished():
    """The reader had to compare two reports by hand."""
    changes = compare_runs(
        run("r1", a=("body.x", "body.y"), b="PASSED"),
        run("r2", a=("body.x", "body.z"), b=("body.q",)),
    )
    assert str(changes).splitlines() == [
        "r1 -> r2",
        "broken: s/b (PASSED -> FAILED)",
        "  + body.q: expected 1, got 2",
        "fails otherwise: s/a",
        "  + body.z: expected 1, got 2",
        "  - body.y: expected 1, got 2",
        "2 changed, 0 as before",
    ]
    assert json.loads(json.dumps(changes.as_data()))["tests"][0]["kind"] == "broken"
