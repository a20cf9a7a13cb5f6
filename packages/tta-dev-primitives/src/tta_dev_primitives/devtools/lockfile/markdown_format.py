"""The report as Markdown, for the summary of a workflow and a comment on a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .report_lines import changes_line, levels_line, size_text, why_text
from .toml_text import code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .finding import Finding, Report

MARK: Final = "<!-- tta lockdiff -->"
MOST_BYTES: Final = 60_000  # a comment may have 65,536 characters

_HEAD: Final = "| level | package | what | why it is there | size |\n|---|---|---|---|---|\n"


def render_markdown(report: Report) -> str:
    """Write a table of what needs eyes, and a folded one of the rest.

    The first line is a mark by which a workflow finds its own comment again. Rows that would make
    the page longer than a comment may be are counted instead; the gravest are kept.
    """
    grave = [finding for finding in report.findings if finding.level != "info"]
    others = [finding for finding in report.findings if finding.level == "info"]
    page = f"{MARK}\n### Lockfile: {changes_line(report)}\n\n"
    page += f"{code(report.base)} to {code(report.head)}: {levels_line(report)}\n"
    if grave:
        page += "\n" + _table(grave, report, MOST_BYTES - 2_000 - len(page.encode()))
    if others:
        end = "\n</details>\n"
        page += f"\n<details><summary>{len(others)} for information</summary>\n\n"
        page += _table(others, report, MOST_BYTES - len((page + end).encode())) + end
    return page


def _table(findings: Iterable[Finding], report: Report, most_bytes: int) -> str:
    rows: list[str] = []
    left_out = 0
    room = most_bytes - len(_HEAD) - 100
    for finding in findings:
        row = _row(finding, report)
        room -= len(row.encode())
        if room < 0:
            left_out += 1
        else:
            rows.append(row)
    table = _HEAD + "".join(rows)
    if left_out:
        table += f"\n{left_out} more did not fit; `tta lockdiff` prints them all\n"
    return table


def _row(finding: Finding, report: Report) -> str:
    change = finding.change
    why = why_text(report.chains[change]) if change else ""
    subject = code(finding.subject) if finding.subject else ""
    fix = f"; {finding.fix}" if finding.fix else ""
    cells = [
        f"{finding.level} {finding.rule}",
        subject,
        f"{finding.message}{fix}",
        code(why) if why else "",
        size_text(change) if change else "",
    ]
    # A bar ends a cell even in a code span.
    return "| " + " | ".join(cell.replace("|", "&#124;") for cell in cells) + " |\n"
