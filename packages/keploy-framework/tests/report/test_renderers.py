"""JUnit, JSON, the terminal and the summary."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.report import (
    ReportedRun,
    SetView,
    TestView,
    json_report,
    junit_xml,
    summary_line,
    terminal_report,
    terminal_style,
)
from keploy_framework.report.differences import DifferenceView
from keploy_framework.report.summary import shown_seconds
from keploy_framework.report.terminal import TerminalStyle, _columns

ALLOWED = {
    "testsuites": ({"testsuite"}, {"name", "tests", "failures", "errors", "time"}),
    "testsuite": (
        {"testcase", "system-out"},
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
    ),
    "testcase": (
        {"failure", "error", "skipped", "system-out"},
        {"name", "classname", "time"},
    ),
    "failure": (set(), {"message", "type"}),
    "error": (set(), {"message", "type"}),
    "skipped": (set(), {"message"}),
    "system-out": (set(), set()),
}


def check(element: ElementTree.Element) -> None:
    """Hold an element to what readers of JUnit accept."""
    children, attributes = ALLOWED[element.tag]
    assert {child.tag for child in element} <= children
    assert set(element.attrib) == attributes
    for child in element:
        check(child)


def test_junit_follows_its_schema(run: ReportedRun):
    """A build server refused the report."""
    root = ElementTree.fromstring(junit_xml(run))
    check(root)
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases)
        assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
        assert int(suite.attrib["errors"]) == len(suite.findall("testcase/error"))
        assert int(suite.attrib["skipped"]) == len(suite.findall("testcase/skipped"))
    totals = [root.attrib[name] for name in ("tests", "failures", "errors")]
    assert totals == ["8", "5", "1"]


def test_junit_says_why(run: ReportedRun):
    """A failure in the build server said nothing."""
    root = ElementTree.fromstring(junit_xml(run))
    failure = root.find("testsuite/testcase[@name='differs']/failure")
    assert failure is not None
    assert failure.attrib == {"message": 'body.price: expected 12.5, got "12.50"', "type": "HIGH"}
    assert "body.new was added: true" in (failure.text or "")
    error = root.find("testsuite[@name='broken']/testcase/error")
    assert error is not None
    assert error.attrib["type"] == "APP_HALTED"


@given(st.text() | st.text("\x00\x0b\ud800\uffff&<>\"']]\r\n\t"))
def test_junit_is_xml_whatever_is_in_it(text):
    """A control character in a body made the report unreadable."""
    difference = DifferenceView("body", "body", "value", text, text)
    test = TestView(text, text, "FAILED", differences=(difference,), reason=text)
    run = ReportedRun(text, (SetView(text, text, (test,), text, text),))
    written = junit_xml(run)
    root = ElementTree.fromstring(written.encode())
    case = root.find("testsuite/testcase")
    assert case is not None
    if not re.search("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text):
        assert case.attrib["name"] == text


def test_json_is_versioned_and_whole(run: ReportedRun):
    """A program could not tell what it read."""
    data = json.loads(json_report(run))
    assert (data["version"], data["run"], data["passed"]) == (1, "test-run-0", False)
    assert data["counts"] == {"failed": 5, "passed": 1, "ignored": 1, "obsolete": 0}
    assert data["total"] == 7
    tests = {test["name"]: test for test in data["sets"][0]["tests"]}
    assert tests["differs"]["differences"][0]["path"] == "body.price"
    assert json_report(run).isascii()


@pytest.mark.parametrize(
    ("terminal", "environment", "colour"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
    ids=["terminal", "file", "no-color", "empty", "dumb", "forced", "both"],
)
def test_colour_is_for_terminals_that_want_it(terminal, environment, colour):
    """Colour codes stood in a log file."""

    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    assert terminal_style(Stream(), environment).colour is colour


def test_plain_report_has_no_codes(run: ReportedRun):
    """Colour codes stood in a log file."""
    assert "\x1b" not in terminal_report(run)
    assert "\x1b[31m" in terminal_report(run, TerminalStyle(colour=True))


def test_colours_change_nothing_but_colour(run: ReportedRun):
    """The coloured table was laid out otherwise than the plain one."""
    coloured = terminal_report(run, TerminalStyle(colour=True, width=60))
    assert re.sub(r"\x1b\[\d+m", "", coloured) == terminal_report(run, TerminalStyle(width=60))


@pytest.mark.parametrize("width", [40, 60, 100])
def test_lines_fit_the_terminal(run: ReportedRun, width):
    """Long values broke the layout."""
    long = DifferenceView("body.x", "body.x", "value", "字" * 90, "x" * 500)
    test = replace(run.tests[1], differences=(long,))
    wide = replace(run, sets=(replace(run.sets[0], tests=(test,)),))
    lines = terminal_report(wide, TerminalStyle(width=width)).splitlines()
    table, details = lines[:2], lines[2:-1]
    assert all(_columns(line) <= width for line in details)
    assert all(_columns(line) <= max(width, 62) for line in table)
    assert "".join(line.strip() for line in details).count("字") == 90


def test_answers_cannot_move_the_cursor():
    """A response cleared the screen of whoever read the report."""
    evil = "\x1b[2J\r\x9b31m\u202e"
    test = TestView(
        "s",
        evil,
        "FAILED",
        reason=evil,
        differences=(DifferenceView(evil, evil, "value", evil, evil),),
    )
    run = ReportedRun("r", (SetView(evil, "FAILED", (test,), evil, evil),))
    shown = terminal_report(run)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
    assert "\\x1b[2J" in shown


def test_differences_are_limited_unless_all_are_wanted(run: ReportedRun):
    """A test with hundreds of differences hid all others."""
    many = tuple(DifferenceView(f"body.{n}", f"body.{n}", "value", "1", "2") for n in range(40))
    test = replace(run.tests[1], differences=many)
    short = replace(run, sets=(replace(run.sets[0], tests=(test,)),))
    assert "and 28 more differences" in terminal_report(short)
    assert "body.39" in terminal_report(short, full=True)


def test_tests_that_were_not_run_are_told_once():
    """An app that did not start filled the screen with every test it was not asked."""
    tests = [
        TestView("a", f"test-{number}", "FAILED", reason=reason)
        for number, reason in enumerate(["not run", "not run", "damaged", "not run"])
    ]
    run = ReportedRun("test-run-0", (SetView("a", "APP_FAULT", tuple(tests)),))
    text = terminal_report(run)
    assert "FAILED a/test-0 and 2 more\n  not run\n" in text
    assert "FAILED a/test-2\n  damaged\n" in text
    assert "test-3" not in text
    assert "test-3" in terminal_report(run, full=True)


def test_summary_is_one_line(run: ReportedRun):
    """The last line of a run did not say what came of it."""
    assert summary_line(run) == (
        "FAILED test-run-0: 5 failed, 1 passed, 1 ignored of 7 tests in 2 sets, 3.0 s "
        "(broken APP_HALTED)"
    )
    assert terminal_report(run).endswith(f"\n{summary_line(run)}\n")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 ms"), (0.0123, "12 ms"), (3.44, "3.4 s"), (125, "2 min 5 s")]
)
def test_seconds_are_for_people(seconds, text):
    """A duration was shown with digits nobody reads."""
    assert shown_seconds(seconds) == text
