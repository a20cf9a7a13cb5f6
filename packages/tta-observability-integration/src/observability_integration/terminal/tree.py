"""A trace as a tree: one line for each span, with what it decided and cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from .lost import FAILED, alternatives
from .text import Colour, Style, display_width, printable
from .totals import totals_lines, totals_of
from .units import count, duration
from .words import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .tree_span import TreeSpan

DEFAULT_MAX_SPANS: Final = 200
_LINES: Final = ("├─ ", "└─ ", "│  ", "   ")
_PLAIN_LINES: Final = ("|- ", "`- ", "|  ", "   ")
_LEAST_WORDS: Final = 24
_LEAST_NAME: Final = 12
_LONGEST_OUTCOME: Final = 12
_DEEPEST: Final = 240  # letters drawn before a name; what is outside of them is not drawn
_COLOURS: Final[dict[str, Colour]] = {
    "cancelled": "yellow",
    "error": "red",
    "fallback": "yellow",
    "hit": "green",
    "rejected": "yellow",
    "stale": "yellow",
    "timeout": "red",
}


class TreeRow(NamedTuple):
    """A span at its place in the tree: what is drawn before it, and before lines below it."""

    before: str
    below: str
    span: TreeSpan


@dataclass(frozen=True, slots=True)
class _Columns:
    """How wide the parts of a line are; None is as wide as they come."""

    name: int
    time: int
    outcome: int
    words: int | None


def trace_lines(
    spans: Iterable[TreeSpan], style: Style, *, max_spans: int = DEFAULT_MAX_SPANS
) -> list[str]:
    """Lay the spans of one trace out as a tree, with their sums below.

    Siblings stand in the order of their starts, a span whose parent is missing at the top. Beyond
    *max_spans* the rest is counted, and the sums are still those of all. A single span that asked
    no model and saved nothing has no line of sums.

    Args:
        spans: Ended spans of one trace.
        style: How wide, and with which characters.
        max_spans: Most spans that get a line.
    """
    rows = tree_rows(spans, plain=style.plain)
    shown, hidden = rows[:max_spans], rows[max_spans:]
    columns = _columns(shown, style)
    spans = [row.span for row in rows]
    taken = alternatives(spans)
    lines = [line for row in shown for line in _row_lines(row, columns, style, taken)]
    if hidden:
        lines.append(_hidden_line(hidden, style))
    totals = totals_of(spans)
    if totals.spans > 1 or totals.model_calls or totals.saved:
        lines += totals_lines(totals, style)
    return lines


def tree_rows(spans: Iterable[TreeSpan], *, plain: bool = False) -> list[TreeRow]:
    """Return every span once, each below its parent."""
    ordered = sorted(spans, key=lambda span: span.start_ns)
    known = {span.span_id for span in ordered}
    children: dict[int, list[TreeSpan]] = {}
    for span in ordered:
        above = span.parent_id if span.parent_id in known else 0
        children.setdefault(above, []).append(span)
    fork, last, bar, gap = _PLAIN_LINES if plain else _LINES
    rows: list[TreeRow] = []
    waiting = [TreeRow("", "", span) for span in reversed(children.pop(0, []))]
    while waiting or children:
        if not waiting:  # parents that are below themselves: a file can say so
            _, stranded = children.popitem()
            waiting = [TreeRow("", "", span) for span in reversed(stranded)]
        row = waiting.pop()
        here = children.pop(row.span.span_id, [])
        rows.append(row._replace(below=row.below + (bar if here else gap)))
        for child in reversed(here):
            drawn, carried = (last, gap) if child is here[-1] else (fork, bar)
            outside = row.below[-_DEEPEST:]
            waiting.append(TreeRow(outside + drawn, outside + carried, child))
    return rows


def _columns(rows: Sequence[TreeRow], style: Style) -> _Columns:
    widths = (display_width(row.before + printable(row.span.name)) for row in rows)
    name = max(widths, default=0)
    time = max([9, *(len(_time(row.span)) for row in rows)])
    outcome = max((display_width(_outcome(row.span)) for row in rows), default=0)
    if style.width is None:
        return _Columns(name, time, outcome, None)
    name = min(name, style.width // 2)  # and as much for what the spans say
    return _Columns(name, time, outcome, style.width - name - time - outcome - 6)


def _row_lines(
    row: TreeRow, columns: _Columns, style: Style, taken: Mapping[int, TreeSpan]
) -> list[str]:
    span = row.span
    fixed = f"{_named(row, columns.name, style)}  {_time(span):>{columns.time}}  "
    outcome, told = _outcome(span), words(span, taken.get(span.span_id))
    painted = style.paint(outcome, _COLOURS.get(outcome))
    pad = " " * (columns.outcome - display_width(outcome) + 2)
    if columns.words is None:
        return [f"{fixed}{painted}{pad}{' '.join(told)}".rstrip()]
    if columns.words >= _LEAST_WORDS or display_width(" ".join(told)) <= columns.words:
        first, *more = style.wrapped(told, columns.words) or [""]
        lines = [f"{fixed}{painted}{pad}{first}".rstrip()]
        start = columns.name + columns.time + columns.outcome + 6
    else:
        lines, start = [f"{fixed}{painted}"], min(len(row.below) + 2, columns.name)
        more = style.wrapped(told, (style.width or 0) - start)
    return [*lines, *(f"{row.below[:start]:<{start}}{text}" for text in more)]


def _named(row: TreeRow, width: int, style: Style) -> str:
    """Return the name in its place: of what is too long, its end goes, then the outer lines."""
    before, name = row.before, printable(row.span.name)
    if display_width(before + name) > width:
        name = style.fitted(name, max(width - len(before), min(_LEAST_NAME, width)))
        room = width - display_width(name)
        if len(before) > room:
            kept = max(room - len(style.cut), 0)
            before = (style.cut + before[len(before) - kept :])[:room]
    return style.padded(before + name, width)


def _hidden_line(hidden: Sequence[TreeRow], style: Style) -> str:
    failed = sum(row.span.outcome in FAILED for row in hidden)
    line = f"{style.cut} {count(len(hidden), 'more span')} not shown"
    return style.paint(f"{line}, {failed:,} of them failed" if failed else line, "faint")


def _outcome(span: TreeSpan) -> str:
    return printable(span.outcome)[:_LONGEST_OUTCOME]


def _time(span: TreeSpan) -> str:
    return duration(span.end_ns - span.start_ns)
