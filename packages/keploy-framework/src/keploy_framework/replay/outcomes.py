"""What came of a run: of its tests, of its sets, and of all of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from keploy_framework.test_runner import CaseStatus, TestCaseResult, TestResults

if TYPE_CHECKING:
    from keploy_framework.exchange import Request, Response
    from keploy_framework.formats import TestCase
    from keploy_framework.matching.choice.explanation import Explanation
    from keploy_framework.matching.verdict import Verdict
    from keploy_framework.mocks.usage import Usage


class SetStatus(StrEnum):
    """How a test set ended, as upstream's reports spell it."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    APP_FAULT = "APP_FAULT"
    APP_HALTED = "APP_HALTED"
    USER_ABORT = "USER_ABORT"
    INTERNAL_ERR = "INTERNAL_ERR"
    NO_TESTS_TO_RUN = "NO_TESTS_TO_RUN"


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """What came of one test.

    Args:
        name: Its name in the set.
        test_set: The set.
        status: How it ended.
        case: The test; ``None`` where its file is damaged.
        request: What was sent, without secrets.
        expected: What was recorded, its templates filled in.
        actual: What came, without secrets; ``None`` for nothing.
        verdict: How the two compare; ``None`` where they were not compared.
        detail: Why it failed, in one line.
        misses: The calls of the app that no mock answered meanwhile.
        began: When it was sent, in nanoseconds since 1970; 0 where it was not.
        ended: When its response had come, in nanoseconds since 1970.
    """

    __test__ = False  # pytest would collect it for its name

    name: str
    test_set: str
    status: CaseStatus
    case: TestCase | None = None
    request: Request | None = None
    expected: Response | None = None
    actual: Response | None = None
    verdict: Verdict | None = None
    detail: str = ""
    misses: tuple[Explanation, ...] = ()
    began: int = 0
    ended: int = 0

    @property
    def passed(self) -> bool:
        """Whether it passed."""
        return self.status is CaseStatus.PASSED

    @property
    def seconds(self) -> float:
        """How long the app took to answer."""
        return (self.ended - self.began) / 1e9


@dataclass(frozen=True, slots=True)
class SetOutcome:
    """What came of one test set.

    Args:
        name: Its name.
        status: How it ended.
        tests: Its tests in the order they ran.
        detail: Why it ended so, in one line; empty where its tests say it.
        app_lines: What the app wrote last, where it failed.
        usage: Which mocks were used; ``None`` where none were asked.
        began: When it began, in nanoseconds since 1970.
        ended: When it ended, in nanoseconds since 1970.
        unanswered: Calls that could not even be read, each with its reason, and how many.
    """

    name: str
    status: SetStatus
    tests: tuple[TestOutcome, ...] = ()
    detail: str = ""
    app_lines: tuple[str, ...] = ()
    usage: Usage | None = None
    began: int = 0
    ended: int = 0
    unanswered: dict[str, int] = field(default_factory=dict[str, int])

    def count(self, status: CaseStatus) -> int:
        """Count the tests that ended in a way."""
        return sum(test.status is status for test in self.tests)


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What came of a run.

    Args:
        sets: Its sets in the order they ran.
    """

    sets: tuple[SetOutcome, ...] = ()

    @property
    def tests(self) -> tuple[TestOutcome, ...]:
        """All tests in the order they ran."""
        return tuple(test for one in self.sets for test in one.tests)

    @property
    def app_failed(self) -> bool:
        """Whether the app could not be started, or ended by itself."""
        faults = (SetStatus.APP_FAULT, SetStatus.APP_HALTED)
        return any(one.status in faults for one in self.sets)

    @property
    def passed(self) -> bool:
        """Whether at least one test passed and nothing went wrong."""
        fine = (SetStatus.PASSED, SetStatus.NO_TESTS_TO_RUN)
        return any(test.passed for test in self.tests) and all(
            one.status in fine for one in self.sets
        )

    def results(self) -> TestResults:
        """Give the counts, and the cases."""
        tests = self.tests
        return TestResults(
            total=len(tests),
            passed=sum(test.status is CaseStatus.PASSED for test in tests),
            failed=sum(test.status is CaseStatus.FAILED for test in tests),
            test_cases=[
                TestCaseResult(test.name, test.status, test.test_set, test.detail) for test in tests
            ],
        )
