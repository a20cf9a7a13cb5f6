"""Noise: the fields whose values a comparison ignores, in the shape Keploy keeps them."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict, cast

from keploy_framework.errors import KeployConfigError

if TYPE_CHECKING:
    from typing import TypeAlias

FieldNoise: TypeAlias = "dict[str, list[str]]"
"""Field path to patterns. No pattern: any value is noise; else only a value that matches one."""

SectionNoise: TypeAlias = "dict[str, FieldNoise]"
"""Noise of the parts of a response, ``body`` and ``header``."""

GlobalNoise = TypedDict(
    "GlobalNoise", {"global": "SectionNoise", "test-sets": "dict[str, SectionNoise]"}
)
"""Noise for every test under ``global``, and for one test set by name under ``test-sets``."""

_ROOT = ("test", "globalNoise")
_LEVELS = ("global", "test-sets")
_SECTIONS = ("body", "header")


def parse_noise(raw: object) -> GlobalNoise:
    """Read ``globalNoise`` in any form that is in use, as a copy in one form.

    A section may map fields to patterns or list fields; nothing at all stands for no noise.

    Raises:
        KeployConfigError: A level, field or pattern is of the wrong type.
    """
    levels = _mapping(raw, _ROOT)
    for level in levels:
        if level not in _LEVELS:
            problem = f"has no level {level!r}; put it below 'global' or below 'test-sets'"
            raise KeployConfigError(problem, key=_ROOT, value=level)
    sets = _mapping(levels.get("test-sets"), (*_ROOT, "test-sets"))
    return {
        "global": _sections(levels.get("global"), (*_ROOT, "global")),
        "test-sets": {
            name: _sections(noise, (*_ROOT, "test-sets", name)) for name, noise in sets.items()
        },
    }


def split_field(field: str) -> tuple[str, str]:
    """Split ``header.Date`` into section and field; without a section it is the body's."""
    if not isinstance(field, str) or not field:  # pyright: ignore[reportUnnecessaryIsInstance]
        problem = f"a noise field must be text that is not empty, got {field!r}; name the field"
        raise KeployConfigError(problem, value=field)
    section, dot, name = field.partition(".")
    if not dot or section.lower() not in _SECTIONS:
        return "body", field
    if not name:
        problem = f"noise field {field!r} names a section only; write '{field}*' for all of it"
        raise KeployConfigError(problem, value=field)
    return section.lower(), name


def patterns_for(field: str) -> list[str]:
    """Give the patterns that make any value of *field* noise; ``*`` is a whole section."""
    return ["*"] if field == "*" else []


def _sections(raw: object, key: tuple[str, ...]) -> SectionNoise:
    return {name: _fields(noise, (*key, name)) for name, noise in _mapping(raw, key).items()}


def _fields(raw: object, key: tuple[str, ...]) -> FieldNoise:
    if isinstance(raw, list):
        return {field: patterns_for(field) for field in _texts(cast("list[object]", raw), key)}
    fields = _mapping(raw, key)
    return {field: _patterns(patterns, (*key, field)) for field, patterns in fields.items()}


def _patterns(raw: object, key: tuple[str, ...]) -> list[str]:
    if raw is None:
        return []
    if not isinstance(raw, list):
        problem = f"must be a list of regular expressions, got {reprlib.repr(raw)}; use [] for any"
        raise KeployConfigError(problem, key=key, value=raw)
    return _texts(cast("list[object]", raw), key)


def _texts(items: list[object], key: tuple[str, ...]) -> list[str]:
    texts: list[str] = []
    for item in items:
        if not isinstance(item, str):
            problem = f"must list text, got {reprlib.repr(item)}; put it in quotes"
            raise KeployConfigError(problem, key=key, value=item)
        texts.append(item)
    return texts


def _mapping(raw: object, key: tuple[str, ...]) -> dict[str, object]:
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        problem = f"must be a mapping, got {reprlib.repr(raw)}; write 'key: value' lines"
        raise KeployConfigError(problem, key=key, value=raw)
    named: dict[str, object] = {}
    for name, value in cast("Mapping[object, object]", raw).items():
        if not isinstance(name, str):
            problem = f"has the key {name!r}, which is not text; put it in quotes"
            raise KeployConfigError(problem, key=key, value=name)
        named[name] = value
    return named
