"""Findings for the tests of the formats."""

from __future__ import annotations

from typing import Any

from tta_dev_primitives.devtools.findings.finding import Edit, Finding, Fix
from tta_dev_primitives.devtools.findings.report import (
    Numbers,
    Report,
    ReportedFinding,
    RuleDescription,
    report_findings,
)
from tta_dev_primitives.devtools.source.source_file import Position

SOURCE = """\
import openai


def ask():
    client = openai.OpenAI()
    return client
"""
FIX = Fix("Add timeout=120", (Edit((5, 27), (5, 27), "timeout=120"),), is_safe=True)
RULES = {
    "TTA101": RuleDescription(
        "TTA101", "missing-timeout", "warning", "Reports clients without a timeout.", "# TTA101\n"
    )
}


def found(
    line: int = 5, column: int = 13, end_line: int = 0, end_column: int = 28, **given: Any
) -> Finding:
    """A finding at a place, by default at the constructor in SOURCE."""
    cell = given.pop("cell", None)
    given = {
        "code": "TTA101",
        "message": "OpenAI() has no timeout",
        "path": "app/ask.py",
        "qualname": "ask",
    } | given
    return Finding(position=Position(line, column, end_line or line, end_column, cell), **given)


def reported(*findings: Finding, source: str = SOURCE) -> list[ReportedFinding]:
    """The findings as the formats take them; a cell begins at the first line."""
    lines = source.split("\n")
    return report_findings(
        findings, lambda position: position.line, lambda number: lines[number - 1]
    )


def report(*findings: Finding, source: str = SOURCE, **numbers: Any) -> Report:
    """A report of the findings."""
    given: dict[str, Any] = {"files": 1, "lines": 6, "calls": 1} | numbers
    return Report(tuple(reported(*findings, source=source)), RULES, Numbers(**given))
