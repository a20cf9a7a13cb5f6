"""Times that a run took, as upstream's reports spell them."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "µs": 1000,
    "\u03bcs": 1000,
    "us": 1000,
    "ns": 1,
}
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|m|s|[µ\u03bcu]s|ns)")
_MICROSECOND, _MILLISECOND, _SECOND, _MINUTE = 1000, 1_000_000, 1_000_000_000, 60_000_000_000


def duration_text(nanoseconds: int) -> str:
    """Write a duration as ``403.459µs``, ``12.5ms`` or ``1m2.5s``.

    Args:
        nanoseconds: The duration; less than 0 counts as 0.
    """
    left = max(0, nanoseconds)
    if left < _MICROSECOND:
        return f"{left}ns" if left else "0s"
    if left < _MILLISECOND:
        return f"{_plain(left, _MICROSECOND)}µs"
    if left < _SECOND:
        return f"{_plain(left, _MILLISECOND)}ms"
    minutes, left = divmod(left, _MINUTE)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{text}{_plain(left, _SECOND)}s"


def duration_nanoseconds(text: str) -> int | None:
    """Read such a duration; ``None`` for anything else."""
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        return None
    return round(sum(float(part[1]) * _UNITS[part[2]] for part in parts))


def _plain(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    digits = str(rest).zfill(len(str(unit)) - 1).rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)
