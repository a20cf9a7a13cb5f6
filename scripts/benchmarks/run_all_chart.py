"""Draws one series as inline SVG, whose colours the page decides."""

from __future__ import annotations

import math
import statistics
from html import escape
from typing import TYPE_CHECKING, Final

from run_all_steps import LEAST_RUNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from run_all_place import Commit
    from run_all_series import Series
    from run_all_steps import Segment

# Narrow, so that its text can still be read where a telephone makes it smaller.
WIDTH, HEIGHT = 400, 200
LEFT, RIGHT, TOP, BOTTOM = 72, 12, 30, 40
MINUS: Final = "\N{MINUS SIGN}"


def number(value: float) -> str:
    """Return *value* with three digits that count."""
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percent(part: float) -> str:
    """Return *part* with its sign, so that it can be told without a colour."""
    digits = f"{abs(part):.1%}" if abs(part) < 0.1 else f"{abs(part):,.0%}"
    return f"{'+' if part >= 0 else MINUS}{digits.replace('%', ' %')}"


def ticks(least: float, most: float) -> list[tuple[float, str]]:
    """Return round numbers from *least* to *most*, three at least, and how they are written.

    They are one, two or five of a power of ten apart, as far as that allows three of them, and all
    have the digits that this needs.
    """
    power = math.ceil(math.log10(most - least))
    distances = [part * 10.0 ** (power - less) for less in (1, 2) for part in (5, 2, 1)]
    apart = next(each for each in distances if len(_multiples(each, least, most)) >= 3)
    digits = max(0, -math.floor(math.log10(apart)))
    return [(at * apart, f"{at * apart:,.{digits}f}") for at in _multiples(apart, least, most)]


def _multiples(apart: float, least: float, most: float) -> range:
    # What floats lose must not cost the first or the last.
    return range(math.ceil(least / apart - 1e-9), math.floor(most / apart + 1e-9) + 1)


def _bands_of(series: Series) -> list[tuple[Segment, float, float]]:
    """Return where the noise lies, as far as there are runs enough to tell."""
    is_above_nothing = min(run.figure.median for run in series.runs) > 0
    return [
        (part, max(0.0, part.band[0]) if is_above_nothing else part.band[0], part.band[1])
        for part in series.segments
        if part.after - part.first >= LEAST_RUNS
    ]


class _Scale:
    """Where a commit and a figure stand in the picture."""

    def __init__(self, series: Series) -> None:
        figures = [run.figure for run in series.runs]
        values = [each.median for each in figures] + [each.best for each in figures]
        bands = [edge for _, *edges in _bands_of(series) for edge in edges]
        least, most = min(values + bands), max(values + bands)
        room = (most - least) * 0.08 or abs(most) * 0.1 or 1.0
        self.least, self.most = least - room, most + room
        if least >= 0:
            self.least = max(0.0, self.least)
        self._places = {commit: place for place, commit in enumerate(series.commits)}

    def x(self, commit: Commit, aside: float = 0.0) -> float:
        """Return the place of *commit*, moved by *aside* columns."""
        columns = len(self._places)
        return LEFT + (self._places[commit] + 0.5 + aside) * (WIDTH - LEFT - RIGHT) / columns

    def y(self, value: float) -> float:
        """Return the height of *value*."""
        part = (value - self.least) / (self.most - self.least)
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)


def chart(series: Series) -> str:
    """Return the picture of *series*: medians, the best of each run, bands and steps."""
    scale = _Scale(series)
    last = series.runs[-1].figure
    told = f"{series.case}, {len(series.runs)} runs, last {number(last.median)} {series.unit}"
    return "\n".join(
        [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
            f"<title>{escape(told)}</title>",
            *_axes(series, scale),
            *_bands(series, scale),
            *_runs(series, scale),
            *_marks(series, scale),
            "</svg>",
        ]
    )


def _axes(series: Series, scale: _Scale) -> Iterator[str]:
    for value, text in ticks(scale.least, scale.most):
        y = scale.y(value)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="end" x="{LEFT - 6}" y="{y + 4:.1f}">{text}</text>'
    first, last = series.commits[0], series.commits[-1]
    for commit, x, side in ((first, LEFT, ""), (last, WIDTH - RIGHT, ' class="end"')):
        if side and first == last:
            continue
        text = f"{commit.date[:10]} {commit.identity[:7]}"
        yield f'<text{side} x="{x}" y="{HEIGHT - 10}">{escape(text)}</text>'


def _bands(series: Series, scale: _Scale) -> Iterator[str]:
    for part, low, high in _bands_of(series):
        left = scale.x(series.runs[part.first].commit, -0.5)
        width = scale.x(series.runs[part.after - 1].commit, 0.5) - left
        y, height = scale.y(high), scale.y(low) - scale.y(high)
        yield (
            f'<rect class="band" x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{max(height, 1):.1f}"/>'
        )


def _runs(series: Series, scale: _Scale) -> Iterator[str]:
    points: list[str] = []
    for commit in series.commits:
        figures = [run.figure for run in series.runs if run.commit == commit]
        x = scale.x(commit)
        middle = statistics.median(each.median for each in figures)
        points.append(f"{x:.1f},{scale.y(middle):.1f}")
        for each in figures:
            yield f'<circle class="run" cx="{x:.1f}" cy="{scale.y(each.median):.1f}" r="2.5"/>'
        best = (min if series.better == "less" else max)(each.best for each in figures)
        y = scale.y(best)
        yield f'<path class="best" d="M{x - 3:.1f} {y:.1f}h6"/>'
    yield f'<polyline class="median" points="{" ".join(points)}"/>'


def _marks(series: Series, scale: _Scale) -> Iterator[str]:
    for change in series.changes:
        x = scale.x(change.commit, -0.5)
        kind = "worse" if change.is_worse else "better"
        yield (
            f'<line class="mark {kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 8}" '
            f'y2="{HEIGHT - BOTTOM}"/>'
        )
        # Near the edge the text turns to the other side of its line.
        side = "end" if x > WIDTH - 110 else "start"
        away = -4 if side == "end" else 4
        yield (
            f'<text class="{side} {kind}" x="{x + away:.1f}" y="{TOP - 12}">'
            f"{percent(change.part)}, {kind}</text>"
        )
