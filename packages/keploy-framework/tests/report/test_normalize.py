"""Accept what came in a run, and refuse what breaks clients."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from keploy_framework.exchange import Exchange, Request
from keploy_framework.formats import KeployTree, TestCase
from keploy_framework.matching.judging import judge
from keploy_framework.redaction import Redactor
from keploy_framework.replay.outcomes import SetOutcome, SetStatus
from keploy_framework.report import normalize_run, set_report

BEGAN = 1_763_556_218_000_000_000
NOISE = {"header.Date": [], "body.at": []}


class Project:
    """A recorded set, and what its tests answer now."""

    def __init__(self, root: Path, outcome) -> None:
        self.tree = KeployTree(root)
        self.recorded = self.tree.test_set("shop")
        self._outcome = outcome
        self._outcomes = []

    def test(self, name: str, expected, actual, **changes) -> Path:
        request = Request("GET", "/items", (("Host", "h"),), host="h")
        case = TestCase.from_exchange(
            Exchange(request, expected, BEGAN, BEGAN), name=name, noise=NOISE, description="kept"
        )
        self._outcomes.append(self._outcome(name, expected, actual, **changes))
        return self.recorded.write_test(case)

    def normalize(self, **options):
        outcome = SetOutcome("shop", SetStatus.FAILED, tuple(self._outcomes), began=BEGAN)
        report = set_report(outcome, Redactor())
        return normalize_run(self.tree, [report], Redactor(), **options)

    def read(self, name: str) -> TestCase:
        return next(case for case in self.recorded.tests() if case.name == name)


@pytest.fixture
def project(tmp_path: Path, outcome) -> Project:
    return Project(tmp_path, outcome)


def test_accepted_response_passes_from_then_on(project: Project, answer):
    """A test failed again although its response had been accepted."""
    came = answer({"n": 2, "at": "t2"}, **{"X-New": "1"})
    project.test("a", answer({"n": 1, "at": "t1"}), came)
    result = project.normalize()
    assert [one.name for one in result.accepted] == ["a"]
    assert set(result.accepted[0].paths) == {"header.X-New", "body.n"}
    assert result.exit_code == 0
    assert judge(project.read("a"), came).passed


def test_names_noise_and_the_request_stay(project: Project, answer):
    """Accepting a response lost what had been written by hand."""
    project.test("a", answer({"n": 1}), answer({"n": 2}))
    before = project.read("a")
    project.normalize()
    after = project.read("a")
    assert (after.noise, after.description, after.request) == (NOISE, "kept", before.request)
    assert after.began == before.began
    assert after.curl == before.curl


def test_ignored_values_keep_what_was_recorded(project: Project, answer):
    """Every accepted test changed its date."""
    project.test("a", answer({"n": 1}, Date="then"), answer({"n": 2}, Date="now"))
    project.normalize()
    assert dict(project.read("a").response.headers)["Date"] == "then"


def test_length_says_that_of_the_decoded_body(project: Project, answer):
    """A recorded length belonged to the compressed body."""
    packed = gzip.compress(b'{"n": 1000}')
    came = answer(packed, **{"Content-Encoding": "gzip", "Content-Length": str(len(packed))})
    came = replace(came, headers=(("Content-Type", "application/json"), *came.headers[1:]))
    project.test("a", answer({"n": 1}, **{"Content-Length": "8"}), came)
    project.normalize()
    recorded = project.read("a").response
    assert recorded.body == b'{"n": 1000}'
    assert dict(recorded.headers)["Content-Length"] == "11"


def test_header_that_is_gone_goes(project: Project, answer):
    """A header was expected although its absence had been accepted."""
    project.test("a", answer({"n": 1}, **{"X-Old": "1"}), answer({"n": 1}))
    project.normalize(allow_high_risk=True)
    assert "X-Old" not in dict(project.read("a").response.headers)


@pytest.mark.parametrize("removed", ["status", "field", "type"])
def test_high_risk_needs_to_be_allowed(project: Project, answer, removed):
    """A change that breaks clients was accepted by accident."""
    came = {
        "status": answer({"n": 1}, 500),
        "field": answer({}),
        "type": answer({"n": "1"}),
    }[removed]
    path = project.test("a", answer({"n": 1}), came)
    before = path.read_bytes()
    refused = project.normalize()
    assert (refused.accepted, refused.exit_code) == ((), 1)
    assert "--allow-high-risk" in refused.refused[0].reason
    assert path.read_bytes() == before
    assert project.normalize(allow_high_risk=True).refused == ()
    assert judge(project.read("a"), came).passed


def test_passed_tests_are_not_touched(project: Project, answer):
    """A test that passed was rewritten."""
    path = project.test("a", answer({"n": 1, "at": "x"}), answer({"n": 1, "at": "y"}))
    before = path.read_bytes()
    assert project.normalize().accepted == ()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("tests", "names"),
    [
        (None, ["a", "b"]),
        ({"shop": []}, ["a", "b"]),
        ({"shop": ["b"]}, ["b"]),
        ({"other": []}, []),
    ],
    ids=["all", "set", "test", "other-set"],
)
def test_only_chosen_tests_are_accepted(project: Project, answer, tests, names):
    """A test was accepted that nobody had asked for."""
    for name in ("a", "b"):
        project.test(name, answer({"n": 1}), answer({"n": 2}))
    assert [one.name for one in project.normalize(tests=tests).accepted] == names


def test_what_cannot_be_accepted_is_told(project: Project, answer):
    """A test without an answer got an empty one."""
    project.test("silent", answer({"n": 1}), None)
    path = project.test("gone", answer({"n": 1}), answer({"n": 2}))
    path.unlink()
    asserted = project.read("silent")
    reasons = {one.name: one.reason for one in project.normalize().refused}
    assert "no response came" in reasons["silent"]
    assert "there is no such test any more" in reasons["gone"]
    assert asserted.response.status == 200


def test_assertions_are_not_overruled(project: Project, answer):
    """The recorded response changed though assertions decide."""
    project.test("a", answer({"n": 1}), answer({"n": 2}))
    case = project.read("a")
    case.data["spec"]["assertions"]["status_code"] = 200
    project.recorded.write_test(case)
    (refused,) = project.normalize().refused
    assert "its assertions decide" in refused.reason


def test_accepted_response_holds_no_secret(project: Project, answer):
    """Accepting a response brought a key back into the recording."""
    key = "Zk7Qp2Lm9Xw4Vt6Rb1Nc"
    path = project.test("a", answer({"n": 1, "token": "x"}), answer({"n": 2, "token": key}))
    project.normalize()
    assert key not in path.read_text()
    assert project.read("a").response.status == 200
