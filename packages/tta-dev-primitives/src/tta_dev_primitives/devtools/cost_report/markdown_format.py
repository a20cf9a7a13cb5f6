"""A report as Markdown, for a job summary or a comment on a change."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .one_line import one_line
from .statements import ADOPTION_NOTE, facts, proven, unproven
from .tables import COMPARED, adoption_table, cost_table, lever_table, quality_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .report import CostReport
    from .tables import Row, Table

# What code hosts make links of they find after the escapes are gone, so these need a parting.
_SPECIAL: Final = re.compile(
    r"(?P<linked>[@#](?=\w)|://|\bwww\.|\bGH-(?=\d))"
    r"|(?P<special>[\\`*_\[\]<>#|~&$]|^[-+=])"
    r"|^(?P<number>\d+)\."
)
_PARTING: Final = "&#8203;"


def as_markdown(report: CostReport) -> str:
    """Return the verdict with its reasons, the tables, and what they prove and do not.

    No name of a model, a file or a member can end a table, write markup, mention a person or make
    a link.
    """
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: CostReport) -> Iterator[str]:
    measurement = report.measurement
    yield f"## Cost: {measurement.verdict.status}"
    yield ""
    yield from _listed(measurement.verdict.reasons)
    tables = [cost_table(report), quality_table(report), lever_table(report)]
    for table in tables:
        if table.rows:
            yield from _table(table)
    if report.adoption is not None:
        table = adoption_table(report.adoption)
        yield from _table(table)
        if table.rows:
            yield from ("", _escaped(ADOPTION_NOTE))
    yield from ("", "### What was measured", "", "| | |", "|---|---|")
    yield from (f"| {label} | {_escaped(text)} |" for label, text in facts(measurement))
    for title, sentences in (
        ("Notes", measurement.notes),
        ("What this proves", proven(report)),
        ("What this does not prove", unproven(report)),
    ):
        if sentences:
            yield from ("", f"### {title}", "")
            yield from _listed(sentences)


def _listed(sentences: Iterable[str]) -> Iterator[str]:
    return (f"- {_escaped(sentence)}" for sentence in sentences)


def _table(table: Table) -> Iterator[str]:
    yield from ("", f"### {table.title}", "")
    if not table.rows:
        yield table.missing
        return
    yield f"| {' | '.join(table.headings)} |"
    yield f"|---|{'---:|' * (len(table.headings) - 1)}"
    yield from (_row(row) for row in table.rows)
    if table.compared:
        yield f"| _{COMPARED}_ |{' |' * (len(table.headings) - 1)}"
        yield from (_row(row) for row in table.compared)


def _row(row: Row) -> str:
    return f"| {_escaped(row.name)} | {' | '.join(str(cell) for cell in row.cells)} |"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(_harmless, one_line(text))


def _harmless(found: re.Match[str]) -> str:
    if found["number"]:
        return found["number"] + "\\."
    if found["special"]:
        return "\\" + found["special"]
    linked = found["linked"]
    if len(linked) > 1:
        return f"{linked[:-1]}{_PARTING}{linked[-1]}"
    return f"{'' if linked == '@' else chr(92)}{linked}{_PARTING}"
