"""What each lever saves, as points with their bounds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.written.figures import bounded, whole_share

from .axis import Axis, axis_over
from .html_parts import label, safe
from .report import ALL_LEVERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.replay.measurement import LeverSaving

    from .report import CostReport

_ROW: Final = 46
_BEGIN, _END = 5.0, 95.0  # per cent of the width


def whisker_chart(report: CostReport) -> str:
    """Return a figure with a row for each lever; empty where none has finite bounds."""
    shown = [each for each in report.levers if _is_finite(each)]
    return "".join(_figure(shown, report.measurement.target)) if shown else ""


def _is_finite(lever: LeverSaving) -> bool:
    saving = lever.saving
    return all(map(math.isfinite, (saving.value, saving.low, saving.high)))


def _figure(levers: list[LeverSaving], target: float) -> Iterator[str]:
    # With one lever alone, it is all there is.
    of_all = levers[-1] if len(levers) == 1 or levers[-1].lever == ALL_LEVERS else None
    values = [
        value for each in levers for value in (each.saving.low, each.saving.value, each.saving.high)
    ]
    axis = axis_over([0.0, *values, *([target] if of_all else [])], begin=_BEGIN, end=_END)
    rows = _ROW * len(levers)
    yield f'<figure><svg class="chart" height="{rows + 24}" role="img" '
    yield 'aria-labelledby="lever-title lever-about">'
    yield '<title id="lever-title">Saving by lever</title><desc id="lever-about">'
    yield safe("; ".join(f"{each.lever}: {bounded(each.saving)}" for each in levers)) + "</desc>\n"
    yield from _marks(axis, rows)
    for number, lever in enumerate(levers):
        yield from _row(lever, axis, number * _ROW)
    if of_all:
        at, y = _percent(axis, target), rows - _ROW + 19
        yield f'<line class="target" x1="{at}" x2="{at}" y1="{y}" y2="{y + 22}"/>'
    yield "</svg>\n<figcaption><span>share of the cost as it is, with its bounds</span>"
    if of_all:
        yield '<span><svg class="key" aria-hidden="true">'
        yield '<line class="target" x1="0" x2="22" y1="6" y2="6"/></svg>'
        yield f"target {whole_share(target)}</span>"
    yield "</figcaption></figure>\n"


def _marks(axis: Axis, rows: int) -> Iterator[str]:
    for mark in axis.marks():
        at = _percent(axis, mark)
        for top in range(0, rows, _ROW):
            kind = "zero" if abs(mark) < 1e-12 else "grid"
            yield f'<line class="{kind}" x1="{at}" x2="{at}" y1="{top + 19}" y2="{top + 41}"/>'
        yield f'<text class="tick" x="{at}" y="{rows + 16}" text-anchor="middle">'
        yield f"{mark * 100:g}%</text>\n"


def _row(lever: LeverSaving, axis: Axis, top: int) -> Iterator[str]:
    saving = lever.saving
    low, value, high = (_percent(axis, each) for each in (saving.low, saving.value, saving.high))
    middle = top + 30
    yield label(lever.lever, bounded(saving), top + 14)
    yield f'<line class="whisker" x1="{low}" x2="{high}" y1="{middle}" y2="{middle}"/>'
    for end in (low, high):
        yield f'<line class="whisker" x1="{end}" x2="{end}" y1="{middle - 6}" y2="{middle + 6}"/>'
    yield f'<circle class="arm" cx="{value}" cy="{middle}" r="5"/>\n'


def _percent(axis: Axis, value: float) -> str:
    return f"{axis.at(value):.2f}%"
