"""A report for a terminal: plain lines, the verdict first."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.findings.source_frame import columns
from tta_dev_primitives.devtools.written.one_line import one_line, shortened

from .statements import ADOPTION_NOTE, facts
from .tables import COMPARED, adoption_table, cost_table, lever_table, quality_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .report import CostReport
    from .tables import Row, Table

_NARROWEST_NAME: Final = 16
_GAP: Final = "  "


def text_lines(report: CostReport, *, width: int = 100) -> list[str]:
    """Return the report as lines without colour.

    Args:
        report: What to show.
        width: Columns of the terminal. Sentences are broken there and long names shortened;
            figures never are.
    """
    measurement = report.measurement
    lines = [f"verdict: {measurement.verdict.status}"]
    for reason in measurement.verdict.reasons:
        lines += _broken(reason, width, "  ")
    lines.append("")
    told = facts(measurement)
    room = max(len(label) for label, _ in told) + len(_GAP)
    for label, text in told:
        lines += _broken(text, width, label.ljust(room), " " * room)
    tables = [cost_table(report), quality_table(report), lever_table(report)]
    for table in tables:
        if table.rows:
            lines += ["", *_table(table, width)]
    if report.adoption is not None:
        table = adoption_table(report.adoption)
        lines += ["", *_table(table, width)]
        if table.rows:
            lines += _broken(ADOPTION_NOTE, width, "")
    if measurement.notes:
        lines += ["", "Notes"]
        for note in measurement.notes:
            lines += _broken(note, width, "- ", "  ")
    return lines


def _table(table: Table, width: int) -> Iterator[str]:
    yield table.title
    if not table.rows:
        yield table.missing
        return
    shown = [[str(cell) for cell in row.cells] for row in (*table.rows, *table.compared)]
    widths = [
        max(len(row[at]) for row in (*shown, table.headings[1:])) for at in range(len(shown[0]))
    ]
    room = max(_NARROWEST_NAME, width - sum(widths) - len(_GAP) * len(widths))
    names = {row: shortened(one_line(row.name), room) for row in (*table.rows, *table.compared)}
    name_width = max(columns(name) for name in (*names.values(), table.headings[0]))
    yield _line(table.headings[0], table.headings[1:], name_width, widths)
    yield from (_row(row, names, name_width, widths) for row in table.rows)
    if table.compared:
        yield f"{COMPARED}:"
        yield from (_row(row, names, name_width, widths) for row in table.compared)


def _row(row: Row, names: dict[Row, str], name_width: int, widths: list[int]) -> str:
    return _line(names[row], tuple(str(cell) for cell in row.cells), name_width, widths)


def _line(name: str, cells: tuple[str, ...], name_width: int, widths: list[int]) -> str:
    first = name + " " * (name_width - columns(name))
    figures = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return _GAP.join((first, *figures))


def _broken(text: str, width: int, first: str, following: str | None = None) -> list[str]:
    return textwrap.wrap(
        one_line(text),
        width,
        initial_indent=first,
        subsequent_indent=first if following is None else following,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]
