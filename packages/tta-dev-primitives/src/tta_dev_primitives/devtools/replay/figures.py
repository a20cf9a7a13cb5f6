"""Figures with bounds of every way that served the traffic, from the sums of its lanes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .measurement import ArmFigures, Interval, LeverSaving
from .resampling import bootstrap, wilson
from .stretches import swings

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
    stretches: Sequence[Sequence[float]] = (),
) -> AllFigures:
    """Return the figures of all ways to serve the traffic, drawn anew together.

    Bounds are those of drawing the parts anew, or as wide as figures swing over the time, whichever
    is wider.

    Args:
        arms: As it is, then each with one lever more.
        levers: What these levers are called.
        targets: For the confidence and the number of draws.
        parts: How many parts there are.
        mixture: A lot to compare with, of lanes that are given here.
        others: More lanes to compare with.
        stretches: Sums of stretches of the time, as `totals_of` has them for all these lanes.
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
        if stretches:
            off = swings(stretches, statistics, confidence=targets.confidence)
            bounds = [_at_least(one, half) for one, half in zip(bounds, off, strict=True)]
    else:
        bounds = [None] * (2 * (count - 1) + max(0, rows - 2) + 2)
    savings = [one and _up_to_all(one) for one in bounds[: count - 1]]
    qualities = bounds[count - 1 : 2 * (count - 1)]
    rows_of_lanes = [ArmFigures(arms[0].name, arms[0].calls, arms[0].hits, arms[0].cost)]
    for lane, saving, quality in zip(lanes[1:], savings, qualities, strict=True):
        wrong = None
        if lane.judged.events:
            share, trials = lane.wrong_hits / lane.judged.events, lane.judged.worth
            wrong = wilson(share * trials, trials, targets.confidence)
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
        compared.insert(0, _mixed(mixture, bounds[-2] and _up_to_all(bounds[-2]), bounds[-1]))
    return AllFigures(
        tuple(rows_of_lanes[:rows]),
        tuple(compared),
        tuple(
            LeverSaving(name, step)
            for name, step in zip(levers, steps, strict=True)
            if step is not None
        ),
    )


def totals_of(lanes: Sequence[Lane]) -> list[float]:
    """Return the sums of lanes up to now: all costs, then scores of all lanes but the first."""
    totals = [lane.cost for lane in lanes]
    for lane in lanes[1:]:
        totals += [math.fsum(lane.scores), math.fsum(lane.own_scores)]
    return totals


def _at_least(bounds: Interval | None, half: float) -> Interval | None:
    if bounds is None:
        return None
    value = bounds.value
    return Interval(value, min(bounds.low, value - half), max(bounds.high, value + half))


def _up_to_all(saving: Interval) -> Interval:
    return Interval(saving.value, saving.low, min(1.0, saving.high))


def quality_bounds(drawn: Interval | None, lane: Lane, confidence: float) -> Interval | None:
    """Return the bounds of a quality, as wide as what was seen allows.

    Drawing anew what never went wrong never goes wrong, and drawing hits of one answer anew takes
    them for as many answers. So the bound on either side is at least that of Wilson, with as many
    trials as different answers were given. Where few answers got worse, or few got better, there
    are no more trials on that side than conversations were touched. A lane that answers everything
    as it is keeps the quality, scored or not.

    Args:
        drawn: Bounds from drawing anew; None where nothing is scored.
        lane: Whose quality it is.
        confidence: Such as 0.95.
    """
    if lane.untouched and (lane.calls or lane.hits):
        return Interval(1.0, 1.0, 1.0)
    if drawn is None or not lane.changed.events:
        return drawn
    weight = _weight(lane)
    worse, better = (_changed(lane, found, confidence) for found in (lane.worse, lane.better))
    low = min(drawn.low, drawn.value - (worse.high - worse.value) * weight)
    high = max(drawn.high, drawn.value + (better.high - better.value) * weight)
    return Interval(drawn.value, max(0.0, low), high)


def quality_slack(lane: Lane, confidence: float) -> float:
    """Return the share of the quality that might be lost though nothing of it was seen."""
    if not lane.changed.events:
        return 0.0
    return _changed(lane, 0, confidence).high * _weight(lane)


def _changed(lane: Lane, found: int, confidence: float) -> Interval:
    """Return the share of the changed answers that *found* of them are."""
    trials = lane.changed.worth
    if found < FEW_EVENTS:
        trials = min(trials, sum(lane.changed_parts))
    return wilson(found / lane.changed.events * trials, trials, confidence)


def _weight(lane: Lane) -> float:
    own = math.fsum(lane.own_scores)
    return lane.changed.events / own if own > 0 else 0.0


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
