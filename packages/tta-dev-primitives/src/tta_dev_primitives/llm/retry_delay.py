"""How long a provider asks to wait, read from the headers of an error."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS = {
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
_FIRST_MOMENT, _FIRST_MOMENT_IN_MILLISECONDS = 1e9, 1e11
# `x-ratelimit-reset-tokens` and `anthropic-ratelimit-tokens-reset` say the same thing.
_RESET = re.compile(r"(?P<head>.*ratelimit.*?)-reset(?P<tail>-.*)?")


def retry_delay(headers: Mapping[str, str], now: float, *, limits: bool) -> float | None:
    """Return the seconds to wait, or None where the headers do not say.

    `retry-after-ms` goes before `retry-after`, and that before the reset times of rate limits. Of
    several limits the one counts of which the smallest part is left; of several used up, the one
    that takes longest. Values that are no times, as in scrubbed recordings, are passed over.

    Args:
        headers: Those of the error's response, names in lower case or found in any case.
        now: Seconds since 1970.
        limits: Whether to read the reset times; they say something only where a limit was hit.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    after = headers.get("retry-after")
    delay = _number(after)
    if delay is None and after is not None:
        delay = _until_http_date(after, now)
    if delay is not None:
        return max(0.0, delay)
    return _until_reset(headers, now) if limits else None


def seconds_in(value: str, now: float) -> float | None:
    """Return the seconds that the reset time of a rate limit means, or None for anything else.

    Takes Go durations (`1m13.588s`), bare seconds, moments as RFC 3339 and as seconds or
    milliseconds since 1970.
    """
    text = value.strip()
    number = _number(text)
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


def _until_reset(headers: Mapping[str, str], now: float) -> float | None:
    found: list[tuple[float, float]] = []
    for name, value in headers.items():
        matched = _RESET.fullmatch(name.lower())
        if matched is None:
            continue
        delay = seconds_in(value, now)
        if delay is not None:
            found.append((_part_left(headers, matched["head"], matched["tail"] or ""), -delay))
    return -min(found)[1] if found else None


def _part_left(headers: Mapping[str, str], head: str, tail: str) -> float:
    """Return which part of a limit is left, 1 where the headers do not say."""
    left = _number(headers.get(f"{head}-remaining{tail}"))
    limit = _number(headers.get(f"{head}-limit{tail}"))
    if left is None:
        return 1.0
    if left <= 0:
        return 0.0
    return min(1.0, left / limit) if limit else 1.0


def _until_http_date(value: str, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return _since_1970(moment) - now


def _since_1970(moment: datetime) -> float:
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _number(value: str | None) -> float | None:
    if value is None or not _NUMBER.fullmatch(value.strip()):
        return None
    number = float(value)
    return number if math.isfinite(number) else None
