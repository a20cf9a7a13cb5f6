"""A line of source with a mark below the place a finding is about."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .report import ReportedFinding

TAB_WIDTH: Final = 4
_SHORTEST: Final = 20


def frame(reported: ReportedFinding, width: int) -> tuple[str, str] | None:
    """Return the source line and the marks below it, both at most *width* columns wide.

    A longer line is cut around the place. None where there is nothing to show: an empty line, or a
    place beyond the part of the line that was kept.
    """
    position = reported.finding.position
    line, start = reported.line_text.rstrip("\r\n"), position.column
    if not line.strip() or start > len(line):
        return None
    end = position.end_column if position.end_line == position.line else len(line.rstrip())
    shown = [_shown(character) for character in line]
    starts = [0]
    for text in shown:
        starts.append(starts[-1] + columns(text))
    left, right = starts[start], starts[min(max(end, start + 1), len(line))]
    return _cut("".join(shown), left, max(right, left + 1), max(width, _SHORTEST))


def visible(text: str) -> str:
    """Return *text* with what would move a terminal's cursor or colours written out."""
    return text if text.isprintable() else "".join(_shown(character) for character in text)


def columns(text: str) -> int:
    """Return how many columns *text* takes in a terminal."""
    return len(text) if text.isascii() else sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _shown(character: str) -> str:
    if character == "\t":
        return " " * TAB_WIDTH
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")


def _cut(line: str, left: int, right: int, width: int) -> tuple[str, str]:
    if columns(line) <= width:
        return line, " " * left + "^" * (right - left)
    # A third of the room goes to what stands before the place.
    skipped = max(0, left - width // 3)
    before = "..." if skipped else ""
    room = width - len(before) - len("...")
    kept = _between(line, skipped, skipped + room)
    after = "..." if skipped + columns(kept) < columns(line) else ""
    offset = len(before) + left - skipped
    marks = max(1, min(right - left, width - offset - len(after)))
    return before + kept + after, " " * offset + "^" * marks


def _between(line: str, start: int, end: int) -> str:
    kept: list[str] = []
    column = 0
    for character in line:
        following = column + _columns_of(character)
        if column >= start and following <= end:
            kept.append(character)
        elif following > start and column < start:
            kept.append(" ")  # half of a wide character
        column = following
        if column >= end:
            break
    return "".join(kept)
