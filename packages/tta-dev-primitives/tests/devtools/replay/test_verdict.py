"""Which figures allow which verdict."""

from __future__ import annotations

import pytest

from tta_dev_primitives.devtools.replay.errors import ReplayError
from tta_dev_primitives.devtools.replay.measurement import ArmFigures, Interval, Status
from tta_dev_primitives.devtools.replay.targets import Targets
from tta_dev_primitives.devtools.replay.verdict import judge
from tta_dev_primitives.devtools.written.figures import bounded

ENOUGH = Interval(0.45, 0.41, 0.49)
SHORT = Interval(0.45, 0.39, 0.51)
KEPT = Interval(0.98, 0.96, 1.0)
LOST = Interval(0.97, 0.94, 1.0)
RIGHT = Interval(0.0, 0.0, 0.03)
WRONG = Interval(0.04, 0.02, 0.07)
UNSURE = Interval(0.0, 0.0, 0.2775)


def _status(
    saving: Interval | None = ENOUGH,
    quality: Interval | None = KEPT,
    wrong: Interval | None = RIGHT,
    *,
    hits: int = 100,
    judged: int = 100,
    conversations: int = 100,
    keyed: float = 1.0,
    scored: float = 1.0,
    scored_conversations: int = 100,
    missing: str = "",
    possible: bool = False,
) -> Status:
    return judge(
        ArmFigures("cache", 100, hits, 1.0, saving, quality, wrong),
        Targets(),
        conversations=conversations,
        keyed=keyed,
        scored=scored,
        scored_conversations=scored_conversations,
        hit_trials=judged,
        router_missing=missing,
        router_possible=possible,
    ).status


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, "PASS"),
        ({"saving": SHORT}, "FAIL"),
        ({"quality": LOST}, "FAIL"),
        ({"wrong": WRONG}, "FAIL"),
        ({"saving": Interval(0.45, 0.40, 0.5)}, "PASS"),
        ({"quality": Interval(0.98, 0.95, 1)}, "PASS"),
        ({"wrong": None, "hits": 0, "judged": 0}, "PASS"),
        ({"wrong": None, "judged": 0}, "NOT MEASURED"),
        ({"wrong": UNSURE, "judged": 10}, "NOT MEASURED"),
        ({"wrong": Interval(0.5, 0.24, 0.76), "judged": 10}, "FAIL"),
        ({"conversations": 29}, "NOT MEASURED"),
        ({"conversations": 29, "quality": LOST}, "NOT MEASURED"),
        ({"conversations": 30}, "PASS"),
        ({"saving": None}, "NOT MEASURED"),
        ({"quality": None}, "NOT MEASURED"),
        ({"quality": None, "saving": SHORT}, "NOT MEASURED"),
        ({"scored": 0.19}, "NOT MEASURED"),
        ({"scored_conversations": 29}, "NOT MEASURED"),
        ({"scored": 0.0, "quality": Interval(1, 1, 1)}, "PASS"),
        ({"keyed": 0.1}, "PASS"),
        ({"keyed": 0.1, "saving": SHORT}, "NOT MEASURED"),
        ({"missing": "no scores"}, "PASS"),
        ({"missing": "no scores", "saving": SHORT}, "FAIL"),
        ({"missing": "no scores", "saving": SHORT, "possible": True}, "NOT MEASURED"),
        ({"missing": "no scores", "quality": LOST, "possible": True}, "FAIL"),
    ],
    ids=[
        "all-met",
        "saving-short",
        "quality-lost",
        "wrong-hits",
        "saving-at-target",
        "quality-at-target",
        "no-hits",
        "hits-unscored",
        "too-few-hits",
        "few-hits-but-bad",
        "too-few-conversations",
        "too-few-to-fail",
        "just-enough-conversations",
        "nothing-spent",
        "no-scores",
        "no-scores-and-short",
        "too-few-scores",
        "scores-in-too-few-conversations",
        "untouched-needs-no-scores",
        "few-keys-and-enough-saved",
        "few-keys-and-short",
        "no-router-needed",
        "one-model-and-short",
        "router-untried-and-short",
        "router-untried-and-bad",
    ],
)
def test_the_verdict_follows_from_the_bounds(given: dict[str, object], status: Status) -> None:
    """A verdict is kinder, or harsher, than the bounds allow."""
    assert _status(**given) == status  # type: ignore[arg-type]


def test_reasons_say_the_figure_its_bounds_and_the_target() -> None:
    """A reader cannot see from the reasons by how much a target was missed."""
    arm = ArmFigures("cache", 1, 100, 1.0, Interval(0.431, 0.41, 0.452), LOST, RIGHT)
    verdict = judge(
        arm,
        Targets(),
        conversations=50,
        keyed=1,
        scored=1,
        scored_conversations=50,
        hit_trials=100,
    )
    assert verdict.reasons == (
        "saving 43.1% (41.0% to 45.2%), target 40%: met",
        "quality 97.0% (94.0% to 100.0%) of as is, target 95%: not met",
        "wrong hits 0.0% (0.0% to 3.0%), limit 5%: met",
    )


def test_without_traffic_nothing_is_measured() -> None:
    """Empty traffic passes, or fails."""
    verdict = judge(
        None,
        Targets(),
        conversations=0,
        keyed=0,
        scored=0,
        scored_conversations=0,
        hit_trials=0,
    )
    assert verdict.status == "NOT MEASURED"
    assert verdict.reasons == ("no traffic: nothing was replayed",)


def test_a_printed_bound_is_never_on_the_other_side_of_its_target() -> None:
    """39.96% is printed as 40.0% and called not met."""
    assert bounded(Interval(0.45, 0.3996, 0.5004)) == "45.0% (39.9% to 50.1%)"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"saving": 0.0}, "saving"),
        ({"saving": 40.0}, "saving"),
        ({"quality": 95.0}, "quality"),
        ({"wrong_hits": 0.0}, "wrong_hits"),
        ({"confidence": 95.0}, "confidence"),
        ({"resamples": 10}, "resamples"),
        ({"least_conversations": 1}, "least_conversations"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(next(iter(value.values()))),
)
def test_targets_that_cannot_be_are_refused(given: dict[str, float], named: str) -> None:
    """A percentage given for a share is taken at its word."""
    with pytest.raises(ReplayError, match=named):
        Targets(**given)  # type: ignore[arg-type]
