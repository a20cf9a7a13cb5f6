from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import ConfigurationError, RouteNotFoundError
from tta_dev_primitives.llm.candidates import LatencyWindow, RouteState
from tta_dev_primitives.llm.models import TIERS, Model
from tta_dev_primitives.llm.needs import needs_of
from tta_dev_primitives.llm.pricing import Rates
from tta_dev_primitives.llm.strategies import (
    CostStrategy,
    FunctionStrategy,
    LatencyStrategy,
    Strategy,
    TierStrategy,
)
from tta_dev_primitives.llm.types import LLMRequest, Tool

IMAGE = {"type": "image_url", "image_url": {"url": "data:,"}}


def best(
    strategy: Strategy,
    routes: list[RouteState],
    x: object = "",
    now: float = 0.0,
    **metadata: str,
) -> str:
    strategy.prepare(routes)
    scores = strategy.scores(routes, needs_of(x), x, WorkflowContext(metadata=metadata), now)
    return routes[scores.index(min(scores))].name


def plain(*names: str) -> list[RouteState]:
    return [RouteState(name, None, None) for name in names]


@pytest.mark.parametrize(
    ("value", "tokens", "features"),
    [
        ("x" * 400, 100, set()),
        ([{"role": "user", "content": "x" * 40}, {"role": "user", "content": "y" * 40}], 20, set()),
        ([{"role": "user", "content": [{"type": "text", "text": "x" * 8}, IMAGE]}], 2, {"vision"}),
        (
            [{"role": "user", "content": [{"type": "tool_result", "content": [IMAGE]}]}],
            0,
            {"vision"},
        ),
        ([{"role": "assistant", "content": None}], 0, set()),
        ([{"role": "user", "content": "x" * 8}, "x" * 8], 4, set()),
        ({"any": "thing"}, 0, set()),
        (42, 0, set()),
        ([1, 2], 0, set()),
        ([], 0, set()),
    ],
    ids=[
        "text", "messages", "image-part", "image-in-tool-result", "no-content", "mixed-list",
        "mapping", "number", "numbers", "empty",
    ],
)  # fmt: skip
def test_tokens_and_features_are_read_off_the_input(value, tokens: int, features: set) -> None:
    assert needs_of(value) == (tokens, None, frozenset(features), None)


def test_a_request_says_what_it_needs() -> None:
    request = LLMRequest(
        messages=({"role": "user", "content": [IMAGE]},),
        tools=(Tool("f"),),
        json_schema={},
        max_tokens=50,
        model="m",
    )
    assert needs_of(request) == (0, 50, frozenset({"tools", "json", "vision"}), "m")
    assert needs_of(LLMRequest.of("abcd")) == (1, None, frozenset(), None)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (LLMRequest(messages=({"role": "user", "content": "x" * 40_000},), max_tokens=1), "wordy"),
        (LLMRequest(messages=({"role": "user", "content": "x"},), max_tokens=9000), "terse"),
        ("", "terse"),
    ],
    ids=["long-question", "long-answer", "nothing"],
)
def test_cost_is_that_of_the_question_and_the_answer(x: object, expected: str) -> None:
    prices = {"wordy": Rates(1e-6, 9e-6), "terse": Rates(2e-6, 3e-6)}
    assert best(CostStrategy(prices), plain("wordy", "terse"), x) == expected


def test_an_unpriced_route_is_never_taken_for_a_free_one() -> None:
    prices = {"dear": Rates(1e-3, 1e-3), "free": Rates(0.0, 0.0)}
    strategy = CostStrategy(prices)
    assert best(strategy, plain("unpriced", "dear")) == "dear"
    assert best(strategy, plain("unpriced", "dear", "free"), "x" * 400) == "free"
    assert best(strategy, plain("unpriced", "other")) == "unpriced"


def test_listed_prices_count_where_none_is_given() -> None:
    routes = [
        RouteState("big", Model("anthropic", "claude-opus-5-5"), None),
        RouteState("small", Model("anthropic", "claude-haiku-5-5"), None),
    ]
    assert best(CostStrategy(), routes) == "small"
    assert best(CostStrategy({"small": Rates(1.0, 1.0)}), routes) == "big"


def test_unmeasured_routes_come_first_in_order_then_the_fastest() -> None:
    routes = plain("a", "b", "c")
    strategy = LatencyStrategy()
    seen: list[str] = []
    for seconds in (3.0, 1.0, 2.0):
        name = best(strategy, routes)
        seen.append(name)
        next(route for route in routes if route.name == name).latency.add(seconds, 0.0)
    assert seen == ["a", "b", "c"]
    assert best(strategy, routes) == "b"


def test_one_call_at_a_time_measures_a_route() -> None:
    """A second caller does not follow the first one into the unknown."""
    routes = plain("known", "new")
    routes[0].latency.add(1.0, 0.0)
    assert best(LatencyStrategy(), routes) == "new"
    routes[1].under_way = 1
    assert best(LatencyStrategy(), routes) == "known"


def test_a_route_not_called_for_long_is_measured_again() -> None:
    routes = plain("fast", "slow")
    routes[0].latency.add(1.0, 0.0)
    routes[1].latency.add(9.0, 0.0)
    routes[0].latency.add(1.0, 200.0)
    assert best(LatencyStrategy(), routes, now=299.0) == "fast"
    assert best(LatencyStrategy(), routes, now=301.0) == "slow"


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=40), st.integers(1, 8))
def test_the_window_holds_the_quantiles_of_the_last_calls(samples: list[float], size: int) -> None:
    window = LatencyWindow(size=size)
    for sample in samples:
        window.add(sample, 0.0)
    last = sorted(samples[-size:])
    assert window.median == last[(len(last) - 1) // 2]
    assert window.high == last[math.ceil((len(last) - 1) * 0.9)]


def test_a_call_cut_off_early_counts_only_if_it_was_slow_already() -> None:
    window = LatencyWindow()
    window.add(2.0, 0.0)
    window.add_at_least(0.1, 1.0)
    assert window.high == 2.0
    window.add_at_least(5.0, 1.0)
    assert window.high == 5.0


def test_an_old_window_starts_again() -> None:
    window = LatencyWindow(max_age_seconds=10.0)
    window.add(9.0, 0.0)
    window.add(1.0, 10.0)
    assert window.high == 1.0


@pytest.mark.parametrize(
    ("wanted", "order"),
    [
        ("small", ["small", "medium", "large"]),
        ("medium", ["medium", "large", "small"]),
        ("large", ["large", "medium", "small"]),
    ],
)
def test_the_next_higher_tier_comes_before_lower_ones(wanted: str, order: list[str]) -> None:
    routes = [RouteState("unknown", None, None)] + [RouteState(tier, None, tier) for tier in TIERS]
    for expected in [*order, "unknown"]:
        assert best(TierStrategy(), routes, tier=wanted) == expected
        routes = [route for route in routes if route.name != expected]


def test_the_tier_may_come_from_a_function_of_the_input() -> None:
    routes = [RouteState(tier, None, tier) for tier in TIERS]
    strategy = TierStrategy(lambda x, context: "large" if len(x) > 3 else "small")
    assert best(strategy, routes, "hello") == "large"
    assert best(strategy, routes, "hi") == "small"


def test_without_a_wish_the_tier_is_medium() -> None:
    assert best(TierStrategy(), [RouteState(tier, None, tier) for tier in TIERS]) == "medium"


def test_an_unknown_tier_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="tier 'huge' is unknown; use small, medium"):
        best(TierStrategy(), plain("a"), tier="huge")


def test_a_function_sees_the_candidates_and_their_models() -> None:
    model = Model("p", "m")
    routes = [RouteState("a", None, None), RouteState("b", model, None)]
    strategy = FunctionStrategy(
        lambda x, context, candidates: next(c.name for c in candidates if c.model == model)
    )
    assert best(strategy, routes) == "b"


def test_a_functions_unknown_name_goes_to_the_default_or_is_refused() -> None:
    assert best(FunctionStrategy(lambda x, context, candidates: "zz", "b"), plain("a", "b")) == "b"
    with pytest.raises(RouteNotFoundError, match=r"^No route found for 'zz'"):
        best(FunctionStrategy(lambda x, context, candidates: "zz"), plain("a", "b"))
