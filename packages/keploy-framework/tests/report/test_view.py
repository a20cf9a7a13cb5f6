"""Reports of any version, ready to be shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.formats import DocumentFile, Report
from keploy_framework.redaction import Redactor
from keploy_framework.report import (
    ReportedRun,
    html_page,
    json_report,
    junit_xml,
    summary_line,
    terminal_report,
)

OLD = """\
version: api.keploy.io/v1beta1
name: report-2
status: FAILED
success: 0
failure: 1
total: 1
tests:
    - kind: Http
      name: report-2
      status: FAILED
      started: 1698744033
      completed: 1698744035
      test_case_id: test-1
      req:
        method: GET
        url: http://localhost:3001/api?x=1
        header:
            Accept: '*/*'
      resp:
        status_code: 200
        header:
            Date: now
        body: '{"otp":"1548","n":1}'
      noise:
        - header.Date
      result:
        status_code: {normal: true, expected: 200, actual: 200}
        headers_result:
            - normal: false
              expected: {key: X-A, value: [one]}
              actual: {key: X-A, value: []}
        body_result:
            - normal: false
              type: JSON
              expected: '{"otp":"5486","n":1}'
              actual: '{"otp":"1548","n":1}'
        dep_result: []
test_set: test-set-0
"""


def view(text: str) -> ReportedRun:
    return ReportedRun.of("r", [Report(DocumentFile.parse(text).documents[0].data)], Redactor())


def test_old_report_of_upstream_is_shown():
    """A report that upstream wrote had nothing to show."""
    (test,) = view(OLD).tests
    assert (test.test_set, test.name, test.seconds) == ("test-set-0", "test-1", 2.0)
    assert test.request.first_line == "GET http://localhost:3001/api?x=1"
    assert (test.expected.status, test.expected.headers) == (200, (("X-A", "one"),))
    assert test.expected.body == '{"otp":"5486","n":1}'
    assert test.actual.body == '{"otp":"1548","n":1}'
    assert [str(one) for one in test.differences] == [
        'header.X-A is missing: "one"',
        'body.otp: expected "5486", got "1548"',
    ]
    assert test.noise == ("header.Date",)


def test_view_says_what_the_outcomes_say(run: ReportedRun):
    """A report lost something on its way to the reader."""
    tests = {test.name: test for test in run.tests}
    assert [test.status for test in run.tests].count("FAILED") == run.count("FAILED") == 5
    assert tests["differs"].risk == "HIGH"
    assert tests["passes"].risk == ""
    assert tests["uses-a-mock"].misses[0].nearest == "mock-3"
    assert tests["no-answer"].reason == "the app closed the connection"
    assert tests["no-answer"].actual.first_line == ""
    assert run.sets[1].app_log.startswith("Traceback")
    assert not run.passed
    assert abs(tests["passes"].seconds - 0.012345678) < 1e-9


def test_secrets_of_old_reports_are_not_shown():
    """A report showed the key that an old run had kept."""
    key = "Zk7Qp2Lm9Xw4Vt6Rb1Nc"
    run = view(OLD.replace("Accept: '*/*'", f"X-Api-Key: {key}").replace("1548", key))
    for shown in (html_page(run), json_report(run), junit_xml(run), terminal_report(run)):
        assert key not in shown


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ("status: PASSED\ntests:\n- {status: PASSED}\n", True),
        ("status: PASSED\ntests: []\n", False),
        ("status: NO_TESTS_TO_RUN\ntests: []\n", False),
        ("status: RUNNING\ntests:\n- {status: PASSED}\n", False),
        ("status: PASSED\ntests:\n- {status: FAILED}\n- {status: PASSED}\n", False),
        ("status: APP_FAULT\ntests: []\n", False),
    ],
    ids=["passed", "empty", "no-tests", "running", "contradicts-itself", "app"],
)
def test_run_passed_only_if_nothing_went_wrong(text, passed):
    """A run that never finished was taken for a success."""
    assert view(text).passed is passed


DATA = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**12)
    | st.text(max_size=8)
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "tests",
                    "req",
                    "resp",
                    "result",
                    "header",
                    "body",
                    "status",
                    "noise",
                    "failure_info",
                    "status_code",
                    "headers_result",
                    "body_result",
                    "expected",
                    "key",
                    "value",
                    "normal",
                    "differences",
                    "unmatched_calls",
                    "mock_usage",
                    "unused",
                    "url",
                    "created_at",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(DATA, max_size=3), DATA)
def test_any_report_can_be_shown(tests, rest):
    """A strange report ended in a traceback."""
    data = (rest if isinstance(rest, dict) else {}) | {"tests": tests, "status": "FAILED"}
    run = ReportedRun.of("r", [Report(data)], Redactor())
    for show in (html_page, json_report, junit_xml, terminal_report, summary_line):
        show(run).encode("utf-8", errors="surrogatepass")


def test_public_reports_are_shown():
    """A report of a public project could not be shown."""
    root = os.environ.get("TTA_TEST_DATA")
    if not root or not Path(root, "keploy-recordings").is_dir():
        pytest.skip("TTA_TEST_DATA is not set; set it to the folder with keploy-recordings")
    paths = sorted(Path(root, "keploy-recordings").rglob("*report*.yaml"))
    shown = 0
    for path in paths:
        reports = [Report(one.data, path) for one in DocumentFile.read(path).documents]
        run = ReportedRun.of(path.stem, reports, Redactor())
        listed = sum(len(report.data.get("tests") or ()) for report in reports)
        assert len(run.tests) == listed
        assert html_page(run).count('<details class="test ') == listed
        assert all(test.differences for test in run.tests if test.failed)
        shown += listed
    assert shown > 1000
