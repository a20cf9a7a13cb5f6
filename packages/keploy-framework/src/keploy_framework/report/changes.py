"""What changed between two runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keploy_framework.report.view import ReportedRun, TestView


class ChangeKind(StrEnum):
    """How a test changed, what needs looking at first."""

    BROKEN = "broken"
    OTHERWISE = "fails otherwise"
    FIXED = "fixed"
    ADDED = "added"
    REMOVED = "removed"
    STATUS = "other status"


@dataclass(frozen=True, slots=True)
class TestChange:
    """A test that is not as it was.

    Args:
        test_set: The set it is in.
        name: Its name.
        kind: How it changed.
        before: Its status in the first run; empty where it was not there.
        after: Its status in the second run; empty where it is not there.
        appeared: The differences only the second run has.
        vanished: The differences only the first run has.
    """

    __test__ = False  # pytest would collect it for its name

    test_set: str
    name: str
    kind: ChangeKind
    before: str
    after: str
    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunChanges:
    """What changed between two runs.

    Args:
        before: The name of the first run.
        after: The name of the second run.
        tests: The tests that changed: by kind, then in the order they ran.
        unchanged: How many tests are as they were.
    """

    before: str
    after: str
    tests: tuple[TestChange, ...]
    unchanged: int

    @property
    def is_worse(self) -> bool:
        """Whether a test fails that did not, or fails otherwise than it did."""
        worse = (ChangeKind.BROKEN, ChangeKind.OTHERWISE)
        return any(
            one.kind in worse or (one.kind is ChangeKind.ADDED and one.after == "FAILED")
            for one in self.tests
        )

    def as_data(self) -> dict[str, Any]:  # Any: JSON
        """Give the changes as data for JSON."""
        return {
            "version": 1,
            "before": self.before,
            "after": self.after,
            "is_worse": self.is_worse,
            "unchanged": self.unchanged,
            "tests": [
                {
                    "test_set": one.test_set,
                    "name": one.name,
                    "kind": str(one.kind),
                    "before": one.before,
                    "after": one.after,
                    "appeared": list(one.appeared),
                    "vanished": list(one.vanished),
                }
                for one in self.tests
            ],
        }

    def __str__(self) -> str:
        lines = [f"{self.before} -> {self.after}"]
        for one in self.tests:
            lines.append(f"{one.kind}: {one.test_set}/{one.name}{_statuses(one)}")
            lines += [f"  + {text}" for text in one.appeared]
            lines += [f"  - {text}" for text in one.vanished]
        lines.append(f"{len(self.tests)} changed, {self.unchanged} as before")
        return "\n".join(lines)


def compare_runs(before: ReportedRun, after: ReportedRun) -> RunChanges:
    """Tell which tests are not as they were: their status, or what they fail by.

    Args:
        before: The first run.
        after: The second run.
    """
    old, new = _by_name(before), _by_name(after)
    changes: list[TestChange] = []
    for key in dict.fromkeys((*new, *old)):
        change = _change(key, old.get(key), new.get(key))
        if change is not None:
            changes.append(change)
    order = list(ChangeKind)
    changes.sort(key=lambda one: order.index(one.kind))
    unchanged = len(dict.fromkeys((*new, *old))) - len(changes)
    return RunChanges(before.name, after.name, tuple(changes), unchanged)


def _by_name(run: ReportedRun) -> dict[tuple[str, str], TestView]:
    return {(test.test_set, test.name): test for test in run.tests}


def _change(key: tuple[str, str], old: TestView | None, new: TestView | None) -> TestChange | None:
    was, came = _reasons(old), _reasons(new)
    appeared = tuple(text for text in came if text not in was)
    vanished = tuple(text for text in was if text not in came)
    before, after = old.status if old else "", new.status if new else ""
    if before == after and not (after == "FAILED" and (appeared or vanished)):
        return None
    return TestChange(*key, _kind(before, after), before, after, appeared, vanished)


def _kind(before: str, after: str) -> ChangeKind:
    if not before:
        return ChangeKind.ADDED
    if not after:
        return ChangeKind.REMOVED
    if after == "FAILED":
        return ChangeKind.OTHERWISE if before == after else ChangeKind.BROKEN
    return ChangeKind.FIXED if (before, after) == ("FAILED", "PASSED") else ChangeKind.STATUS


def _reasons(test: TestView | None) -> dict[str, None]:
    """Give what a test fails by; the calls without a mock count, too."""
    if test is None or not test.failed:
        return {}
    reasons = [str(one) for one in test.differences]
    reasons += [f"no mock answers {miss.request}" for miss in test.misses]
    return dict.fromkeys(reasons or [test.reason])


def _statuses(one: TestChange) -> str:
    if one.before and one.after and one.before != one.after:
        return f" ({one.before} -> {one.after})"
    return f" ({one.after})" if one.kind is ChangeKind.ADDED else ""
