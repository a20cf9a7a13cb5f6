"""One difference between what was recorded and what came: where, how, and both values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from keploy_framework.matching.json_values import ABSENT, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable

Step: TypeAlias = "str | int"
Trail: TypeAlias = "tuple[Step, ...]"
"""The way to a value: keys of objects, and indexes of arrays as numbers."""

_SHOWN_CHARACTERS: Final = 120
_SECRET_NAME: Final = re.compile(
    r"auth|cookie|password|passwd|secret|token$|api[-_]?key|signature|credential", re.IGNORECASE
)


class Change(StrEnum):
    """How two values differ."""

    VALUE = "value"
    TYPE = "type"
    REMOVED = "removed"
    ADDED = "added"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, named as noise would name it.

    Args:
        path: Such as ``status``, ``header.Date`` or ``body.items.stock``. Noise of this name
            makes the difference pass; indexes of arrays are no part of it.
        change: How the values differ.
        expected: The recorded value; `ABSENT` where there was none.
        actual: The value that came; `ABSENT` where there is none.
        place: The path with the indexes of arrays and frames, such as ``body.items[2].stock``.
    """

    path: str
    change: Change
    # Any: JSON of any shape.
    expected: Any = ABSENT
    actual: Any = ABSENT
    place: str = ""

    def __str__(self) -> str:
        place = self.place or self.path
        if self.change is Change.ADDED:
            return f"{place} was added: {self.shown_actual}"
        if self.change is Change.REMOVED:
            return f"{place} is missing: {self.shown_expected}"
        return f"{place}: expected {self.shown_expected}, got {self.shown_actual}"

    @property
    def shown_expected(self) -> str:
        """The recorded value, shortened; hidden where its name says it is secret."""
        return shown(self.path, self.expected)

    @property
    def shown_actual(self) -> str:
        """The value that came, shortened; hidden where its name says it is secret."""
        return shown(self.path, self.actual)


# Any: JSON of any shape.
def shown(path: str, value: Any) -> str:
    """Give a value as short text for people; hidden where the last name says it is secret."""
    if value is ABSENT:
        return "nothing"
    if _SECRET_NAME.search(path.rpartition(".")[2]):
        return "(hidden)"
    text = value.decode(errors="replace") if isinstance(value, bytes) else canonical(value)
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return f"{text[:_SHOWN_CHARACTERS]}... ({len(text)} characters)"


def place_of(root: str, trail: Iterable[Step]) -> str:
    """Write a way as ``root.items[2].stock``."""
    return root + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in trail)


def path_of(root: str, trail: Iterable[Step]) -> str:
    """Write a way as noise names it, without indexes: ``root.items.stock``."""
    return ".".join((root, *(step for step in trail if isinstance(step, str))))
