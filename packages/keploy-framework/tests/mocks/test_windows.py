"""Which test owns a mock by the time of its call."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keploy_framework.matching.choice.windows import Window, Windows

WINDOWS = [Window("long", 10, 100), Window("short", 20, 30), Window("last", 50, 60)]


@pytest.mark.parametrize(
    ("at", "owners"),
    [
        (5, set()),
        (10, {"long"}),
        (25, {"long", "short"}),
        (30, {"long", "short"}),
        (40, {"long"}),
        (55, {"long", "last"}),
        (100, {"long"}),
        (101, {"last"}),
        (None, set()),
    ],
    ids=["before", "begin", "both", "end", "one-over", "other", "end-of-all", "after", "no-time"],
)
def test_owners(at: int | None, owners: set[str]):
    """A call was given to a test that did not run then."""
    assert Windows(WINDOWS).owners(at) == owners


times = st.integers(0, 20)


@settings(max_examples=300)
@given(
    spans=st.lists(st.tuples(times, times), max_size=6, unique_by=lambda span: span[0]), at=times
)
def test_owners_are_those_of_a_slow_reference(spans: list[tuple[int, int]], at: int):
    """The search disagreed with looking at every window."""
    windows = [Window(f"t{begin}", begin, begin + length) for begin, length in spans]
    inside = {one.test for one in windows if one.began <= at <= one.ended}
    before = [one for one in windows if one.began <= at]
    latest = {max(before, key=lambda one: one.began).test} if before else set()
    assert Windows(windows).owners(at) == (inside or latest)
