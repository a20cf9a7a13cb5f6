"""Models as routes: what is made of those discovered, and what is known of those given."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.errors import ConfigurationError

from .candidates import RouteState
from .models import TIERS, Model, ModelCatalog, Tier, known_model
from .pricing import Rates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tta_dev_primitives.core.base import Step, WorkflowPrimitive


def adapter_for(model: Model) -> WorkflowPrimitive[Any, Any]:  # Any: chunks differ from the whole
    """Return the adapter for *model*; it imports the provider's SDK with its first request."""
    if model.provider == "openai":
        from .openai import OpenAIPrimitive

        return OpenAIPrimitive(model.id, name=model.name)
    from .anthropic import AnthropicPrimitive

    return AnthropicPrimitive(model.id, name=model.name)


def discovered(
    catalog: ModelCatalog,
    adapter: Callable[[Model], Step[Any, Any]],
    models: Mapping[str, Model] | None,
) -> tuple[dict[str, Step[Any, Any]], dict[str, Model]]:
    """Return a route for each available model of *catalog*, and the models by route.

    Raises:
        ConfigurationError: No model is available; the message says why.
    """
    available = catalog.available
    if not available:
        msg = f"no model is available: {catalog.missing or 'the catalog is empty'}"
        raise ConfigurationError(msg)
    routes: dict[str, Step[Any, Any]] = {model.name: adapter(model) for model in available}
    return routes, {model.name: model for model in available} | dict(models or {})


def route_states(
    routes: Mapping[str, WorkflowPrimitive[Any, Any]],
    models: Mapping[str, Model],
    tiers: Mapping[str, Tier],
    prices: Mapping[str, object],
) -> list[RouteState]:
    """Gather what is known of each route: from the caller, or from its adapter's model.

    Raises:
        ConfigurationError: A fact is about a name that is no route, or names no tier.
    """
    for argument, given in (("models", models), ("tiers", tiers), ("prices", prices)):
        for route in given:
            if route not in routes:
                known = ", ".join(repr(name) for name in routes)
                msg = f"{argument} names {route!r}, which is no route; known routes: {known}"
                raise ConfigurationError(msg)
    states: list[RouteState] = []
    for route, step in routes.items():
        model = models.get(route) or _model_behind(route, step)
        tier = tiers.get(route) or (None if model is None else model.tier)
        if tier is not None and tier not in TIERS:
            msg = f"tier {tier!r} of route {route!r} is unknown; use {', '.join(TIERS)}"
            raise ConfigurationError(msg)
        states.append(RouteState(route, model, tier))
    return states


def _model_behind(route: str, step: WorkflowPrimitive[Any, Any]) -> Model | None:
    """Return what is known of the model that a route's adapter calls, however it is wrapped."""
    for _, node in step.walk():
        model = cast("object", getattr(node, "model", None))
        provider = cast("object", getattr(node, "provider", None))
        if isinstance(model, str) and isinstance(provider, str | None):
            return replace(known_model(model, provider), reason=f"given as route {route!r}")
    return None


def prices_behind(routes: Mapping[str, WorkflowPrimitive[Any, Any]]) -> dict[str, Rates]:
    """Return the prices that the routes' own adapters were given, by name of the route."""
    found: dict[str, Rates] = {}
    for route, step in routes.items():
        for _, node in step.walk():
            given = cast("object", getattr(node, "prices", None))
            if isinstance(given, Rates):
                found[route] = given
                break
    return found
