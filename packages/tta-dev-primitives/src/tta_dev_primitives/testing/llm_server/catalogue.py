"""The models a server answers for, and the documents that list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.testing.llm_server.problems import Problem
from tta_dev_primitives.testing.llm_server.rate_headers import RateLimits
from tta_dev_primitives.testing.llm_server.values import ServedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tta_dev_primitives.testing.llm_server.values import JsonObject, Provider

_CREATED = 1_767_225_600
_CREATED_TEXT = "2026-01-01T00:00:00Z"
_MOST_OUTPUT_TOKENS = 16_384


class Catalogue:
    """Find models by name and provider.

    Args:
        models: What is served. With nothing given, every name is, by a plain model.
        clock: Refills the rate limits.
    """

    def __init__(self, models: Iterable[ServedModel | str], clock: Callable[[], float]) -> None:
        given = [ServedModel(item) if isinstance(item, str) else item for item in models]
        self._models: dict[str, ServedModel] = {}
        for model in given:
            if model.name in self._models:
                msg = f"model {model.name!r} is given twice, keep one"
                raise ValueError(msg)
            self._models[model.name] = model
        self._serves_every_name = not given
        self._clock = clock
        self._limits: dict[str, RateLimits] = {}

    def find(self, name: str, provider: Provider) -> ServedModel:
        """Give the model called *name*, or raise the provider's 404."""
        model = self._models.get(name)
        if model is None and self._serves_every_name:
            model = self._models[name] = ServedModel(name)
        if model is None or model.provider not in {provider, "both"}:
            if provider == "anthropic":
                raise Problem(404, "not_found", f"model: {name}")
            text = f"The model `{name}` does not exist or you do not have access to it."
            raise Problem(404, "not_found", text, code="model_not_found")
        return model

    def limits(self, model: ServedModel) -> RateLimits:
        """Give the rate limits of *model*, which all its clients share."""
        limits = self._limits.get(model.name)
        if limits is None:
            limits = self._limits[model.name] = RateLimits.of(model, self._clock)
        return limits

    def document(self, provider: Provider, name: str | None) -> JsonObject:
        """List a provider's models, or describe the one called *name*."""
        describe = _anthropic_model if provider == "anthropic" else _openai_model
        if name is not None:
            return describe(self.find(name, provider))
        found = [
            describe(model)
            for model in self._models.values()
            if model.provider in {provider, "both"}
        ]
        if provider == "openai":
            return {"object": "list", "data": found}
        return {
            "data": found,
            "has_more": False,
            "first_id": found[0]["id"] if found else None,
            "last_id": found[-1]["id"] if found else None,
        }


def _openai_model(model: ServedModel) -> JsonObject:
    return {"id": model.name, "object": "model", "created": _CREATED, "owned_by": "system"}


def _anthropic_model(model: ServedModel) -> JsonObject:
    return {
        "type": "model",
        "id": model.name,
        "display_name": model.name,
        "created_at": _CREATED_TEXT,
        "lifecycle": "active",
        "max_input_tokens": model.context_window,
        "max_tokens": min(model.context_window, _MOST_OUTPUT_TOKENS),
    }
