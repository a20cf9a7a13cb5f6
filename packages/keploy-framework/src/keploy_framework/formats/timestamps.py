"""Times as recordings keep them: RFC 3339 with nanoseconds and any offset."""

from __future__ import annotations

import calendar
import re
import time
from typing import Final

from keploy_framework.errors import KeployFormatError
from keploy_framework.formats.yaml_text.scalars import PlainText

NANOSECONDS: Final = 1_000_000_000

_TIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)"
    r"(?:[.,](\d+))?\s*(?:([Zz])|([-+])(\d\d):?(\d\d))",
    re.ASCII,
)


def parse_time(text: str) -> int | None:
    """Give a time in nanoseconds since 1970; ``None`` stands for a time that is not set.

    Not set are empty text, Go's zero time ``0001-01-01T00:00:00Z``, and every time of the
    years 0 and 1. Digits beyond nanoseconds are cut off.

    Args:
        text: RFC 3339, with an offset.

    Raises:
        KeployFormatError: It is something else.
    """
    if not text:
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        raise _unreadable(text)
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    if year <= 1:
        return None
    if not (1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        raise _unreadable(text)
    if hour > 23 or minute > 59 or second > 60:
        raise _unreadable(text)
    seconds = calendar.timegm((year, month, day, hour, minute, second))
    sign, hours, minutes = match[9], match[10], match[11]
    if sign:
        offset = int(hours) * 3600 + int(minutes) * 60
        seconds += offset if sign == "-" else -offset
    return seconds * NANOSECONDS + int((match[7] or "")[:9].ljust(9, "0"))


def format_time(nanoseconds: int) -> PlainText:
    """Give RFC 3339 text in UTC, without zeros at the end of the fraction.

    Args:
        nanoseconds: Since 1970.
    """
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    moment = time.gmtime(seconds)
    fraction = f".{rest:09}".rstrip("0").rstrip(".")
    day = f"{moment.tm_year:04}-{moment.tm_mon:02}-{moment.tm_mday:02}"
    clock = f"{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02}"
    return PlainText(f"{day}T{clock}{fraction}Z")


def _unreadable(text: str) -> KeployFormatError:
    reason = f"{text[:60]!r} is no time; write it like 2026-01-22T10:54:02.882421038Z"
    return KeployFormatError(reason)
