"""The report as lines for a terminal or a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .report_lines import changes_line, levels_line, size_text, why_text

if TYPE_CHECKING:
    from .difference import PackageChange
    from .finding import Report


def render_text(report: Report) -> str:
    """Write one line for each finding, the gravest first, and the counts at the end.

    Below the first line about a package stands who pulls it in and what its download weighs.
    """
    told: set[PackageChange] = set()
    lines: list[str] = []
    for finding in report.findings:
        subject = f" {finding.subject}:" if finding.subject else ""
        fix = f"; {finding.fix}" if finding.fix else ""
        lines.append(
            f"{finding.place}: {finding.level} [{finding.rule}]{subject} {finding.message}{fix}"
        )
        change = finding.change
        if change is not None and change not in told:
            told.add(change)
            why, size = why_text(report.chains[change]), size_text(change)
            lines += [f"    why: {why}"] if why else []
            lines += [f"    size: {size}"] if size else []
    lines.append(f"{report.base} -> {report.head}: {changes_line(report)}")
    lines.append(levels_line(report))
    return "\n".join(lines) + "\n"
