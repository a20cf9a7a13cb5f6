"""What a report says, ready to be shown: typed, and read from files of any version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from keploy_framework.formats.narrow import is_list, is_mapping
from keploy_framework.redaction.documents import redact_document
from keploy_framework.report.differences import DifferenceView, differences_of
from keploy_framework.report.durations import duration_nanoseconds
from keploy_framework.report.texts import count_of, mapping_of, names_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from keploy_framework.formats import Report
    from keploy_framework.redaction import Redactor

# Any: other tools write reports, too.
Data: TypeAlias = Any

STATUSES: Final = ("FAILED", "PASSED", "IGNORED", "OBSOLETE")
"""How a test may end, what needs looking at first."""


@dataclass(frozen=True, slots=True)
class MessageView:
    """A request or a response, as text.

    Args:
        first_line: Such as ``GET http://h/items`` or ``200 OK``.
        headers: Names and values.
        body: The body, decoded; bytes that are no text are told by their number only.
        status: The status of a response; 0 for a request, or for none.
    """

    first_line: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True)
class MissView:
    """A call of the app that no mock answered.

    Args:
        request: The call in short.
        nearest: The nearest mock; empty for none.
        phase: Where that one was lost.
        differences: What differs, a line each.
        next_move: What to do.
    """

    request: str
    nearest: str = ""
    phase: str = ""
    differences: tuple[str, ...] = ()
    next_move: str = ""


@dataclass(frozen=True, slots=True)
class TestView:
    """One test of a report.

    Args:
        test_set: The set it is in.
        name: Its name.
        status: ``PASSED``, ``FAILED``, ``IGNORED`` or ``OBSOLETE``.
        seconds: How long the app took to answer.
        request: What was sent.
        expected: What was recorded.
        actual: What came.
        differences: What differs.
        risk: ``HIGH``, ``MEDIUM``, ``LOW``, or empty where nothing is told.
        categories: What kinds of change there are.
        reason: Why it failed, if more than differences.
        misses: The calls that no mock answered.
        warnings: What the reader should know.
        noise: What was not compared.
    """

    __test__ = False  # pytest would collect it for its name

    test_set: str
    name: str
    status: str
    seconds: float = 0.0
    request: MessageView = MessageView()
    expected: MessageView = MessageView()
    actual: MessageView = MessageView()
    differences: tuple[DifferenceView, ...] = ()
    risk: str = ""
    categories: tuple[str, ...] = ()
    reason: str = ""
    misses: tuple[MissView, ...] = ()
    warnings: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether it failed."""
        return self.status == "FAILED"

    @property
    def was_run(self) -> bool:
        """Whether there is more to tell than a reason; an app that did not start gave no more."""
        return bool(self.request.first_line or self.differences or self.misses)


@dataclass(frozen=True, slots=True)
class SetView:
    """One set of a report.

    Args:
        name: Its name.
        status: Such as ``PASSED`` or ``APP_HALTED``.
        tests: Its tests in the order they ran.
        reason: Why it ended so, if its tests do not say it.
        app_log: What the app wrote last, where it failed.
        seconds: How long it took.
        created_at: When it began, in seconds since 1970; 0 where it is not told.
        mock_usage: What is told about its mocks.
    """

    name: str
    status: str
    tests: tuple[TestView, ...] = ()
    reason: str = ""
    app_log: str = ""
    seconds: float = 0.0
    created_at: int = 0
    mock_usage: dict[str, Data] = field(default_factory=dict[str, Data])

    def count(self, status: str) -> int:
        """Count the tests that ended in a way."""
        return sum(test.status == status for test in self.tests)

    @property
    def passed(self) -> bool:
        """Whether nothing went wrong."""
        return self.status in ("PASSED", "NO_TESTS_TO_RUN") and not self.count("FAILED")


@dataclass(frozen=True, slots=True)
class ReportedRun:
    """What the reports of one run say.

    Args:
        name: The name of the run, such as ``test-run-3``.
        sets: Its sets in the order they ran.
    """

    name: str
    sets: tuple[SetView, ...] = ()

    @classmethod
    def of(cls, name: str, reports: Iterable[Report], redactor: Redactor) -> Self:
        """Read reports, in the order they are to be shown; secrets are taken out of all."""
        return cls(name, tuple(_set(redact_document(one.data, redactor)) for one in reports))

    @property
    def tests(self) -> tuple[TestView, ...]:
        """All tests in the order they ran."""
        return tuple(test for one in self.sets for test in one.tests)

    @property
    def passed(self) -> bool:
        """Whether at least one test passed and nothing went wrong."""
        return self.count("PASSED") > 0 and all(one.passed for one in self.sets)

    @property
    def seconds(self) -> float:
        """How long the sets took together."""
        return sum(one.seconds for one in self.sets)

    def count(self, status: str) -> int:
        """Count the tests that ended in a way."""
        return sum(one.count(status) for one in self.sets)


def _set(data: dict[Any, Data]) -> SetView:
    name = text_of(data.get("test_set")) or text_of(data.get("name")).removesuffix("-report")
    tests = data.get("tests")
    listed = tests if is_list(tests) else []
    shown = tuple(_test(test, name) for test in listed if is_mapping(test))
    taken = duration_nanoseconds(text_of(data.get("time_taken")))
    return SetView(
        name=name,
        status=text_of(data.get("status")),
        tests=shown,
        reason=text_of(data.get("failure_reason")),
        app_log=text_of(data.get("app_logs")),
        seconds=taken / 1e9 if taken is not None else sum(test.seconds for test in shown),
        created_at=count_of(data.get("created_at")),
        mock_usage=mapping_of(data.get("mock_usage")),
    )


def _test(data: dict[Any, Data], test_set: str) -> TestView:
    request, response = mapping_of(data.get("req")), mapping_of(data.get("resp"))
    result, failure = mapping_of(data.get("result")), mapping_of(data.get("failure_info"))
    taken = duration_nanoseconds(text_of(data.get("time_taken")))
    if taken is None:
        taken = 1_000_000_000 * (count_of(data.get("completed")) - count_of(data.get("started")))
    noise = data.get("noise")
    return TestView(
        test_set=test_set,
        name=text_of(data.get("test_case_id")) or text_of(data.get("name")),
        status=text_of(data.get("status")),
        seconds=max(0, taken) / 1e9,
        request=MessageView(
            f"{text_of(request.get('method'))} {text_of(request.get('url'))}".strip(),
            _headers(request),
            text_of(request.get("body")),
        ),
        expected=_expected(result),
        actual=_actual(response, result),
        differences=differences_of(result, failure),
        risk=text_of(failure.get("risk")).replace("NONE", ""),
        categories=names_of(failure.get("category")),
        reason=text_of(failure.get("reason")),
        misses=tuple(_miss(one) for one in failure.get("unmatched_calls") or () if is_mapping(one)),
        warnings=names_of(failure.get("warnings")),
        noise=tuple(map(str, noise)) if is_mapping(noise) else names_of(noise),
    )


def _headers(message: dict[Any, Data]) -> tuple[tuple[str, str], ...]:
    headers = mapping_of(message.get("header"))
    return tuple((str(name), text_of(value)) for name, value in headers.items())


def _expected(result: dict[Any, Data]) -> MessageView:
    status = count_of(mapping_of(result.get("status_code")).get("expected"))
    headers = [mapping_of(one.get("expected")) for one in _mappings(result.get("headers_result"))]
    listed = tuple(
        (text_of(one.get("key")), ", ".join(names_of(one.get("value"))))
        for one in headers
        if one.get("value")
    )
    bodies = _mappings(result.get("body_result"))
    body = text_of(bodies[0].get("expected")) if bodies else ""
    return MessageView(str(status) if status else "", listed, body, status)


def _actual(response: dict[Any, Data], result: dict[Any, Data]) -> MessageView:
    status = count_of(response.get("status_code"))
    if not status:
        status = count_of(mapping_of(result.get("status_code")).get("actual"))
    words = text_of(response.get("status_message"))
    body = response.get("body")
    bodies = _mappings(result.get("body_result"))
    if bodies and not isinstance(body, str | bytes):
        body = bodies[0].get("actual")
    return MessageView(
        f"{status} {words}".strip() if status else "", _headers(response), text_of(body), status
    )


def _miss(data: dict[Any, Data]) -> MissView:
    differences = tuple(
        f"{text_of(one.get('path'))}: expected {text_of(one.get('expected'))}, "
        f"got {text_of(one.get('actual'))}"
        for one in _mappings(data.get("field_diffs"))
    )
    return MissView(
        text_of(data.get("actual_summary")),
        text_of(data.get("closest_mock")),
        text_of(data.get("match_phase")),
        differences,
        text_of(data.get("diff")),
    )


def _mappings(value: Data) -> list[dict[Any, Data]]:
    return [one for one in value if is_mapping(one)] if is_list(value) else []
