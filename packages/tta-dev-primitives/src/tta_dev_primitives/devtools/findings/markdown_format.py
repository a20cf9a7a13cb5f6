"""Findings as Markdown, for a job summary or a comment on a change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .text_format import counted, place, plural

if TYPE_CHECKING:
    from .report import Report

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")
MOST_ROWS: Final = 200  # a comment that is longer is refused by some hosts


def render_markdown(report: Report) -> str:
    """Return a heading, a table of the rules, and a table of the first 200 findings."""
    lines = ["## LLM efficiency", "", _escaped(counted(report)) + "."]
    if report.findings:
        lines += ["", "| rule | name | findings |", "|---|---|---:|"]
        for code, number in sorted(report.codes.items()):
            rule = report.rules.get(code)
            lines.append(f"| {code} | {'' if rule is None else rule.name} | {number} |")
        lines += ["", "| place | rule | finding |", "|---|---|---|"]
        for reported in report.findings[:MOST_ROWS]:
            finding = reported.finding
            message = _escaped(finding.message)
            lines.append(f"| {_code(place(reported))} | {finding.code} | {message} |")
        left = len(report.findings) - MOST_ROWS
        if left > 0:
            lines += ["", f"{plural(left, 'more finding')} not shown."]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """Return a code span; the fence is longer than any run of backticks in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence, room = "`" * (longest + 1), " " if longest else ""
    # Even in a code span a bar would end the cell of the table.
    return f"{fence}{room}{text.replace('|', chr(92) + '|')}{room}{fence}"
