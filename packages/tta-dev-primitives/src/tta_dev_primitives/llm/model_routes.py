"""Models as routes: adapters made when they are first needed."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.core.base import (
    FRESH,
    Step,
    WorkflowContext,
    WorkflowPrimitive,
    as_primitive,
)
from tta_dev_primitives.errors import ConfigurationError

from .candidates import RouteState
from .models import TIERS, Model, ModelCatalog, Tier, known_model

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from .types import LLMInput


def adapter_for(model: Model) -> WorkflowPrimitive[Any, Any]:  # Any: chunks differ from the whole
    """Return the adapter for *model*, importing the provider's SDK."""
    if model.provider == "openai":
        from .openai import OpenAIPrimitive

        return OpenAIPrimitive(model.id)
    from .anthropic import AnthropicPrimitive

    return AnthropicPrimitive(model.id)


class ModelRoute(WorkflowPrimitive["LLMInput", Any]):
    """A discovered model, whose adapter is made when it is first called."""

    def __init__(self, model: Model, build: Callable[[Model], Step[Any, Any]]) -> None:
        self.model, self.provider, self.name = model.id, model.provider, model.name
        self._model, self._build = model, build
        self._adapter: WorkflowPrimitive[Any, Any] | None = None

    def _ready(self) -> WorkflowPrimitive[Any, Any]:
        if self._adapter is None:
            self._adapter = as_primitive(self._build(self._model))
        return self._adapter

    async def execute(self, input_data: LLMInput, context: WorkflowContext = FRESH) -> Any:
        """Ask the model."""
        return await self._ready().execute(input_data, context)

    async def stream(
        self, input_data: LLMInput, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks differ from the whole
        """Ask the model and yield its answer in chunks."""
        async with contextlib.aclosing(self._ready().stream(input_data, context)) as chunks:
            async for chunk in chunks:
                yield chunk

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the adapter, once there is one."""
        return [] if self._adapter is None else [("", self._adapter)]


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
    routes: dict[str, Step[Any, Any]] = {
        model.name: ModelRoute(model, adapter) for model in available
    }
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
