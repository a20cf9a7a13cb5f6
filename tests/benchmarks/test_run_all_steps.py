"""A step is marked, and noise is not."""

from __future__ import annotations

import random

import pytest
from histories import noisy
from run_all_steps import FALSE_ALARMS, segments

SEEDS = range(200)


def starts(values: list[float], rounds: int = 1) -> list[int]:
    """Return where *values* step, with *rounds* runs of each commit."""
    groups = [place // rounds for place in range(len(values))]
    return [part.first for part in segments(values, groups)][1:]


@pytest.mark.parametrize(
    ("count", "rounds", "first", "least"),
    [(30, 1, 15, 38), (60, 3, 30, 40), (30, 3, 24, 36)],
    ids=["in-the-middle", "three-rounds", "the-last-two-commits"],
)
def test_a_slowdown_of_15_per_cent_in_noise_of_4_is_marked(
    count: int, rounds: int, first: int, least: int
) -> None:
    """A step was slower by a seventh for a fortnight, and the page said nothing."""
    found = [starts(noisy(seed, count, step=0.15, first=first), rounds) for seed in range(40)]
    near = [each for each in found if len(each) == 1 and abs(each[0] - first) <= rounds]
    assert len(near) >= least, len(near)


@pytest.mark.parametrize("rounds", [1, 3])
def test_noise_alone_is_marked_at_most_at_the_stated_rate(rounds: int) -> None:
    """Marks were so frequent that nobody looked at them."""
    marked = sum(bool(starts(noisy(seed, 30), rounds)) for seed in SEEDS)
    assert marked <= FALSE_ALARMS * len(SEEDS)


def test_slow_runs_now_and_then_are_noise() -> None:
    """A backup of the machine every few days was told as a regression."""
    marked = 0
    for seed in SEEDS:
        drawn = random.Random(seed)
        values = [
            value * (1 + drawn.random()) if drawn.random() < 0.08 else value
            for value in noisy(seed, 30)
        ]
        marked += bool(starts(values))
    assert marked <= FALSE_ALARMS * len(SEEDS)


@pytest.mark.parametrize("slow", [[900.0], [900.0, 950.0]], ids=["one", "two"])
@pytest.mark.parametrize("at_end", [True, False], ids=["at-the-end", "at-the-beginning"])
def test_one_or_two_slow_runs_prove_nothing(slow: list[float], *, at_end: bool) -> None:
    """A change was marked because of the one run during which somebody compiled a kernel."""
    usual = noisy(0, 30, noise=0.01)
    assert starts([*usual, *slow] if at_end else [*slow, *usual]) == []
    assert starts([*usual, *slow, 910.0, 920.0]) == [30]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([100.0] * 20, []),
        ([100.0] * 10 + [103.0] * 4, [10]),
        ([100.0] * 10 + [97.0] * 10, [10]),
        ([100.0] * 10 + [100.5] * 10, []),
        ([100.0] * 10 + [130.0] * 10 + [90.0] * 10, [10, 20]),
        ([100.0] * 10 + [130.0] * 10 + [170.0] * 10 + [220.0] * 10, [10, 20, 30]),
        ([5.0], []),
        ([], []),
    ],
    ids=[
        "no-change",
        "up",
        "down",
        "under-one-per-cent",
        "two-steps",
        "three-steps",
        "one-run",
        "none",
    ],
)
def test_figures_without_noise_are_parted_where_they_step(
    values: list[float], expected: list[int]
) -> None:
    """A count of instructions that never varies had its change overlooked."""
    assert starts(values) == expected


def test_a_step_inside_the_band_is_not_marked() -> None:
    """A shift smaller than the noise was marked, and nobody could see it."""
    values = [100 + (-1) ** place * (4 + place % 3) for place in range(200)]
    moved = [value + 4 * (place >= 100) for place, value in enumerate(values)]
    assert starts([float(value) for value in moved]) == []


def test_runs_of_one_commit_are_never_parted() -> None:
    """A change was marked between two runs of the same code."""
    assert starts([100.0] * 10 + [130.0] * 10, rounds=20) == []
    assert starts([100.0] * 11 + [130.0] * 10, rounds=3)[0] % 3 == 0


def test_the_band_holds_what_noise_does() -> None:
    """The band was so narrow that half of all runs lay outside."""
    values = noisy(1, 200)
    (part,) = segments(values, range(200))
    low, high = part.band
    inside = sum(low <= value <= high for value in values) / 200
    assert 0.9 < inside < 0.99
