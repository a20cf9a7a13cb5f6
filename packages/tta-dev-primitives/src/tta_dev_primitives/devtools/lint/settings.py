"""What a project asks of the linter: the table `[tool.tta.lint]`, checked and typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, TypeGuard

from tta_dev_primitives.devtools.findings.finding import CONFIDENCES
from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tta_dev_primitives.devtools.findings.finding import Confidence

_DOTTED_NAME: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a project asks of the linter.

    Args:
        select: Codes, beginnings of codes, names of rules, `ALL` or `DEFAULT`; empty means the
            default rules.
        ignore: What is left out of the selected ones.
        per_path_ignores: Pairs of a path pattern and what is ignored in the files it matches.
        exclude: Path patterns of files and folders that are not read when found in a folder.
        known_clients: Dotted names of in-house classes whose objects call models.
        known_wrappers: Dotted names of in-house functions and methods that call models.
        baseline: A file of accepted findings, relative to the pyproject.toml that names it.
        min_confidence: Findings that are less sure are not shown.
        require_reason: Whether an inline `tta: ignore[...]` needs a reason behind it.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_path_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = ()
    known_clients: tuple[str, ...] = ()
    known_wrappers: tuple[str, ...] = ()
    baseline: str | None = None
    min_confidence: Confidence = "high"
    require_reason: bool = False


KEYS: Final = (
    "select",
    "ignore",
    "per-path-ignores",
    "exclude",
    "known-clients",
    "known-wrappers",
    "baseline",
    "min-confidence",
    "require-reason",
)


def read_settings(table: object, where: str) -> Settings:
    """Return the settings that the table `[tool.tta.lint]` asks for.

    Args:
        table: The table as `tomllib` gives it.
        where: The file it stands in, for messages.

    Raises:
        ConfigurationError: A key is unknown or a value has the wrong type; the nearest is named.
    """
    if not _is_table(table):
        msg = f"{where}: tool.tta.lint must be a table, got {table!r}"
        raise ConfigurationError(msg)
    for key in table:
        if key not in KEYS:
            msg = f"{where}: tool.tta.lint has no key {key!r}{nearest(key, KEYS)}"
            raise ConfigurationError(msg)
    reader = _Reader(table, where)
    return Settings(
        select=reader.strings("select"),
        ignore=reader.strings("ignore"),
        per_path_ignores=reader.per_path("per-path-ignores"),
        exclude=reader.strings("exclude"),
        known_clients=reader.dotted_names("known-clients"),
        known_wrappers=reader.dotted_names("known-wrappers"),
        baseline=reader.file_name("baseline"),
        min_confidence=reader.confidence("min-confidence"),
        require_reason=reader.flag("require-reason"),
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return how a message about an unknown *word* goes on: with the nearest known one, if any."""
    found = get_close_matches(word.lower(), {name.lower(): None for name in known}, n=1, cutoff=0.5)
    original = {name.lower(): name for name in known}
    return f"; did you mean {original[found[0]]!r}?" if found else ""


class _Reader:
    """Takes values out of the table, or raises with the key and what was found there."""

    def __init__(self, table: Mapping[str, object], where: str) -> None:
        self._table, self._where = table, where

    def strings(self, key: str) -> tuple[str, ...]:
        return self._strings(key, self._table.get(key, []))

    def _strings(self, key: str, value: object) -> tuple[str, ...]:
        if not _is_list(value):
            raise self._wrong(key, "a list of strings", value)
        found = tuple(item for item in value if isinstance(item, str) and item)
        if len(found) != len(value):
            raise self._wrong(key, "a list of strings that are not empty", value)
        return found

    def dotted_names(self, key: str) -> tuple[str, ...]:
        names = self.strings(key)
        for name in names:
            if _DOTTED_NAME.fullmatch(name) is None:
                raise self._wrong(key, "dotted names such as 'app.llm.Client'", name)
        return names

    def per_path(self, key: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        value = self._table.get(key, {})
        if not _is_table(value):
            raise self._wrong(key, "a table of path patterns and lists of codes", value)
        return tuple((path, self._strings(f"{key}.{path}", codes)) for path, codes in value.items())

    def file_name(self, key: str) -> str | None:
        value = self._table.get(key)
        if value is None or (isinstance(value, str) and value):
            return value
        raise self._wrong(key, "the name of a file", value)

    def confidence(self, key: str) -> Confidence:
        value = self._table.get(key, "high")
        for confidence in CONFIDENCES:
            if value == confidence:
                return confidence
        raise self._wrong(key, "high, medium or low", value)

    def flag(self, key: str) -> bool:
        value = self._table.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false", value)
        return value

    def _wrong(self, key: str, wanted: str, got: object) -> ConfigurationError:
        return ConfigurationError(
            f"{self._where}: tool.tta.lint.{key} must be {wanted}, got {got!r}"
        )


def _is_table(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
