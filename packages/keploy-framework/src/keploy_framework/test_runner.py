"""What a run of recorded tests came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from keploy_framework.errors import KeployResultsError

if TYPE_CHECKING:
    from collections.abc import Iterable


class CaseStatus(StrEnum):
    """How one test case ended, as Keploy's reports spell it."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    IGNORED = "IGNORED"
    OBSOLETE = "OBSOLETE"


@dataclass(frozen=True, slots=True)
class TestCaseResult:
    """One test case of a run.

    Args:
        name: The test's name, such as ``test-3``.
        status: How it ended.
        test_set: The set it belongs to; may be empty.
        detail: Why it failed, in one line; may be empty.
    """

    __test__: ClassVar[bool] = False  # pytest would collect it for its name

    name: str
    status: CaseStatus
    test_set: str = ""
    detail: str = ""

    def __str__(self) -> str:
        label = f"{self.test_set}/{self.name}" if self.test_set else self.name
        return f"{label} ({self.detail})" if self.detail else label


@dataclass(frozen=True, slots=True, init=False)
class TestResults:
    """The counts of a run, and its cases where they are known.

    ``total`` may exceed ``passed + failed``: the rest was ignored or is obsolete.

    Args:
        total: How many test cases there were.
        passed: How many passed.
        failed: How many failed.
        pass_rate: Percentage of ``total`` that passed, 0 to 100; may be rounded or cut to a whole
            percent. Computed when not given; 0.0 when there were no tests.
        test_cases: The cases, all or some; kept as a tuple.

    Raises:
        KeployResultsError: The numbers contradict one another.
    """

    __test__: ClassVar[bool] = False  # pytest would collect it for its name

    total: int
    passed: int
    failed: int
    pass_rate: float
    test_cases: tuple[TestCaseResult, ...]

    def __init__(
        self,
        *,
        total: int,
        passed: int,
        failed: int,
        pass_rate: float | None = None,
        test_cases: Iterable[TestCaseResult] = (),
    ) -> None:
        if passed < 0 or failed < 0 or passed + failed > total:
            msg = (
                f"{passed} passed and {failed} failed of {total} in total cannot be; "
                "count every test case once, from 0 up"
            )
            raise KeployResultsError(msg)
        computed = 100 * passed / total if total else 0.0
        rate = computed if pass_rate is None else pass_rate
        if not abs(rate - computed) < 1:
            msg = (
                f"pass_rate {rate!r} is not the percentage that {passed} of {total} passed make, "
                f"{computed:.1f}; leave it out to have it computed"
            )
            raise KeployResultsError(msg)
        # A frozen record is filled this way in its own constructor only.
        object.__setattr__(self, "total", total)
        object.__setattr__(self, "passed", passed)
        object.__setattr__(self, "failed", failed)
        object.__setattr__(self, "pass_rate", rate)
        object.__setattr__(self, "test_cases", tuple(test_cases))

    @property
    def is_success(self) -> bool:
        """Whether something passed and nothing failed; a run without tests is no success."""
        return self.failed == 0 and self.passed > 0
