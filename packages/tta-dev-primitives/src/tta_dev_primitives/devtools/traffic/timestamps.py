"""When a request was sent, as request logs say it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from .errors import RequestError
from .shown import shown

EARLIEST: Final = 946_684_800.0  # 2000-01-01
LATEST: Final = 4_102_444_800.0  # 2100-01-01

_ISO: Final = re.compile(
    r"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?"
    r"(Z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?"
)
_FINER: Final = ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds"))


def seconds_of(value: object) -> float:
    """Return seconds since 1970.

    Args:
        value: That number, or a time in ISO 8601 with its offset.

    Raises:
        RequestError: It is neither, or before 2000, or after 2099.
    """
    if type(value) is str:
        return _seconds_of_text(value)
    if type(value) is not float and type(value) is not int:
        wrong = "is missing" if value is None else f"is {shown(value)}"
        msg = f"ts {wrong}; write ISO 8601 with an offset, or seconds since 1970"
        raise RequestError(msg)
    if EARLIEST <= value < LATEST:
        return float(value)
    for factor, unit in _FINER:
        if EARLIEST * factor <= value < LATEST * factor:
            msg = f"ts {shown(value)} looks like {unit}; divide it by {factor:,.0f} to have seconds"
            raise RequestError(msg)
    msg = f"ts {shown(value)} is not between 2000 and 2100; write seconds since 1970"
    raise RequestError(msg)


def _seconds_of_text(text: str) -> float:
    match = _ISO.fullmatch(text)
    if match is None:
        msg = f"ts {shown(text)} is no time; write ISO 8601 such as 2026-11-23T15:45:00Z"
        raise RequestError(msg)
    if match[1] is None:
        msg = f"ts {shown(text)} has no offset; add Z for UTC, or one such as +02:00"
        raise RequestError(msg)
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        msg = f"ts {shown(text)} is on no calendar; correct it"
        raise RequestError(msg) from error
