"""One of many models, by cost, latency, tier or a function, found without being named."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import math
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.core import routing
from tta_dev_primitives.core.base import FRESH, In, Out, Step, WorkflowContext
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.errors import (
    AuthenticationError,
    ConfigurationError,
    RateLimitedError,
    RouteNotFoundError,
)

from .candidates import Candidate, Decision, NothingFits, RouteState
from .model_routes import adapter_for, discovered, prices_behind, route_states
from .models import Model, ModelCatalog, Tier, discover_models
from .needs import needs_of
from .strategies import FunctionStrategy, Strategy, StrategyChoice, make_strategy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence

    from .pricing import Rates


class RouterPrimitive(routing.RouterPrimitive[In, Out]):
    """Send each input to the route that fits it best.

    With `routes` and `router_fn` a function names the route. With a `strategy` the router
    chooses, and without `routes` it does so among the models it finds: see `models` for what it
    found and `explain()` for what it would do.

    Routes that cannot do what is asked are never taken: a context window too small for the
    characters / 4 of the input and `max_tokens`, features known to be missing (tools, vision,
    JSON), another model than the request names. Routes that had better wait are taken last: those
    that cool down after an error, and those whose live median exceeds what is left until the
    deadline. What is not known of a route does not count against it.

    A route that fails with an error that another try could mend, or with a rate limit, cools down
    and the next best is tried, within the deadline. So is a route that refuses the key: the next
    one has another. A request that is wrong, and cancellation, are not tried elsewhere. A stream
    moves on only before its first chunk.

    The name of each route tried is appended to `context.state["routing_history"]`.

    Args:
        routes: Name to primitive or function. None: one route for each available model.
        router_fn: Takes `(x, context)` and returns a name.
        default: Name of the route for names that do not exist, and for inputs that fit no route.
        strategy: `cost` (cheapest by expected price), `latency` (lowest live 90 % quantile),
            `tier` (nearest to the tier wanted), or a function that takes
            `(x, context, candidates)` and returns a name. Without routes it is `cost`.
        models: What is known of a route's model, by name of the route; otherwise the attributes
            `model` and `provider` of the route's adapter are looked up in the list of well-known
            models.
        tiers: Tiers by name of the route, before those of the models.
        prices: Prices by name of the route, before those of the price table. Prices are looked
            up once, before the first choice.
        tier_fn: Takes `(x, context)` and returns the tier wanted; without it
            `context.metadata["tier"]` counts, or else `medium`.
        failover: Whether to try other routes; by default with a strategy only.
        max_routes: Most routes tried for one call under a strategy.
        cooldown_seconds: How long a failing route is put last; longer where the error says so.
        shadow: Choose and report, but send everything to *default*, or to the first route.
        catalog: The models to choose from, instead of discovering them.
        adapter: Makes the primitive that calls a discovered model.
        clock: Source of time.
        name: Name in paths, traces and diagrams.

    Raises:
        ConfigurationError: The arguments do not go together, or no model is available.
        RouteNotFoundError: (when run) no route can do what is asked and there is no default.
    """

    def __init__(
        self,
        routes: Mapping[str, Step[In, Out]] | None = None,
        router_fn: Callable[[In, WorkflowContext], str] | None = None,
        default: str | None = None,
        *,
        strategy: StrategyChoice | None = None,
        models: Mapping[str, Model] | None = None,
        tiers: Mapping[str, Tier] | None = None,
        prices: Mapping[str, Rates] | None = None,
        tier_fn: Callable[[In, WorkflowContext], str] | None = None,
        failover: bool | None = None,
        max_routes: int = 3,
        cooldown_seconds: float = 30.0,
        shadow: bool = False,
        catalog: ModelCatalog | None = None,
        adapter: Callable[[Model], Step[Any, Any]] = adapter_for,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        if routes is None:
            found = discover_models() if catalog is None else catalog
            routes, models = discovered(found, adapter, models)
            strategy = "cost" if strategy is None and router_fn is None else strategy
            self._models: tuple[Model, ...] | None = found.models
        elif catalog is not None:
            msg = "routes and catalog exclude each other; leave one of them out"
            raise ConfigurationError(msg)
        else:
            self._models = None
        super().__init__(
            routes,
            router_fn or self._name_of_best,
            default,
            failover=strategy is not None if failover is None else failover,
            shadow=shadow,
            name=name,
        )
        if (router_fn is None) == (strategy is None):
            both = "only one of router_fn and strategy" if router_fn else "router_fn or strategy"
            msg = f"give {both}; a strategy is 'cost', 'latency', 'tier' or a function"
            raise ConfigurationError(msg)
        if max_routes < 1 or not cooldown_seconds >= 0:
            msg = (
                "max_routes must be at least 1 and cooldown_seconds not negative, got "
                f"{max_routes!r} and {cooldown_seconds!r}"
            )
            raise ConfigurationError(msg)
        if strategy == "cost":
            prices = prices_behind(self.routes) | dict(prices or {})
        self._ranking = make_strategy(strategy, default, prices, tier_fn)
        functions = (fn for fn in (strategy, tier_fn) if callable(fn))
        self._chosen_by = tuple(getattr(fn, "__qualname__", type(fn)) for fn in functions)
        self.strategy = "function" if self._ranking is None else self._ranking.name
        self.max_routes, self.cooldown_seconds = max_routes, cooldown_seconds
        self._clock = clock
        self._states = route_states(self.routes, models or {}, tiers or {}, prices or {})
        self._by_name = {state.name: state for state in self._states}
        self._smallest_window = min(state.window for state in self._states)
        self._cooling_until = -math.inf
        self.ready = self._ranking is None

    @property
    def models(self) -> tuple[Model, ...]:
        """The models found, available or not, or what is known of those behind the routes."""
        if self._models is not None:
            return self._models
        return tuple(state.model for state in self._states if state.model is not None)

    def identity_parts(self) -> Sequence[object]:
        """Return what decides about the route."""
        return (*super().identity_parts(), self.strategy, *self._chosen_by)

    async def prepare(self, context: WorkflowContext) -> None:
        """Wait until the prices are loaded, where the strategy needs them, or out of time."""
        ranking = self._ranking
        if ranking is None or ranking.prepare(self._states):
            self.ready = True
            return
        from .pricing import ensure_loaded

        with contextlib.suppress(builtins.TimeoutError):
            async with asyncio.timeout(context.remaining(self._clock.monotonic())):
                await ensure_loaded()
        self.ready = ranking.prepare(self._states)

    def select(self, input_data: In, context: WorkflowContext) -> tuple[str, str]:
        """Return the route for *input_data* and the reason, without running it."""
        if self._ranking is None:
            return super().select(input_data, context)
        chosen = self._choose(self._ranking, input_data, context, ())
        if chosen is not None:
            return chosen
        if self.default is not None:
            return self.default, "default: no route fits"
        needs = needs_of(input_data)
        reasons = {state.name: state.unfit(needs) or "" for state in self._states}
        raise RouteNotFoundError(NothingFits(reasons), tuple(self.routes))

    def explain(self, input_data: In, context: WorkflowContext = FRESH) -> Decision:
        """Return where *input_data* would go now, and why, without calling anything.

        A `router_fn` or a strategy that is a function is called, and so is `tier_fn`.
        """
        if context is None:  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
            context = WorkflowContext()
        selected: str | None = None
        try:
            selected, reason = self.select(input_data, context)
        except RouteNotFoundError as error:
            reason = str(error)
        if not self.ready:
            reason += "; prices are still being loaded"
        return Decision(selected, reason, self.strategy, self._candidates(input_data, context))

    def following(
        self, tried: Sequence[str], error: Exception, input_data: In, context: WorkflowContext
    ) -> tuple[str, str] | None:
        """Return the next best route and the reason, or None to give up."""
        if self._ranking is None:
            return super().following(tried, error, input_data, context)
        if not self.failover or len(tried) >= self.max_routes or not _is_of_the_route(error):
            return None
        if context.deadline is not None and self._clock.monotonic() >= context.deadline:
            return None
        chosen = self._choose(self._ranking, input_data, context, tried)
        if chosen is None:
            return None
        return chosen[0], f"failover from {tried[-1]}: {type(error).__name__}"

    def attempt(
        self, route: str, input_data: In, context: WorkflowContext
    ) -> Coroutine[Any, Any, Out]:
        """Run one route, measuring it where a strategy needs to know."""
        if self._ranking is None:
            return super().attempt(route, input_data, context)
        return self._measured(route, input_data, context)

    def attempt_stream(
        self, route: str, input_data: In, context: WorkflowContext
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream one route, measuring it where a strategy needs to know."""
        if self._ranking is None:
            return super().attempt_stream(route, input_data, context)
        return self._measured_stream(route, input_data, context)

    def _name_of_best(self, input_data: In, context: WorkflowContext) -> str:
        return self.select(input_data, context)[0]

    def _choose(
        self,
        ranking: Strategy,
        input_data: In,
        context: WorkflowContext,
        tried: Sequence[str],
    ) -> tuple[str, str] | None:
        """Return the best route that fits and was not tried, or None where there is none.

        Everything here is on the path of every call, so each filter is skipped when it cannot
        change anything.
        """
        if not self.ready:
            self.ready = ranking.prepare(self._states)
        routes = self._states
        needs = needs_of(input_data)
        now = self._clock.monotonic()
        tokens_in, tokens_out, features, asked = needs
        tokens = tokens_in + (tokens_out or 0)
        if tokens > self._smallest_window:
            routes = [route for route in routes if route.window >= tokens]
        if features:
            routes = [
                route for route in routes if route.features is None or features <= route.features
            ]
        if asked is not None:
            routes = [route for route in routes if route.model is None or route.model.id == asked]
        if tried:
            routes = [route for route in routes if route.name not in tried]
        if not routes:
            return None
        if now < self._cooling_until:
            well = [route for route in routes if route.cooled_until <= now]
            if not well:
                best = min(routes, key=lambda route: route.cooled_until)
                return best.name, "every route that fits cools down; first to be back"
            routes = well
        if context.deadline is not None:
            left = context.deadline - now
            timely = [
                route
                for route in routes
                if (latency := route.latency).median <= left or now >= latency.fresh_until
            ]
            if not timely:
                best = min(routes, key=lambda route: route.latency.median)
                return best.name, "no route is likely to meet the deadline; fastest"
            routes = timely
        scores = ranking.scores(routes, needs, input_data, context, now)
        best = min(scores)
        reason = ranking.reason if 0 <= best < math.inf else ranking.otherwise
        return routes[scores.index(best)].name, reason

    def _candidates(self, input_data: In, context: WorkflowContext) -> tuple[Candidate, ...]:
        if self._ranking is None:
            return tuple(Candidate(state.name, model=state.model) for state in self._states)
        needs, now = needs_of(input_data), self._clock.monotonic()
        left = math.inf if context.deadline is None else context.deadline - now
        excluded = {
            state.name: state.unfit(needs) or state.unwell(now, left) for state in self._states
        }
        compared = [state for state in self._states if excluded[state.name] is None]
        scores: dict[str, float] = {}
        if compared and not isinstance(self._ranking, FunctionStrategy):
            ranked = self._ranking.scores(compared, needs, input_data, context, now)
            for state, score in zip(compared, ranked, strict=True):
                if 0 <= score < math.inf:
                    scores[state.name] = score
        return tuple(
            Candidate(state.name, scores.get(state.name), excluded[state.name], state.model)
            for state in self._states
        )

    async def _measured(self, route: str, input_data: In, context: WorkflowContext) -> Out:
        state, clock = self._by_name[route], self._clock
        began = clock.monotonic()
        state.under_way += 1
        try:
            result = await self.routes[route].execute(input_data, context)
        except BaseException as error:
            self._note_failure(state, error, clock.monotonic() - began, context)
            raise
        finally:
            state.under_way -= 1
        now = clock.monotonic()
        state.succeeded(began, now - began, now)
        return result

    async def _measured_stream(
        self, route: str, input_data: In, context: WorkflowContext
    ) -> AsyncGenerator[Any, None]:
        """Stream, counting the time the route took and not the time its reader took."""
        state, clock = self._by_name[route], self._clock
        began = resumed = clock.monotonic()
        waited = 0.0
        state.under_way += 1
        chunks = self.routes[route].stream(input_data, context)
        try:
            async for chunk in chunks:
                waited += clock.monotonic() - resumed
                try:
                    yield chunk
                finally:
                    resumed = clock.monotonic()
        except BaseException as error:
            self._note_failure(state, error, waited + clock.monotonic() - resumed, context)
            raise
        finally:
            state.under_way -= 1
            await chunks.aclose()
        now = clock.monotonic()
        state.succeeded(began, waited + now - resumed, now)

    def _note_failure(
        self, state: RouteState, error: BaseException, seconds: float, context: WorkflowContext
    ) -> None:
        now = self._clock.monotonic()
        late = isinstance(error, builtins.TimeoutError)
        if late or not isinstance(error, Exception):
            state.latency.add_at_least(seconds, now)
        if not isinstance(error, Exception) or not _is_of_the_route(error):
            return
        if late and context.deadline is not None and now >= context.deadline:
            return  # the caller's time ran out, which is no fault of the route
        state.cool_down(error, now, self.cooldown_seconds)
        self._cooling_until = max(self._cooling_until, state.cooled_until)


def _is_of_the_route(error: Exception) -> bool:
    """Tell whether another route could do better with the same request."""
    if isinstance(error, RateLimitedError | AuthenticationError):
        return True
    return bool(getattr(error, "retryable", True))
