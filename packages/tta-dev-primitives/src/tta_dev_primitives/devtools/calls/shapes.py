"""Recognising a call whose client is not known, by the whole of its shape.

A bare method name proves nothing: what counts is the dotted end of the expression together with
the keywords that only such a call has, or a package of the provider among the imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.source.value_steps import inward
from tta_dev_primitives.devtools.source.values import (
    Member,
    Parameter,
    Reference,
    Symbol,
    Unknown,
    Value,
)

from .call_facts import written_name
from .matching import Match, longest_method
from .provider_methods import Method
from .providers import PASSED_THROUGH, PROVIDERS, Provider
from .shape_table import SHAPES, SPECIFIC, Shape

if TYPE_CHECKING:
    import ast
    from collections.abc import Collection


_LONGEST_END: Final = 3


def match_shape(
    call: ast.Call, values: tuple[Value, ...], imported: Collection[str]
) -> Match | None:
    """Recognise a call by its shape alone: as it is written, then through the names it uses.

    Args:
        call: The call.
        values: Everything the called thing may be.
        imported: First names of the packages that the file imports.
    """
    match = _match_steps(call, written_name(call.func), values[0], imported)
    for value in values:
        match = match or _match_steps(call, _named_steps(value), value, imported)
    return match


def _match_steps(
    call: ast.Call, steps: list[str], value: Value, imported: Collection[str]
) -> Match | None:
    parts = [step for step in steps if step not in PASSED_THROUGH]
    if len(parts) < 2:
        return None
    given = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
    hides = len(given) < len(call.keywords)
    owner = ".".join(parts[:-1]).lower()
    for length in range(min(_LONGEST_END, len(parts)), 0, -1):
        shape = SHAPES.get(".".join(parts[-length:]))
        if shape is None:
            continue
        if len(parts) > length and parts[-length - 1] in {"threads", "batches"}:
            return None
        native = _provider(shape.provider)
        speaks = _speaks_for(native, owner, imported)
        if not (_proves(shape.keywords, given) or (speaks and hides)):
            break
        provider = _provider_of(shape, owner, imported)
        method = longest_method(native, parts) or Method("chat")
        return Match(provider, method, value)
    return _specific(parts, owner, given, imported, value, hides=hides)


def _specific(
    parts: list[str],
    owner: str,
    given: set[str],
    imported: Collection[str],
    value: Value,
    *,
    hides: bool,
) -> Match | None:
    for name, ends in SPECIFIC.items():
        provider = _provider(name)
        if not _speaks_for(provider, owner, imported):
            continue
        for length in (2, 1):
            keywords = ends.get(".".join(parts[-length:]))
            if keywords is None or len(parts) <= length:
                continue
            is_named = any(hint in owner for hint in provider.hints)
            if _proves(keywords, given) or (hides and is_named):
                method = longest_method(provider, parts)
                return Match(name, method, value) if method is not None else None
    return None


def _named_steps(value: Value) -> list[str]:
    """Give the names of a value from what it starts with, as `written_name` does of source."""
    names: list[str] = []
    for place in inward(value):
        if isinstance(place, (Member, Unknown, Parameter)):
            names.append(place.name)
        elif isinstance(place, (Reference, Symbol)):
            names.extend(reversed(place.name.split(".")))
    return names[::-1]


def _proves(needed: tuple[frozenset[str], ...], given: set[str]) -> bool:
    return any(group <= given for group in needed)


def _provider(name: str) -> Provider:
    return next(provider for provider in PROVIDERS if provider.name == name)


def _speaks_for(provider: Provider, owner: str, imported: Collection[str]) -> bool:
    packages = {package.partition(".")[0] for package in provider.packages}
    named = any(hint in owner for hint in provider.hints)
    return named or not packages.isdisjoint(imported)


def _provider_of(shape: Shape, owner: str, imported: Collection[str]) -> str:
    """Choose by the name of the client, then the only import that fits, then the shape."""
    if "azure" in owner and shape.provider == "openai":
        return "azure"
    for provider in PROVIDERS:
        if any(hint in owner for hint in provider.hints) and shape.end in provider.methods:
            return provider.name
    fitting = {
        provider.name
        for provider in PROVIDERS
        if shape.end in provider.methods
        and any(package.partition(".")[0] in imported for package in provider.packages)
    }
    return fitting.pop() if len(fitting) == 1 else shape.provider
