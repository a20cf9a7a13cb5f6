"""Escaped text and tables as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.written.one_line import one_line, shortened

from .tables import COMPARED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .tables import Cell, Row, Table

# What the narrowest screen has room for beside each other in a chart.
_COLUMNS: Final = 44
_SHORTEST_NAME: Final = 12


def safe(text: str) -> str:
    """Return a text that is nothing but text in HTML, within quotes too."""
    return escape(one_line(text))


def listed(sentences: Iterable[str]) -> str:
    """Return the sentences as a list."""
    return f"<ul>{''.join(f'<li>{safe(sentence)}</li>' for sentence in sentences)}</ul>\n"


def label(name: str, figure: str, y: int) -> str:
    """Return the line above a row of a chart: its name, shortened, and at the end its figure.

    Args:
        name: Any text.
        figure: What the row shows.
        y: Where the line stands, in pixels.
    """
    shown = shortened(one_line(name), max(_SHORTEST_NAME, _COLUMNS - len(figure)))
    return (
        f'<text x="0" y="{y}">{safe(shown)}</text>'
        f'<text class="figure" x="100%" y="{y}" text-anchor="end">{safe(figure)}</text>'
    )


def table_html(table: Table, heading: str) -> str:
    """Return the table, or what is to be said where it has no rows.

    Args:
        table: What to show.
        heading: Identifier of the heading above, which names the table.
    """
    if not table.rows:
        return f'<p class="missing">{safe(table.missing)}</p>\n'
    return "".join(_table(table, heading))


def _table(table: Table, heading: str) -> Iterator[str]:
    # A region that scrolls needs the focus, so that keys can move it.
    yield f'<div class="scroll" role="region" tabindex="0" aria-labelledby="{heading}">'
    yield f'<table aria-labelledby="{heading}">\n<thead><tr>'
    yield from (f'<th scope="col">{safe(heading)}</th>' for heading in table.headings)
    yield "</tr></thead>\n<tbody>"
    yield from (_row(row) for row in table.rows)
    yield "</tbody>\n"
    if table.compared:
        span = len(table.headings)
        yield f'<tbody><tr><th class="compared" scope="rowgroup" colspan="{span}">{COMPARED}</th>'
        yield "</tr>\n"
        yield from (_row(row) for row in table.compared)
        yield "</tbody>\n"
    yield "</table></div>\n"


def _row(row: Row) -> str:
    cells = "".join(_cell(cell) for cell in row.cells)
    return f'<tr><th scope="row">{safe(row.name)}</th>{cells}</tr>\n'


def _cell(cell: Cell) -> str:
    limits = f" <small>{safe(cell.bounds)}</small>" if cell.bounds else ""
    return f"<td>{safe(cell.text)}{limits}</td>"
