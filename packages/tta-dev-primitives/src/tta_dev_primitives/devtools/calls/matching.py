"""Which provider a called name belongs to, when the object it is called on is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.source.value_steps import inward
from tta_dev_primitives.devtools.source.values import (
    Constant,
    Element,
    Made,
    Member,
    Reference,
    Symbol,
)

from .frameworks import framework_match
from .providers import CLIENT_WRAPPERS, PASSED_THROUGH, PROVIDERS, Provider

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.source.names import Names
    from tta_dev_primitives.devtools.source.values import Value

    from .call_site import CallKind
    from .provider_methods import Method

_LONGEST_METHOD: Final = 3
_INSTRUCTOR: Final = next(provider for provider in PROVIDERS if provider.name == "instructor")


@dataclass(frozen=True, slots=True)
class Match:
    """What a called expression was recognised as.

    Args:
        provider: Its name.
        method: What is asked of it.
        value: The called thing, which tells how its client was made.
        kind: "sdk" or "wrapper".
        via: Package that stands in for the SDK.
    """

    provider: str
    method: Method
    value: Value
    kind: CallKind = "sdk"
    via: str | None = None


def match_value(value: Value, names: Names) -> Match | None:
    """Recognise what is called by where it comes from; ``None`` when it is nothing known."""
    if isinstance(value, Made):
        # A ready-made object, such as a partial: what calling it does is not told by its name.
        return None
    match = _match_name(value, names)
    if match is None or _is_answer(value, names):
        return None
    return match


def _match_name(value: Value, names: Names) -> Match | None:
    dotted = called_name(value, names)
    if dotted is None:
        return None
    parts = [part for part in dotted.split(".") if part not in PASSED_THROUGH]
    provider = provider_of(dotted)
    if provider is not None:
        method = longest_method(provider, parts[1:])
        if method is None and _has_added_methods(value, names):
            method = longest_method(_INSTRUCTOR, parts[1:])
        return None if method is None else Match(_named(provider, dotted, value), method, value)
    method = framework_match(dotted)
    if method is not None:
        return Match(dotted.partition(".")[0], method, value, kind="wrapper")
    for provider, number in _stood_in_for(parts):
        method = longest_method(provider, parts[number:])
        if method is not None:
            return Match(_named(provider, dotted, value), method, value, via=parts[0])
    return None


def _is_answer(value: Value, names: Names) -> bool:
    """Whether a value is a part of a model's answer: ``client.responses.create().parse``."""
    return any(
        isinstance(place, Made)
        and isinstance(place.callee, (Member, Reference))
        and _match_name(place.callee, names) is not None
        for place in inward(value)
    )


def longest_method(provider: Provider, parts: list[str]) -> Method | None:
    """Find the method that the end of a dotted name is."""
    for length in range(min(_LONGEST_METHOD, len(parts)), 0, -1):
        method = provider.methods.get(".".join(parts[-length:]))
        if method is not None:
            return method
    return None


def method_of_any(parts: list[str]) -> tuple[Provider, Method] | None:
    """Find the first provider that has a method at the end of a dotted name."""
    kept = [part for part in parts if part not in PASSED_THROUGH]
    for provider in PROVIDERS:
        method = longest_method(provider, kept)
        if method is not None:
            return provider, method
    return None


def called_name(value: Value, names: Names) -> str | None:
    """Give the dotted name of what is called, as if each object were its class.

    A client that went through a wrapping function is named by what went in.
    """
    steps: list[str] = []
    place = value
    while True:
        if isinstance(place, Member):
            steps.append(place.name)
            place = place.owner
        elif isinstance(place, Made):
            inner = _wrapped_client(place, names)
            if inner is not None and len(steps) == 1 and _adds_methods(place, names):
                # ``instructor.from_openai(client).create`` is a method of the wrapper's own.
                inner = None
            place = inner if inner is not None else place.callee
        elif isinstance(place, Element):
            place = place.owner
        else:
            break
    if not isinstance(place, (Reference, Symbol)):
        return None
    root = names.dotted(place)
    return None if root is None else ".".join([root, *reversed(steps)])


def _has_added_methods(value: Value, names: Names) -> bool:
    return any(isinstance(place, Made) and _adds_methods(place, names) for place in inward(value))


def _adds_methods(made: Made, names: Names) -> bool:
    return (names.dotted(made.callee) or "").startswith("instructor.")


def _wrapped_client(made: Made, names: Names) -> Value | None:
    if made.call is None or not isinstance(made.callee, Reference):
        return None
    if names.dotted(made.callee) not in CLIENT_WRAPPERS:
        return None
    given = list(made.call.positional[:1])
    given += [value for name, value in made.call.keywords if name == "client"]
    for value in given:
        for found in names.resolved(value):
            if isinstance(found, Made):
                return found
    return None


def provider_of(dotted: str) -> Provider | None:
    """Give the provider whose package a dotted name begins with."""
    best: tuple[int, Provider] | None = None
    for provider in PROVIDERS:
        for package in provider.packages:
            if dotted.startswith(package + ".") and (best is None or len(package) > best[0]):
                best = len(package), provider
    return None if best is None else best[1]


def _stood_in_for(parts: list[str]) -> list[tuple[Provider, int]]:
    """List the SDKs that a package stands in for: "gptcache.adapter.openai.ChatCompletion".

    With each comes the number of the part after the SDK's name.
    """
    return [
        (provider, parts.index(package, 1) + 1)
        for provider in PROVIDERS
        for package in provider.packages
        if "." not in package and package in parts[1:-1]
    ]


def _named(provider: Provider, dotted: str, value: Value) -> str:
    if provider.name == "openai" and "Azure" in dotted:
        return "azure"
    if provider.name == "instructor":
        return _model_prefix(value) or _wrapped_name(dotted) or provider.name
    return provider.name


def _wrapped_name(dotted: str) -> str | None:
    """Give "groq" for "instructor.from_groq.create"."""
    name = dotted.split(".")[1].removeprefix("from_")
    return name if any(name == provider.name for provider in PROVIDERS) else None


def _model_prefix(value: Value) -> str | None:
    """Give "groq" for a client that ``from_provider("groq/llama")`` made."""
    for place in inward(value):
        if isinstance(place, Made) and place.call is not None and place.call.positional:
            first = place.call.positional[0]
            if isinstance(first, Constant) and isinstance(first.value, str):
                prefix = first.value.partition("/")[0]
                return prefix if any(prefix == each.name for each in PROVIDERS) else None
    return None
