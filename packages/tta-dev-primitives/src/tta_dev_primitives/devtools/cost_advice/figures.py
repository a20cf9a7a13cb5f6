"""Numbers as they are written in source."""

from __future__ import annotations

import math


def plain(number: float) -> str:
    """Return *number* as it is written in source: `3600`, `0.5`."""
    return str(int(number)) if number == math.floor(number) else repr(number)
