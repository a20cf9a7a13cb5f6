"""What came out of checking one file, in a form that goes through a cache and between processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.devtools.findings.finding import CONFIDENCES, LEVELS, Edit, Finding, Fix
from tta_dev_primitives.devtools.findings.report import ReportedFinding
from tta_dev_primitives.devtools.source.source_file import Position

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class Outcome:
    """What came out of checking one file.

    Args:
        findings: What is told, in order.
        ignored: How many findings inline comments silenced.
        lines: Lines of the file.
        calls: A record for each call of a model.
        adoption: The rows that the table of adoption is made of.
    """

    findings: list[ReportedFinding] = field(default_factory=list[ReportedFinding])
    ignored: int = 0
    lines: int = 0
    # Any: JSON.
    calls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    adoption: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Return the outcome as JSON, without what is empty and without the path."""
        found: dict[str, Any] = {  # Any: JSON
            "findings": [_encoded(reported) for reported in self.findings],
            "ignored": self.ignored,
            "lines": self.lines,
            "calls": self.calls,
            "adoption": self.adoption,
        }
        return {key: value for key, value in found.items() if value}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], path: str) -> Outcome:  # Any: JSON
        """Return the outcome that `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: The data is damaged.
        """
        return cls(
            findings=[_decoded(each, path) for each in data.get("findings", ())],
            ignored=int(data.get("ignored", 0)),
            lines=int(data.get("lines", 0)),
            calls=list(data.get("calls", ())),
            adoption=list(data.get("adoption", ())),
        )


def _encoded(reported: ReportedFinding) -> list[Any]:  # Any: JSON
    finding = reported.finding
    position = finding.position
    fix = finding.fix
    return [
        finding.code,
        finding.message,
        [
            position.line,
            position.column,
            position.end_line,
            position.end_column,
            position.cell,
        ],
        finding.qualname,
        finding.confidence,
        finding.level,
        None if fix is None else [fix.message, fix.is_safe, [_edit(edit) for edit in fix.edits]],
        reported.fingerprint,
        reported.line_text,
        [_edit(edit) for edit in reported.edits],
    ]


def _edit(edit: Edit) -> list[Any]:  # Any: JSON
    return [*edit.start, *edit.end, edit.new_text]


def _decoded(data: list[Any], path: str) -> ReportedFinding:  # Any: JSON
    code, message, place, qualname, confidence, level, fix, fingerprint, line_text, edits = data
    if confidence not in CONFIDENCES or level not in LEVELS:
        msg = f"neither {confidence!r} nor {level!r} may be unknown"
        raise ValueError(msg)
    line, column, end_line, end_column, cell = place
    finding = Finding(
        code=_text(code),
        message=_text(message),
        path=path,
        position=Position(
            int(line),
            int(column),
            int(end_line),
            int(end_column),
            None if cell is None else int(cell),
        ),
        qualname=_text(qualname),
        confidence=confidence,
        level=level,
        fix=None if fix is None else Fix(_text(fix[0]), _edits(fix[2]), bool(fix[1])),
    )
    return ReportedFinding(finding, _text(fingerprint), _text(line_text), _edits(edits))


def _edits(data: list[Any]) -> tuple[Edit, ...]:  # Any: JSON
    return tuple(
        Edit((int(line), int(column)), (int(end_line), int(end_column)), _text(new_text))
        for line, column, end_line, end_column, new_text in data
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        msg = f"{value!r} is no text"
        raise TypeError(msg)
    return value
