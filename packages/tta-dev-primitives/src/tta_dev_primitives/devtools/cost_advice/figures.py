"""Numbers for people: dollars, shares and counts, written the same way everywhere."""

from __future__ import annotations

import math
from datetime import UTC, datetime


def dollars(amount: float) -> str:
    """Return an amount of US dollars; below one dollar with four digits at least."""
    size = abs(amount)
    if not size:
        return "$0"
    digits = 2 if size >= 1 else max(4, 2 - math.floor(math.log10(size)))
    figure = f"{size:,.{digits}f}"
    return f"-${figure}" if amount < 0 else f"${figure}"


def change(amount: float) -> str:
    """Return an amount that is added or taken away, with its sign."""
    return f"+{dollars(amount)}" if amount > 0 else dollars(amount)


def percent(share: float) -> str:
    """Return a share of 1 in percent, with a decimal."""
    return f"{100 * share:,.1f}%"


def count(number: int, thing: str, things: str = "") -> str:
    """Return `1 request`, `2,000 requests`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def of_all(part: int, whole: int) -> str:
    """Return `12 of 40 (30.0%)`."""
    return f"{part:,} of {whole:,} ({percent(part / whole if whole else 0.0)})"


def plain(number: float) -> str:
    """Return *number* as it is written in source: `3600`, `0.5`."""
    return str(int(number)) if number == math.floor(number) else repr(number)


def moment(seconds: float) -> str:
    """Return a moment in UTC to the minute; as it is where no calendar has it.

    Args:
        seconds: Since 1970.
    """
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s after 1970"
