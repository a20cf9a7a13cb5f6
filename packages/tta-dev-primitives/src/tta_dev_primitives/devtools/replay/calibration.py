"""How much quality a dollar has to buy, so that a router keeps the quality it is aimed at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .fit_sample import FitRow

Expected: TypeAlias = "tuple[list[float], list[float]]"

_STEPS: Final = 80
_SETTINGS: Final = 20


@dataclass(frozen=True, slots=True)
class Setting:
    """A router's knob, and what it came to on rows that the router had not learned from.

    Attributes:
        exchange: Score that a dollar more has to buy before the dearer model is asked.
        quality: Mean score as a share of that as it was.
        saving: Share of the cost as it was.
    """

    exchange: float
    quality: float
    saving: float


def best_model(expected: Expected, exchange: float) -> int:
    """Return the number of the model that is worth most; of equals the first, which is cheaper."""
    scores, costs = expected
    best, worth = 0, scores[0] - exchange * costs[0]
    for model in range(1, len(scores)):
        other = scores[model] - exchange * costs[model]
        if other > worth:
            best, worth = model, other
    return best


def all_settings(rows: Sequence[FitRow], expected: Sequence[Expected]) -> list[Setting]:
    """Return what settings from all for quality to all for saving come to.

    Args:
        rows: Earlier requests.
        expected: What the router expects of each, without having learned from it.
    """
    own_score = math.fsum(row.own_score for row in rows)
    own_cost = math.fsum(row.own_cost for row in rows)
    if own_score <= 0 or own_cost <= 0:
        return []
    found: list[Setting] = []
    for exchange in _exchanges(expected):
        chosen = [best_model(one, exchange) for one in expected]
        score = math.fsum(row.scores[model] for row, model in zip(rows, chosen, strict=True))
        cost = math.fsum(row.costs[model] for row, model in zip(rows, chosen, strict=True))
        found.append(Setting(exchange, score / own_score, (own_cost - cost) / own_cost))
    return found


def choose_setting(settings: Sequence[Setting], aim: float) -> Setting:
    """Return the setting that saves most among those that reach *aim*, else the best in quality."""
    reaching = [setting for setting in settings if setting.quality >= aim]
    if reaching:
        return max(reaching, key=lambda one: (one.saving, one.quality))
    return max(settings, key=lambda one: (one.quality, one.saving))


def spread(settings: Sequence[Setting], chosen: Setting) -> tuple[float, ...]:
    """Return the exchanges of about twenty settings at even distances in saving, and the chosen."""
    ordered = sorted(settings, key=lambda one: one.saving)
    low, high = ordered[0].saving, ordered[-1].saving
    picked = {chosen.exchange}
    for step in range(_SETTINGS + 1):
        goal = low + (high - low) * step / _SETTINGS
        picked.add(min(ordered, key=lambda one: abs(one.saving - goal)).exchange)
    return tuple(sorted(picked))


def _exchanges(expected: Sequence[Expected]) -> list[float]:
    """Return 0 and those at which choices change, evenly thinned out."""
    turning = sorted(
        gain / dearer
        for scores, costs in expected
        for one in range(len(scores))
        for other in range(len(scores))
        if (gain := scores[other] - scores[one]) > 0 and (dearer := costs[other] - costs[one]) > 0
    )
    if not turning:
        return [0.0]
    last = len(turning) - 1
    picked = {turning[round(last * step / _STEPS)] for step in range(_STEPS + 1)}
    # Just beyond the last turn nothing but the cheapest is asked.
    return [0.0, *sorted(picked), turning[-1] * 1.001]
