"""Assertions in place of the recorded response."""

from __future__ import annotations

from typing import Any

import pytest

from keploy_framework.exchange import Response
from keploy_framework.matching.judging import judge
from keploy_framework.matching.rules import Expectation, Rules

ACTUAL = Response(
    201,
    "Created",
    (("Content-Type", "application/json"), ("X-Id", "42")),
    b'{"user": {"id": 7, "tags": ["a", "b"]}, "ok": true}',
)


@pytest.mark.parametrize(
    ("assertions", "passed"),
    [
        ({"status_code": 201}, True),
        ({"status_code": "201"}, True),
        ({"status_code": 200}, False),
        ({"status_code_class": "2xx"}, True),
        ({"status_code_class": "4XX"}, False),
        ({"status_code_in": [200, 201]}, True),
        ({"status_code_in": "200, 201"}, True),
        ({"status_code_in": [200]}, False),
        ({"header_equal": {"x-id": "42"}}, True),
        ({"header_equal": {"X-Id": 42}}, True),
        ({"header_equal": {"X-Id": "4"}}, False),
        ({"header_contains": {"Content-Type": "json"}}, True),
        ({"header_contains": {"Content-Type": ["json", "xml"]}}, False),
        ({"header_contains": {"X-None": ""}}, False),
        ({"header_exists": ["X-Id"]}, True),
        ({"header_exists": {"X-Id": True}}, True),
        ({"header_exists": "X-None"}, False),
        ({"header_matches": {"X-Id": "^[0-9]+$"}}, True),
        ({"header_matches": {"X-Id": "^[a-z]+$"}}, False),
        ({"json_equal": {"ok": True, "user": {"id": 7, "tags": ["a", "b"]}}}, True),
        ({"json_equal": '{"ok": true, "user": {"id": 7, "tags": ["a", "b"]}}'}, True),
        ({"json_equal": {"ok": True, "user": {"id": 7, "tags": ["b", "a"]}}}, False),
        ({"json_equal": {"ok": True}}, False),
        ({"json_contains": {"user": {"id": 7}}}, True),
        ({"json_contains": {"user.id": 7}}, True),
        ({"json_contains": {"user.tags.1": "b"}}, True),
        ({"json_contains": {"user": {"tags": ["b"]}}}, True),
        ({"json_contains": {"user": {"tags": ["c"]}}}, False),
        ({"json_contains": {"none": None}}, False),
        ({"json_contains": {"ok": 1}}, False),
        ({"status_code": 201, "json_contains": {"ok": False}}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("rules", [Rules(), Rules(compat="keploy")], ids=["strict", "keploy"])
def test_assertions(assertions: dict[str, Any], passed: bool, rules: Rules):
    """An assertion was decided wrongly."""
    recorded = Expectation(Response(500, body=b"other"), {}, assertions)
    verdict = judge(recorded, ACTUAL, rules)
    assert verdict.passed is passed
    assert bool(verdict.assertions) is not passed


def test_the_recorded_response_does_not_count_beside_assertions():
    """A test with assertions failed for what they do not say."""
    recorded = Expectation(Response(201, body=b"{}"), {}, {"status_code_class": "2xx"})
    assert judge(recorded, ACTUAL).passed


@pytest.mark.parametrize(
    "assertions",
    [
        {"status_code": "fine"},
        {"status_code_in": [None]},
        {"header_equal": ["X-Id"]},
        {"header_matches": {"X-Id": "("}},
    ],
    ids=str,
)
def test_an_assertion_that_cannot_be_read_fails_with_a_reason(assertions: dict[str, Any]):
    """A misspelt assertion passed, or ended the run."""
    verdict = judge(Expectation(Response(200), {}, assertions), ACTUAL)
    assert not verdict.passed
    assert "cannot be read" in verdict.warnings[0]


def test_an_unknown_assertion_fails_unless_upstream_is_asked():
    """A misspelt assertion silently asserted nothing."""
    recorded = Expectation(Response(200), {}, {"status_kode": 200})
    strict, keploy = judge(recorded, ACTUAL), judge(recorded, ACTUAL, Rules(compat="keploy"))
    assert (strict.passed, keploy.passed) == (False, True)
    assert strict.warnings == keploy.warnings
    assert strict.warnings == ("the assertion 'status_kode' is not known; correct its name",)


@pytest.mark.parametrize("name", ["json_equal", "json_contains"])
def test_json_is_asserted_of_json_only(name: str):
    """An assertion on JSON passed for a page."""
    page = Response(200, body=b"<p>")
    assert not judge(Expectation(page, {}, {name: {"a": 1}}), page).passed
