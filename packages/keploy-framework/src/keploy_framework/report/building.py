"""Make the report of a test set, in upstream's form, from what came of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from keploy_framework.errors import EncodingError
from keploy_framework.exchange import header
from keploy_framework.formats import Report
from keploy_framework.formats.models.headers import headers_to_data, text_or_bytes
from keploy_framework.formats.models.messages import (
    LARGEST_BODY,
    request_to_data,
    response_to_data,
)
from keploy_framework.formats.timestamps import NANOSECONDS
from keploy_framework.matching.differences import Change
from keploy_framework.matching.verdict import risk_of
from keploy_framework.redaction.documents import redact_document
from keploy_framework.report.durations import duration_text
from keploy_framework.wire.encodings import decode_body

if TYPE_CHECKING:
    from keploy_framework.exchange import Headers, Response
    from keploy_framework.formats.models.record import Section
    from keploy_framework.matching.choice.explanation import Explanation
    from keploy_framework.matching.differences import Difference
    from keploy_framework.matching.verdict import Verdict
    from keploy_framework.mocks.usage import Usage
    from keploy_framework.redaction import Redactor
    from keploy_framework.replay.outcomes import SetOutcome, TestOutcome

_RISKS: Final = ("HIGH", "MEDIUM", "LOW")
_MOST_DIFFERENCES: Final = 100


def set_report(outcome: SetOutcome, redactor: Redactor, *, command: str = "") -> Report:
    """Make the report of a test set; no secret is in it.

    Upstream's keys are upstream's. Beside them ``failure_info`` has ``reason`` and
    ``differences``, and the report ``mock_usage``.

    Args:
        outcome: What came of the set.
        redactor: Takes secrets out of the whole report.
        command: The command line of the run; empty leaves it out.
    """
    report = Report.of(
        f"{outcome.name}-report",
        test_set=outcome.name,
        status=str(outcome.status),
        tests=[_test(test) for test in outcome.tests],
        created_at=outcome.began // NANOSECONDS,
    )
    data = report.data
    if outcome.detail:
        data["failure_reason"] = outcome.detail
    risks = Counter(
        str(test.verdict.risk) for test in outcome.tests if test.verdict and not test.passed
    )
    data |= {f"{risk.lower()}-risk": risks[risk] for risk in _RISKS if risks[risk]}
    data["time_taken"] = duration_text(outcome.ended - outcome.began)
    if command:
        data["cmdUsed"] = command
    if outcome.app_lines:
        data["app_logs"] = "\n".join(outcome.app_lines)
    usage = _usage(outcome.usage, outcome.unanswered)
    if usage:
        data["mock_usage"] = usage
    return Report(redact_document(data, redactor))


def _test(test: TestOutcome) -> Section:
    data: Section = {
        "kind": test.case.kind if test.case else "Http",
        "name": test.test_set,
        "status": str(test.status),
        "started": test.began // NANOSECONDS,
        "completed": test.ended // NANOSECONDS,
        "test_case_path": f"keploy/{test.test_set}",
        "mock_path": f"keploy/{test.test_set}/mocks.yaml",
        "test_case_id": test.name,
    }
    if test.request is not None:
        body = _decoded(test.request.body, test.request.headers)
        data["req"] = request_to_data(test.request, body, url=test.request.url, at=test.began)
    if test.actual is not None:
        body = _decoded(test.actual.body, test.actual.headers)
        data["resp"] = response_to_data(test.actual, body, at=test.ended, largest=LARGEST_BODY)
    if test.case is not None and test.case.noise:
        data["noise"] = test.case.noise
    data["result"] = _result(test)
    data["time_taken"] = duration_text(test.ended - test.began)
    failure = _failure(test)
    if failure:
        data["failure_info"] = failure
    return data


def _result(test: TestOutcome) -> Section:
    expected, actual, verdict = test.expected, test.actual, test.verdict
    if expected is None:
        return {"headers_result": [], "body_result": [], "dep_result": []}
    came = actual.status if actual else 0
    status = {"normal": not (verdict and verdict.status), "expected": expected.status}
    return {
        "status_code": status | {"actual": came},
        "headers_result": _headers(expected, actual, verdict),
        "body_result": [_body(expected, actual, verdict)],
        "dep_result": [],
    }


def _headers(expected: Response, actual: Response | None, verdict: Verdict | None) -> list[Section]:
    wrong = {one.path.lower() for one in verdict.headers} if verdict else set[str]()
    recorded = headers_to_data(expected.headers)
    came = headers_to_data(actual.headers) if actual else {}
    names = [*recorded, *(name for name in came if f"header.{name.lower()}" in wrong)]
    return [
        {
            "normal": f"header.{name.lower()}" not in wrong,
            "expected": _side(name, recorded.get(name)),
            "actual": _side(name, came.get(name)),
        }
        for name in dict.fromkeys(names)
    ]


def _side(name: str, value: str | bytes | None) -> Section:
    return {"key": name, "value": [] if value is None else [value]}


def _body(expected: Response, actual: Response | None, verdict: Verdict | None) -> Section:
    came = _decoded(actual.body, actual.headers) if actual else b""
    is_json = verdict is not None and verdict.body_kind == "json"
    return {
        "normal": not (verdict and verdict.body),
        "type": "JSON" if is_json else "PLAIN",
        "expected": text_or_bytes(expected.body[:LARGEST_BODY]),
        "actual": text_or_bytes(came[:LARGEST_BODY]),
    }


def _failure(test: TestOutcome) -> Section:
    verdict = test.verdict
    failure: Section = {}
    if verdict is not None and not verdict.passed:
        failure["risk"] = str(verdict.risk)
        failure["category"] = [str(category) for category in verdict.categories]
        failure["assessment"] = {
            "added_fields": list(verdict.changed(Change.ADDED)),
            "removed_fields": list(verdict.changed(Change.REMOVED)),
            "type_changes": list(verdict.changed(Change.TYPE)),
            "value_changes": list(verdict.changed(Change.VALUE, Change.LENGTH)),
        }
        shown = verdict.differences[:_MOST_DIFFERENCES]
        failure["differences"] = [_difference(one) for one in shown]
    if verdict is not None and verdict.warnings:
        failure["warnings"] = list(verdict.warnings)
    if test.detail:
        failure["reason"] = test.detail
    if test.misses:
        failure["unmatched_calls"] = [_miss(miss) for miss in test.misses]
    return failure


def _difference(one: Difference) -> Section:
    data: Section = {"path": one.path, "place": one.place or one.path, "change": str(one.change)}
    data["risk"] = str(risk_of(one))
    if one.change is not Change.ADDED:
        data["expected"] = one.shown_expected
    if one.change is not Change.REMOVED:
        data["actual"] = one.shown_actual
    return data


def _miss(miss: Explanation) -> Section:
    return {
        "protocol": "HTTP",
        "actual_summary": miss.request,
        "closest_mock": miss.nearest,
        "diff": miss.next_move,
        "match_phase": str(miss.phase),
        "field_diffs": [
            {"path": one.path, "expected": one.shown_expected, "actual": one.shown_actual}
            for one in miss.differences
        ],
    }


def _usage(usage: Usage | None, unanswered: dict[str, int]) -> Section:
    data: Section = {}
    if usage is not None:
        data = {
            "used": len(usage.used),
            "unused": list(usage.unused),
            "overused": dict(usage.overused),
            "approximations": [
                {
                    "mock": one.mock,
                    "request": one.request,
                    "level": str(one.level),
                    "similarity": round(one.similarity, 3),
                }
                for one in usage.approximations
            ],
            "missed": usage.missed,
            "unserved": {kind: list(names) for kind, names in usage.unserved.items()},
            "damaged": dict(usage.damaged),
        }
    if unanswered:
        data["unanswered"] = dict(unanswered)
    return {name: value for name, value in data.items() if value}


def _decoded(body: bytes, headers: Headers) -> bytes:
    """Take the content encoding off for readers; what cannot be decoded is shown as it came."""
    encoding = header(headers, "content-encoding") or ""
    if not encoding:
        return body
    try:
        return decode_body(body, encoding, 64 * LARGEST_BODY)
    except EncodingError:
        return body
