"""Noise, compiled: which values of a response a comparison ignores."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from keploy_framework.matching.json_values import ABSENT, Json, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from keploy_framework.noise import FieldNoise, SectionNoise

Compat: TypeAlias = Literal["strict", "keploy"]
"""Whether names must be exact, or are found anywhere within a path as upstream does."""

_EVERYTHING: Final = "*"


class Patterns(NamedTuple):
    """What a field's value may be to count as noise; no pattern at all stands for any value."""

    found: tuple[re.Pattern[str], ...]
    is_any: bool

    def covers(self, value: Json) -> bool:
        """Tell whether a value that came is noise; one that is missing is no match."""
        if self.is_any:
            return True
        return value is not ABSENT and any(one.search(text_of(value)) for one in self.found)


class NoiseFilter:
    """Find the noise that a path has. Paths repeat in arrays, so answers are kept.

    With ``strict`` a name with dots is a whole path from the root and covers all below it; a
    ``*`` in it stands for one step. A name without a dot is a field at any depth. With ``keploy``
    a name is any part of the path, the longest first. Case never counts.

    Args:
        noise: Names to patterns.
        compat: How names are found.
        warnings: Takes a sentence for each pattern that is none; it matches nothing.
    """

    __slots__ = ("_any_depth", "_compat", "_found", "_names", "_paths", "is_everything")

    def __init__(
        self, noise: FieldNoise, compat: Compat, warnings: list[str] | None = None
    ) -> None:
        compiled = {
            name.lower(): _compiled(name, patterns, [] if warnings is None else warnings)
            for name, patterns in noise.items()
        }
        self.is_everything = compiled.pop(_EVERYTHING, _NEVER).is_any
        self._compat = compat
        self._names = sorted(compiled.items(), key=lambda item: -len(item[0]))
        self._any_depth = {name: found for name, found in self._names if "." not in name}
        self._paths = [(name.split("."), found) for name, found in self._names if "." in name]
        self._found: dict[str, Patterns | None] = {}

    def __bool__(self) -> bool:
        return self.is_everything or bool(self._names)

    @property
    def has_patterns(self) -> bool:
        """Whether some noise depends on the value that came."""
        return any(not found.is_any for _, found in self._names)

    def at(self, path: str) -> Patterns | None:
        """Give the patterns for a path, ``None`` where it is no noise.

        Args:
            path: Steps joined with dots, without indexes.
        """
        try:
            return self._found[path]
        except KeyError:
            found = self._found[path] = self._find(path.lower())
            return found

    def covers(self, path: str, value: Json) -> bool:
        """Tell whether a value that came is noise."""
        patterns = self.at(path)
        return patterns is not None and patterns.covers(value)

    def _find(self, path: str) -> Patterns | None:
        if self.is_everything:
            return _ALWAYS
        if self._compat == "keploy":
            return next((found for name, found in self._names if name in path), None)
        steps = path.split(".")
        for name, found in self._paths:
            if len(name) <= len(steps) and all(
                one in (step, _EVERYTHING) for one, step in zip(name, steps, strict=False)
            ):
                return found
        # The deepest name says most: noise of a field below another decides for itself.
        return next(
            (self._any_depth[step] for step in reversed(steps) if step in self._any_depth), None
        )


class ResponseNoise(NamedTuple):
    """The noise of a response, by its parts."""

    header: NoiseFilter
    body: NoiseFilter

    @classmethod
    def merged(
        cls,
        sections: Iterable[SectionNoise],
        case: Mapping[str, Sequence[str]],
        compat: Compat,
        warnings: list[str],
    ) -> ResponseNoise:
        """Join noise from the general to the special; of the same name the last one counts.

        Args:
            sections: Noise by section: the global one first, then that of the test set.
            case: The test's own, by names such as ``header.Date``, ``body.user.id``, or a whole
                section with a list of names.
            compat: How names are found.
            warnings: Takes a sentence for each entry that names nothing.
        """
        header: FieldNoise = {}
        body: FieldNoise = {}
        for section in sections:
            header |= {name.lower(): found for name, found in section.get("header", {}).items()}
            body |= {name.lower(): found for name, found in section.get("body", {}).items()}
        for name, values in case.items():
            section, dot, field = name.partition(".")
            target = {"header": header, "body": body}.get(section.lower())
            if target is None:
                warnings.append(
                    f"noise {name!r} names no part of a response; write header.{name} or "
                    f"body.{name}"
                )
            elif dot:
                target[field.lower()] = list(values)
            elif not values or _EVERYTHING in values:
                target[_EVERYTHING] = []
            else:
                target |= {value.lower(): [] for value in values}
        return cls(NoiseFilter(header, compat, warnings), NoiseFilter(body, compat, warnings))


_ALWAYS: Final = Patterns((), is_any=True)
_NEVER: Final = Patterns((), is_any=False)


def _compiled(name: str, patterns: Sequence[str], warnings: list[str]) -> Patterns:
    if not patterns or list(patterns) == [_EVERYTHING]:
        return _ALWAYS
    found: list[re.Pattern[str]] = []
    for pattern in patterns:
        try:
            found.append(re.compile(pattern))
        except re.error as error:
            warnings.append(
                f"noise {name!r} has the pattern {pattern!r}, which is none ({error}); correct it"
            )
    return Patterns(tuple(found), is_any=False)
