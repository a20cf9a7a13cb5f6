"""Text that stays text within Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .one_line import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

# What code hosts make links of they find after the escapes are gone, so these need a parting.
_SPECIAL: Final = re.compile(
    r"(?P<linked>[@#](?=\w)|://|\bwww\.|\bGH-(?=\d))"
    r"|(?P<special>[\\`*_\[\]<>#|~&$]|^[-+=])"
    r"|^(?P<number>\d+)\.",
    re.IGNORECASE,
)
_PARTING: Final = "&#8203;"


def escaped(text: str) -> str:
    """Return *text* in one line that ends no cell, begins no list, calls nobody and links nowhere.

    Args:
        text: Any text, which is to stand at the beginning of a line, of an item or of a cell.
    """
    return _SPECIAL.sub(_harmless, one_line(text))


def code(text: str) -> str:
    """Return a code span of one line; the fence is longer than any run of backticks in it."""
    line = one_line(text)
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence, room = "`" * (longest + 1), " " if longest else ""
    # Even in a code span a bar would end the cell of a table.
    return f"{fence}{room}{line.replace('|', chr(92) + '|')}{room}{fence}"


def row(cells: Iterable[str]) -> str:
    """Return a row of a table from cells that are Markdown already."""
    return f"| {' | '.join(cells)} |"


def _harmless(found: re.Match[str]) -> str:
    if found["number"]:
        return found["number"] + "\\."
    if found["special"]:
        return "\\" + found["special"]
    linked = found["linked"]
    if len(linked) > 1:
        return f"{linked[:-1]}{_PARTING}{linked[-1]}"
    return f"{'' if linked == '@' else chr(92)}{linked}{_PARTING}"
