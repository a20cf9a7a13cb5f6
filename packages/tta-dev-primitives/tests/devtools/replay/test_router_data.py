"""Replays of questions with known answers of two models, against a slow reference.

The questions lie in a folder named by TTA_TEST_DATA as `router/mmlu.jsonl.gz`.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tta_dev_primitives.devtools.replay.measurement import Interval, Measurement
from tta_dev_primitives.devtools.replay.measuring import measure
from tta_dev_primitives.devtools.replay.router import AlwaysRouter
from tta_dev_primitives.devtools.traffic.request import Answer, TokenUsage, TrafficRequest

from .traffic_here import STRONG, WEAK, PricesHere

CHARACTERS_PER_TOKEN = 4
LEAST_POINTS_OVER_LOT = 0.15


@pytest.fixture(scope="module")
def questions() -> list[TrafficRequest]:
    """All questions, in an order that is not by subject."""
    root = os.environ.get("TTA_TEST_DATA")
    if root is None:
        pytest.skip("TTA_TEST_DATA is not set; set it to the folder with router/mmlu.jsonl.gz")
    with gzip.open(Path(root, "router", "mmlu.jsonl.gz"), "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    random.Random(1).shuffle(rows)
    return [_question(number, row) for number, row in enumerate(rows)]


def _question(number: int, row: Mapping[str, object], asked: int | None = None) -> TrafficRequest:
    prompt = str(row["prompt"])
    return TrafficRequest(
        id=f"{number:06}",
        ts=float(number),
        model=STRONG,
        usage=TokenUsage(input=round(len(prompt) / CHARACTERS_PER_TOKEN)),
        key=f"question {number if asked is None else asked}".encode(),
        text=prompt,
        place=str(row["subject"]),
        answers={
            STRONG: Answer(float(bool(row["strong"]))),
            WEAK: Answer(float(bool(row["weak"]))),
        },
    )


def _report(title: str, found: Measurement, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{title}: {found.verdict.status}; {'; '.join(found.verdict.reasons)}")


def test_whole_set_agrees_with_sums_by_hand(questions: list[TrafficRequest]) -> None:
    """The saving on the whole set is not that of its sums."""
    found = measure(
        questions, PricesHere(), source="questions", router=AlwaysRouter(WEAK), resamples=100
    )
    tokens = sum(one.usage.input for one in questions)
    last = found.arms[-1]
    assert found.arms[0].cost == pytest.approx(tokens * 10 / 1e6)
    assert last.cost == pytest.approx(tokens * 0.7 / 1e6)
    assert last.saving is not None
    assert last.saving.value == pytest.approx(0.93)
    right = [sum(one.score_of(model) or 0 for one in questions) for model in (STRONG, WEAK)]
    assert [round(count / len(questions), 3) for count in right] == [0.805, 0.683]
    assert last.quality is not None
    assert last.quality.value == pytest.approx(right[1] / right[0])


class BySubject:
    """Sends some subjects to the weak model."""

    def choose(self, request: TrafficRequest) -> str:
        return WEAK if (request.place or "") > "m" else STRONG


def _repeating(questions: Sequence[TrafficRequest]) -> list[TrafficRequest]:
    lot = random.Random(2)
    asked = [lot.randrange(1_500) for _ in range(3_000)]
    rows = [
        {
            "prompt": one.text,
            "subject": one.place,
            "strong": one.score_of(STRONG),
            "weak": one.score_of(WEAK),
        }
        for one in questions[:1_500]
    ]
    return [_question(number, rows[which], which) for number, which in enumerate(asked)]


def test_arms_and_bounds_agree_with_a_slow_reference(questions: list[TrafficRequest]) -> None:
    """Arms or bounds differ from those reckoned in another way."""
    traffic = _repeating(questions)
    found = measure(
        traffic,
        PricesHere(),
        source="questions",
        router=BySubject(),
        ttl_seconds=700.0,
        resamples=2_000,
    )
    kept: list[TrafficRequest] = []
    costs: list[tuple[float, float, float, float, float]] = []
    for request in traffic:
        stored = [one for one in kept if one.key == request.key and request.ts - one.ts < 700]
        answered = stored[-1] if stored else request
        if not stored:
            kept.append(request)
        chosen = BySubject().choose(answered)
        rate = 10 if chosen == STRONG else 0.7
        costs.append(
            (
                request.usage.input * 10 / 1e6,
                0.0 if stored else request.usage.input * 10 / 1e6,
                0.0 if stored else request.usage.input * rate / 1e6,
                answered.score_of(chosen) or 0.0,
                request.score_of(STRONG) or 0.0,
            )
        )
    as_is, cache, router, score, own = (list(column) for column in zip(*costs, strict=True))
    for arm, spent in zip(found.arms, (as_is, cache, router), strict=True):
        assert arm.cost == pytest.approx(math.fsum(spent))
    saved = [one - other for one, other in zip(as_is, router, strict=True)]
    last = found.arms[2]
    for bounds, over, under in ((last.saving, saved, as_is), (last.quality, score, own)):
        _agree(bounds, over, under)
    _agree(found.arms[1].saving, [a - b for a, b in zip(as_is, cache, strict=True)], as_is)


def _agree(bounds: Interval | None, over: list[float], under: list[float]) -> None:
    """Hold bounds to the linear approximation of a ratio, over requests and over 20 stretches."""
    assert bounds is not None
    whole = math.fsum(under)
    ratio = math.fsum(over) / whole
    off = [a - ratio * b for a, b in zip(over, under, strict=True)]
    error = math.sqrt(math.fsum(one * one for one in off))
    length = len(off) // 20
    stretches = [math.fsum(off[begin : begin + length]) for begin in range(0, len(off), length)]
    swing = math.sqrt(20 / 19 * math.fsum(one * one for one in stretches))
    half = max(1.96 * error, 2.093 * swing) / whole
    assert bounds.value == pytest.approx(ratio)
    assert bounds.low == pytest.approx(ratio - half, abs=0.25 * half)
    assert bounds.high == pytest.approx(ratio + half, abs=0.25 * half)


def _points_over_lot(found: Measurement) -> float:
    """Return by how much more the router saves than a lot that keeps as much quality."""
    router, weak = found.arms[-1], found.comparisons[-1]
    assert router.saving is not None
    assert router.quality is not None
    assert weak.saving is not None
    assert weak.quality is not None
    lost = (1 - router.quality.value) / (1 - weak.quality.value)
    return router.saving.value - lost * weak.saving.value


def test_a_fitted_router_saves_forty_percent_of_later_questions(
    questions: list[TrafficRequest], capsys: pytest.CaptureFixture[str]
) -> None:
    """The router that is fitted on the first half misses the targets on the second."""
    found = measure(questions, PricesHere(), source="questions")
    _report("fitted on the first half", found, capsys)
    assert found.verdict.status == "PASS", found.verdict.reasons
    assert _points_over_lot(found) >= LEAST_POINTS_OVER_LOT


@pytest.mark.long
@pytest.mark.skipif(os.environ.get("TTA_LONG") != "1", reason="runs only with TTA_LONG=1")
def test_a_fitted_router_holds_over_five_folds(
    questions: list[TrafficRequest], capsys: pytest.CaptureFixture[str]
) -> None:
    """The half that was judged happened to be the kind one."""
    from tta_dev_primitives.devtools.replay.fitting import fit_router

    class Folded:
        def __init__(self) -> None:
            self.routers = [
                fit_router(
                    [one for place, one in enumerate(questions) if place % 5 != fold], PricesHere()
                )
                for fold in range(5)
            ]

        def choose(self, request: TrafficRequest) -> str:
            return self.routers[int(request.id) % 5].choose(request)

    found = measure(questions, PricesHere(), source="questions", router=Folded())
    _report("five folds", found, capsys)
    assert found.verdict.status == "PASS", found.verdict.reasons
    assert _points_over_lot(found) >= LEAST_POINTS_OVER_LOT
