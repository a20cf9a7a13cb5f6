"""A run with a test of every sort, made of real verdicts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

from keploy_framework.exchange import Exchange, Request, Response
from keploy_framework.formats import TestCase
from keploy_framework.matching.choice.explanation import Explanation, Phase
from keploy_framework.matching.differences import Change, Difference
from keploy_framework.matching.judging import judge
from keploy_framework.matching.rules import Expectation
from keploy_framework.redaction import Redactor
from keploy_framework.replay.outcomes import SetOutcome, SetStatus, TestOutcome
from keploy_framework.report import ReportedRun, set_report
from keploy_framework.test_runner import CaseStatus

SECOND = 1_000_000_000
BEGAN = 1_763_556_218 * SECOND
NOISE: dict[str, list[str]] = {"header.Date": [], "body.at": []}
KEY = "Zk7Qp2Lm9Xw4Vt6Rb1Nc"

Answer: TypeAlias = Callable[..., Response]
Outcome: TypeAlias = Callable[..., TestOutcome]


@pytest.fixture(scope="session")
def answer() -> Answer:
    """Make a response with a body that is JSON, text or bytes."""

    def made(body: Any, status: int = 200, **headers: str) -> Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "text/plain" if isinstance(body, bytes) else "application/json"
        listed = {"Content-Type": kind, "Date": "today", **headers}
        return Response(status, "OK", tuple(listed.items()), data, (), len(data))

    return made


@pytest.fixture(scope="session")
def outcome() -> Outcome:
    """Make what came of a test."""

    def made(name: str, expected: Response, actual: Response | None, **changes: Any) -> TestOutcome:
        headers = (("Host", "h"), ("Authorization", f"Bearer {KEY}"))
        request = Request("GET", f"/items/{name}?page=2", headers, host="h")
        verdict = judge(Expectation(expected, NOISE), actual) if actual else None
        fine = verdict is not None and verdict.passed and not changes.get("misses")
        case = TestCase.from_exchange(
            Exchange(request, expected, BEGAN, BEGAN), name=name, noise=NOISE
        )
        values: dict[str, Any] = {
            "status": CaseStatus.PASSED if fine else CaseStatus.FAILED,
            "case": case,
            "request": request,
            "expected": expected,
            "actual": actual,
            "verdict": verdict,
            "began": BEGAN,
            "ended": BEGAN + 12_345_678,
        }
        return TestOutcome(name, "shop", **(values | changes))

    return made


@pytest.fixture
def outcomes(answer: Answer, outcome: Outcome) -> tuple[SetOutcome, ...]:
    """A set with tests of every sort, and one whose app fell over."""
    item = {"id": 1, "name": "tea", "price": 12.5, "at": "t1", "stock": {"berlin": 4}}
    changed = {"id": 1, "name": "tea", "price": "12.50", "at": "t2", "stock": {}, "new": True}
    miss = Explanation(
        "POST api.example/v1/chat",
        Phase.BODY,
        "mock-3",
        "POST api.example/v1/chat",
        (Difference("body.model", Change.VALUE, "small", "large"),),
        ("uses-a-mock",),
        "record the call again",
    )
    tests = (
        outcome("passes", answer(item), answer(item | {"at": "t3"})),
        outcome("differs", answer(item), answer(changed)),
        outcome("other-status", answer(item, 201), answer({"detail": "boom"}, 500, **{"X-E": "1"})),
        outcome("markup", answer(b"</script><b>"), answer(b"</script><img src=x onerror=e>")),
        outcome("uses-a-mock", answer(item), answer(item), misses=(miss,), detail="no mock"),
        outcome("no-answer", answer(item), None, detail="the app closed the connection"),
        outcome("left-out", answer(item), None, status=CaseStatus.IGNORED),
    )
    return (
        SetOutcome("shop", SetStatus.FAILED, tests, began=BEGAN, ended=BEGAN + 2 * SECOND),
        SetOutcome(
            "broken",
            SetStatus.APP_HALTED,
            (),
            "the app ended with exit code 1",
            ("Traceback", f"KeyError: api_key={KEY}"),
            began=BEGAN + 2 * SECOND,
            ended=BEGAN + 3 * SECOND,
        ),
    )


@pytest.fixture
def run(outcomes: tuple[SetOutcome, ...]) -> ReportedRun:
    """The same run, ready to be shown."""
    reports = [set_report(one, Redactor()) for one in outcomes]
    return ReportedRun.of("test-run-0", reports, Redactor())
