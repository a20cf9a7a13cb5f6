"""Accept what came in a run: the actual responses of failed tests become the recorded ones."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from keploy_framework.formats import TestCase
from keploy_framework.formats.models.headers import bytes_of, canonical_name
from keploy_framework.formats.narrow import is_list, is_mapping
from keploy_framework.redaction.documents import redact_document
from keploy_framework.report.differences import differences_of
from keploy_framework.report.texts import mapping_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from keploy_framework.errors import KeployFormatError
    from keploy_framework.formats import KeployTree, RecordedSet, Report, ReportedTest
    from keploy_framework.redaction import Redactor

# Any: other tools write reports, too.
Data: TypeAlias = Any

_HIGH: Final = "HIGH"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a failed test.

    Args:
        test_set: The set it is in.
        name: Its name.
        paths: What was accepted, such as ``body.total``; empty for a refusal.
        reason: Why it was refused, and the next move; empty for an accepted one.
    """

    test_set: str
    name: str
    paths: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Normalised:
    """What came of accepting a run.

    Args:
        accepted: The tests whose recorded responses were changed.
        refused: The failed tests that were left as they are.
    """

    accepted: tuple[Decision, ...] = ()
    refused: tuple[Decision, ...] = ()

    @property
    def exit_code(self) -> int:
        """1 where a test was refused."""
        return 1 if self.refused else 0

    def as_data(self) -> dict[str, Any]:  # Any: JSON
        """Give the decisions as data for JSON."""
        return {
            "accepted": [
                {"test_set": one.test_set, "name": one.name, "paths": list(one.paths)}
                for one in self.accepted
            ],
            "refused": [
                {"test_set": one.test_set, "name": one.name, "reason": one.reason}
                for one in self.refused
            ],
        }


def normalize_run(
    tree: KeployTree,
    reports: Iterable[Report],
    redactor: Redactor,
    *,
    tests: Mapping[str, Collection[str]] | None = None,
    allow_high_risk: bool = False,
) -> Normalised:
    """Write what came into the failed tests of a run.

    Only what differed changes: the status, the headers that differed, and the body as a whole.
    Names, noise, requests and everything else stay. Every test is decided on before the first
    file is written; each file is written in one step.

    Args:
        tree: The folder of recordings.
        reports: The reports of the run.
        redactor: Takes secrets out of what is accepted.
        tests: The tests to accept by their sets, no names for a whole set; None for all.
        allow_high_risk: Whether another status, another type and missing fields are accepted,
            too.

    Raises:
        KeployPathError: The name of a set leads out of the folder.
        KeployFormatError: A test cannot be written.
        OSError: The file system refuses.
    """
    accepted: list[Decision] = []
    refused: list[Decision] = []
    changed: list[tuple[RecordedSet, TestCase]] = []
    for report in reports:
        recorded = tree.test_set(report.test_set)
        damaged: list[KeployFormatError] = []
        cases = {name: case for case in recorded.tests(damaged) for name in _names(case)}
        for reported in report.tests:
            name = reported.test_name
            if reported.status != "FAILED" or not _is_chosen(tests, report.test_set, name):
                continue
            case = cases.get(name)
            reason = _refusal(reported, case, allow_high_risk=allow_high_risk)
            if reason or case is None:
                refused.append(Decision(report.test_set, name, reason=reason))
                continue
            clean = redact_document({"tests": [reported.data]}, redactor)["tests"][0]
            changed.append((recorded, _accepted(case, clean)))
            differences = differences_of(reported.result, reported.failure)
            paths = tuple(dict.fromkeys(one.path for one in differences))
            accepted.append(Decision(report.test_set, name, paths))
    for recorded, case in changed:
        recorded.write_test(case)
    return Normalised(tuple(accepted), tuple(refused))


def _names(case: TestCase) -> tuple[str, ...]:
    """Give the names a report may call a test by: that of its file may be another one."""
    return (case.name, case.file.stem) if case.file else (case.name,)


def _is_chosen(tests: Mapping[str, Collection[str]] | None, test_set: str, name: str) -> bool:
    if tests is None:
        return True
    names = tests.get(test_set)
    return names is not None and (not names or name in names)


def _refusal(reported: ReportedTest, case: TestCase | None, *, allow_high_risk: bool) -> str:
    """Say why a test cannot be accepted; nothing for one that can."""
    if case is None:
        return "there is no such test any more; run the tests again"
    if not case.is_http:
        return f"it is of kind {case.kind}; only Http can be accepted"
    if case.assertions:
        return "its assertions decide, not the recorded response; change them in its file"
    response = mapping_of(reported.data.get("resp"))
    if not response.get("status_code"):
        return "no response came; correct the app, and run the tests again"
    if response.get("body_skipped"):
        return "the body was too large to be kept; record the test again"
    differences = differences_of(reported.result, reported.failure)
    if not differences:
        return "it did not fail by its response; correct what its report names"
    risks = {reported.failure.get("risk"), *(one.risk for one in differences)}
    if _HIGH in risks and not allow_high_risk:
        worst = ", ".join(one.path for one in differences if one.risk == _HIGH) or "the response"
        return f"high risk, {worst} changed for clients; pass --allow-high-risk to accept it"
    return ""


def _accepted(case: TestCase, reported: dict[str, Data]) -> TestCase:
    """Give a copy of the test that expects what came."""
    data = copy.deepcopy(case.data)
    response = data["spec"]["resp"]
    result, came = mapping_of(reported.get("result")), mapping_of(reported.get("resp"))
    if mapping_of(result.get("status_code")).get("normal") is False:
        response["status_code"] = came["status_code"]
        response["status_message"] = came.get("status_message") or ""
    response["header"] = _headers(mapping_of(response.get("header")), result)
    if any(one.get("normal") is False for one in _listed(result.get("body_result"))):
        response["body"] = came.get("body") or ""
        _correct_length(response)
    return TestCase(data, case.file, case.line, case.root)


def _headers(headers: dict[str, Data], result: dict[str, Data]) -> dict[str, Data]:
    accepted = dict(headers)
    spelled = {name.lower(): name for name in headers}
    for one in _listed(result.get("headers_result")):
        if one.get("normal") is not False:
            continue
        expected, actual = mapping_of(one.get("expected")), mapping_of(one.get("actual"))
        key = str(expected.get("key") or actual.get("key"))
        name = spelled.get(key.lower(), canonical_name(key))
        values = actual.get("value")
        if values and is_list(values):
            accepted[name] = values[0] if len(values) == 1 else ",".join(map(str, values))
        else:
            accepted.pop(name, None)
    return accepted


def _correct_length(response: dict[str, Data]) -> None:
    """Make ``Content-Length`` say the length of the new body, as recordings do."""
    body, headers = response["body"], mapping_of(response.get("header"))
    for name in headers:
        if str(name).lower() == "content-length" and isinstance(body, str | bytes):
            headers[name] = str(len(bytes_of(body)))


def _listed(value: Data) -> list[dict[str, Data]]:
    return [one for one in value if is_mapping(one)] if is_list(value) else []
