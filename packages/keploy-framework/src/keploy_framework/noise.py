"""Noise: the fields whose values a comparison ignores, in the shape Keploy keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, cast

from keploy_framework.checks import checked_mapping, checked_texts
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

_ROOT = "test.globalNoise"


def parse_noise(raw: object) -> GlobalNoise:
    """Copy ``globalNoise``, with every level present; an empty level stands for no noise.

    A section may also list its fields instead of mapping them to patterns.

    Raises:
        KeployConfigError: A level, field or pattern is of the wrong type.
    """
    levels = checked_mapping(raw, _ROOT)
    for level in levels:
        if level not in ("global", "test-sets"):
            problem = f"has no level {level!r}; put it below 'global' or below 'test-sets'"
            raise KeployConfigError(problem, key=_ROOT, value=level)
    sets = checked_mapping(levels.get("test-sets"), f"{_ROOT}.test-sets")
    return {
        "global": _sections(levels.get("global"), f"{_ROOT}.global"),
        "test-sets": {
            name: _sections(noise, f"{_ROOT}.test-sets.{name}") for name, noise in sets.items()
        },
    }


def patterns_for(field: str) -> list[str]:
    """Give the patterns that make any value of *field* noise; ``*`` is a whole section."""
    return ["*"] if field == "*" else []


def _sections(raw: object, key: str) -> SectionNoise:
    return {
        name: _fields(noise, f"{key}.{name}") for name, noise in checked_mapping(raw, key).items()
    }


def _fields(raw: object, key: str) -> FieldNoise:
    if isinstance(raw, list):
        return {field: patterns_for(field) for field in checked_texts(cast("list[str]", raw), key)}
    fields = checked_mapping(raw, key)
    return {field: checked_texts(patterns, f"{key}.{field}") for field, patterns in fields.items()}
