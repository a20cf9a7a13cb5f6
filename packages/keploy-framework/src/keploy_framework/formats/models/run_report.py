"""The report of a test run, as upstream Keploy writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from keploy_framework.formats.models.record import VERSION, Record, Section

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self


@dataclass(slots=True)
class ReportedTest(Record):
    """What a report says about one test."""

    @property
    def status(self) -> str:
        """``PASSED``, ``FAILED``, ``IGNORED`` or ``OBSOLETE``."""
        return self.text_at("status")

    @property
    def test_set(self) -> str:
        """The set the test is in; upstream calls it the name."""
        return self.name

    @property
    def test_name(self) -> str:
        """The name of the test."""
        return self.text_at("test_case_id")

    @property
    def result(self) -> Section:
        """How status, headers and body compared."""
        return self.section("result")

    @property
    def failure(self) -> Section:
        """Risk, categories and calls without a mock; empty for a test that passed."""
        return self.section("failure_info")


@dataclass(slots=True)
class Report(Record):
    """A report of one test set in one run."""

    @classmethod
    def of(
        cls, name: str, *, test_set: str, status: str, tests: Iterable[Section], created_at: int
    ) -> Self:
        """Make a report and count its tests.

        Args:
            name: Such as ``test-set-0-report``.
            test_set: The name of the set.
            status: The status of the set, such as ``PASSED``.
            tests: What is reported about each test, with its ``status``.
            created_at: Seconds since 1970.
        """
        listed = list(tests)
        found = [test.get("status") for test in listed]
        data: Section = {
            "version": VERSION,
            "name": name,
            "status": status,
            "success": found.count("PASSED"),
            "failure": found.count("FAILED"),
            "obsolete": found.count("OBSOLETE"),
            "ignored": found.count("IGNORED"),
            "total": len(listed),
            "tests": listed,
            "test_set": test_set,
            "created_at": created_at,
        }
        if not data["obsolete"]:
            del data["obsolete"]
        return cls(data)

    @property
    def status(self) -> str:
        """Such as ``PASSED``, ``FAILED`` or ``APP_HALTED``."""
        return self.text_at("status")

    @property
    def test_set(self) -> str:
        """The name of the set."""
        return self.text_at("test_set")

    @property
    def success(self) -> int:
        """How many tests passed."""
        return self.number_at("success")

    @property
    def failure(self) -> int:
        """How many tests failed."""
        return self.number_at("failure")

    @property
    def ignored(self) -> int:
        """How many tests were left out."""
        return self.number_at("ignored")

    @property
    def obsolete(self) -> int:
        """How many tests no longer apply."""
        return self.number_at("obsolete")

    @property
    def total(self) -> int:
        """How many tests there are."""
        return self.number_at("total")

    @property
    def tests(self) -> list[ReportedTest]:
        """What is reported about each test, in the order of the file."""
        tests: list[ReportedTest] = []
        for raw in self.list_at("tests"):
            if not isinstance(raw, dict):
                raise self.wrong(raw, "tests", "a list of mappings")
            tests.append(ReportedTest(cast("Section", raw), self.file, self.line))
        return tests
