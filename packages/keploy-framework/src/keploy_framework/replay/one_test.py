"""Replay one test: ask what was recorded, and judge what comes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from keploy_framework.errors import EncodingError, KeployError
from keploy_framework.exchange import header
from keploy_framework.matching.judging import judge
from keploy_framework.matching.rules import Expectation
from keploy_framework.redaction.reveal import revealed_request
from keploy_framework.test_runner import CaseStatus
from keploy_framework.wire import decode_body, frame_cutter, is_stream

from .client import Patience
from .live_secrets import LiveSecrets
from .outcomes import TestOutcome
from .requests import ready_to_ask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keploy_framework.exchange import Request, Response
    from keploy_framework.formats import TestCase
    from keploy_framework.matching.rules import Rules
    from keploy_framework.matching.templates import Templates
    from keploy_framework.matching.verdict import Verdict
    from keploy_framework.mocks.book import MockBook
    from keploy_framework.redaction import Redactor

    from .client import AppClient
    from .requests import Replacements

_MOST_NAMED: Final = 3
_STREAM_SECONDS: Final = 10.0
_MOST_BODY_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TestBench:
    """Everything that the tests of a set share.

    Args:
        client: Asks the app.
        rules: How responses are judged.
        templates: The values of the set.
        replacements: What is replaced in URLs.
        redactor: Takes secrets out before anything is compared or reported.
        timeout_seconds: How long an answer may take.
        authority: What stands in ``Host`` instead of what was recorded; empty for that.
        prefix: What comes before the path of every request.
        secrets: Real secrets by the number of the placeholder they stand for.
        live: What the app gave in the place of recorded secrets.
    """

    __test__ = False  # pytest would collect it for its name

    client: AppClient
    rules: Rules
    templates: Templates
    replacements: Replacements
    redactor: Redactor
    timeout_seconds: float
    authority: str = ""
    prefix: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    live: LiveSecrets = field(default_factory=LiveSecrets)


async def run_test(
    name: str, test_set: str, case: TestCase, bench: TestBench, book: MockBook | None
) -> TestOutcome:
    """Replay a test. What is wrong with it, or with the answer, is in the outcome.

    Args:
        name: Its name in the set.
        test_set: The set.
        case: The test.
        bench: What it shares with others.
        book: Answers the app's calls meanwhile; ``None`` where nobody does.
    """
    outcome = TestOutcome(name, test_set, CaseStatus.FAILED, case)
    if not case.is_http:
        detail = f"tests of kind {case.kind} cannot be replayed yet"
        return replace(outcome, status=CaseStatus.IGNORED, detail=detail)
    try:
        recorded, expected = case.request, case.response
        asked = _request(recorded, bench)
    except (KeployError, OSError) as error:
        return replace(outcome, detail=str(error))
    missed = len(book.misses) if book else 0
    if book:
        book.begin(name)
    began = time.time_ns()
    actual: Response | None = None
    detail = ""
    try:
        actual = await bench.client.ask(asked, _patience(case, expected, bench))
    except TimeoutError:
        detail = f"no whole answer came within {bench.timeout_seconds:g} s"
    except (KeployError, OSError) as error:
        detail = str(error) or type(error).__name__
    finally:
        if book:
            book.end(name)
    outcome = replace(
        outcome,
        request=bench.redactor.request(asked),
        began=began,
        ended=time.time_ns(),
        detail=detail,
        misses=tuple(miss.explanation for miss in book.misses[missed:]) if book else (),
    )
    if actual is None:
        return replace(outcome, expected=expected)
    # What this answer says anew counts for its own comparison too.
    decoded = _decoded(actual)
    bench.templates.learn(recorded, expected, decoded)
    bench.live.learn(expected, decoded)
    filled = bench.templates.fill_response(expected)
    verdict = judge(
        Expectation(bench.redactor.comparable_response(filled), case.noise, case.assertions),
        bench.redactor.comparable_response(actual),
        bench.rules,
    )
    return replace(
        outcome,
        status=CaseStatus.PASSED if verdict.passed else CaseStatus.FAILED,
        expected=filled,
        actual=bench.redactor.response(actual),
        verdict=verdict,
        detail=_in_short(verdict),
    )


def _in_short(verdict: Verdict) -> str:
    """Name what differs, what says most about the failure first."""
    ordered = (*verdict.status, *verdict.body, *verdict.assertions, *verdict.headers)
    more = len(ordered) - _MOST_NAMED
    shown = "; ".join(str(one) for one in ordered[:_MOST_NAMED])
    return f"{shown}; and {more} more" if more > 0 else shown


def _request(recorded: Request, bench: TestBench) -> Request:
    request = bench.templates.fill_request(bench.replacements.apply(recorded))
    request = bench.live.fill(request)
    request = ready_to_ask(revealed_request(request, bench.secrets))
    if bench.authority:
        headers = tuple(
            (name, bench.authority if name.lower() == "host" else value)
            for name, value in request.headers
        )
        request = replace(request, headers=headers, host=bench.authority)
    return replace(request, target=bench.prefix + request.target)


def _patience(case: TestCase, expected: Response, bench: TestBench) -> Patience:
    kind = header(expected.headers, "content-type") or ""
    if not is_stream(kind):
        return Patience(bench.timeout_seconds)
    began, ended = case.began, case.ended
    recorded = (ended - began) / 1e9 if began and ended and ended > began else 0.0
    cutter = frame_cutter(kind)
    frames = len(cutter.feed(expected.body))
    return Patience(max(bench.timeout_seconds, recorded + _STREAM_SECONDS), frames)


def _decoded(actual: Response) -> Response:
    try:
        body = decode_body(
            actual.body, header(actual.headers, "content-encoding") or "", _MOST_BODY_BYTES
        )
    except EncodingError:
        return actual
    return replace(actual, body=body)
