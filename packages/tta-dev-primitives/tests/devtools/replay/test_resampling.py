"""Bounds: Wilson's, those of drawing anew, and how often they cover what is true."""

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
from tta_dev_primitives.devtools.replay.resampling import bootstrap, wilson
from tta_dev_primitives.devtools.traffic.request import TrafficRequest

from .traffic_here import STRONG, WEAK, PricesHere, drawn_traffic

SIMULATIONS = 1_000 if os.environ.get("TTA_LONG") == "1" else 200
LEAST_COVERAGE = 0.91


@pytest.mark.parametrize(
    ("found", "of", "low", "high"),
    [(0, 10, 0.0, 0.2775), (1, 10, 0.0179, 0.4042), (50, 100, 0.4038, 0.5962), (10, 10, 0.7225, 1)],
    ids=["none-of-ten", "one-of-ten", "half", "all"],
)
def test_wilson_gives_the_published_bounds(found: int, of: int, low: float, high: float) -> None:
    """The bounds of a share are not Wilson's."""
    bounds = wilson(found, of, 0.95)
    assert (bounds.low, bounds.high) == pytest.approx((low, high), abs=2e-4)


def _mean(sums: Sequence[float]) -> list[float]:
    return [sums[0] / sums[1] if sums[1] else math.nan]


@given(st.lists(st.floats(0, 100), min_size=2, max_size=30), st.integers(0, 5))
def test_bounds_enclose_the_figure_and_repeat_with_the_seed(values: list[float], seed: int) -> None:
    """The same seed gives other bounds, or bounds on one side of the figure."""
    columns = [values, [1.0] * len(values)]
    first = bootstrap(columns, _mean, resamples=100, confidence=0.95, seed=seed)
    again = bootstrap(columns, _mean, resamples=100, confidence=0.95, seed=seed)
    assert first == again
    assert first[0] is not None
    assert first[0].low <= first[0].value <= first[0].high


def test_bounds_of_a_mean_are_those_of_the_normal_law() -> None:
    """The bounds are too narrow or too wide by a plain factor."""
    lot = random.Random(5)
    values = [lot.gauss(10, 3) for _ in range(400)]
    (bounds,) = bootstrap(
        [values, [1.0] * len(values)], _mean, resamples=2_000, confidence=0.95, seed=1
    )
    assert bounds is not None
    mean = sum(values) / len(values)
    error = math.sqrt(sum((one - mean) ** 2 for one in values)) / len(values)
    assert bounds.high - bounds.low == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_fewer_rows_give_wider_bounds_than_percentiles_alone() -> None:
    """With few conversations the bounds are as narrow as if there were many."""
    values = [0.0, 1.0] * 6
    rows = [values, [1.0] * len(values)]
    (bounds,) = bootstrap(rows, _mean, resamples=4_000, confidence=0.95, seed=1)
    assert bounds is not None
    normal = 2 * 1.96 * 0.5 / math.sqrt(len(values))
    assert bounds.high - bounds.low > 1.1 * normal


def test_an_undefined_figure_has_no_bounds() -> None:
    """A share of nothing comes out as a number."""
    assert bootstrap([[0.0], [0.0]], _mean, resamples=100, confidence=0.95) == [None]


class ByPlace:
    """A router that was there before the traffic."""

    def choose(self, request: TrafficRequest) -> str:
        return WEAK if request.place == "summarise" else STRONG


def _simulated(seed: int) -> Measurement:
    traffic = drawn_traffic(180, seed=seed, repeats=0.3, per_conversation=3)
    return measure(
        traffic,
        PricesHere(),
        source="drawn",
        router=ByPlace(),
        fit_share=0,
        ttl_seconds=None,
        resamples=200,
        seed=seed,
    )


def test_bounds_cover_the_true_value_at_the_stated_rate(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Bounds that call themselves 95% hold the truth far less often.

    The truth of a saving is that of all simulations taken together: what traffic of this size saves
    in the mean, weighed by its cost.
    """
    found = [_simulated(seed) for seed in range(SIMULATIONS)]
    last = [one.arms[-1] for one in found]
    saved = 1 - sum(arm.cost for arm in last) / sum(one.arms[0].cost for one in found)
    kept = sum(arm.quality.value for arm in last if arm.quality) / SIMULATIONS
    covered = {
        "saving": sum(arm.saving.low <= saved <= arm.saving.high for arm in last if arm.saving),
        "quality": sum(arm.quality.low <= kept <= arm.quality.high for arm in last if arm.quality),
    }
    rates = {name: count / SIMULATIONS for name, count in covered.items()}
    with capsys.disabled():
        print(f"\n95% bounds cover over {SIMULATIONS} simulated traffics: {rates}")
    assert min(rates.values()) >= LEAST_COVERAGE
    assert max(rates.values()) < 1
