"""The times that servers write into headers, in all their forms."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS: Final = {
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "\N{MICRO SIGN}s": 1e-6,
    "\N{GREEK SMALL LETTER MU}s": 1e-6,
    "ns": 1e-9,
}
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|\u00b5s|\u03bcs|ns)")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
# Larger bare numbers are moments, not delays: seconds, or milliseconds, since 1970.
_FIRST_MOMENT: Final = 1e9
_FIRST_MOMENT_IN_MILLISECONDS: Final = 1e11


def number_in(value: str | None) -> float | None:
    """Return the finite number that *value* is, or None for anything else."""
    if value is None or not _NUMBER.fullmatch(value.strip()):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def seconds_in(value: str, now: float) -> float | None:
    """Return the seconds that the reset time of a rate limit means, or None for anything else.

    Takes Go durations (`1m13.588s`), bare seconds, moments as RFC 3339 and as seconds or
    milliseconds since 1970.
    """
    text = value.strip()
    number = number_in(text)
    if number is not None:
        if number >= _FIRST_MOMENT_IN_MILLISECONDS:
            number = number / 1000 - now
        elif number >= _FIRST_MOMENT:
            number -= now
        return max(0.0, number)
    parts = list(_DURATION_PART.finditer(text))
    if parts and "".join(part[0] for part in parts) == text:
        duration = sum(float(part[1]) * _SECONDS[part[2]] for part in parts)
        return duration if math.isfinite(duration) else None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return max(0.0, _since_1970(moment) - now)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that `retry-after-ms`, else `retry-after`, asks for; None without them.

    Args:
        headers: Names in lower case, or found in any case.
        now: Seconds since 1970.
    """
    milliseconds = number_in(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    after = headers.get("retry-after")
    delay = number_in(after)
    if delay is None and after is not None:
        delay = _until_http_date(after, now)
    return None if delay is None else max(0.0, delay)


def _until_http_date(value: str, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return _since_1970(moment) - now


def _since_1970(moment: datetime) -> float:
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
