"""Whether the targets are met, by the bounds, with one line for each reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.written.figures import bounded, share, whole_share

from .measurement import Verdict
from .resampling import wilson

if TYPE_CHECKING:
    from .measurement import ArmFigures
    from .targets import Targets

LEAST_KEYED: Final = 0.5
LEAST_SCORED: Final = 0.2
_TOO_FEW: Final = "too few different answers to tell"


def judge(
    arm: ArmFigures | None,
    targets: Targets,
    *,
    conversations: int,
    keyed: float,
    scored: float,
    scored_conversations: int,
    hit_trials: float,
    quality_slack: float = 0.0,
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
        hit_trials: As many independent hits tell as much as those of its hits that were judged.
        quality_slack: Share of the quality that might be lost though nothing of it was seen.
        router_missing: Why no router was measured; empty where one was, or none was wanted.
        router_possible: Whether the traffic knows of more than one model.
    """
    if arm is None:
        return Verdict("NOT MEASURED", ("no traffic: nothing was replayed",))
    if arm.saving is None:
        reason = (
            f"saving: not measured, the cost as it is is $0, target {whole_share(targets.saving)}"
        )
        return Verdict("NOT MEASURED", (reason,))
    reasons: list[str] = []
    missing = conversations < targets.least_conversations
    if missing:
        noun = "conversation" if conversations == 1 else "conversations"
        reasons.append(
            f"{conversations} {noun}, at least {targets.least_conversations} are needed: "
            "not measured"
        )
    saved = arm.saving.low >= targets.saving
    reasons.append(
        f"saving {bounded(arm.saving)}, target {whole_share(targets.saving)}: {_met(holds=saved)}"
    )
    kept = _judge_quality(arm, targets, scored, scored_conversations, quality_slack, reasons)
    right = _judge_hits(arm, hit_trials, targets, reasons)
    excused = False
    if router_missing:
        reasons.append(f"router: not measured, {router_missing}")
        excused = router_possible
    if not saved and keyed < LEAST_KEYED:
        excused = True
        reasons.append(
            f"repeats can be told of {share(keyed)} of the requests, at least "
            f"{whole_share(LEAST_KEYED)} are needed to say that too little is saved: not measured"
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
    slack: float,
    reasons: list[str],
) -> bool | None:
    goal = f"target {whole_share(targets.quality)}"
    if arm.quality is None:
        reasons.append(f"quality: not measured, no answer that it needs has a score, {goal}")
        return None
    untouched = arm.quality.low == arm.quality.high == 1
    if scored < LEAST_SCORED and not untouched:
        reasons.append(
            f"quality {bounded(arm.quality)}, {goal}: not measured, {share(scored)} of the "
            f"requests have the scores for it, at least {whole_share(LEAST_SCORED)} are needed"
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
    # Not even without a fault could so few answers have met the target.
    if not kept and arm.quality.value >= targets.quality > 1 - slack:
        reasons.append(f"quality {bounded(arm.quality)}, {goal}: not measured, {_TOO_FEW}")
        return None
    reasons.append(f"quality {bounded(arm.quality)} of as is, {goal}: {_met(holds=kept)}")
    return kept


def _judge_hits(
    arm: ArmFigures, hit_trials: float, targets: Targets, reasons: list[str]
) -> bool | None:
    limit = f"limit {whole_share(targets.wrong_hits)}"
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
    too_few = wilson(0, hit_trials, targets.confidence).high > targets.wrong_hits
    if too_few and wrong.low <= targets.wrong_hits:
        reasons.append(f"wrong hits {bounded(wrong)}, {limit}: not measured, {_TOO_FEW}")
        return None
    reasons.append(f"wrong hits {bounded(wrong)}, {limit}: {_met(holds=right)}")
    return right
