"""What is asked comes in waves, which bounds have to know of."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.replay.measurement import Measurement
from tta_dev_primitives.devtools.replay.measuring import measure
from tta_dev_primitives.devtools.replay.stretches import MOST_STRETCHES, Stretches, swings

from .traffic_here import PricesHere, a_request

SIMULATIONS = 1_000 if os.environ.get("TTA_LONG") == "1" else 100
WAVE = 8


def _passed(costs: Sequence[float]) -> Stretches:
    stretches, sums = Stretches(len(costs)), [0.0]
    for served, cost in enumerate(costs, 1):
        sums[0] += cost
        stretches.pass_by(served, sums.copy)
    return stretches


@given(st.lists(st.integers(0, 100).map(float), max_size=100))
def test_stretches_add_up_to_all_of_it(costs: list[float]) -> None:
    """The last requests belong to no stretch."""
    sums = _passed(costs).sums
    assert math.fsum(one[0] for one in sums) == math.fsum(costs)
    assert len(sums) == min(len(costs), MOST_STRETCHES)


def _mean(sums: Sequence[float]) -> list[float]:
    return [sums[0] / sums[1] if sums[1] else math.nan]


def test_a_mean_swings_by_students_t_of_its_stretches() -> None:
    """The jackknife of a mean is not its standard error."""
    values = [float(value) for value in (3, 5, 4, 8, 6, 4, 7, 5, 3, 6)]
    (off,) = swings([[value, 1.0] for value in values], _mean, confidence=0.95)
    mean = sum(values) / 10
    error = math.sqrt(sum((value - mean) ** 2 for value in values) / 9 / 10)
    assert off == pytest.approx(2.262 * error, rel=3e-3)


def test_one_stretch_swings_by_nothing() -> None:
    """Bounds of one request are no number."""
    assert swings([[1.0, 1.0]], _mean, confidence=0.95) == [0.0]


def _in_waves(seed: int) -> Measurement:
    """Waves of requests that all ask the same, or of which each asks something else."""
    lot = random.Random(seed)
    alike = [lot.random() < 0.5 for _ in range(400 // WAVE)]
    traffic = [
        a_request(number, key=f"q{number // WAVE if alike[number // WAVE] else -number}")
        for number in range(400)
    ]
    return measure(traffic, PricesHere(), source="waves", fit_share=0, resamples=100, seed=seed)


def test_bounds_hold_where_requests_come_in_waves() -> None:
    """Bounds of traffic in waves promised 95% and held 51%."""
    found = [_in_waves(seed).arms[-1].saving for seed in range(SIMULATIONS)]
    true = 0.5 * (WAVE - 1) / WAVE
    held = sum(one.low <= true <= one.high for one in found if one is not None)
    assert held >= 0.88 * SIMULATIONS
