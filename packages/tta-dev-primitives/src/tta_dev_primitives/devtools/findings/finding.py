"""A finding: what a rule says about one place, with the fix it offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from tta_dev_primitives.devtools.source.source_file import Position

Confidence: TypeAlias = Literal["high", "medium", "low"]
Level: TypeAlias = Literal["error", "warning", "info"]

CONFIDENCES: Final[tuple[Confidence, ...]] = ("high", "medium", "low")
LEVELS: Final[tuple[Level, ...]] = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces the text from `start` up to `end` with `new_text`.

    Both are pairs of a line from 1 and a column from 0 in UTF-8 bytes, as `ast` counts them, so
    that a node's own numbers can be handed on. Equal ends make an insertion. In a notebook there
    are no edits.
    """

    start: tuple[int, int]
    end: tuple[int, int]
    new_text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits of one file that take a finding away together.

    Args:
        message: What is done, for example `Add timeout=30`.
        edits: They do not overlap; their order does not matter.
        is_safe: Whether the program does the same afterwards, but for what the rule is about.
    """

    message: str
    edits: tuple[Edit, ...]
    is_safe: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says about one place.

    Args:
        code: The rule's code, for example `TTA101`.
        message: One short sentence with the facts of this place, without a final full stop.
        path: The file, as it was named to the linter.
        position: Where in the file; in a notebook, where in the cell.
        qualname: The function or class around it, `""` at module level.
        confidence: How sure the rule is.
        fix: What would take the finding away.
        level: How much it matters.
    """

    code: str
    message: str
    path: str
    position: Position
    qualname: str
    confidence: Confidence = "high"
    fix: Fix | None = None
    level: Level = "warning"


def is_at_least(confidence: Confidence, minimum: Confidence) -> bool:
    """Tell whether *confidence* is *minimum* or surer."""
    return CONFIDENCES.index(confidence) <= CONFIDENCES.index(minimum)


def characters(line: str, column: int) -> int:
    """Return how many characters the first *column* UTF-8 bytes of *line* are."""
    if line.isascii():
        return column
    return len(line.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "replace"))
