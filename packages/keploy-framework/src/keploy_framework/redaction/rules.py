"""What a project wants redacted beside the usual, and what it wants left alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from keploy_framework.checks import checked_mapping, checked_texts
from keploy_framework.errors import KeployConfigError
from keploy_framework.redaction.names import plain_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

_SECTION: Final = "redact"
_KEYS: Final = ("enabled", "names", "patterns", "allow", "allowValues")


@dataclass(frozen=True, slots=True)
class RedactionRules:
    """What is redacted. Without arguments: the headers, names and kinds of keys that are known.

    Args:
        enabled: Whether anything is.
        names: More names of headers, parameters and fields whose values are secrets. Case and
            what separates words do not count.
        patterns: More looks of secrets, by the name of their rule. A group ``keep`` stays.
        allow: Names whose values stay, unless they look like a key that is known.
        allow_values: Values that stay wherever they stand. A pattern must match all of a value.

    Raises:
        KeployConfigError: A pattern is no regular expression, or matches an empty text.
    """

    enabled: bool = True
    names: frozenset[str] = frozenset()
    patterns: Mapping[str, re.Pattern[str]] = field(default_factory=dict[str, "re.Pattern[str]"])
    allow: frozenset[str] = frozenset()
    allow_values: tuple[re.Pattern[str], ...] = ()

    def __post_init__(self) -> None:
        for name, pattern in self.patterns.items():
            if pattern.match(""):
                problem = f"matches an empty text with {pattern.pattern!r}; make it longer"
                raise KeployConfigError(problem, key=f"{_SECTION}.patterns.{name}", value=pattern)
        object.__setattr__(self, "names", frozenset(map(plain_name, self.names)))
        object.__setattr__(self, "allow", frozenset(map(plain_name, self.allow)))

    @classmethod
    def from_data(cls, data: object, *, enabled: bool | None = None) -> Self:
        """Read the section ``redact`` of a configuration; `None` stands for an absent one.

        Its keys are ``enabled``, ``names``, ``patterns`` (by name, or a list), ``allow`` and
        ``allowValues``.

        Args:
            data: The section.
            enabled: What the command line says, such as False for ``--no-redact``; it counts
                more than the file.

        Raises:
            KeployConfigError: The section has another key, or a value of the wrong type.
        """
        section = checked_mapping(data, _SECTION)
        for key in section:
            if key not in _KEYS:
                problem = f"has no key {key!r}; it takes {', '.join(_KEYS)}"
                raise KeployConfigError(problem, key=_SECTION, value=key)
        wanted = section.get("enabled", True) if enabled is None else enabled
        if not isinstance(wanted, bool):
            problem = f"must be true or false, got {wanted!r}; write one of them"
            raise KeployConfigError(problem, key=f"{_SECTION}.enabled", value=wanted)
        return cls(
            enabled=wanted,
            names=frozenset(_texts(section, "names")),
            patterns=_patterns(section),
            allow=frozenset(_texts(section, "allow")),
            allow_values=tuple(
                _compiled(text, "allowValues") for text in _texts(section, "allowValues")
            ),
        )

    def allows(self, value: str) -> bool:
        """Tell whether a value is one of those that stay."""
        return any(pattern.fullmatch(value) for pattern in self.allow_values)


def _texts(section: Mapping[str, object], key: str) -> list[str]:
    return checked_texts(section.get(key) or [], f"{_SECTION}.{key}")


def _patterns(section: Mapping[str, object]) -> dict[str, re.Pattern[str]]:
    raw = section.get("patterns")
    if isinstance(raw, list):
        listed = _texts(section, "patterns")
        return {f"custom-{at}": _compiled(text, "patterns") for at, text in enumerate(listed, 1)}
    named = checked_mapping(raw, f"{_SECTION}.patterns")
    found: dict[str, re.Pattern[str]] = {}
    for name, text in named.items():
        if not isinstance(text, str):
            problem = f"must be a regular expression, got {text!r}; write it as text"
            raise KeployConfigError(problem, key=f"{_SECTION}.patterns.{name}", value=text)
        found[name] = _compiled(text, f"patterns.{name}")
    return found


def _compiled(text: str, key: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        problem = f"is no regular expression, {text!r} ({error}); correct it"
        raise KeployConfigError(problem, key=f"{_SECTION}.{key}", value=text) from error
