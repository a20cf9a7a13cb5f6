"""Text that stays text within Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.findings.source_frame import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")
# Hosts make links of these after the escapes are gone, so they need a parting.
_LINKED: Final = re.compile(r"[@#](?=\w)|:(?=//)|\bwww(?=\.)|\bGH(?=-\d)", re.IGNORECASE)
_PARTING: Final = "&#8203;"


def escaped(text: str) -> str:
    """Return *text* in one line that ends no cell, calls nobody and makes no link."""
    line = _SPECIAL.sub(r"\\\1", visible(" ".join(text.split())))
    return _LINKED.sub(lambda found: f"{found[0]}{_PARTING}", line)


def code(text: str) -> str:
    """Return a code span of one line; the fence is longer than any run of backticks in it."""
    line = visible(" ".join(text.split()))
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence, room = "`" * (longest + 1), " " if longest else ""
    # Even in a code span a bar would end the cell of a table.
    return f"{fence}{room}{line.replace('|', chr(92) + '|')}{room}{fence}"


def row(cells: Iterable[str]) -> str:
    """Return a row of a table from cells that are Markdown already."""
    return f"| {' | '.join(cells)} |"
