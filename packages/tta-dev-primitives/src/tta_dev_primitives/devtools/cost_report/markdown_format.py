"""A report as Markdown, for a job summary or a comment on a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.written.markdown_text import escaped, row

from .statements import ADOPTION_NOTE, facts, proven, unproven
from .tables import COMPARED, adoption_table, cost_table, lever_table, quality_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .report import CostReport
    from .tables import Row, Table


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
            yield from ("", escaped(ADOPTION_NOTE))
    yield from ("", "### What was measured", "", "| | |", "|---|---|")
    yield from (f"| {label} | {escaped(text)} |" for label, text in facts(measurement))
    for title, sentences in (
        ("Notes", measurement.notes),
        ("What this proves", proven(report)),
        ("What this does not prove", unproven(report)),
    ):
        if sentences:
            yield from ("", f"### {title}", "")
            yield from _listed(sentences)


def _listed(sentences: Iterable[str]) -> Iterator[str]:
    return (f"- {escaped(sentence)}" for sentence in sentences)


def _table(table: Table) -> Iterator[str]:
    yield from ("", f"### {table.title}", "")
    if not table.rows:
        yield table.missing
        return
    yield row(table.headings)
    yield f"|---|{'---:|' * (len(table.headings) - 1)}"
    yield from map(_row, table.rows)
    if table.compared:
        yield f"| _{COMPARED}_ |{' |' * (len(table.headings) - 1)}"
        yield from map(_row, table.compared)


def _row(told: Row) -> str:
    return row([escaped(told.name), *map(str, told.cells)])
