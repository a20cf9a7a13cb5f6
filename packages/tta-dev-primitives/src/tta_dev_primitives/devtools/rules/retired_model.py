"""TTA206: a model that the price list calls retired, or does not know."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from .rule import Page, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tta_dev_primitives.devtools.calls.call_site import CallSite
    from tta_dev_primitives.devtools.findings.finding import Confidence, Finding

    from .rule import CheckedFile

CODE: Final = "TTA206"
_PACKAGE: Final = "genai_prices"
_LISTED: Final = {
    "openai": "openai",
    "anthropic": "anthropic",
    "mistral": "mistral",
    "google": "google",
}
_ELSEWHERE: Final = frozenset({"base_url", "server_url", "server", "http_options", "vertexai"})
_OWN_MODELS: Final = ("ft:", "accounts/", "projects/", "arn:")

_State: TypeAlias = Literal["known", "retired", "unknown"]

PAGE: Final = Page(
    what="Reports a literal model name that the price list of `genai-prices` marks as retired or "
    "does not know, and names the one that was probably meant.",
    why="A retired model answers with an error from one day to the next. A name with a slip of "
    "the finger does so at once, mostly in the branch that no test runs.",
    cost="Every call of it fails; where it still answers, its price is mostly that of old models.",
    example="""
client = OpenAI(timeout=30)
client.chat.completions.create(model="gpt-4o-mimi", messages=messages)
""",
    use_instead="""
client = OpenAI(timeout=30)
client.chat.completions.create(model="gpt-4o-mini", messages=messages)
""",
    assumptions="The rule needs the package `genai-prices` beside the linter (it comes with "
    "`tta-dev-primitives[llm]`) and is silent without it; `--stats` says so. It is off by "
    "default, so that the same code has the same findings on every machine. It is silent for "
    "clients with a `base_url` or whose making it cannot see, for Azure, where names are those of "
    "deployments, and for fine-tuned models. A name that is like a known one has medium "
    "confidence; one that is unlike all of them has low, because it is mostly newer than the list.",
)


def check(checked: CheckedFile) -> Iterator[Finding]:
    """Report retired and misspelt models of providers that are called directly."""
    if silent_because() is not None or checked.file.is_test:
        return
    for site in checked.sites:
        provider = _LISTED.get(site.provider)
        if provider is None or not _is_direct(site):
            continue
        model = (site.model or "").removeprefix("models/")
        if model and not model.startswith(_OWN_MODELS):
            yield from _findings(checked, site, provider, model)


def _findings(checked: CheckedFile, site: CallSite, provider: str, model: str) -> Iterator[Finding]:
    state = _state(provider, model)
    prices = f"genai-prices {_version()}"
    if state == "retired":
        yield checked.finding(CODE, site.node, f"{model} is marked as retired in {prices}")
    elif state == "unknown":
        similar = _meant(provider, model)
        message = f"{model} is not in {prices}"
        confidence: Confidence = "medium" if similar else "low"
        if similar:
            message += f", {similar} is"
        yield checked.finding(CODE, site.node, message, confidence=confidence)


def _meant(provider: str, model: str) -> str | None:
    """Return the known model that was meant: other digits make another model, not a slip."""
    found = get_close_matches(model, _models(provider), n=1, cutoff=0.9)
    return found[0] if found and _digits(found[0]) == _digits(model) else None


def _digits(text: str) -> list[str]:
    return [character for character in text if character.isdigit()]


def silent_because() -> str | None:
    """Tell why no model can be looked up, None where the price list is installed."""
    if importlib.util.find_spec(_PACKAGE) is None:
        return "genai-prices is not installed; try: uv add 'tta-dev-primitives[llm]'"
    return None


def _is_direct(site: CallSite) -> bool:
    """Tell whether the model of a call is one of the provider's own, by the provider's name."""
    origin = site.client
    if site.kind != "sdk" or origin is None or not origin.is_complete:
        return False
    return _ELSEWHERE.isdisjoint(map(str, origin.arguments))


@cache
def _state(provider: str, model: str) -> _State:
    # Imported here because it is optional, and takes a tenth of a second.
    from genai_prices import data

    for listed in data.providers:
        if listed.id == provider:
            found = listed.find_model(model, all_providers=None)
            if found is None:
                return "unknown"
            return "retired" if found.deprecated else "known"
    return "known"


@cache
def _models(provider: str) -> tuple[str, ...]:
    from genai_prices import data

    return tuple(
        model.id
        for listed in data.providers
        if listed.id == provider
        for model in listed.models
        if not model.deprecated
    )


@cache
def _version() -> str:
    return importlib.metadata.version("genai-prices")


RULE: Final = Rule(
    code=CODE,
    name="unknown-or-retired-model",
    level="warning",
    is_default=False,
    page=PAGE,
    check=check,
    silent_because=silent_because,
)
