"""Findings as GitHub workflow commands, which show as annotations on the changed lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .finding import Level
    from .report import Report, ReportedFinding

_COMMANDS: Final[dict[Level, str]] = {"error": "error", "warning": "warning", "info": "notice"}


def render_github(report: Report) -> str:
    """Return one workflow command a finding; paths are as the findings have them."""
    return "".join(f"{_command(reported, report)}\n" for reported in report.findings)


def _command(reported: ReportedFinding, report: Report) -> str:
    finding, position = reported.finding, reported.finding.position
    rule = report.rules.get(finding.code)
    properties: dict[str, object] = {"file": finding.path}
    # In a notebook the lines of a cell are no lines of the file, so the file alone is annotated.
    if position.cell is None:
        properties |= {"line": position.line, "endLine": position.end_line}
        # Columns are only taken for findings on one line.
        if position.line == position.end_line:
            properties |= {"col": position.column + 1, "endColumn": position.end_column + 1}
    properties["title"] = finding.code if rule is None else f"{finding.code} {rule.name}"
    told = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    where = "" if position.cell is None else f"cell {position.cell}, line {position.line}: "
    return f"::{_COMMANDS[finding.level]} {told}::{_data(where + finding.message)}"


def _data(text: str) -> str:
    """Escape what would end the command; the percent sign first, as it begins an escape."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
