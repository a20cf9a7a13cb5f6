"""The report of a set in upstream's form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.mocks.usage import Usage
from keploy_framework.redaction import Redactor
from keploy_framework.replay.outcomes import SetOutcome, SetStatus
from keploy_framework.report import set_report
from keploy_framework.report.durations import duration_nanoseconds, duration_text


@pytest.fixture
def data(outcomes) -> dict[str, Any]:
    return set_report(outcomes[0], Redactor(), command="keploy test").data


def cases_by_name(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {test["test_case_id"]: test for test in data["tests"]}


def test_report_has_upstreams_keys(data):
    """Upstream's tools could not read a report."""
    counts = {name: data[name] for name in ("total", "success", "failure", "ignored")}
    assert counts == {"total": 7, "success": 1, "failure": 5, "ignored": 1}
    assert (data["name"], data["test_set"], data["status"]) == ("shop-report", "shop", "FAILED")
    assert (data["high-risk"], data["medium-risk"]) == (2, 1)
    assert data["time_taken"] == "2s"
    assert data["cmdUsed"] == "keploy test"


def test_result_of_a_test_has_both_sides(data):
    """A report did not tell what was expected."""
    test = cases_by_name(data)["other-status"]
    result = test["result"]
    assert result["status_code"] == {"normal": False, "expected": 201, "actual": 500}
    assert result["headers_result"][-1] == {
        "normal": False,
        "expected": {"key": "X-E", "value": []},
        "actual": {"key": "X-E", "value": ["1"]},
    }
    assert result["body_result"][0]["actual"] == '{"detail": "boom"}'
    assert result["body_result"][0]["type"] == "JSON"
    assert test["resp"]["status_code"] == 500
    assert test["noise"] == {"header.Date": [], "body.at": []}


def test_failure_tells_risk_and_fields(data):
    """A report said that a test failed, not by what."""
    failure = cases_by_name(data)["differs"]["failure_info"]
    assert (failure["risk"], failure["category"]) == ("HIGH", ["SCHEMA_BROKEN"])
    assert failure["assessment"] == {
        "added_fields": ["body.new"],
        "removed_fields": ["body.stock.berlin"],
        "type_changes": ["body.price"],
        "value_changes": [],
    }
    assert [one["path"] for one in failure["differences"]] == [
        "body.price",
        "body.stock.berlin",
        "body.new",
    ]


def test_call_without_a_mock_is_explained(data):
    """A report did not tell which call had no mock."""
    (call,) = cases_by_name(data)["uses-a-mock"]["failure_info"]["unmatched_calls"]
    assert (call["closest_mock"], call["match_phase"]) == ("mock-3", "body")
    assert call["field_diffs"] == [
        {"path": "body.model", "expected": '"small"', "actual": '"large"'}
    ]


def test_test_without_an_answer_has_none(data):
    """A test whose app fell silent looked as if it had answered."""
    test = cases_by_name(data)["no-answer"]
    assert "resp" not in test
    assert test["result"]["status_code"]["actual"] == 0
    assert test["failure_info"] == {"reason": "the app closed the connection"}


def test_no_secret_is_in_a_report(outcomes):
    """The key of a test stood in its report, or in the log of the app."""
    text = "".join(str(set_report(one, Redactor()).data) for one in outcomes)
    assert "Zk7Qp2Lm9Xw4Vt6Rb1Nc" not in text
    assert "Bearer redacted-001" in text


def test_use_of_mocks_is_told():
    """Nobody learned that mocks were never used."""
    usage = Usage(used=("mock-1",), unused=("mock-2",), overused={"mock-1": 2}, missed=3)
    outcome = SetOutcome("a", SetStatus.PASSED, usage=usage, unanswered={"tls": 1})
    assert set_report(outcome, Redactor()).data["mock_usage"] == {
        "used": 1,
        "unused": ["mock-2"],
        "overused": {"mock-1": 2},
        "missed": 3,
        "unanswered": {"tls": 1},
    }


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (7, "7ns"),
        (403_459, "403.459µs"),
        (12_500_000, "12.5ms"),
        (1_000_000_000, "1s"),
        (62_500_000_000, "1m2.5s"),
        (3_723_000_000_000, "1h2m3s"),
        (-5, "0s"),
    ],
)
def test_durations_are_spelled_as_upstream_does(nanoseconds, text):
    """A duration could not be read by upstream's tools."""
    assert duration_text(nanoseconds) == text


@given(st.integers(0, 10**15))
def test_durations_are_read_back(nanoseconds):
    """A duration changed when a report was read."""
    read = duration_nanoseconds(duration_text(nanoseconds))
    assert read is not None
    assert abs(read - nanoseconds) <= max(1, nanoseconds >> 50)


@pytest.mark.parametrize("text", ["", "fast", "1", "1s2", "s", "1x", "-1s"])
def test_what_is_no_duration_is_none(text):
    """Nonsense in a report was taken for a time."""
    assert duration_nanoseconds(text) is None
