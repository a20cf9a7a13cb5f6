"""Hold a test run to the share of its tests that must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keploy_framework.errors import KeployResultsError
from keploy_framework.test_runner import CaseStatus

if TYPE_CHECKING:
    from keploy_framework.test_runner import TestResults

# A rate of 66.7 came from a division; the last bits must not decide a build.
_TOLERANCE = 1e-9
_MOST_NAMES = 20


class ResultValidator:
    """Decide whether enough tests of a run passed.

    Args:
        min_pass_rate: The share of all tests that must pass, a fraction from 0 to 1. A run
            without tests has the rate 0, so only the threshold 0 lets it through.

    Raises:
        KeployResultsError: The threshold is no fraction.
    """

    def __init__(self, min_pass_rate: float = 0.8) -> None:
        self.min_pass_rate = _checked(min_pass_rate, "min_pass_rate")

    def validate_test_run(
        self, results: TestResults, expected_pass_rate: float | None = None
    ) -> bool:
        """Tell whether the pass rate reaches the threshold; reaching it exactly is enough.

        Args:
            results: The run to judge.
            expected_pass_rate: A fraction to use instead of ``min_pass_rate``, this time only.

        Raises:
            KeployResultsError: The threshold is no fraction.
        """
        return results.pass_rate / 100 + _TOLERANCE >= self._threshold(expected_pass_rate)

    def assert_pass_rate(
        self, results: TestResults, expected_pass_rate: float | None = None
    ) -> None:
        """Raise unless the pass rate reaches the threshold, naming the cases that failed.

        Args:
            results: The run to judge.
            expected_pass_rate: A fraction to use instead of ``min_pass_rate``, this time only.

        Raises:
            AssertionError: The pass rate is below threshold.
            KeployResultsError: The threshold is no fraction.
        """
        if self.validate_test_run(results, expected_pass_rate):
            return
        threshold = self._threshold(expected_pass_rate)
        msg = (
            f"pass rate {results.pass_rate:.1f}% is below threshold {100 * threshold:.1f}%: "
            f"{results.passed} of {results.total} passed, {results.failed} failed"
            f"{_failing(results)}"
        )
        raise AssertionError(msg)

    def _threshold(self, expected_pass_rate: float | None) -> float:
        if expected_pass_rate is None:
            return self.min_pass_rate
        return _checked(expected_pass_rate, "expected_pass_rate")


def _checked(threshold: float, name: str) -> float:
    if not 0 <= threshold <= 1:
        msg = f"{name} must be a fraction from 0 to 1, got {threshold!r}; 80 percent is 0.8"
        raise KeployResultsError(msg)
    return threshold


def _failing(results: TestResults) -> str:
    names = [str(case) for case in results.test_cases if case.status == CaseStatus.FAILED]
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"; failing: {', '.join(names[:_MOST_NAMES])}{more}"
