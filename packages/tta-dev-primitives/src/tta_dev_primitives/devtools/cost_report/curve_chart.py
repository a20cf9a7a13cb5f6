"""The router's quality at each saving, and that of drawing the models by lot."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.written.figures import plural, share, whole_share

from .axis import Axis, axis_over
from .html_parts import safe
from .tables import spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tta_dev_primitives.devtools.replay.measurement import CurvePoint, Measurement

_HEIGHT: Final = 290
_TOP, _BOTTOM = 26.0, 250.0
_BEGIN, _END = 0.0, 100.0  # per cent of the width; the style leaves room for the marks before it
_MOST_POINTS: Final = 60


def curve_chart(measurement: Measurement) -> str:
    """Return a figure with both lines and both targets; empty without a finite point."""
    points = sorted(
        (
            point
            for point in measurement.curve
            if all(map(math.isfinite, (point.saving, point.quality, point.random_quality)))
        ),
        key=lambda point: point.saving,
    )
    return "".join(_figure(measurement, points)) if points else ""


def _figure(measurement: Measurement, points: Sequence[CurvePoint]) -> Iterator[str]:
    target, kept = measurement.target, measurement.quality_target
    across = axis_over([0.0, target, *(point.saving for point in points)], begin=_BEGIN, end=_END)
    qualities = [value for point in points for value in (point.quality, point.random_quality)]
    upwards = axis_over([kept, *qualities], begin=_BOTTOM, end=_TOP, margin=0.08, least=0.05)
    yield f'<figure><svg class="chart curve" height="{_HEIGHT}" role="img" '
    yield 'aria-labelledby="curve-title curve-about">'
    yield '<title id="curve-title">Quality at each saving</title><desc id="curve-about">'
    yield f"{safe(_about(points))}</desc>\n"
    x, y = across.at(target), upwards.at(kept)
    yield f'<rect class="reached" x="{x:.2f}%" y="{_TOP}" width="{_END - x:.2f}%" '
    yield f'height="{y - _TOP:.1f}"/>'
    yield from _grid(across, upwards)
    yield f'<line class="target" x1="{x:.2f}%" x2="{x:.2f}%" y1="{_TOP}" y2="{_BOTTOM}"/>'
    yield f'<line class="target" x1="{_BEGIN}%" x2="{_END}%" y1="{y:.1f}" y2="{y:.1f}"/>\n'
    drawn = spread(points, _MOST_POINTS)
    for kind, values in (
        ("random", [(point.saving, point.random_quality) for point in drawn]),
        ("router", [(point.saving, point.quality) for point in drawn]),
    ):
        yield from _drawn(
            kind, [(across.at(saving), upwards.at(value)) for saving, value in values]
        )
    yield "</svg>\n<figcaption>"
    yield _key("router", "the router")
    yield _key("random", "models drawn by lot")
    yield _key("target", f"targets: {whole_share(target)} saved, {whole_share(kept)} kept")
    yield "</figcaption></figure>\n"


def _grid(across: Axis, upwards: Axis) -> Iterator[str]:
    for mark in across.marks():
        x = f"{across.at(mark):.2f}%"
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_BOTTOM}"/>'
        yield f'<text class="tick" x="{x}" y="{_BOTTOM + 16}" text-anchor="middle">'
        yield f"{mark * 100:g}%</text>"
    for mark in upwards.marks():
        y = f"{upwards.at(mark):.1f}"
        yield f'<line class="grid" x1="{_BEGIN}%" x2="{_END}%" y1="{y}" y2="{y}"/>'
        yield f'<text class="tick" x="-8" y="{y}" dy="4" text-anchor="end">{mark * 100:g}%</text>'
    yield '<text class="tick" x="-44" y="12">quality</text>'
    yield f'<text class="tick" x="{_END}%" y="{_BOTTOM + 34}" text-anchor="end">saving</text>\n'


def _drawn(kind: str, places: list[tuple[float, float]]) -> Iterator[str]:
    # Points of a polyline cannot be per cents; ends of lines can.
    for (x, y), (next_x, next_y) in pairwise(places):
        yield f'<line class="{kind}" x1="{x:.2f}%" y1="{y:.1f}" '
        yield f'x2="{next_x:.2f}%" y2="{next_y:.1f}"/>'
    if len(set(places)) == 1:
        x, y = places[0]
        yield f'<circle class="{"arm" if kind == "router" else "other"}" cx="{x:.2f}%" '
        yield f'cy="{y:.1f}" r="5"/>'
    yield "\n"


def _key(kind: str, text: str) -> str:
    line = f'<line class="{kind}" x1="2" x2="20" y1="6" y2="6"/>'
    return f'<span><svg class="key" aria-hidden="true">{line}</svg>{safe(text)}</span>'


def _about(points: Sequence[CurvePoint]) -> str:
    first, last = points[0], points[-1]
    return (
        f"{plural(len(points), 'point')}, from a saving of {share(first.saving)}, where the router "
        f"keeps {share(first.quality)} of the quality and drawing by lot "
        f"{share(first.random_quality)}, to one of {share(last.saving)}, where they keep "
        f"{share(last.quality)} and {share(last.random_quality)}"
    )
