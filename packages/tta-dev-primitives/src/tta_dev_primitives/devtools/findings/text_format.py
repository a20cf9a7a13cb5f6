"""Findings for people: one line each, or with the source and a mark below the place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .source_frame import frame, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .report import Numbers, Report, ReportedFinding

_RESET: Final = "\x1b[0m"
_COLOURS: Final = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "info": "\x1b[1;36m"}
_BOLD: Final = "\x1b[1m"
_DIM: Final = "\x1b[2m"


def render_text(report: Report, *, width: int = 100, colour: bool = False) -> str:
    """Return each finding with its source line, and a last line that counts them.

    Args:
        report: What to show.
        width: Columns of the terminal; source lines are cut to it.
        colour: Whether to write ANSI colours.
    """
    lines: list[str] = []
    for reported in report.findings:
        lines.extend(_with_frame(reported, report, width, colour=colour))
        lines.append("")
    lines.append(counted(report))
    return "\n".join(lines) + "\n"


def render_concise(report: Report, *, colour: bool = False) -> str:
    """Return one line a finding, `path:line:column: CODE message`, and nothing else."""
    return "".join(f"{_headline(reported, colour=colour)}\n" for reported in report.findings)


def place(reported: ReportedFinding) -> str:
    """Return `path:line:column`, both from 1; in a notebook `path:cell 0:line:column`."""
    finding = reported.finding
    position = finding.position
    cell = "" if position.cell is None else f"cell {position.cell}:"
    return visible(f"{finding.path}:{cell}{position.line}:{position.column + 1}")


def counted(report: Report) -> str:
    """Return the line that counts findings and files, and says what can be fixed."""
    numbers = report.numbers
    files = plural(numbers.files, "file")
    if not report.findings:
        return f"no findings in {files}{_accepted(numbers)}"
    fixes = [each.finding.fix for each in report.findings if each.finding.fix is not None]
    safe = sum(fix.is_safe for fix in fixes)
    told: list[str] = []
    if safe:
        told.append(f"{safe} fixable with --fix")
    if len(fixes) > safe:
        told.append(f"{len(fixes) - safe} with --fix --unsafe-fixes")
    fixable = f"; {', '.join(told)}" if told else ""
    return f"{plural(len(report.findings), 'finding')} in {files}{_accepted(numbers)}{fixable}"


def plural(number: int, noun: str) -> str:
    """Return the number with its noun, `1 file` or `3 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _accepted(numbers: Numbers) -> str:
    told: list[str] = []
    if numbers.ignored:
        told.append(f"{numbers.ignored} ignored inline")
    if numbers.in_baseline:
        told.append(f"{numbers.in_baseline} in the baseline")
    return f" ({', '.join(told)})" if told else ""


def _headline(reported: ReportedFinding, *, colour: bool) -> str:
    finding = reported.finding
    where, message = place(reported), visible(finding.message)
    if not colour:
        return f"{where}: {finding.code} {message}"
    return f"{_BOLD}{where}{_RESET}: {_COLOURS[finding.level]}{finding.code}{_RESET} {message}"


def _with_frame(
    reported: ReportedFinding, report: Report, width: int, *, colour: bool
) -> Iterator[str]:
    finding = reported.finding
    yield _headline(reported, colour=colour)
    number = str(finding.position.line)
    margin = " " * len(number)
    dim, reset = (_DIM, _RESET) if colour else ("", "")
    marked, unmarked = (_COLOURS[finding.level], _RESET) if colour else ("", "")
    framed = frame(reported, width - len(number) - 3)
    if framed is not None:
        line, marks = framed
        yield f"{dim}{number} |{reset} {line}"
        yield f"{dim}{margin} |{reset} {marks.replace('^', marked + '^', 1)}{unmarked}"
    rule = report.rules.get(finding.code)
    if rule is not None:
        doubt = "" if finding.confidence == "high" else f", {finding.confidence} confidence"
        yield f"{dim}{margin} = {rule.name}{doubt}; tta lint --explain {finding.code}{reset}"
    if finding.fix is not None:
        option = "--fix" if finding.fix.is_safe else "--fix --unsafe-fixes"
        yield f"{dim}{margin} = {option}: {visible(finding.fix.message)}{reset}"
