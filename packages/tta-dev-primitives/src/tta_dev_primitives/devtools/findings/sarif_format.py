"""Findings as SARIF 2.1.0, which code hosts and editors read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from .finding import Fix, Level
    from .report import Report, ReportedFinding, RuleDescription

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final[dict[Level, str]] = {"error": "error", "warning": "warning", "info": "note"}
_DRIVE: Final = re.compile(r"[A-Za-z]:/")


def render_sarif(report: Report, *, version: str) -> str:
    """Return a SARIF log with one run; columns count Unicode code points.

    Relative paths stay relative, to the folder the linter ran in. Results carry the fingerprint, so
    that a host follows a finding from one commit to the next.
    """
    codes = sorted({*report.rules, *report.codes})
    numbers = {code: index for index, code in enumerate(codes)}
    run: dict[str, Any] = {  # Any: JSON
        "tool": {
            "driver": {
                "name": "tta lint",
                "version": version,
                "semanticVersion": version,
                "rules": [_rule(code, report.rules.get(code)) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, numbers[each.finding.code]) for each in report.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str, rule: RuleDescription | None) -> dict[str, Any]:  # Any: JSON
    if rule is None:
        return {"id": code}
    return {
        "id": code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "help": {"text": rule.markdown, "markdown": rule.markdown},
        "defaultConfiguration": {"level": _LEVELS[rule.level]},
    }


def _result(reported: ReportedFinding, rule_index: int) -> dict[str, Any]:  # Any: JSON
    finding, position = reported.finding, reported.finding.position
    where: dict[str, Any] = {"artifactLocation": {"uri": _uri(finding.path)}}  # Any: JSON
    if position.cell is None:
        region: dict[str, Any] = {  # Any: JSON
            "startLine": position.line,
            "startColumn": position.column + 1,
            "endLine": position.end_line,
            "endColumn": position.end_column + 1,
        }
        if reported.line_text.strip():
            region["snippet"] = {"text": reported.line_text}
        where["region"] = region
    location: dict[str, Any] = {"physicalLocation": where}  # Any: JSON
    if finding.qualname:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.qualname}]
    message = finding.message
    if position.cell is not None:
        message = f"cell {position.cell}, line {position.line}: {message}"
    result: dict[str, Any] = {  # Any: JSON
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": _LEVELS[finding.level],
        "message": {"text": message},
        "locations": [location],
        "partialFingerprints": {"ttaLint/v1": reported.fingerprint},
        "properties": {"confidence": finding.confidence},
    }
    if finding.fix is not None and position.cell is None:
        result["fixes"] = [_fix(reported, finding.fix)]
    return result


def _fix(reported: ReportedFinding, fix: Fix) -> dict[str, Any]:  # Any: JSON
    replacements = [
        {
            "deletedRegion": {
                "startLine": edit.start[0],
                "startColumn": edit.start[1] + 1,
                "endLine": edit.end[0],
                "endColumn": edit.end[1] + 1,
            },
            "insertedContent": {"text": edit.new_text},
        }
        for edit in reported.edits
    ]
    change = {
        "artifactLocation": {"uri": _uri(reported.finding.path)},
        "replacements": replacements,
    }
    return {"description": {"text": fix.message}, "artifactChanges": [change]}


def _uri(path: str) -> str:
    """Return a relative reference, or a file URI for an absolute path."""
    if _DRIVE.match(path):
        return f"file:///{path[:2]}{quote(path[2:], errors='surrogateescape')}"
    quoted = quote(path, errors="surrogateescape")
    return f"file://{quoted}" if path.startswith("/") else quoted
