"""Rows of text in columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from .text import Style, display_width

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAST_WIDTH: Final = 12
_GAP: Final = "  "

Cut: TypeAlias = Literal["never", "end", "beginning"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        header: What stands above it.
        is_number: Whether its cells stand to the right.
        cut: Which part of a cell goes where lines get too long.
        left_out: Columns of higher numbers are left out first where cutting is not enough; 0 never.
    """

    header: str
    is_number: bool = False
    cut: Cut = "never"
    left_out: int = 0


def table_lines(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], style: Style
) -> list[str]:
    """Lay *rows* out below the headers of *columns*; columns that hold nothing are left out."""
    widths = {
        index: max(display_width(cell) for cell in (column.header, *(row[index] for row in rows)))
        for index, column in enumerate(columns)
        if any(row[index] for row in rows)
    }
    if style.width is not None:
        _fit(columns, widths, style.width)

    def line(cells: Sequence[str]) -> str:
        return _GAP.join(
            _cell(style, columns[index], cells[index], width) for index, width in widths.items()
        ).rstrip()

    headers = [column.header for column in columns]
    return [style.paint(line(headers), "faint"), *map(line, rows)]


def _fit(columns: Sequence[Column], widths: dict[int, int], most: int) -> None:
    """Make columns narrower, the widest first, then leave columns out, until they fit."""

    def excess() -> int:
        return sum(widths.values()) + len(_GAP) * (len(widths) - 1) - most

    while excess() > 0:
        flexible = [
            index
            for index, width in widths.items()
            if columns[index].cut != "never" and width > _LEAST_WIDTH
        ]
        if flexible:
            widths[max(flexible, key=lambda index: widths[index])] -= 1
            continue
        optional = [index for index in widths if columns[index].left_out]
        if not optional:
            return
        del widths[max(optional, key=lambda index: columns[index].left_out)]


def _cell(style: Style, column: Column, text: str, width: int) -> str:
    if column.cut == "beginning":
        # Cut from behind, turned around twice.
        text = style.fitted(text[::-1], width)[::-1]
    text = style.fitted(text, width)
    pad = " " * (width - display_width(text))
    return pad + text if column.is_number else text + pad
