"""Whether the targets are met, by the bounds, with one line for each reason."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from .measurement import Verdict
from .resampling import wilson

if TYPE_CHECKING:
    from .measurement import ArmFigures, Interval
    from .targets import Targets

LEAST_KEYED: Final = 0.5
LEAST_SCORED: Final = 0.2


def percent(share: float) -> str:
    """Return a share with one decimal, as `43.1%`."""
    return f"{share:.1%}"


def bounded(interval: Interval) -> str:
    """Return `43.1% (41.0% to 45.2%)`, the bounds rounded away from the figure.

    Rounded so, a bound that is said to reach a target does reach it.
    """
    low = math.floor(interval.low * 1_000 + 1e-6) / 1_000
    high = math.ceil(interval.high * 1_000 - 1e-6) / 1_000
    return f"{percent(interval.value)} ({percent(low)} to {percent(high)})"


def _goal(share: float) -> str:
    return f"{share * 100:.6g}%"


def judge(
    arm: ArmFigures | None,
    targets: Targets,
    *,
    conversations: int,
    keyed: float,
    scored: float,
    scored_conversations: int,
    judged_hits: int,
    router_missing: str = "",
    router_possible: bool = False,
) -> Verdict:
    """Return PASS, FAIL or NOT MEASURED for the last arm.

    What is measured and falls short is a FAIL, but for a saving while a lever could not be tried,
    or while nobody knows the quality: these are NOT MEASURED.

    Args:
        arm: The arm with all levers; None without traffic.
        targets: What it is held to.
        conversations: How many parts the traffic was resampled by.
        keyed: Share of the requests whose repeats can be told.
        scored: Share of the requests that has the scores which the arm needs.
        scored_conversations: How many parts have such a request.
        judged_hits: How many of its hits have both scores.
        router_missing: Why no router was measured; empty where one was, or none was wanted.
        router_possible: Whether the traffic knows of more than one model.
    """
    if arm is None:
        return Verdict("NOT MEASURED", ("no traffic: nothing was replayed",))
    if arm.saving is None:
        reason = f"saving: not measured, the cost as it is is $0, target {_goal(targets.saving)}"
        return Verdict("NOT MEASURED", (reason,))
    reasons: list[str] = []
    missing = conversations < targets.least_conversations
    if missing:
        reasons.append(
            f"{conversations} conversations, at least {targets.least_conversations} are needed: "
            "not measured"
        )
    saved = arm.saving.low >= targets.saving
    reasons.append(
        f"saving {bounded(arm.saving)}, target {_goal(targets.saving)}: {_met(holds=saved)}"
    )
    kept = _judge_quality(arm, targets, scored, scored_conversations, reasons)
    right = _judge_hits(arm, judged_hits, targets, reasons)
    excused = False
    if router_missing:
        reasons.append(f"router: not measured, {router_missing}")
        excused = router_possible
    if not saved and keyed < LEAST_KEYED:
        excused = True
        reasons.append(
            f"repeats can be told of {percent(keyed)} of the requests, at least "
            f"{_goal(LEAST_KEYED)} are needed to say that too little is saved: not measured"
        )
    if missing:
        return Verdict("NOT MEASURED", tuple(reasons))
    if kept is False or right is False:
        return Verdict("FAIL", tuple(reasons))
    if kept is None or right is None or (excused and not saved):
        return Verdict("NOT MEASURED", tuple(reasons))
    return Verdict("PASS" if saved else "FAIL", tuple(reasons))


def _met(*, holds: bool) -> str:
    return "met" if holds else "not met"


def _judge_quality(
    arm: ArmFigures,
    targets: Targets,
    scored: float,
    scored_conversations: int,
    reasons: list[str],
) -> bool | None:
    goal = f"target {_goal(targets.quality)}"
    if arm.quality is None:
        reasons.append(f"quality: not measured, no answer that it needs has a score, {goal}")
        return None
    untouched = arm.quality.low == arm.quality.high == 1
    if scored < LEAST_SCORED and not untouched:
        reasons.append(
            f"quality {bounded(arm.quality)}, {goal}: not measured, {percent(scored)} of the "
            f"requests have the scores for it, at least {_goal(LEAST_SCORED)} are needed"
        )
        return None
    least = targets.least_conversations
    if scored_conversations < least and not untouched:
        reasons.append(
            f"quality {bounded(arm.quality)}, {goal}: not measured, {scored_conversations} "
            f"conversations have the scores for it, at least {least} are needed"
        )
        return None
    kept = arm.quality.low >= targets.quality
    reasons.append(f"quality {bounded(arm.quality)} of as is, {goal}: {_met(holds=kept)}")
    return kept


def _judge_hits(
    arm: ArmFigures, judged_hits: int, targets: Targets, reasons: list[str]
) -> bool | None:
    limit = f"limit {_goal(targets.wrong_hits)}"
    wrong = arm.wrong_hits
    if wrong is None:
        if not arm.hits:
            return True
        reasons.append(
            f"wrong hits: not measured, none of {arm.hits:,} hits has both scores, {limit}"
        )
        return None
    right = wrong.high <= targets.wrong_hits
    # Not even without a fault could so few hits have met the limit.
    too_few = wilson(0, judged_hits, targets.confidence).high > targets.wrong_hits
    if too_few and wrong.low <= targets.wrong_hits:
        reasons.append(f"wrong hits {bounded(wrong)}, {limit}: not measured, too few hits to tell")
        return None
    reasons.append(f"wrong hits {bounded(wrong)}, {limit}: {_met(holds=right)}")
    return right
