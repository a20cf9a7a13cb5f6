"""Figures with bounds of every way that served the traffic, from the sums of its lanes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .measurement import ArmFigures, Interval, LeverSaving
from .resampling import bootstrap, wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .lane import Lane
    from .targets import Targets

FEW_EVENTS: Final = 20


@dataclass(frozen=True, slots=True)
class Mixture:
    """Two lanes drawn by lot, request by request, as it comes out in the mean of all lots.

    Attributes:
        name: What it is called in reports.
        first: Lane that the rest is served by.
        second: Lane that *share* of the requests is served by.
        share: From 0 to 1.
    """

    name: str
    first: Lane
    second: Lane
    share: float


def mixture_of_equal_cost(name: str, first: Lane, second: Lane, cost: float) -> Mixture:
    """Return the lot between two lanes that spends *cost*, as near as there is one."""
    between = first.cost - second.cost
    share = (first.cost - cost) / between if between else 0.0
    return Mixture(name, first, second, min(1.0, max(0.0, share)))


@dataclass(frozen=True, slots=True)
class AllFigures:
    """What the lanes come to."""

    arms: tuple[ArmFigures, ...]
    comparisons: tuple[ArmFigures, ...]
    levers: tuple[LeverSaving, ...]


def figures_of(
    arms: Sequence[Lane],
    levers: Sequence[str],
    targets: Targets,
    *,
    parts: int,
    mixture: Mixture | None = None,
    others: Sequence[Lane] = (),
) -> AllFigures:
    """Return the figures of all ways to serve the traffic, drawn anew together.

    Args:
        arms: As it is, then each with one lever more.
        levers: What these levers are called.
        targets: For the confidence and the number of draws.
        parts: How many parts there are.
        mixture: A lot to compare with, of lanes that are given here.
        others: More lanes to compare with.
    """
    lanes = [*arms, *others]
    columns = [lane.costs[:parts] for lane in lanes]
    for lane in lanes[1:]:
        columns += [lane.scores[:parts], lane.own_scores[:parts]]
    pair = None if mixture is None else (lanes.index(mixture.first), lanes.index(mixture.second))
    count, rows = len(lanes), len(arms)

    def statistics(sums: Sequence[float]) -> list[float]:
        as_is = sums[0]
        savings = [(as_is - cost) / as_is if as_is > 0 else math.nan for cost in sums[:count]]
        qualities = [1.0]
        for place in range(count, len(sums), 2):
            own = sums[place + 1]
            qualities.append(sums[place] / own if own > 0 else math.nan)
        found = savings[1:] + qualities[1:]
        found += [savings[arm] - savings[arm - 1] for arm in range(2, rows)]
        if pair is not None and mixture is not None:
            one, two, share = *pair, mixture.share
            found.append(savings[one] + share * (savings[two] - savings[one]))
            found.append(qualities[one] + share * (qualities[two] - qualities[one]))
        return found

    if parts and arms[0].cost > 0:
        bounds = bootstrap(
            columns,
            statistics,
            resamples=targets.resamples,
            confidence=targets.confidence,
            seed=targets.seed,
        )
    else:
        bounds = [None] * (2 * (count - 1) + max(0, rows - 2) + 2)
    savings, qualities = bounds[: count - 1], bounds[count - 1 : 2 * (count - 1)]
    rows_of_lanes = [ArmFigures(arms[0].name, arms[0].calls, arms[0].hits, arms[0].cost)]
    for lane, saving, quality in zip(lanes[1:], savings, qualities, strict=True):
        wrong = None
        if lane.judged_hits:
            wrong = wilson(lane.wrong_hits, lane.judged_hits, targets.confidence)
        rows_of_lanes.append(
            ArmFigures(
                lane.name,
                lane.calls,
                lane.hits,
                lane.cost,
                saving,
                quality_bounds(quality, lane, targets.confidence),
                wrong,
            )
        )
    steps = [savings[0], *bounds[2 * (count - 1) : 2 * (count - 1) + rows - 2]] if rows > 1 else []
    compared = rows_of_lanes[rows:]
    if mixture is not None:
        compared.insert(0, _mixed(mixture, bounds[-2], bounds[-1]))
    return AllFigures(
        tuple(rows_of_lanes[:rows]),
        tuple(compared),
        tuple(
            LeverSaving(name, step)
            for name, step in zip(levers, steps, strict=True)
            if step is not None
        ),
    )


def quality_bounds(drawn: Interval | None, lane: Lane, confidence: float) -> Interval | None:
    """Return the bounds of a quality, as wide as what was seen allows.

    Drawing anew what never went wrong never goes wrong, so where few answers got worse, or few got
    better, the bound on that side is at least that of Wilson for events so rare, with as many
    trials as conversations were touched. A lane that answers everything as it is keeps the quality,
    scored or not.

    Args:
        drawn: Bounds from drawing anew; None where nothing is scored.
        lane: Whose quality it is.
        confidence: Such as 0.95.
    """
    if lane.untouched and (lane.calls or lane.hits):
        return Interval(1.0, 1.0, 1.0)
    if drawn is None or not lane.changed:
        return drawn
    trials = min(lane.changed, sum(lane.changed_parts))
    weight = lane.changed / math.fsum(lane.own_scores)
    low, high = drawn.low, drawn.high
    if lane.worse < FEW_EVENTS:
        rare = wilson(lane.worse / lane.changed * trials, trials, confidence)
        low = min(low, drawn.value - (rare.high - rare.value) * weight)
    if lane.better < FEW_EVENTS:
        rare = wilson(lane.better / lane.changed * trials, trials, confidence)
        high = max(high, drawn.value + (rare.high - rare.value) * weight)
    return Interval(drawn.value, max(0.0, low), high)


def _mixed(mixture: Mixture, saving: Interval | None, quality: Interval | None) -> ArmFigures:
    first, second, share = mixture.first, mixture.second, mixture.share
    return ArmFigures(
        mixture.name,
        first.calls,
        first.hits,
        first.cost + share * (second.cost - first.cost),
        saving,
        quality,
    )
