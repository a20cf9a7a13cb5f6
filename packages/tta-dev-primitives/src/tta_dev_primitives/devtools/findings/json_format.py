"""Findings as JSON, in a format with a version and a published schema.

The schema is `report.schema.json` beside this file. Keys may be added within a version; a key that
goes away or changes its meaning makes a new one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .finding import Edit
    from .report import Report, ReportedFinding

SCHEMA_VERSION: Final = 1


def render_json(
    report: Report,
    *,
    version: str,
    adoption: Mapping[str, Any] | None = None,  # Any: JSON
) -> str:
    """Return one JSON object; lines and columns count from 1, cells from 0.

    Args:
        report: What to show.
        version: That of the package.
        adoption: The table of what is cached, routed, timed out and retried, where asked for.
    """
    numbers = report.numbers
    document: dict[str, Any] = {  # Any: JSON
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "tta lint", "version": version},
        "findings": [_finding(reported, report) for reported in report.findings],
        "summary": {
            "files": numbers.files,
            "lines": numbers.lines,
            "calls": numbers.calls,
            "findings": len(report.findings),
            "ignored": numbers.ignored,
            "in_baseline": numbers.in_baseline,
            "by_code": dict(sorted(report.codes.items())),
        },
    }
    if adoption is not None:
        document["adoption"] = dict(adoption)
    return json.dumps(document, indent=2) + "\n"


def _finding(reported: ReportedFinding, report: Report) -> dict[str, Any]:  # Any: JSON
    finding, position = reported.finding, reported.finding.position
    rule = report.rules.get(finding.code)
    fix = finding.fix
    return {
        "code": finding.code,
        "name": None if rule is None else rule.name,
        "level": finding.level,
        "confidence": finding.confidence,
        "message": finding.message,
        "path": finding.path,
        "cell": position.cell,
        "line": position.line,
        "column": position.column + 1,
        "end_line": position.end_line,
        "end_column": position.end_column + 1,
        "qualname": finding.qualname,
        "fingerprint": reported.fingerprint,
        "fix": None
        if fix is None
        else {
            "message": fix.message,
            "is_safe": fix.is_safe,
            "edits": [_edit(edit) for edit in reported.edits],
        },
    }


def _edit(edit: Edit) -> dict[str, Any]:  # Any: JSON
    return {
        "line": edit.start[0],
        "column": edit.start[1] + 1,
        "end_line": edit.end[0],
        "end_column": edit.end[1] + 1,
        "new_text": edit.new_text,
    }
