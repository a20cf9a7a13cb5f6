"""What a rule says before it is known how grave that is and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .guard import without_login
from .toml_text import code

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Remark:
    """The rule, what is wrong with which value, and the next move where one is needed."""

    rule: str
    message: str
    fix: str = ""


def quoted(text: str) -> str:
    """Quote what a lock says, without a password that may be in it."""
    return code(without_login(text))


def came_and_went(verb: str, came: Iterable[str], went: Iterable[str]) -> str:
    """Say of what *verb* is true now and of what no longer; a few of each are named."""
    parts = [("now", sorted(came)), ("no longer", sorted(went))]
    return ", ".join(f"{word} {verb} {listed(items)}" for word, items in parts if items)


def listed(items: list[str], most: int = 5) -> str:
    """Quote the first *most* items, and count the rest."""
    shown = ", ".join(quoted(item) for item in items[:most])
    return f"{shown} and {len(items) - most} more" if len(items) > most else shown
