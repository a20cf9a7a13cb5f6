from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.recovery.circuits.outcome_window import (
    CallWindow,
    OutcomeWindow,
    TimeWindow,
)

# Waits in eighths, buckets of a half: both sides of the comparison add up exactly.
results = st.lists(
    st.tuples(st.integers(0, 60).map(lambda n: n / 8), st.booleans(), st.booleans()), max_size=60
)


@given(st.integers(1, 8), results)
def test_calls_are_the_last_so_many(size: int, script: list[tuple[float, bool, bool]]) -> None:
    window, kept = CallWindow(size), list[tuple[bool, bool]]()
    for _, failed, slow in script:
        if failed or slow:
            window.record(0, failed=failed, slow=slow)
        else:
            window.number += 1  # as a caller does who is in a hurry
        kept = [*kept, (failed, slow)][-size:]
        assert window.counts(0) == (
            len(kept),
            sum(failed for failed, _ in kept),
            sum(slow for _, slow in kept),
        )


@given(results, st.booleans())
def test_time_is_ten_buckets_that_leave_whole(
    script: list[tuple[float, bool, bool]], looking: bool
) -> None:
    """Looking at the figures on the way, or not, makes no difference."""
    window, now = TimeWindow(5), 0.0
    kept: list[tuple[int, bool, bool]] = []
    for wait, failed, slow in script:
        now += wait
        if failed or slow or not window.add_success(now):
            window.record(now, failed=failed, slow=slow)
        kept.append((int(now * 2), failed, slow))
        if looking:
            assert window.counts(now) == figures(kept, now)
    assert window.counts(now) == figures(kept, now)
    assert window.counts(now + 5) == (0, 0, 0)


def figures(kept: list[tuple[int, bool, bool]], now: float) -> tuple[int, int, int]:
    inside = [entry for entry in kept if entry[0] > int(now * 2) - 10]
    return len(inside), sum(entry[1] for entry in inside), sum(entry[2] for entry in inside)


@pytest.mark.parametrize("window", [CallWindow(50), TimeWindow(50)], ids=["calls", "time"])
def test_memory_does_not_grow_with_calls(window: OutcomeWindow) -> None:
    for number in range(10_000):
        window.record(number / 8, failed=True, slow=True)
    held = [getattr(window, name) for name in vars(type(window))["__slots__"]]
    assert max(len(numbers) for numbers in held if hasattr(numbers, "__len__")) <= 50


def test_success_is_added_without_a_lock_only_while_nothing_can_come_of_it() -> None:
    """With a failure in the window, or in a new bucket, rates may rise: the circuit must look."""
    window = TimeWindow(10)
    assert not window.add_success(0)
    window.record(0, failed=False, slow=False)
    assert window.add_success(0.9)
    assert not window.add_success(1)
    window.record(0.9, failed=True, slow=False)
    assert not window.add_success(0.95)
    assert window.counts(0.95) == (3, 1, 0)
