"""`TestResults` and the pass rate it is held to."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework import (
    CaseStatus,
    KeployResultsError,
    ResultValidator,
    TestCaseResult,
    TestResults,
)


@pytest.mark.parametrize(
    ("total", "passed", "failed", "rate", "success"),
    [
        (10, 10, 0, 100.0, True),
        (10, 8, 2, 80.0, False),
        (3, 0, 3, 0.0, False),
        (4, 3, 0, 75.0, True),
        (2, 0, 0, 0.0, False),
        (0, 0, 0, 0.0, False),
    ],
    ids=["all", "some-failed", "none", "one-ignored", "all-ignored", "no-tests"],
)
def test_rate_and_success_follow_from_the_counts(
    total: int, passed: int, failed: int, rate: float, success: bool
):
    results = TestResults(total=total, passed=passed, failed=failed)
    assert (results.pass_rate, results.is_success) == (rate, success)
    assert results.test_cases == ()


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_a_rate_is_a_percentage_and_may_be_given_as_a_whole_one(
    passed: int, failed: int, ignored: int
):
    results = TestResults(total=passed + failed + ignored, passed=passed, failed=failed)
    assert 0 <= results.pass_rate <= 100
    for whole in (round(results.pass_rate), int(results.pass_rate)):
        assert dataclasses.replace(results, pass_rate=whole).pass_rate == whole


def test_given_cases_are_kept_in_order():
    cases = [TestCaseResult("b", CaseStatus.FAILED), TestCaseResult("a", CaseStatus.PASSED)]
    results = TestResults(total=2, passed=1, failed=1, pass_rate=50.0, test_cases=cases)
    assert (results.pass_rate, results.test_cases) == (50.0, tuple(cases))


def test_results_are_frozen():
    results = TestResults(total=1, passed=1, failed=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        results.passed = 0  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"failed": -1}, "8 passed and -1 failed of 10 in total cannot be; count every"),
        ({"passed": -1}, "-1 passed and 2 failed of 10 in total cannot be; count every"),
        ({"failed": 3}, "8 passed and 3 failed of 10 in total cannot be; count every"),
        ({"pass_rate": 0.8}, "pass_rate 0.8 is not the percentage that 8 of 10 passed make, 80.0"),
        ({"pass_rate": 81}, "pass_rate 81 is not the percentage"),
        ({"pass_rate": float("nan")}, "pass_rate nan is not the percentage"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_numbers_that_contradict_one_another_are_refused(
    arguments: dict[str, object], message: str
):
    counts: dict[str, Any] = {"total": 10, "passed": 8, "failed": 2, **arguments}
    with pytest.raises(KeployResultsError) as caught:
        TestResults(**counts)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("case", "text"),
    [
        (TestCaseResult("test-1", CaseStatus.FAILED), "test-1"),
        (TestCaseResult("test-1", CaseStatus.FAILED, "set-0"), "set-0/test-1"),
        (
            TestCaseResult("test-1", CaseStatus.FAILED, "set-0", "status 500, expected 200"),
            "set-0/test-1 (status 500, expected 200)",
        ),
    ],
    ids=["name", "set", "detail"],
)
def test_a_case_reads_as_one_line(case: TestCaseResult, text: str):
    assert str(case) == text


def test_statuses_are_spelled_as_in_keploys_reports():
    assert [*CaseStatus] == ["PASSED", "FAILED", "IGNORED", "OBSOLETE"]


@pytest.mark.parametrize(
    ("passed", "total", "minimum", "expected", "enough"),
    [
        (8, 10, 0.8, None, True),
        (7, 10, 0.8, None, False),
        (7, 10, 0.8, 0.7, True),
        (9, 10, 0.8, 1.0, False),
        (2, 3, 2 / 3, None, True),
        (0, 0, 0.8, None, False),
        (0, 0, 0.0, None, True),
        (0, 5, 0.8, 0.0, True),
    ],
    ids=["exact", "below", "lower-once", "higher-once", "thirds", "empty", "empty-at-0", "zero"],
)
def test_a_run_passes_when_its_rate_reaches_the_threshold(
    passed: int, total: int, minimum: float, expected: float | None, enough: bool
):
    validator = ResultValidator(min_pass_rate=minimum)
    results = TestResults(total=total, passed=passed, failed=total - passed)
    assert validator.validate_test_run(results, expected) is enough
    if enough:
        validator.assert_pass_rate(results, expected)
    else:
        with pytest.raises(AssertionError, match="below threshold"):
            validator.assert_pass_rate(results, expected)


@given(st.integers(0, 2000), st.integers(1, 2000))
def test_a_run_always_reaches_its_own_rate(passed: int, more: int):
    total = passed + more
    results = TestResults(total=total, passed=passed, failed=more)
    assert ResultValidator(passed / total).validate_test_run(results)
    assert not ResultValidator((passed + 1) / total).validate_test_run(results)


def test_the_failure_has_the_figures_and_the_failing_cases():
    cases = [
        TestCaseResult("test-1", CaseStatus.PASSED, "set-0"),
        TestCaseResult("test-2", CaseStatus.FAILED, "set-0", "status 500, expected 200"),
        TestCaseResult("test-3", CaseStatus.FAILED),
    ]
    results = TestResults(total=4, passed=1, failed=2, test_cases=cases)
    with pytest.raises(AssertionError) as caught:
        ResultValidator().assert_pass_rate(results)
    assert str(caught.value) == (
        "pass rate 25.0% is below threshold 80.0%: 1 of 4 passed, 2 failed; "
        "failing: set-0/test-2 (status 500, expected 200), test-3"
    )


@pytest.mark.parametrize(
    ("count", "ending"),
    [(0, "20 failed"), (20, "case-18, case-19"), (21, "case-19 and 1 more")],
    ids=["unnamed", "all-named", "one-over"],
)
def test_a_long_list_of_failing_cases_is_cut(count: int, ending: str):
    cases = [TestCaseResult(f"case-{n}", CaseStatus.FAILED) for n in range(count)]
    failed = max(count, 20)
    results = TestResults(total=failed, passed=0, failed=failed, test_cases=cases)
    with pytest.raises(AssertionError) as caught:
        ResultValidator().assert_pass_rate(results)
    assert str(caught.value).endswith(ending)


@pytest.mark.parametrize("threshold", [80, -0.1, 1.01, float("nan")])
def test_a_threshold_must_be_a_fraction(threshold: float):
    with pytest.raises(KeployResultsError, match="min_pass_rate must be a fraction from 0 to 1"):
        ResultValidator(threshold)
    results = TestResults(total=1, passed=1, failed=0)
    with pytest.raises(KeployResultsError, match="expected_pass_rate must be a fraction"):
        ResultValidator().validate_test_run(results, threshold)
