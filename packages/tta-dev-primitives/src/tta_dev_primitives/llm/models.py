"""Which models can be called from here: found out without importing any SDK."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from tta_dev_primitives.errors import ConfigurationError, MissingExtraError

from .hosts import Host, host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Tier: TypeAlias = Literal["small", "medium", "large"]
Feature: TypeAlias = Literal["tools", "vision", "json"]

TIERS: tuple[Tier, ...] = ("small", "medium", "large")
MODELS_VARIABLE = "TTA_MODELS"
_EVERY_FEATURE: frozenset[Feature] = frozenset({"tools", "vision", "json"})


@dataclass(frozen=True, slots=True)
class Model:
    """One model of one provider, and whether it can be called from here.

    Attributes:
        provider: Name of the provider, for example `openai`.
        id: What the provider calls the model.
        tier: How much it can do; None where nobody said.
        context_window: Tokens it takes, question and answer together; None where not known.
        features: What it can do beside text; None where not known.
        available: Whether the SDK is installed and the environment has what it takes to sign in.
        reason: Why it is available or not, and what to do in the second case.
    """

    provider: str
    id: str
    tier: Tier | None = None
    context_window: int | None = None
    features: frozenset[Feature] | None = None
    available: bool = True
    reason: str = ""

    @property
    def name(self) -> str:
        """Provider, where known, and id: so `TTA_MODELS` and the routes of a router spell them."""
        return f"{self.provider}:{self.id}" if self.provider else self.id

    @property
    def input_price(self) -> float | None:
        """US dollars per token that goes in; None where the price is not known."""
        from .pricing import rates

        found = rates(self.id, self.provider)
        return None if found is None else found.input

    @property
    def output_price(self) -> float | None:
        """US dollars per token that comes out; None where the price is not known."""
        from .pricing import rates

        found = rates(self.id, self.provider)
        return None if found is None else found.output


@dataclass(frozen=True, slots=True)
class Provider:
    """How one provider's SDK is found and what it offers.

    Attributes:
        name: Name of the provider, and of the extra that installs its SDK.
        distribution: The SDK as installers know it.
        module: The SDK as imports know it.
        key_variables: Each of these signs in; the first is the one to recommend.
        base_url_variable: Points the SDK at another server.
        models: Today's well-known models, smallest first.
    """

    name: str
    distribution: str
    module: str
    key_variables: tuple[str, ...]
    base_url_variable: str
    models: tuple[Model, ...]


def _known(provider: str, *rows: tuple[str, Tier, int]) -> tuple[Model, ...]:
    return tuple(Model(provider, *row, features=_EVERY_FEATURE) for row in rows)


PROVIDERS: dict[str, Provider] = {
    "anthropic": Provider(
        name="anthropic",
        distribution="anthropic",
        module="anthropic",
        key_variables=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE"),
        base_url_variable="ANTHROPIC_BASE_URL",
        models=_known(
            "anthropic",
            ("claude-haiku-5-5", "small", 1_000_000),
            ("claude-sonnet-5-5", "medium", 1_000_000),
            ("claude-opus-5-5", "large", 1_000_000),
            ("claude-fable-5-2", "large", 1_000_000),
        ),
    ),
    "openai": Provider(
        name="openai",
        distribution="openai",
        module="openai",
        key_variables=("OPENAI_API_KEY",),
        base_url_variable="OPENAI_BASE_URL",
        models=_known(
            "openai",
            ("gpt-6-luna", "small", 1_050_000),
            ("gpt-6.1-terra", "medium", 1_050_000),
            ("gpt-6.1-sol", "large", 1_050_000),
            ("gpt-6-astra", "large", 1_050_000),
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class ModelCatalog:
    """What discovery found, ordered by provider, then smallest model first."""

    models: tuple[Model, ...]

    @property
    def available(self) -> tuple[Model, ...]:
        """The models that can be called."""
        return tuple(model for model in self.models if model.available)

    @property
    def missing(self) -> str:
        """Why models are missing, each reason once; empty when none is."""
        reasons = dict.fromkeys(model.reason for model in self.models if not model.available)
        return "; ".join(reasons)


def is_installed(distribution: str, module: str) -> bool:
    """Tell whether an SDK is installed, without importing it."""
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    # The metadata of a removed package may stay behind, so the module is looked for as well.
    return importlib.util.find_spec(module) is not None


def discover_models(
    environ: Mapping[str, str] = os.environ,
    *,
    installed: Callable[[str, str], bool] = is_installed,
) -> ModelCatalog:
    """Find the models that can be called with what is installed and in the environment.

    Nothing is imported and nobody is asked over the network, so an available model may still
    turn out to be one that the key does not allow. A server on this machine or network, named by a
    base URL, needs no key. `TTA_MODELS`, a list such as
    `openai:gpt-6-luna,anthropic:claude-haiku-5-5`, adds models by name. Where a base URL points
    to another server, the models named for it are taken to be all it serves; with none named, the
    well-known ones are offered as unverified.

    Args:
        environ: Environment variables.
        installed: Tells from a distribution's and a module's name whether an SDK is there.

    Raises:
        ConfigurationError: `TTA_MODELS` holds something that is not `provider:model`.
    """
    named = _named_models(environ.get(MODELS_VARIABLE, ""))
    found: list[Model] = []
    for provider in PROVIDERS.values():
        own = tuple(model for model in named if model.provider == provider.name)
        found.extend(_of_provider(provider, own, environ, installed))
    return ModelCatalog(tuple(found))


def known_model(id: str, provider: str | None = None) -> Model:  # noqa: A002 - the provider's word
    """Return what is known of a model, by its id and where possible its provider's name."""
    for candidate in PROVIDERS.values():
        if provider in (None, candidate.name):
            for model in candidate.models:
                if model.id == id:
                    return model
    return Model(provider or "", id)


def _of_provider(
    provider: Provider,
    named: tuple[Model, ...],
    environ: Mapping[str, str],
    installed: Callable[[str, str], bool],
) -> list[Model]:
    known = [*provider.models, *(model for model in named if model not in provider.models)]
    if not installed(provider.distribution, provider.module):
        why = str(MissingExtraError(provider.distribution, provider.name))
        return [replace(model, available=False, reason=why) for model in known]
    base_url = environ.get(provider.base_url_variable)
    host = host_of(base_url) if base_url else Host(provider.name)
    key = next((name for name in provider.key_variables if environ.get(name)), None)
    if key is None and not host.local:
        why = f"no key for {provider.name}; set {provider.key_variables[0]}"
        return [replace(model, available=False, reason=why) for model in known]
    if host.provider != provider.name:
        return _elsewhere(provider, known, named)
    return [replace(model, reason=f"{provider.distribution} and {key} found") for model in known]


def _elsewhere(provider: Provider, known: list[Model], named: tuple[Model, ...]) -> list[Model]:
    variable = provider.base_url_variable
    if not named:
        why = f"unverified: {variable} is set; list what it serves in {MODELS_VARIABLE}"
        return [replace(model, reason=why) for model in known]
    unlisted = f"{variable} is set and {MODELS_VARIABLE} does not list it; add it there"
    listed = f"{variable} is set and {MODELS_VARIABLE} lists it"
    return [
        replace(model, reason=listed)
        if model in named
        else replace(model, available=False, reason=unlisted)
        for model in known
    ]


def _named_models(text: str) -> list[Model]:
    """Return the models that `TTA_MODELS` names, each once and sorted."""
    found: set[tuple[str, str]] = set()
    for entry in text.split(","):
        item = entry.strip()
        if not item:
            continue
        provider, _, id_ = item.partition(":")
        provider, id_ = provider.strip(), id_.strip()
        if provider not in PROVIDERS or not id_:
            known = " or ".join(PROVIDERS)
            msg = (
                f"{MODELS_VARIABLE} holds {item!r}, which is not provider:model with provider "
                f"{known}; write it like openai:gpt-6-luna"
            )
            raise ConfigurationError(msg)
        found.add((provider, id_))
    return [known_model(id_, provider) for provider, id_ in sorted(found)]
