"""What each arm costs, as bars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.written.figures import money, whole_share

from .html_parts import label, safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.replay.measurement import ArmFigures, Measurement

_ROW: Final = 46
_GAP_BEFORE_COMPARED: Final = 12


def bar_chart(measurement: Measurement) -> str:
    """Return a figure with a bar for each arm, and the cost that the target allows as a line.

    Widths are parts of the page's and heights are fixed, so that text keeps its size on any screen.
    """
    return "".join(_figure(measurement))


def _figure(measurement: Measurement) -> Iterator[str]:
    arms = (*measurement.arms, *measurement.comparisons)
    costs = [arm.cost for arm in arms if math.isfinite(arm.cost)]
    dearest = max(costs, default=0.0)
    height = _ROW * len(arms) + (_GAP_BEFORE_COMPARED if measurement.comparisons else 0)
    yield f'<figure><svg class="chart" height="{height}" role="img" '
    yield 'aria-labelledby="cost-title cost-about">'
    yield '<title id="cost-title">Cost by arm</title><desc id="cost-about">'
    yield f"{safe('; '.join(f'{arm.name}: {money(arm.cost)}' for arm in arms))}</desc>\n"
    top = 0
    for number, arm in enumerate(arms):
        if number == len(measurement.arms):
            top += _GAP_BEFORE_COMPARED
        kind = "other" if number >= len(measurement.arms) else "arm" if number else "base"
        yield from _bar(arm, kind, top, dearest)
        top += _ROW
    allowed = measurement.arms[0].cost * (1 - measurement.target)
    has_target = 0 <= allowed <= dearest and dearest > 0
    if has_target:
        at = f"{100 * allowed / dearest:.2f}%"
        # Not across the names: one piece beside each bar.
        for number in range(len(measurement.arms)):
            y = number * _ROW + 16
            yield f'<line class="target" x1="{at}" x2="{at}" y1="{y}" y2="{y + 26}"/>'
    yield "</svg>\n<figcaption>"
    if has_target:
        yield '<span><svg class="key" aria-hidden="true">'
        yield '<line class="target" x1="0" x2="22" y1="6" y2="6"/></svg>'
        yield f"what is left at a saving of {whole_share(measurement.target)}</span>"
    yield "</figcaption></figure>\n"


def _bar(arm: ArmFigures, kind: str, top: int, dearest: float) -> Iterator[str]:
    yield label(arm.name, money(arm.cost), top + 14)
    part = arm.cost / dearest if dearest > 0 and math.isfinite(arm.cost) else 0.0
    width = f"{100 * max(part, 0.0):.2f}%"
    yield f'<rect class="{kind}" x="0" y="{top + 20}" width="{width}" height="18" rx="2"/>'
    yield f'<line class="zero" x1="0" x2="0" y1="{top + 18}" y2="{top + 40}"/>\n'
