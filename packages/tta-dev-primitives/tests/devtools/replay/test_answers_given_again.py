"""An answer that is given again and again tells of one answer, however often it was given."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.replay.groups import GroupedEvents
from tta_dev_primitives.devtools.replay.measurement import Measurement
from tta_dev_primitives.devtools.replay.measuring import measure
from tta_dev_primitives.devtools.traffic.request import TrafficRequest

from .traffic_here import STRONG, PricesHere, a_request

SIMULATIONS = 1_000 if os.environ.get("TTA_LONG") == "1" else 100
QUESTIONS = 100
BAD_FOR_GOOD = 0.05


def _measured(traffic: list[TrafficRequest], *, seed: int = 0) -> Measurement:
    return measure(
        traffic,
        PricesHere(),
        source="drawn",
        fit_share=0,
        ttl_seconds=None,
        resamples=100,
        seed=seed,
    )


def _asked(questions: int, times: int) -> list[TrafficRequest]:
    return [
        a_request(one, key=f"q{one % questions}", scores={STRONG: 1}, conversation=f"c{one}")
        for one in range(questions * times)
    ]


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_groups_are_worth_one_event_to_all_of_them(sizes: list[int]) -> None:
    """A thousand of one kind count as a thousand, or one of each as fewer."""
    grouped = GroupedEvents()
    for size in sizes:
        for before in range(size):
            grouped.add(before)
    assert grouped.worth == pytest.approx(sum(sizes) ** 2 / sum(size * size for size in sizes))
    assert 1 <= grouped.worth <= len(sizes) + 1e-9


def test_hits_of_one_answer_are_too_few_to_tell() -> None:
    """One right answer, given 299 times, passes as 299 right answers."""
    verdict = _measured(_asked(1, 300)).verdict
    assert verdict.status == "NOT MEASURED"
    assert sum("too few different answers to tell" in line for line in verdict.reasons) == 2


def test_hits_of_many_answers_are_enough() -> None:
    """Two hundred right answers, each given twice more, cannot pass."""
    assert _measured(_asked(200, 3)).verdict.status == "PASS"


def _simulated(seed: int) -> Measurement:
    """Some questions, asked often; of five in a hundred the first answer was a bad one."""
    lot = random.Random(seed)
    bad = [lot.random() < BAD_FOR_GOOD for _ in range(QUESTIONS)]
    seen: set[int] = set()
    traffic: list[TrafficRequest] = []
    for number in range(500):
        question = min(int(lot.paretovariate(0.4)), QUESTIONS) - 1
        score = 0.0 if bad[question] and question not in seen else 1.0
        seen.add(question)
        traffic.append(
            a_request(number, key=f"q{question}", scores={STRONG: score}, conversation=f"c{number}")
        )
    return _measured(traffic, seed=seed)


def test_bounds_hold_where_hits_stand_or_fall_together() -> None:
    """A cache whose bad answers are given for good is said to be better than it is.

    Drawing hits anew, and Wilson's bounds for as many trials as hits, promised too much in every
    second simulation.
    """
    arms = [_simulated(seed).arms[-1] for seed in range(SIMULATIONS)]
    wrong = [arm.wrong_hits for arm in arms if arm.wrong_hits]
    kept = [arm.quality for arm in arms if arm.quality]
    true_wrong = sum(one.value for one in wrong) / len(wrong)
    true_quality = sum(one.value for one in kept) / len(kept)
    assert sum(one.high < true_wrong for one in wrong) <= 0.06 * SIMULATIONS
    assert sum(one.low > true_quality for one in kept) <= 0.06 * SIMULATIONS
