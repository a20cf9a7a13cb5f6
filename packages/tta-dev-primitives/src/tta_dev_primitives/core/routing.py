"""One of many steps, by name: the generic router."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.errors import ConfigurationError, RouteNotFoundError

from . import observe
from .base import FRESH, In, LambdaPrimitive, Out, Step, WorkflowPrimitive, as_primitive
from .identity import identity

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence

    from .context import WorkflowContext


class RouterPrimitive(WorkflowPrimitive[In, Out]):
    """Send each input to the route that a function names.

    The name chosen is appended to `context.state["routing_history"]`.

    Args:
        routes: Name to primitive or function.
        router_fn: Takes `(x, context)` and returns a name.
        default: Name of the route for names that do not exist.
        failover: Try the other routes, in the order given, when the chosen one raises an error
            that another try could mend.
        shadow: Choose and report, but send everything to *default*, or to the first route where
            there is none.
        name: Name in paths, traces and diagrams.

    Raises:
        ConfigurationError: There are no routes, *default* is none of them, or *router_fn* is
            not a plain function.
        RouteNotFoundError: (when run) the name is no route and there is no default.
    """

    strategy: str = "function"
    """How routes are chosen, as observers are told."""

    ready: bool = True
    """Whether a choice can be made; where not, `prepare()` is awaited before the next one."""

    def __init__(
        self,
        routes: Mapping[str, Step[In, Out]],
        router_fn: Callable[[In, WorkflowContext], str],
        default: str | None = None,
        *,
        failover: bool = False,
        shadow: bool = False,
        name: str = "",
    ) -> None:
        if not routes:
            msg = "routes is empty; give at least one name and primitive"
            raise ConfigurationError(msg)
        if default is not None and default not in routes:
            known = ", ".join(repr(route) for route in routes)
            msg = f"default {default!r} is no route; known routes: {known}"
            raise ConfigurationError(msg)
        if not callable(router_fn) or inspect.iscoroutinefunction(router_fn):
            msg = (
                f"router_fn must be a plain function of (x, context), got {router_fn!r}; "
                "await what it needs in a step before the router"
            )
            raise ConfigurationError(msg)
        self.routes: dict[str, WorkflowPrimitive[In, Out]] = {
            route: as_primitive(step) for route, step in routes.items()
        }
        self.router_fn = router_fn
        self.default, self.failover, self.shadow, self.name = default, failover, shadow, name

    def select(self, input_data: In, context: WorkflowContext) -> tuple[str, str]:
        """Return the route for *input_data* and the reason, without running it."""
        wanted = self.router_fn(input_data, context)
        if wanted in self.routes:
            return wanted, "router_fn"
        if self.default is None:
            raise RouteNotFoundError(wanted, tuple(self.routes))
        return self.default, "default"

    def _begin(self, input_data: In, context: WorkflowContext) -> tuple[str, str]:
        """Return the route to begin with and the reason."""
        if not self.shadow:
            return self.select(input_data, context)
        acting = next(iter(self.routes)) if self.default is None else self.default
        try:
            wanted, reason = self.select(input_data, context)
        except RouteNotFoundError as error:
            wanted, reason = str(error.route), "no route found"
        if observe.active is not None:
            self._report(wanted, f"shadow, not taken: {reason}")
        return acting, "shadow"

    async def prepare(self, context: WorkflowContext) -> None:
        """Look up what choosing takes, as far as the deadline of *context* allows."""

    def following(
        self, tried: Sequence[str], error: Exception, input_data: In, context: WorkflowContext
    ) -> tuple[str, str] | None:
        """Return the route to try after *tried*, with the reason, or None to give up.

        Args:
            tried: Routes that failed so far, oldest first.
            error: What the last of them raised.
            input_data: What is to be routed.
            context: The context of the run.
        """
        if self.failover and getattr(error, "retryable", True):
            for route in self.routes:
                if route not in tried:
                    return route, f"failover from {tried[-1]}: {type(error).__name__}"
        return None

    def attempt(
        self, route: str, input_data: In, context: WorkflowContext
    ) -> Coroutine[Any, Any, Out]:
        """Run one route."""
        return self.routes[route].execute(input_data, context)

    def attempt_stream(
        self, route: str, input_data: In, context: WorkflowContext
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream one route."""
        return self.routes[route].stream(input_data, context)

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the route that fits; see the class for failing over."""
        if not self.ready:
            await self.prepare(context)
        route, reason = self._begin(input_data, context)
        tried: list[str] = []
        while True:
            self._note(route, reason, context)
            try:
                return await self.attempt(route, input_data, context)
            except Exception as error:
                tried.append(route)
                following = self.following(tried, error, input_data, context)
                if following is None:
                    raise
                route, reason = following

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the route that fits. It fails over only before the first chunk."""
        if not self.ready:
            await self.prepare(context)
        route, reason = self._begin(input_data, context)
        tried: list[str] = []
        while True:
            self._note(route, reason, context)
            begun = False
            chunks = self.attempt_stream(route, input_data, context)
            try:
                async for chunk in chunks:
                    begun = True
                    yield chunk
            except Exception as error:
                tried.append(route)
                following = None if begun else self.following(tried, error, input_data, context)
                if following is None:
                    raise
                route, reason = following
            else:
                return
            finally:
                await chunks.aclose()

    def _note(self, route: str, reason: str, context: WorkflowContext) -> None:
        context.state.setdefault("routing_history", []).append(route)
        if observe.active is not None:
            self._report(route, reason)

    def _report(self, route: str, reason: str) -> None:
        observe.report(observe.RouteRecord(route, tuple(self.routes), reason, self.strategy))

    def identity_parts(self) -> Sequence[object]:
        """Return what decides about the route."""
        return (identity(LambdaPrimitive(self.router_fn)), self.default, self.shadow)

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the routes, labelled with their names."""
        return list(self.routes.items())
