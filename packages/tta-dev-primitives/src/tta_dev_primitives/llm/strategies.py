"""How a router ranks its routes: by cost, live latency, tier, or a function.

A strategy gives every candidate a score and the lowest wins; among equals, the first in the order
of the routes. It never sees a route that a filter has put aside while another one is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from tta_dev_primitives.core.context import WorkflowContext
from tta_dev_primitives.errors import ConfigurationError, RouteNotFoundError

from .candidates import Candidate, RouteState
from .models import TIERS

if TYPE_CHECKING:
    from .needs import Needs
    from .pricing import Rates

StrategyFunction: TypeAlias = Callable[[Any, WorkflowContext, tuple[Candidate, ...]], str]
StrategyChoice: TypeAlias = Literal["cost", "latency", "tier"] | StrategyFunction

EXPECTED_OUTPUT_TOKENS = 256
"""How long an answer is taken to be when the request does not limit it."""


class Strategy(Protocol):
    """One way of ranking routes.

    Attributes:
        name: Name of the strategy.
        reason: Why the best route is chosen, when its score is a number that was compared.
        otherwise: Why it is chosen when it has no such score: below 0, or infinite.
    """

    name: str
    reason: str
    otherwise: str

    def prepare(self, routes: Sequence[RouteState]) -> bool:
        """Look up what is needed, and tell whether it was all there."""
        ...

    def scores(
        self,
        routes: Sequence[RouteState],
        needs: Needs,
        input_data: Any,  # Any: whatever is routed
        context: WorkflowContext,
        now: float,
    ) -> list[float]:
        """Return a score for each of *routes*, of which there is at least one."""
        ...


class CostStrategy:
    """Cheapest first, by the expected price of the question and the answer; unpriced ones last.

    Args:
        prices: Prices by name of the route, before those of the price table.
    """

    name, reason = "cost", "cheapest"
    otherwise = "no price is known, so the first"

    def __init__(self, prices: Mapping[str, Rates] | None = None) -> None:
        self._prices = prices or {}

    def prepare(self, routes: Sequence[RouteState]) -> bool:
        """Look the prices up; on an event loop they may have to be loaded first."""
        from .pricing import is_loaded, rates

        complete = True
        for route in routes:
            found = self._prices.get(route.name)
            if found is None and route.model is not None:
                found = rates(route.model.id, route.model.provider or None)
                complete = complete and (found is not None or is_loaded())
            if found is not None:
                route.input_price, route.output_price = found.input, found.output
        return complete

    def scores(
        self,
        routes: Sequence[RouteState],
        needs: Needs,
        input_data: Any,  # Any: whatever is routed
        context: WorkflowContext,
        now: float,
    ) -> list[float]:
        """Return US dollars."""
        tokens_in = needs[0] or 1  # an unpriced route is infinitely dear, and inf * 0 is no number
        tokens_out = needs[1] or EXPECTED_OUTPUT_TOKENS
        return [route.input_price * tokens_in + route.output_price * tokens_out for route in routes]


class LatencyStrategy:
    """Lowest live 90 % quantile first; a route nobody has measured is tried before the others.

    While a first call measures a route, other calls do not wait to find out with it.
    """

    name, reason = "latency", "fastest"
    otherwise = "not measured of late"

    def prepare(self, routes: Sequence[RouteState]) -> bool:
        """Do nothing: calls bring their own measurements."""
        return True

    def scores(
        self,
        routes: Sequence[RouteState],
        needs: Needs,
        input_data: Any,  # Any: whatever is routed
        context: WorkflowContext,
        now: float,
    ) -> list[float]:
        """Return seconds; -1 for a route to be measured."""
        return [
            latency.high if now < (latency := route.latency).fresh_until or route.under_way else -1
            for route in routes
        ]


class TierStrategy:
    """The wanted tier first, then the next higher ones, then lower ones, unknown ones last.

    Args:
        tier_fn: Takes `(x, context)` and returns the tier; without it `context.metadata["tier"]`
            counts, and `medium` where that is missing.
    """

    name, reason = "tier", "nearest tier"
    otherwise = "no tier is known, so the first"

    def __init__(self, tier_fn: Callable[[Any, WorkflowContext], str] | None = None) -> None:
        self._tier_fn = tier_fn

    def prepare(self, routes: Sequence[RouteState]) -> bool:
        """Do nothing: tiers are known from the start."""
        return True

    def scores(
        self,
        routes: Sequence[RouteState],
        needs: Needs,
        input_data: Any,  # Any: whatever is routed
        context: WorkflowContext,
        now: float,
    ) -> list[float]:
        """Return steps away from the wanted tier."""
        if self._tier_fn is None:
            wanted = context.metadata.get("tier", "medium")
        else:
            wanted = self._tier_fn(input_data, context)
        ranks = _TIER_RANKS.get(wanted)
        if ranks is None:
            msg = f"tier {wanted!r} is unknown; use {', '.join(TIERS)}"
            raise ConfigurationError(msg)
        return [ranks[route.tier] for route in routes]


class FunctionStrategy:
    """Whatever a function says.

    Where it names a route that a filter has put aside, the first candidate is taken instead.

    Args:
        choose: Takes `(x, context, candidates)` and returns the name of one of the candidates.
        default: Name of the route for names that are no route.
    """

    name, reason = "function", "strategy function"
    otherwise = "the function's choice is put aside, so the first"

    def __init__(
        self,
        choose: Callable[[Any, WorkflowContext, tuple[Candidate, ...]], str],
        default: str | None = None,
    ) -> None:
        self._choose, self._default = choose, default
        self._known: tuple[str, ...] = ()

    def prepare(self, routes: Sequence[RouteState]) -> bool:
        """Remember which names are routes at all."""
        self._known = tuple(route.name for route in routes)
        return True

    def scores(
        self,
        routes: Sequence[RouteState],
        needs: Needs,
        input_data: Any,  # Any: whatever is routed
        context: WorkflowContext,
        now: float,
    ) -> list[float]:
        """Return 0 for the function's choice and infinity for the others."""
        candidates = tuple(Candidate(route.name, model=route.model) for route in routes)
        wanted = self._choose(input_data, context, candidates)
        if wanted not in self._known:
            if self._default is None:
                raise RouteNotFoundError(wanted, self._known)
            wanted = self._default
        return [0.0 if route.name == wanted else math.inf for route in routes]


def make_strategy(
    choice: StrategyChoice | None,
    default: str | None,
    prices: Mapping[str, Rates] | None,
    tier_fn: Callable[[Any, WorkflowContext], str] | None,
) -> Strategy | None:
    """Return the strategy that *choice* names, or None for none.

    Raises:
        ConfigurationError: There is no such strategy, or it has no use for *prices* or *tier_fn*.
    """
    if prices is not None and choice != "cost":
        msg = "prices are used by strategy='cost' only; set that or leave prices out"
        raise ConfigurationError(msg)
    if tier_fn is not None and choice != "tier":
        msg = "tier_fn is used by strategy='tier' only; set that or leave tier_fn out"
        raise ConfigurationError(msg)
    if choice is None:
        return None
    if callable(choice):
        return FunctionStrategy(choice, default)
    if choice == "cost":
        return CostStrategy(prices)
    if choice == "latency":
        return LatencyStrategy()
    if choice == "tier":
        return TierStrategy(tier_fn)
    msg = f"strategy {choice!r} is unknown; use 'cost', 'latency', 'tier' or a function"
    raise ConfigurationError(msg)


def _ranks(wanted: int) -> dict[str | None, float]:
    order = (*TIERS[wanted:], *reversed(TIERS[:wanted]))
    return {None: math.inf} | {tier: float(steps) for steps, tier in enumerate(order)}


_TIER_RANKS = {tier: _ranks(index) for index, tier in enumerate(TIERS)}
