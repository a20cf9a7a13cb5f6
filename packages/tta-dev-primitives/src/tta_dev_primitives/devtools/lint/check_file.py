"""Checking one file: its rules, its inline comments, and what becomes of a failure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.calls.composition import find_compositions
from tta_dev_primitives.devtools.calls.find import find_calls
from tta_dev_primitives.devtools.calls.wrapping import note_wrapping
from tta_dev_primitives.devtools.findings.finding import Finding, is_at_least
from tta_dev_primitives.devtools.findings.report import report_findings
from tta_dev_primitives.devtools.rules.rule import CheckedFile
from tta_dev_primitives.devtools.source.source_file import Position

from .call_record import call_record
from .ignore_comments import IgnoreComments
from .outcome import Outcome
from .selection import KEY_LITERAL, UNREADABLE, UNUSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tta_dev_primitives.devtools.rules.rule import Rule
    from tta_dev_primitives.devtools.source.source_error import SourceError
    from tta_dev_primitives.devtools.source.source_file import SourceFile
    from tta_dev_primitives.devtools.source.workspace import Workspace

    from .settings import Settings

_CELL: Final = re.compile(r"cell (\d+): ")


def check_file(
    file: SourceFile, workspace: Workspace, rules: Iterable[Rule], settings: Settings
) -> Outcome:
    """Run *rules* over one file and apply its inline comments.

    A rule that fails is told as a finding of its own, and the others go on: one odd file must not
    end a run over thousands.

    Args:
        file: What is checked.
        workspace: The facts of the files around it.
        rules: Those that count in this file.
        settings: What the project asks for.
    """
    rules = list(rules)
    running = frozenset(rule.code for rule in rules)
    found = [_unreadable(file.path, error) for error in file.skipped]
    broken = len(found)
    outcome = Outcome(lines=len(file.lines))
    try:
        names = workspace.names_of(file)
        sites = find_calls(file, names, settings)
        compositions = find_compositions(file, names)
        outcome.adoption = note_wrapping(file, names, sites, compositions)
        checked = CheckedFile(file, names, sites, compositions, settings)
        outcome.calls = [call_record(site) for site in sites]
    except Exception as error:  # noqa: BLE001 - told as a finding
        found.append(_failed(file, "the search for calls", error))
    else:
        found.extend(_run(rules, checked))
    has_failed = any(finding.code == UNREADABLE for finding in found[broken:])
    comments = IgnoreComments(file)
    parted = comments.apply(found)

    def is_told(finding: Finding) -> bool:
        sure = is_at_least(finding.confidence, settings.min_confidence)
        return sure and finding.code in running

    told = [finding for finding in parted.kept if is_told(finding)]
    outcome.ignored = sum(map(is_told, parted.silenced))
    if UNUSED in running and not has_failed:
        able = frozenset(rule.code for rule in rules if rule.silent_because() is None)
        told.extend(comments.findings(parted.idle, able, reasons=settings.require_reason))
    if file.is_notebook:
        told = [replace(finding, fix=None) for finding in told]
    # A comment may silence the rule about keys, and another finding show the line.
    keys = [finding.position for finding in found if finding.code == KEY_LITERAL]
    outcome.findings = report_findings(told, file.text_line, file.line_text, keys=keys)
    return outcome


def check_unreadable(path: str, error: SourceError, rules: Iterable[Rule]) -> Outcome:
    """Return what is told of a file that cannot be read."""
    if all(rule.code != UNREADABLE for rule in rules):
        return Outcome()
    finding = _unreadable(path, error)
    return Outcome(report_findings([finding], lambda place: place.line, lambda _: ""))


def _unreadable(path: str, error: SourceError) -> Finding:
    cell = _CELL.match(error.reason)
    reason = error.reason if cell is None else error.reason[cell.end() :]
    place = Position(error.line, 0, error.line, 0, None if cell is None else int(cell[1]))
    return Finding(UNREADABLE, reason, path, place, "", level="error")


def _run(rules: Iterable[Rule], checked: CheckedFile) -> Iterator[Finding]:
    for rule in rules:
        try:
            yield from rule.run(checked)
        except Exception as error:  # noqa: BLE001 - told as a finding
            yield _failed(checked.file, rule.code, error)


def _failed(file: SourceFile, what: str, error: Exception) -> Finding:
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    message = f"{what} failed on this file and says nothing of it ({told})"
    return Finding(UNREADABLE, message, file.path, Position(1, 0, 1, 0), "", level="error")
