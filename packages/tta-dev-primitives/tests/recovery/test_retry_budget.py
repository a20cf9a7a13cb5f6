from __future__ import annotations

import math
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.recovery.retry_budget import RetryBudget
from tta_dev_primitives.testing.clock import FakeClock


def taken(budget: RetryBudget, tries: int = 100) -> int:
    return sum(budget.take() for _ in range(tries))


def test_ten_calls_earn_one_more(clock: FakeClock) -> None:
    """Ten tenths are one, without the rounding of floats."""
    budget = RetryBudget(0.1, minimum_per_second=0, clock=clock)
    for _ in range(9):
        budget.count_call()
    assert not budget.take()
    budget.count_call()
    assert budget.take()
    assert not budget.take()


def test_minimum_is_there_from_the_start_and_comes_back(clock: FakeClock) -> None:
    budget = RetryBudget(0, minimum_per_second=2, clock=clock)
    assert taken(budget) == 2
    clock.advance(0.5)
    assert taken(budget) == 1
    clock.advance(2)
    assert taken(budget) == 4


def test_no_more_is_kept_than_the_burst(clock: FakeClock) -> None:
    budget = RetryBudget(0.5, minimum_per_second=1, burst=3, clock=clock)
    for _ in range(100):
        budget.count_call()
    assert budget.available == 3
    clock.advance(1000)
    assert taken(budget) == 3


def test_call_that_was_not_made_after_all_goes_back(clock: FakeClock) -> None:
    budget = RetryBudget(0, minimum_per_second=2, burst=2, clock=clock)
    assert budget.take()
    budget.give_back()
    assert taken(budget) == 2
    clock.advance(10)
    budget.give_back()
    assert budget.available == 2


def test_reading_takes_nothing(clock: FakeClock) -> None:
    budget = RetryBudget(clock=clock)
    assert (budget.available, budget.available) == (1, 1)


def test_twin_has_the_same_settings_and_its_own_balance(clock: FakeClock) -> None:
    budget = RetryBudget(0.5, minimum_per_second=3, burst=4, clock=clock)
    twin = budget.twin()
    assert taken(twin) == 3
    assert budget.available == 3
    clock.advance(100)
    assert (twin.available, twin.ratio) == (4, 0.5)


def test_threads_do_not_take_the_same_call_twice(clock: FakeClock) -> None:
    budget = RetryBudget(0, minimum_per_second=500, burst=500, clock=clock)
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(taken(budget, 300))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ratio": -0.1}, "ratio must be 0 or more, and finite, got -0.1"),
        ({"ratio": math.nan}, "ratio must be 0 or more, and finite, got nan"),
        ({"minimum_per_second": math.inf}, "minimum_per_second must be 0 or more, and finite"),
        ({"burst": 0.5}, "burst must be 1 or more, and finite, got 0.5; with less nothing is"),
    ],
    ids=["negative", "nan", "unbounded", "useless"],
)
def test_numbers_that_make_no_sense_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        RetryBudget(**arguments)


@given(
    st.integers(0, 8).map(lambda n: n / 4),
    st.integers(0, 8).map(lambda n: n / 4),
    st.integers(1, 6),
    st.lists(st.sampled_from(["call", "take", 0.25, 1.0, 30.0]), max_size=60),
)
def test_every_decision_is_that_of_a_plain_sum(
    ratio: float, minimum: float, burst: int, script: list[str | float]
) -> None:
    """Quarters add up exactly in floats, so the model needs no whole numbers."""
    clock = FakeClock()
    budget = RetryBudget(ratio, minimum_per_second=minimum, burst=burst, clock=clock)
    balance, calls, extra = min(burst, minimum), 0, 0
    for entry in script:
        if entry == "call":
            budget.count_call()
            calls += 1
            balance = min(burst, balance + ratio)
        elif entry == "take":
            expected = balance >= 1
            assert budget.take() is expected
            balance -= expected
            extra += expected
        else:
            clock.advance(float(entry))
            balance = min(burst, balance + minimum * float(entry))
        assert budget.available == balance
        assert extra <= ratio * calls + minimum * (clock.monotonic() + 1)
