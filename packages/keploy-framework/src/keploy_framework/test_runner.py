"""What a run of recorded tests came to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from keploy_framework.errors import KeployResultsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# A rate rounded to a whole percent still agrees with its counts.
_ROUNDING = 0.5


class CaseStatus(StrEnum):
    """How one test case ended, named as Keploy's reports name it."""

    PASSED = "passed"
    FAILED = "failed"
    IGNORED = "ignored"
    OBSOLETE = "obsolete"


@dataclass(frozen=True, slots=True)
class TestCaseResult:
    """One test case of a run.

    Args:
        name: The test's name, such as ``test-3``.
        status: A `CaseStatus` or its text in any case, such as ``"PASSED"``.
        test_set: The set it belongs to; may be empty.
        detail: Why it failed, in one line; may be empty.

    Raises:
        KeployResultsError: The status is unknown.
    """

    __test__: ClassVar[bool] = False  # pytest would collect it for its name

    name: str
    status: CaseStatus
    test_set: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", _status_from(self.name, self.status))

    def __getitem__(self, field: str) -> str:
        """Read a field by its name, as version 0.1 read its dictionaries."""
        if field not in self.__slots__:
            raise KeyError(field)
        return str(getattr(self, field))

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
        pass_rate: Percentage of ``total`` that passed, 0 to 100. Computed when not given;
            0.0 when there were no tests.
        test_cases: The cases, as `TestCaseResult` or mappings of its fields; kept as a tuple.
            Other keys of a mapping are left out.

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
        total: int,
        passed: int,
        failed: int,
        pass_rate: float | None = None,
        test_cases: Iterable[TestCaseResult | Mapping[str, str]] = (),
    ) -> None:
        _check_counts(total, passed, failed)
        computed = 100 * passed / total if total else 0.0
        if pass_rate is not None and not abs(pass_rate - computed) <= _ROUNDING:
            msg = (
                f"pass_rate {pass_rate!r} is not the percentage that {passed} of {total} passed "
                f"make, {computed:.1f}; leave it out to have it computed"
            )
            raise KeployResultsError(msg)
        cases = tuple(_case_from(case) for case in test_cases)
        _check_cases(cases, total, passed, failed)
        # A frozen record is filled this way in its own constructor only.
        object.__setattr__(self, "total", total)
        object.__setattr__(self, "passed", passed)
        object.__setattr__(self, "failed", failed)
        object.__setattr__(self, "pass_rate", computed if pass_rate is None else float(pass_rate))
        object.__setattr__(self, "test_cases", cases)

    @property
    def is_success(self) -> bool:
        """Whether something passed and nothing failed; a run without tests is no success."""
        return self.failed == 0 and self.passed > 0


def _check_counts(total: int, passed: int, failed: int) -> None:
    for name, count in (("total", total), ("passed", passed), ("failed", failed)):
        if not isinstance(count, int) or count < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            msg = f"{name} must be a whole number from 0 up, got {count!r}; count the test cases"
            raise KeployResultsError(msg)
    if passed + failed > total:
        msg = (
            f"{passed} passed and {failed} failed make more than the total of {total}; "
            "count every test case once"
        )
        raise KeployResultsError(msg)


def _check_cases(cases: tuple[TestCaseResult, ...], total: int, passed: int, failed: int) -> None:
    statuses = [case.status for case in cases]
    limits = (
        ("test cases", len(statuses), total),
        ("passed test cases", statuses.count(CaseStatus.PASSED), passed),
        ("failed test cases", statuses.count(CaseStatus.FAILED), failed),
    )
    for name, listed, counted in limits:
        if listed > counted:
            msg = f"{listed} {name} are listed but {counted} counted; correct the counts"
            raise KeployResultsError(msg)


def _case_from(case: TestCaseResult | Mapping[str, str]) -> TestCaseResult:
    if isinstance(case, TestCaseResult):
        return case
    for field in ("name", "status"):
        if field not in case:
            msg = f"a test case has no {field!r}, got {dict(case)!r}; give it name and status"
            raise KeployResultsError(msg)
    return TestCaseResult(
        name=case["name"],
        status=_status_from(case["name"], case["status"]),
        test_set=case.get("test_set", ""),
        detail=case.get("detail", ""),
    )


def _status_from(name: str, text: str) -> CaseStatus:
    try:
        return CaseStatus(text.lower())
    except ValueError as error:
        known = ", ".join(CaseStatus)
        msg = f"test case {name!r} has the status {text!r}; use one of {known}"
        raise KeployResultsError(msg) from error
