"""The same figures and verdict for ways that were really run, such as those of the demo."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import ReplayError
from .figures import figures_of, quality_slack
from .lane import GivenAnswer, Lane
from .measurement import Measurement
from .parts import MOST_PARTS, Parts
from .targets import Targets
from .verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date


@dataclass(frozen=True, slots=True)
class Outcome:
    """One task, such as a ticket, as each arm did it; the first arm is the one as it is.

    Attributes:
        cluster: Tasks with the same name here are drawn together.
        costs: US dollars by arm.
        scores: How good the result is by arm, from 0 to 1; None where nobody said.
        calls: Requests that went to a provider by arm, failed ones included.
        hits: Requests answered from the cache by arm.
        wrong_hits: Hits by arm whose answer scores otherwise than a fresh one of the same model;
            None where that is not known. Each counts as a trial of its own. Left empty, tasks
            that an arm did from the cache alone are compared with the arm before it, those of one
            cluster together.
    """

    cluster: str
    costs: tuple[float, ...]
    scores: tuple[float | None, ...]
    calls: tuple[int, ...]
    hits: tuple[int, ...]
    wrong_hits: tuple[int | None, ...] = ()


def judge_outcomes(
    outcomes: Iterable[Outcome],
    arms: Sequence[str],
    *,
    source: str,
    levers: Sequence[str] | None = None,
    price_source: str = "",
    price_snapshot: date | None = None,
    target: float = 0.40,
    quality: float = 0.95,
    wrong_hit_limit: float = 0.05,
    least_conversations: int = 30,
    confidence: float = 0.95,
    resamples: int = 1_000,
    seed: int = 0,
    began: float | None = None,
    ended: float | None = None,
    notes: Sequence[str] = (),
) -> Measurement:
    """Measure arms that were run, each on the same tasks.

    One pass in flat memory; the order of the outcomes matters to nothing but rounding.

    Args:
        outcomes: One for each task.
        arms: Names of the arms; the first is the one as it is, the last is judged.
        source: What was run, in words.
        levers: What each arm after the first adds; by default the names of these arms.
        price_source: Whose prices the costs are by.
        price_snapshot: The day they were listed.
        target: Share of the cost to be saved.
        quality: Share of the quality to be kept.
        wrong_hit_limit: Largest share of hits with another score than a fresh answer.
        least_conversations: With fewer clusters, nothing is judged.
        confidence: Of the bounds.
        resamples: How often the outcomes are drawn anew.
        seed: Of the draws.
        began: When the first task began, in seconds since 1970.
        ended: When the last one ended.
        notes: What a reader has to know.

    Raises:
        ReplayError: An outcome has not one figure for each arm, or one that cannot be.
    """
    targets = Targets(
        target, quality, wrong_hit_limit, least_conversations, confidence, resamples, seed
    )
    if len(arms) < 2:
        msg = f"an arm as it is and one more are needed to compare, got {list(arms)!r}"
        raise ReplayError(msg)
    lanes = [Lane(name) for name in arms]
    levers = arms[1:] if levers is None else levers
    if len(levers) != len(arms) - 1:
        msg = f"{len(arms)} arms need {len(arms) - 1} names of levers, got {list(levers)!r}"
        raise ReplayError(msg)
    parts = Parts()
    # What an arm makes of tasks of one cluster is taken for one answer.
    answers = [[GivenAnswer(lane.name, None) for _ in range(MOST_PARTS)] for lane in lanes]
    count = scored = 0
    for outcome in outcomes:
        _check(outcome, len(lanes))
        count += 1
        scored += outcome.scores[0] is not None and outcome.scores[-1] is not None
        part = parts.of(outcome.cluster)
        _add(outcome, lanes, part, [given[part] for given in answers])
    figures = figures_of(lanes, levers, targets, parts=len(parts))
    last = lanes[-1]
    share_scored = scored / count if count else 0.0
    verdict = judge(
        figures.arms[-1] if count else None,
        targets,
        conversations=len(parts),
        keyed=1.0,
        scored=share_scored,
        scored_conversations=sum(last.scored_parts),
        hit_trials=last.judged.worth,
        quality_slack=quality_slack(last, confidence),
    )
    return Measurement(
        source=source,
        requests=count,
        fitted_on=0,
        conversations=len(parts),
        began=began,
        ended=ended,
        price_source=price_source,
        price_snapshot=price_snapshot,
        keyed=1.0 if count else 0.0,
        scored=share_scored,
        target=target,
        quality_target=quality,
        confidence=confidence,
        resamples=resamples,
        arms=figures.arms,
        comparisons=(),
        levers=figures.levers,
        curve=(),
        verdict=verdict,
        notes=tuple(notes),
    )


def _check(outcome: Outcome, arms: int) -> None:
    for name in ("costs", "scores", "calls", "hits"):
        found = len(getattr(outcome, name))
        if found != arms:
            msg = f"outcome {outcome.cluster!r} has {found} {name} for {arms} arms; give one each"
            raise ReplayError(msg)
    if outcome.wrong_hits and len(outcome.wrong_hits) != arms:
        msg = (
            f"outcome {outcome.cluster!r} has {len(outcome.wrong_hits)} wrong_hits for {arms} "
            "arms; give one each, or none"
        )
        raise ReplayError(msg)
    for cost in outcome.costs:
        if not 0 <= cost < math.inf:
            msg = f"outcome {outcome.cluster!r} costs {cost!r} dollars; a cost is a number from 0"
            raise ReplayError(msg)
    for wrong, hits in zip(outcome.wrong_hits, outcome.hits, strict=bool(outcome.wrong_hits)):
        if wrong is not None and not 0 <= wrong <= hits:
            msg = f"outcome {outcome.cluster!r} has {wrong!r} wrong hits among {hits!r}; mend one"
            raise ReplayError(msg)
    for score in outcome.scores:
        if score is not None and not 0 <= score <= 1:
            msg = f"outcome {outcome.cluster!r} scores {score!r}; a score is from 0 to 1"
            raise ReplayError(msg)


def _add(
    outcome: Outcome, lanes: Sequence[Lane], part: int, answers: Sequence[GivenAnswer]
) -> None:
    for arm, (lane, given) in enumerate(zip(lanes, answers, strict=True)):
        lane.costs[part] += outcome.costs[arm]
        lane.calls += outcome.calls[arm]
        hits = outcome.hits[arm]
        lane.hits += hits
        # An arm that was run anew may have answered anything differently.
        given.score = outcome.scores[arm]
        if arm:
            lane.add_given(part, given, outcome.scores[0])
        else:
            lane.add_own(part, given.score)
        if not hits:
            continue
        if not outcome.wrong_hits:
            if arm and not outcome.calls[arm]:
                lane.add_hit(given, outcome.scores[arm - 1])
            continue
        wrong = outcome.wrong_hits[arm]
        if wrong is not None:
            for _ in range(hits):
                lane.judged.add()
            lane.wrong_hits += wrong
