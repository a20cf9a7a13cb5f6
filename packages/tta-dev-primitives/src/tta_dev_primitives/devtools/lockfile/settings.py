"""What a project asks of the comparison: its levels, and the indexes it declares."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

from .lockfile_error import LockfileError
from .rules import LEVELS, RULES, Level
from .toml_text import is_table, parse_toml, table_at, tables_in, text_in

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """What the pyproject.toml beside a lock says about it.

    Args:
        levels: Rule and level, for the rules whose level is set.
        indexes: URLs of the indexes that the root declares.
    """

    levels: Mapping[str, Level] = field(default_factory=dict[str, Level])
    indexes: tuple[str, ...] = ()

    def level(self, rule: str) -> Level:
        """Return how grave findings of *rule* are."""
        return self.levels.get(rule, RULES[rule].level)


def read_settings(text: str | None, label: str) -> Settings:
    """Read `[tool.tta.lockdiff]` and `[[tool.uv.index]]`; no file means the defaults.

    Args:
        text: The content of the pyproject.toml, or None.
        label: What the file is called in messages.

    Raises:
        LockfileError: It is no TOML, names a rule that is not known, or a level that is none.
    """
    if text is None:
        return Settings()
    tree = parse_toml(text, label, "run the command again")
    indexes = tables_in(table_at(tree, "tool", "uv").get("index"))
    urls = tuple(url for url in (text_in(index, "url") for index in indexes) if url is not None)
    asked = table_at(tree, "tool", "tta").get("lockdiff", {})
    if not is_table(asked):
        msg = f"{label}: tool.tta.lockdiff must be a table of rules and levels, got {asked!r}"
        raise LockfileError(msg)
    return Settings({code: _level(code, value, label) for code, value in asked.items()}, urls)


def _level(code: str, value: object, label: str) -> Level:
    rule = RULES.get(code)
    if rule is None:
        near = get_close_matches(code, RULES, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        msg = f"{label}: tool.tta.lockdiff has no rule {code!r}{hint}"
        raise LockfileError(msg)
    for level in LEVELS:
        if value == level:
            if rule.is_fixed and level != rule.level:
                msg = (
                    f"{label}: {code} always has level {rule.level}, got {level!r}; "
                    "declare an index that everybody can reach in [[tool.uv.index]] instead"
                )
                raise LockfileError(msg)
            return level
    msg = f"{label}: tool.tta.lockdiff.{code} must be one of {', '.join(LEVELS)}, got {value!r}"
    raise LockfileError(msg)
