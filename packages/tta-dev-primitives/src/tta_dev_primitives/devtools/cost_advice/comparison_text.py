"""A comparison as lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.findings.source_frame import visible

from .advice_text import priced_by
from .comparison_tables import changes, headline, per_day_line, periods, reasons, remarks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .comparison import Comparison


def comparison_lines(comparison: Comparison) -> list[str]:
    """Return the change, why it came, both periods, and the largest changes by model and place."""
    lines = [headline(comparison)]
    daily = per_day_line(comparison)
    if daily is not None:
        lines.append(daily)
    lines.append(priced_by(comparison.price_source, comparison.price_snapshot))
    tables = [reasons(comparison), periods(comparison)]
    if comparison.models:
        tables += [changes("model", comparison.models), changes("place", comparison.places)]
    for table in tables:
        lines += ["", *_aligned(table)]
    told = remarks(comparison)
    if told:
        lines += ["", *(f"note: {remark}" for remark in told)]
    return [visible(line) for line in lines]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows in columns, names to the left and figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines: list[str] = []
    for row in rows:
        cells = [
            cell.rjust(width) if 0 < index < 4 else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
