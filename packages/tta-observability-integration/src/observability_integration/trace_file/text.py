"""What a trace file tells, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observability_integration.terminal.table import Column, table_lines
from observability_integration.terminal.text import printable
from observability_integration.terminal.totals import totals_lines
from observability_integration.terminal.units import count, dollars, duration, moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observability_integration.terminal.text import Style

    from .diff import FileDiff, MeasureChange, PlaceChange, Unit
    from .results import FileSummary, Run, TraceEntry

_MOST_PLACES: Final = 100
_TRACE_COLUMNS: Final = (
    Column("trace"),
    Column("began (UTC)", left_out=1),
    Column("name", cut="end"),
    Column("outcome"),
    Column("time", is_number=True),
    Column("spans", is_number=True, left_out=4),
    Column("calls", is_number=True, left_out=3),
    Column("cost", is_number=True),
    Column("saved", is_number=True, left_out=2),
)
_MODEL_COLUMNS: Final = (
    Column("model", cut="end"),
    Column("provider", cut="end"),
    Column("calls", is_number=True),
    Column("in", is_number=True),
    Column("out", is_number=True),
    Column("cost", is_number=True),
)
_PLACE_COLUMNS: Final = (
    Column("place", cut="beginning"),
    Column("what", cut="end", left_out=3),
    Column("calls", is_number=True),
    Column("failed", is_number=True),
    Column("p50", is_number=True),
    Column("p95", is_number=True),
    Column("hits", is_number=True, left_out=1),
    Column("tries", is_number=True, left_out=2),
    Column("cost", is_number=True),
)
_UNKNOWN: Final = "(unknown)"


def traces_lines(entries: Sequence[TraceEntry], style: Style) -> list[str]:
    """Return a list of traces, newest first."""
    if not entries:
        return ["no traces"]
    rows = [
        (
            entry.trace_id[:8],
            moment(entry.start_ns),
            printable(entry.name),
            printable(entry.outcome) if entry.complete else "not ended",
            duration(entry.seconds * 1e9),
            f"{entry.spans:,}",
            f"{entry.model_calls:,}" if entry.model_calls else "",
            _cost(entry.cost, entry.unpriced_calls),
            dollars(entry.saved) if entry.saved else "",
        )
        for entry in entries
    ]
    return table_lines(_TRACE_COLUMNS, rows, style)


def summary_lines(summary: FileSummary, style: Style) -> list[str]:
    """Return the runs, the sums, and tables of models and places."""
    lines = [line for run in summary.runs for line in _run_lines(run, style)]
    lines.append(f"{count(summary.traces, 'trace')}, {count(summary.totals.spans, 'span')}")
    lines[-1] += f", {summary.totals.failed:,} failed" if summary.totals.failed else ""
    lines += totals_lines(summary.totals, style)
    if summary.models:
        rows = [
            (
                printable(model.model) or _UNKNOWN,
                printable(model.provider),
                f"{model.calls:,}",
                f"{model.input_tokens:,}",
                f"{model.output_tokens:,}",
                _cost(model.cost, model.unpriced_calls),
            )
            for model in summary.models
        ]
        lines += ["", *table_lines(_MODEL_COLUMNS, rows, style)]
    if summary.places:
        rows = [
            (
                printable(place.path),
                printable(place.what),
                f"{place.calls:,}",
                f"{place.failed:,}" if place.failed else "",
                duration(place.p50_seconds * 1e9),
                duration(place.p95_seconds * 1e9),
                "" if place.hit_share is None else f"{place.hit_share:.0%}",
                "" if place.attempts_per_call is None else f"{place.attempts_per_call:.2f}",
                _cost(place.cost, place.unpriced_calls),
            )
            for place in summary.places[:_MOST_PLACES]
        ]
        lines += ["", *table_lines(_PLACE_COLUMNS, rows, style)]
        hidden = len(summary.places) - _MOST_PLACES
        if hidden > 0:
            lines.append(f"{style.cut} {count(hidden, 'more place')} not shown")
    return lines


def diff_lines(found: FileDiff, style: Style) -> list[str]:
    """Return the sums of both sides and every place that changed."""
    lines = [
        *totals_lines(found.before, style, "before  "),
        *totals_lines(found.after, style, "after   "),
    ]
    above: PlaceChange | None = None
    for place in found.changes:
        if above is None or "changed" in (above.kind, place.kind):
            lines.append("")
        lines += _place_lines(place, style)
        above = place
    same = len(found.places) - len(found.changes)
    told = count(len(found.changes), "place") + " changed" if found.changes else "no place changed"
    return [*lines, "", f"{told}, {same:,} the same"]


def _place_lines(place: PlaceChange, style: Style) -> list[str]:
    name = " ".join(part for part in (printable(place.path), printable(place.what)) if part)
    figures = place.before or place.after
    if place.kind in ("new", "gone") and figures is not None:
        colour = "green" if place.kind == "new" else "red"
        told = f"{name}: {count(figures.calls, 'call')}"
        if figures.cost:
            told += f", {dollars(figures.cost)}"
        room = (style.width or 1_000) - 6
        return [f"{style.paint(f'{place.kind:<4}', colour)}  {style.fitted(told, room)}"]
    heading = style.fitted(name, style.width or 1_000)
    return [heading, *(_change_line(change, style) for change in place.changes)]


def _change_line(change: MeasureChange, style: Style) -> str:
    label = change.measure.removesuffix("_seconds").replace("_", " ")
    arrow = "->" if style.plain else "→"
    told = f"  {label:<17}  {_figure(change.before, change.unit):>12} {arrow} "
    told += f"{_figure(change.after, change.unit):<12}"
    if change.relative is not None and change.unit != "share":
        told += f"  {change.relative:+.1%}"
    return told.rstrip()


def _figure(value: float | None, unit: Unit) -> str:
    if value is None:
        return "none"
    if unit == "seconds":
        return duration(value * 1e9)
    if unit == "dollars":
        return dollars(value)
    if unit == "share":
        return f"{value:.1%}"
    return f"{value:,.2f}" if unit == "ratio" else f"{value:,.0f}"


def _run_lines(run: Run, style: Style) -> list[str]:
    name = " ".join(part for part in (run.service_name, run.service_version) if part)
    ended = "not ended" if run.ended is None else f"ended {run.ended:%Y-%m-%d %H:%M:%S}"
    told = f"run {run.id}: {printable(name)}, began {run.began:%Y-%m-%d %H:%M:%S}, {ended}"
    counts = f"  {count(run.exported, 'span')} written"
    if run.dropped:
        counts += f", {run.dropped:,} dropped"
    if run.removed:
        counts += f", {run.removed:,} removed for newer ones"
    return [style.fitted(line, style.width or 1_000) for line in (told, counts)]


def _cost(cost: float, unpriced: int) -> str:
    """Return money that was spent, and how many calls nobody can price."""
    parts = [dollars(cost)] if cost else []
    if unpriced:
        parts.append(f"{unpriced:,} unpriced")
    return " + ".join(parts)
