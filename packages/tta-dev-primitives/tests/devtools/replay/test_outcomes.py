"""Arms that were really run, judged by the same figures."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tta_dev_primitives.devtools.replay.errors import ReplayError
from tta_dev_primitives.devtools.replay.measurement import Measurement
from tta_dev_primitives.devtools.replay.outcomes import Outcome, judge_outcomes


def _tickets(
    count: int, *, cheap_errors: float = 0.01, repeats: float = 0.3, factor: float = 0.3
) -> list[Outcome]:
    lot = random.Random(7)
    found: list[Outcome] = []
    for number in range(count):
        cost, hit = lot.uniform(0.5, 1.5), lot.random() < repeats
        right = lot.random() >= cheap_errors
        found.append(
            Outcome(
                cluster=f"ticket {number}",
                costs=(cost, 0.0 if hit else cost * factor),
                scores=(1.0, float(right)),
                calls=(3, 0 if hit else 3),
                hits=(0, 3 if hit else 0),
                wrong_hits=(0, 0),
            )
        )
    return found


def _judged(outcomes: Sequence[Outcome], **options: object) -> Measurement:
    given: dict[str, object] = {"source": "tickets", "resamples": 300, **options}
    return judge_outcomes(outcomes, ("as is", "with primitives"), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcomes", "status", "reason"),
    [
        (_tickets(600), "PASS", "met"),
        (_tickets(600, cheap_errors=0.5), "FAIL", "quality"),
        (_tickets(600, repeats=0.0, factor=1.0), "FAIL", "saving 0.0%, target 40%"),
        (_tickets(12), "NOT MEASURED", "12 conversations, at least 30"),
        ([], "NOT MEASURED", "no traffic"),
    ],
    ids=["good", "half-wrong", "nothing-saved", "twelve", "none"],
)
def test_the_verdict_on_arms_that_were_run(
    outcomes: list[Outcome], status: str, reason: str
) -> None:
    """The demo passes whatever its models do."""
    found = _judged(outcomes)
    assert found.verdict.status == status, found.verdict.reasons
    assert any(reason in line for line in found.verdict.reasons)


def test_figures_are_sums_over_the_tickets() -> None:
    """A ticket is counted twice, or not at all."""
    outcomes = _tickets(100)
    as_is, with_primitives = _judged(outcomes).arms
    assert as_is.cost == pytest.approx(sum(one.costs[0] for one in outcomes))
    assert with_primitives.calls == sum(one.calls[1] for one in outcomes)
    assert with_primitives.hits == sum(one.hits[1] for one in outcomes)
    assert with_primitives.saving is not None
    assert with_primitives.saving.value == pytest.approx(1 - with_primitives.cost / as_is.cost)


def test_the_order_of_the_tickets_changes_no_verdict() -> None:
    """Tickets that were done side by side are judged by who was done first."""
    outcomes = _tickets(300)
    forth, back = _judged(outcomes), _judged(outcomes[::-1])
    assert forth.arms[1].cost == pytest.approx(back.arms[1].cost)
    assert forth.verdict.status == back.verdict.status


def test_tickets_of_one_text_are_drawn_together() -> None:
    """Copies of a ticket make the bounds narrower than what was seen allows."""
    alone = _tickets(60)
    copies = [one for one in alone for _ in range(10)]
    widths = []
    for outcomes in (alone, copies):
        saving = _judged(outcomes).arms[1].saving
        assert saving is not None
        widths.append(saving.high - saving.low)
    assert widths[1] == pytest.approx(widths[0], rel=0.01)


def test_hits_that_nobody_judged_are_compared_with_the_arm_before() -> None:
    """Wrong hits of arms that were run are unknown although both answers are there."""
    outcomes = [
        Outcome(f"{one}", (1.0, 0.1), (1.0, float(one % 10 > 0)), (1, 0), (0, 1))
        for one in range(100)
    ]
    wrong = _judged(outcomes).arms[1].wrong_hits
    assert wrong is not None
    assert wrong.value == pytest.approx(0.1)


def test_hits_that_were_judged_are_taken_as_told() -> None:
    """Wrong hits that the run counted are dropped."""
    outcomes = [Outcome(f"{one}", (1.0, 0.1), (1.0, 1.0), (1, 0), (0, 2), (0, 1))
                for one in range(50)]  # fmt: skip
    found = _judged(outcomes)
    wrong = found.arms[1].wrong_hits
    assert wrong is not None
    assert wrong.value == 0.5
    assert found.verdict.status == "FAIL"


GOOD = Outcome("t", (1.0, 1.0), (1.0, 1.0), (1, 1), (0, 0))


@pytest.mark.parametrize(
    ("outcome", "named"),
    [
        (Outcome("t", (1.0,), (1.0, 1.0), (1, 1), (0, 0)), "1 costs for 2 arms"),
        (Outcome("t", (1.0, -1.0), (1.0, 1.0), (1, 1), (0, 0)), "-1.0 dollars"),
        (Outcome("t", (1.0, 1.0), (1.0, 1.5), (1, 1), (0, 0)), "scores 1.5"),
        (Outcome("t", (1.0, 1.0), (1.0, 1.0), (1, 1), (0, 1), (0,)), "1 wrong_hits"),
        (Outcome("t", (1.0, 1.0), (1.0, 1.0), (1, 1), (0, 1), (0, 2)), "2 wrong hits among 1"),
    ],
    ids=["short-row", "negative-cost", "score-beyond", "short-wrong-hits", "too-many-wrong"],
)
def test_an_outcome_that_cannot_be_is_refused(outcome: Outcome, named: str) -> None:
    """A figure that cannot be ends up in a mean."""
    with pytest.raises(ReplayError, match=named):
        _judged([GOOD, outcome])


@pytest.mark.parametrize(
    ("arms", "levers"), [(("as is",), None), (("as is", "x"), ("a", "b"))], ids=["one", "levers"]
)
def test_arms_and_levers_have_to_fit(arms: tuple[str, ...], levers: tuple[str, ...] | None) -> None:
    """A lever is reported under another one's name."""
    with pytest.raises(ReplayError):
        judge_outcomes([], arms, levers=levers, source="tickets")
