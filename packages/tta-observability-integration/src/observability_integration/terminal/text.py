"""Text that a terminal shows as it was meant, and obeys in nothing."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TextIO, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Colour: TypeAlias = Literal["red", "yellow", "green", "faint"]
_CODES: Final[dict[Colour, str]] = {"red": "31", "yellow": "33", "green": "32", "faint": "2"}
_DRAWN: Final = "├└│─…·"
_LEAST_WIDTH: Final = 40


@dataclass(frozen=True, slots=True)
class Style:
    """How text is laid out.

    Attributes:
        width: Columns of a line; None for lines as long as they come.
        plain: Draw with ASCII characters only.
        colour: Mark what matters with colours.
    """

    width: int | None = None
    plain: bool = False
    colour: bool = False

    @property
    def cut(self) -> str:
        """What stands where a text was cut."""
        return "..." if self.plain else "…"

    @property
    def dot(self) -> str:
        """What stands between the parts of a line."""
        return ", " if self.plain else " · "

    def paint(self, text: str, colour: Colour | None) -> str:
        """Return *text* in *colour*, or as it is where there are none."""
        if not (self.colour and colour and text):
            return text
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"

    def fitted(self, text: str, width: int) -> str:
        """Return *text* cut to *width* columns."""
        if display_width(text) <= width:
            return text
        room = max(width - len(self.cut), 0)
        kept: list[str] = []
        for letter in text:
            room -= display_width(letter)
            if room < 0:
                break
            kept.append(letter)
        return ("".join(kept) + self.cut)[: max(width, 0)]

    def padded(self, text: str, width: int) -> str:
        """Return *text* cut or filled to just *width* columns."""
        text = self.fitted(text, width)
        return text + " " * (width - display_width(text))

    def wrapped(self, words: Iterable[str], width: int) -> list[str]:
        """Lay *words* out in lines of at most *width* columns; a longer word is cut."""
        lines: list[str] = []
        for word in words:
            piece = self.fitted(word, width)
            if lines and display_width(lines[-1]) + 1 + display_width(piece) <= width:
                lines[-1] += f" {piece}"
            else:
                lines.append(piece)
        return lines


def style_of(stream: TextIO, environ: Mapping[str, str] = os.environ) -> Style:
    """Return how to write to *stream*: cut and coloured on a terminal, all of it elsewhere.

    Args:
        stream: Where the text goes.
        environ: Where `NO_COLOR`, `TERM` and `COLUMNS` are read.
    """
    try:
        terminal = stream.isatty()
    except (AttributeError, ValueError):  # a stream of a user's own, or one that is closed
        terminal = False
    columns = environ.get("COLUMNS", "")
    width: int | None = int(columns) if columns.isdecimal() and int(columns) else None
    if width is None and terminal:
        try:
            width = os.get_terminal_size(stream.fileno()).columns or None
        except (OSError, ValueError):
            width = 80
    colour = terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return Style(
        None if width is None else max(width, _LEAST_WIDTH),
        plain=not _can_encode(_DRAWN, encoding),
        colour=colour,
    )


def write(stream: TextIO, lines: Iterable[str]) -> None:
    """Write *lines* to *stream*; a character that it cannot hold becomes a question mark."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    text = "".join(f"{line}\n" for line in lines)
    stream.write(text.encode(encoding, "replace").decode(encoding))
    stream.flush()


def printable(text: str) -> str:
    """Return *text* without characters that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def display_width(text: str) -> int:
    """Return how many columns *text* takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
