"""A run as JUnit XML, for continuous integration."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keploy_framework.report.view import ReportedRun, SetView, TestView

# What XML 1.0 has no way to write, not even as a reference.
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONGEST_BODY: Final = 20_000
_FINE: Final = ("PASSED", "FAILED", "NO_TESTS_TO_RUN")


def junit_xml(run: ReportedRun) -> str:
    """Write a run as JUnit XML: a suite for each set, a case for each test.

    A set that ended otherwise than by its tests, such as by a crash of the app, has one more
    case with an ``error``. Characters that XML cannot hold are replaced.

    Args:
        run: The run.
    """
    suites = [_Suite(one) for one in run.sets]
    totals = _attributes(
        name=run.name,
        tests=str(sum(suite.tests for suite in suites)),
        failures=str(sum(suite.failures for suite in suites)),
        errors=str(sum(suite.errors for suite in suites)),
        time=f"{run.seconds:.6f}",
    )
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites{totals}>"]
    for suite in suites:
        lines += suite.lines()
    return "\n".join([*lines, "</testsuites>", ""])


class _Suite:
    __slots__ = ("_set", "errors", "failures", "skipped", "tests")

    def __init__(self, one: SetView) -> None:
        self._set = one
        self.errors = 0 if one.status in _FINE else 1
        self.failures = one.count("FAILED")
        self.skipped = one.count("IGNORED") + one.count("OBSOLETE")
        self.tests = len(one.tests) + self.errors

    def lines(self) -> Iterator[str]:
        one = self._set
        attributes = _attributes(
            name=one.name,
            tests=str(self.tests),
            failures=str(self.failures),
            errors=str(self.errors),
            skipped=str(self.skipped),
            time=f"{one.seconds:.6f}",
            timestamp=_timestamp(one.created_at),
        )
        yield f"  <testsuite{attributes}>"
        for test in one.tests:
            yield from _case(test)
        if self.errors:
            name = _attributes(name=one.name, classname=one.name, time="0.000000")
            kind = _attributes(message=one.reason or one.status, type=one.status)
            yield f"    <testcase{name}>"
            yield f"      <error{kind}>{_text(one.reason or one.status)}</error>"
            yield "    </testcase>"
        if one.app_log:
            yield f"    <system-out>{_text(one.app_log)}</system-out>"
        yield "  </testsuite>"


def _case(test: TestView) -> Iterator[str]:
    attributes = _attributes(name=test.name, classname=test.test_set, time=f"{test.seconds:.6f}")
    if test.status == "PASSED":
        yield f"    <testcase{attributes}/>"
        return
    yield f"    <testcase{attributes}>"
    if test.failed:
        lines = _reasons(test)
        kind = _attributes(message=lines[0], type=test.risk or "FAILED")
        yield f"      <failure{kind}>{_text(chr(10).join(lines))}</failure>"
        yield f"      <system-out>{_text(_messages(test))}</system-out>"
    else:
        yield f"      <skipped{_attributes(message=test.reason or test.status)}/>"
    yield "    </testcase>"


def _reasons(test: TestView) -> list[str]:
    lines = [test.reason] if test.reason else []
    lines += [str(one) for one in test.differences]
    for miss in test.misses:
        lines.append(f"no mock answers {miss.request}")
        lines += [f"  {line}" for line in miss.differences]
    return lines or ["the test failed"]


def _messages(test: TestView) -> str:
    expected, actual = test.expected, test.actual
    parts = [
        test.request.first_line,
        _cut(test.request.body),
        f"expected: {expected.first_line}",
        _cut(expected.body),
        f"actual: {actual.first_line or 'nothing'}",
        _cut(actual.body),
    ]
    return "\n".join(part for part in parts if part)


def _cut(text: str) -> str:
    left = len(text) - _LONGEST_BODY
    return f"{text[:_LONGEST_BODY]}\n({left} more characters)" if left > 0 else text


def _timestamp(seconds: int) -> str:
    moment = datetime.fromtimestamp(max(0, min(seconds, 4_000_000_000)), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def _attributes(**values: str) -> str:
    written = (f" {name}={quoteattr(_safe(value), _BREAKS)}" for name, value in values.items())
    return "".join(written)


_BREAKS: Final = {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


def _text(text: str) -> str:
    return escape(_safe(text), {"\r": "&#13;"})


def _safe(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)
