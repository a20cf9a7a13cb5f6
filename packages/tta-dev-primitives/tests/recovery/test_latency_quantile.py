from __future__ import annotations

import itertools
import math
import random
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.recovery.hedging.latency_quantile import LatencyQuantile, Quantile

durations = st.floats(1e-4, 900)


def fed(settings: Quantile, *seconds: float) -> LatencyQuantile:
    latency = LatencyQuantile(settings)
    for duration in seconds:
        latency.add(duration)
    return latency


def exact(quantile: float, seconds: list[float]) -> float:
    """The shortest duration that at least this share of calls does not exceed."""
    share = round(quantile * 10**6)
    return sorted(seconds)[-(-share * len(seconds) // 10**6) - 1]


def test_nothing_is_known_before_enough_calls() -> None:
    latency = fed(Quantile(minimum_samples=3), 1, 1)
    assert latency.value is None
    latency.add(1)
    assert latency.value == pytest.approx(1, rel=0.05)


@given(
    st.sampled_from([0.05, 0.5, 0.9, 0.95, 0.99]),
    st.integers(1, 12),
    st.lists(durations, min_size=1, max_size=60),
)
def test_value_is_the_quantile_of_the_last_calls_at_most_five_percent_too_long(
    quantile: float, window: int, seconds: list[float]
) -> None:
    """The model keeps every duration: those since the last full window, and that window."""
    latency = LatencyQuantile(Quantile(quantile, minimum_samples=1, window=window))
    for count, duration in enumerate(seconds, start=1):
        latency.add(duration)
        kept = seconds[max(0, (count // window - 1) * window) : count]
        true = exact(quantile, kept)
        assert latency.value is not None
        assert true <= latency.value <= true * 1.05 * (1 + 1e-12)


def test_old_calls_are_forgotten() -> None:
    settings = Quantile(0.95, window=100)
    latency = fed(settings, *[10.0] * 1000, *[0.1] * 200)
    assert latency.value == pytest.approx(0.1, rel=0.05)


def test_rare_slow_calls_are_not_lost_when_the_window_moves_on() -> None:
    """One call in twenty takes longer, each another time; the quantile stays among them."""
    draw = random.Random(1)
    latency = LatencyQuantile(Quantile(0.97, window=100))
    lowest = math.inf
    for count in range(5000):
        latency.add(draw.uniform(5, 50) if count % 20 == 0 else 1.0)
        if count > 200:
            assert latency.value is not None
            lowest = min(lowest, latency.value)
    assert lowest > 5


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.0, 1e-4), (1e-9, 1e-4), (1e9, 1000), (math.inf, 1000)],
    ids=["nothing", "tiny", "huge", "endless"],
)
def test_durations_beyond_the_ends_count_as_the_nearest(seconds: float, expected: float) -> None:
    assert fed(Quantile(minimum_samples=1), seconds).value == pytest.approx(expected, rel=0.05)


def test_call_that_was_given_up_counts_where_it_was_slow_already() -> None:
    latency = fed(Quantile(0.5, minimum_samples=3), 1, 1, 5)
    for _ in range(10):
        latency.add_at_least(0.5)
    assert latency.value == pytest.approx(1, rel=0.05)
    for _ in range(10):
        latency.add_at_least(5)
    assert latency.value == pytest.approx(5, rel=0.05)


def test_call_that_was_given_up_says_nothing_before_the_quantile_is_known() -> None:
    latency = LatencyQuantile(Quantile(minimum_samples=1))
    latency.add_at_least(1)
    assert latency.value is None


def test_threads_lose_no_calls() -> None:
    latency = LatencyQuantile(Quantile(0.5, minimum_samples=4000, window=4000))

    def feed() -> None:
        for duration in itertools.islice(itertools.cycle([1.0, 2.0, 3.0]), 1000):
            latency.add(duration)

    threads = [threading.Thread(target=feed) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert latency.value == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantile": 0}, "quantile must lie between 0 and 1, got 0; p95 is 0.95"),
        ({"quantile": 95}, "quantile must lie between 0 and 1, got 95; p95 is 0.95"),
        ({"quantile": math.nan}, "quantile must lie between 0 and 1, got nan"),
        ({"minimum_samples": 0}, "minimum_samples must lie between 1 and window=1000, got 0"),
        ({"window": 5}, "minimum_samples must lie between 1 and window=5, got 20"),
    ],
    ids=["zero", "percent", "nan", "no-samples", "small-window"],
)
def test_settings_that_make_no_sense_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Quantile(**arguments)
