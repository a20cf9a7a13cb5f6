from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import permutations
from math import factorial, fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.devtools.cost_advice.cell_factors import (
    CellFactors,
    TokenPrices,
    TokenShares,
)
from tta_dev_primitives.devtools.cost_advice.comparing import compare
from tta_dev_primitives.devtools.cost_advice.comparison import (
    FACTORS,
    HOW_IT_IS_SPLIT,
    Change,
    Comparison,
    Factor,
)
from tta_dev_primitives.devtools.cost_advice.shapley import shapley_parts
from tta_dev_primitives.devtools.replay.errors import UnpricedModelsError
from tta_dev_primitives.devtools.traffic.request import TokenUsage, TrafficRequest
from tta_dev_primitives.errors import ConfigurationError

from .traffic_here import BEGIN, DAY, ListedPrices, request

USAGES = st.builds(
    lambda fresh, read, written, output: TokenUsage(fresh + read + written, output, read, written),
    *[st.integers(0, 5_000)] * 4,
)
REQUESTS = st.builds(
    lambda number, ts, model, usage, place, fails: replace(
        request(number, ts=ts, model=model, place=place, error="boom" if fails else None),
        usage=usage,
    ),
    st.integers(0, 10**6),
    st.floats(0, 1e6),
    st.sampled_from(["large", "small", "claude-large", "free"]),
    USAGES,
    st.sampled_from(["0.ask", "1.sum", None]),
    st.booleans(),
)
PERIODS = st.lists(REQUESTS, max_size=12)


class SteppedPrices(ListedPrices):
    """Prices that depend on the time and the length of a prompt, with a fee for each call."""

    def cost(self, model: str, provider: str | None, usage: TokenUsage, at: float) -> float | None:
        step = (1 if usage.input < 3_000 else 2) * (1 + (at - BEGIN) / 1e6)
        cost = super().cost(model, provider, usage, at)
        return None if cost is None else cost * step + 0.001


def compared(before: Iterable[TrafficRequest], after: Iterable[TrafficRequest]) -> Comparison:
    return compare(before, after, ListedPrices())


def parts(change: Change) -> dict[Factor, float]:
    """What made the change, without what made nothing."""
    return {name: part for name, part in change.parts.items() if abs(part) > 1e-9}


@given(PERIODS, PERIODS)
def test_parts_add_up_to_the_difference(
    before: list[TrafficRequest], after: list[TrafficRequest]
) -> None:
    """Some dollars have no reason, or two."""
    comparison = compare(before, after, SteppedPrices(), before_days=2.0, after_days=7.0)
    scale = max(1.0, comparison.total.before, comparison.total.after)
    assert comparison.per_day is not None
    for change in (
        comparison.total, comparison.per_day, *comparison.models, *comparison.places
    ):  # fmt: skip
        assert fsum(change.parts.values()) == pytest.approx(change.difference, abs=1e-9 * scale)
    for groups in (comparison.models, comparison.places):
        for factor in FACTORS:
            together = fsum(group.parts[factor] for group in groups)
            assert together == pytest.approx(comparison.total.parts[factor], abs=1e-9 * scale)
    prices = SteppedPrices()
    for change, traffic in ((comparison.total.before, before), (comparison.total.after, after)):
        spent = fsum(prices.cost(r.model, None, r.usage, r.ts) or 0 for r in traffic)
        assert change == pytest.approx(spent, abs=1e-9 * scale)


@given(PERIODS, PERIODS)
def test_swapping_the_periods_inverts_every_sign(
    before: list[TrafficRequest], after: list[TrafficRequest]
) -> None:
    """What made it dearer one way does not make it cheaper the other way."""
    there, back = (compare(*pair, SteppedPrices()) for pair in ((before, after), (after, before)))
    scale = max(1.0, there.total.before, there.total.after)
    for factor in FACTORS:
        assert there.total.parts[factor] == pytest.approx(
            -back.total.parts[factor], abs=1e-9 * scale
        )
    assert (there.new_models, there.gone_places) == (back.gone_models, back.new_places)


@given(PERIODS)
def test_period_does_not_differ_from_itself(traffic: list[TrafficRequest]) -> None:
    """A change is reported where there is none."""
    assert parts(compared(traffic, traffic).total) == {}


USUAL = [request(n, ts=n) for n in range(10)]  # 2 dollars each


@pytest.mark.parametrize(
    ("after", "made"),
    [
        ([*USUAL, *USUAL], {"volume": 20.0}),
        ([request(n, tokens=(200, 50)) for n in range(10)], {"input tokens": 10.0}),
        ([request(n, tokens=(100, 0)) for n in range(10)], {"output tokens": -10.0}),
        ([request(n, cached=100) for n in range(10)], {"cached share": -9.0}),
        ([request(n, ts=DAY) for n in range(10)], {"price": 20.0}),
        ([*USUAL, *[request(n, error="boom") for n in range(5)]], {"waste": 10.0}),
        ([request(n, model="small") for n in range(10)], {"mix of models": -18.0}),
        ([request(n, place="b") for n in range(10)], {}),
    ],
    ids=["volume", "input", "output", "cached", "price", "waste", "model", "moved"],
)
def test_what_alone_changed_is_the_whole_reason(
    after: list[TrafficRequest], made: dict[Factor, float]
) -> None:
    """Only one thing changed, and another one is blamed."""
    comparison = compare(USUAL, after, ListedPrices(dearer_from=BEGIN + DAY))
    assert parts(comparison.total) == pytest.approx(made)


def test_writing_to_the_cache_is_no_new_price() -> None:
    """Tokens that are written to the cache look like tokens that got dearer."""
    before = [request(n, model="claude-large") for n in range(10)]
    after = [request(n, model="claude-large", written=100) for n in range(10)]
    assert parts(compared(before, after).total) == pytest.approx({"cached share": 2.5})


def test_new_place_has_no_old_rate_of_failures() -> None:
    """A place that is new is said to fail more than before."""
    new = [request(n, place="new", error="boom" if n < 5 else None) for n in range(10)]
    made = parts(compared(USUAL, [*USUAL, *new]).total)
    assert sum(made.values()) == pytest.approx(20.0)
    assert set(made) == {"volume", "mix of places"}


def test_cheap_place_that_grows_is_a_mix_of_places() -> None:
    """Prices are said to fall because a cheap place is asked more."""
    before = [request(n, place="dear") for n in range(5)]
    before += [request(n, place="cheap", model="small") for n in range(5)]
    after = before[:2] + before[5:] + before[5:8]
    assert parts(compared(before, after).total) == pytest.approx({"mix of places": -3 * 1.8})


def test_two_factors_share_what_they_did_together() -> None:
    """One factor gets what only both of them made."""
    after = [request(n, tokens=(200, 100)) for n in range(20)]
    # From 10 calls of 2 dollars to 20 of 4: volume and tokens made 30 each, half of the whole.
    made = parts(compared(USUAL, after).total)
    assert made["volume"] == pytest.approx(30.0)
    assert made["input tokens"] + made["output tokens"] == pytest.approx(30.0)


@given(st.lists(st.floats(0.1, 10), min_size=16, max_size=16))
def test_split_is_the_mean_over_all_orders(numbers: list[float]) -> None:
    """A factor is given more because it comes earlier in a list."""

    def factors(values: list[float]) -> CellFactors:
        volume, place, model, tokens, output, share, price, waste = values
        return CellFactors(
            volume, place, model, tokens, output,
            TokenShares(share / 20, share / 30),
            TokenPrices(price, price / 10, price * 1.25, price * 2, 0.1),
            waste,
        )  # fmt: skip

    # Only four factors differ, so that all orders of these can be gone through.
    before = factors(numbers[:8])
    after = factors(numbers[8:])
    changing = (0, 3, 5, 7)
    after = CellFactors._make(
        after[at] if at in changing else before[at] for at in range(len(FACTORS))
    )
    expected = dict.fromkeys(range(len(FACTORS)), 0.0)
    for order in permutations(changing):
        state = list(before)
        for factor in order:
            cost = CellFactors._make(state).cost()
            state[factor] = after[factor]
            expected[factor] += CellFactors._make(state).cost() - cost
    slow = [total / factorial(len(changing)) for total in expected.values()]
    scale = before.cost() + after.cost()
    assert shapley_parts(before, after) == pytest.approx(slow, abs=1e-9 * scale)


def test_new_and_gone_names_are_told() -> None:
    """A model that was never asked before hides among the others."""
    after = [request(n, model="small", place="new") for n in range(10)]
    comparison = compared(USUAL, after)
    assert (comparison.new_models, comparison.gone_models) == (("small",), ("large",))
    assert (comparison.new_places, comparison.gone_places) == (("new",), ("0.ask",))


def test_largest_change_comes_first() -> None:
    """The reader starts with what changed least."""
    after = [*USUAL, *USUAL, request(30, model="small", place="b")]
    comparison = compared(USUAL, after)
    assert [change.name for change in comparison.models] == ["large", "small"]
    assert [change.name for change in comparison.places] == ["0.ask", "b"]


def test_longer_period_is_no_dearer_a_day() -> None:
    """Two weeks at the same rate look twice as dear as one."""
    week, fortnight = (
        [request(n, ts=n * DAY / 10) for n in range(10 * days + 1)] for days in (7, 14)
    )
    comparison = compared(week, fortnight)
    assert parts(comparison.total) == pytest.approx({"volume": 140.0})
    assert (comparison.before.days, comparison.after.days) == (7.0, 14.0)
    assert comparison.per_day is not None
    # 71 requests in 7 days, 141 in 14: the one at the end counts less.
    assert comparison.per_day.difference == pytest.approx(2 * (141 / 14 - 71 / 7))


def test_a_few_minutes_say_nothing_about_a_day() -> None:
    """Ten requests in a minute are told as thousands of dollars a day."""
    comparison = compared(USUAL, USUAL)
    assert comparison.per_day is None
    assert "before lasted less than an hour, so nothing is said per day" in comparison.notes


def test_stated_days_are_taken() -> None:
    """The days that somebody told are not believed."""
    comparison = compare(USUAL, USUAL, ListedPrices(), before_days=1.0, after_days=2.0)
    assert comparison.per_day is not None
    assert parts(comparison.per_day) == pytest.approx({"volume": -10.0})


@pytest.mark.parametrize("days", [0.0, -1.0, float("nan"), float("inf")])
def test_days_have_to_be_positive(days: float) -> None:
    """A period of no days divides by zero."""
    with pytest.raises(ConfigurationError, match="before_days must be above 0"):
        compare([], [], ListedPrices(), before_days=days)


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [([], [], 0.0), (USUAL, [], -20.0), ([], USUAL, 20.0)],
    ids=["both", "after", "before"],
)
def test_empty_period_is_said_to_be_empty(
    before: list[TrafficRequest], after: list[TrafficRequest], difference: float
) -> None:
    """A period without requests divides by zero."""
    comparison = compared(before, after)
    assert comparison.total.difference == pytest.approx(difference)
    assert parts(comparison.total) == pytest.approx({"volume": difference} if difference else {})
    assert any("has no requests" in note for note in comparison.notes)
    assert HOW_IT_IS_SPLIT not in comparison.notes


def test_model_that_only_fails_is_all_waste() -> None:
    """Failures of a model that never answered are lost from the sum."""
    after = [*USUAL, request(20, model="small", error="boom")]
    assert parts(compared(USUAL, after).total) == pytest.approx({"waste": 0.2})


def test_all_models_without_a_price_are_named_at_once() -> None:
    """A model without a price is taken for free."""
    with pytest.raises(UnpricedModelsError) as caught:
        compared([], [request(0, model="one"), request(1, model="two")])
    assert set(caught.value.requests_by_model) == {"one", "two"}


def test_price_that_changed_within_a_period_is_told() -> None:
    """The price doubled within a period, and nobody says so."""
    comparison = compare(USUAL, USUAL, ListedPrices(dearer_from=BEGIN + 5))
    assert any(note.startswith("before: prices changed") for note in comparison.notes)


def test_any_number_of_places_is_bounded_and_still_adds_up() -> None:
    """An app that names places by request fills the memory."""
    before = [request(n, place=f"p{n}") for n in range(1_200)]
    after = [request(n, place=f"q{n}", model="small") for n in range(1_200)]
    comparison = compared(before, after)
    assert len(comparison.places) <= 1_001
    assert fsum(comparison.total.parts.values()) == pytest.approx(-1_200 * 1.8)
    assert any("taken together as (others)" in note for note in comparison.notes)
