"""A comparison as Markdown, for a job summary or a comment on a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.written.markdown_text import code, escaped, row

from .advice_text import priced_by
from .comparison_tables import changes, headline, per_day_line, periods, reasons, remarks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .comparison import Comparison


def comparison_markdown(comparison: Comparison) -> str:
    """Return the change, a table of why it came, and tables of periods, models and places."""
    lines = ["## What changed in cost", "", f"{escaped(headline(comparison))}.", ""]
    daily = per_day_line(comparison)
    if daily is not None:
        lines += [f"{escaped(daily)}.", ""]
    priced = priced_by(comparison.price_source, comparison.price_snapshot)
    lines += [f"{escaped(priced)}.", "", *_table(reasons(comparison)), ""]
    lines += [*_table(periods(comparison)), ""]
    if comparison.models:
        for heading, listed in (("model", comparison.models), ("place", comparison.places)):
            lines += [*_table(changes(heading, listed), names=True), ""]
    lines += [f"- {escaped(remark)}" for remark in remarks(comparison)]
    return "\n".join(lines).rstrip() + "\n"


def _table(rows: Sequence[Sequence[str]], *, names: bool = False) -> list[str]:
    heading, *others = rows
    lines = [row(map(escaped, heading)), f"|---|{'---:|' * (len(heading) - 1)}"]
    for first, *rest in others:
        lines.append(row([code(first) if names else escaped(first), *map(escaped, rest)]))
    return lines
