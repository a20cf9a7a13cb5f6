"""Which version of the GenAI conventions is spoken; all differences between them are here.

Everything is described in the names of 1.41, the last version that was released with the other
conventions, and renamed for the newest, which has no release of its own yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from . import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observability_integration.spans.limits import Attributes

Schema: TypeAlias = Literal["1.41", "latest"]
SCHEMAS: Final[tuple[Schema, ...]] = ("1.41", "latest")
DEFAULT_SCHEMA: Final[Schema] = "1.41"

_RENAMED: Final[Mapping[Schema, Mapping[str, str]]] = {
    "1.41": {},
    "latest": {
        names.GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: names.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS,
    },
}
_URLS: Final[Mapping[Schema, str]] = {
    "1.41": "https://opentelemetry.io/schemas/1.41.0",
    "latest": "",  # there is no release to point to
}


def known_schema(name: str) -> Schema:
    """Return *name* as a schema.

    Raises:
        ValueError: There is no such schema.
    """
    if name not in SCHEMAS:
        msg = f"schema must be one of {', '.join(map(repr, SCHEMAS))}, got {name!r}"
        raise ValueError(msg)
    return name


def schema_url(schema: Schema) -> str:
    """Return what tells backends which names to expect; empty where nothing does."""
    return _URLS[schema]


def renamed_attributes(schema: Schema) -> Mapping[str, str]:
    """Return the attributes that *schema* has another name for, with that name."""
    return _RENAMED[schema]


def rename(attributes: Attributes, schema: Schema) -> Attributes:
    """Give *attributes*, which are changed and returned, the names of *schema*."""
    for old, new in _RENAMED[schema].items():
        if old in attributes:
            attributes[new] = attributes.pop(old)
    return attributes


def messages_have_finish_reason(schema: Schema) -> bool:
    """Tell whether captured answers say why they ended; the newest says so on the span only."""
    return schema == "1.41"
