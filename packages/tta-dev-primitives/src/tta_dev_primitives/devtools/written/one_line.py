"""Text from outside that stays one line of plain text."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from tta_dev_primitives.devtools.findings.source_frame import columns, visible


def one_line(text: str) -> str:
    """Return *text* in one line; what moves a cursor or turns writing round is written out."""
    return visible(" ".join(text.split()))


def shortened(text: str, width: int) -> str:
    """Return *text* in at most *width* columns, with its middle left out where it has more.

    Args:
        text: In one line.
        width: Columns, at least 5.
    """
    if columns(text) <= width:
        return text
    room = width - len("...")
    end = _within(text[::-1], room // 2)[::-1]
    return f"{_within(text, room - columns(end))}...{end}"


def _within(text: str, width: int) -> str:
    return text[: bisect_right(list(accumulate(map(columns, text))), width)]
