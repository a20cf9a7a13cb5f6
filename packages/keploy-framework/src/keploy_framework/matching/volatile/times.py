"""Tell times by their look, in the layouts that programs write them in."""

from __future__ import annotations

import re
from typing import Final

_MONTH: Final = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY_NAME: Final = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY_NAME: Final = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_DAY: Final = r"(?:0[1-9]|[12]\d|3[01])"
_SPACED_DAY: Final = r"(?:[ 12]\d|[1-9]|3[01])"
_MONTH_NUMBER: Final = r"(?:0[1-9]|1[0-2])"
_CLOCK: Final = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
_SHORT_CLOCK: Final = r"(?:[01]\d|2[0-3]):[0-5]\d"
_HALF_DAY_HOUR: Final = r"(?:0?[1-9]|1[0-2])"
_FRACTION: Final = r"(?:[.,]\d{1,9})?"
_ZONE: Final = r"(?:[A-Z]{3,5}|[+-]\d\d)"
_OFFSET: Final = r"[+-]\d{4}"

_LAYOUTS: Final = (
    # RFC 3339, with any fraction; a space for the T, and no offset, as many programs print.
    rf"\d{{4}}-{_MONTH_NUMBER}-{_DAY}[Tt ]{_CLOCK}{_FRACTION}(?:[Zz]|[+-]\d\d:?\d\d)?",
    # A date alone, a time of day alone, and the latter with AM or PM.
    rf"\d{{4}}-{_MONTH_NUMBER}-{_DAY}",
    rf"{_CLOCK}{_FRACTION}",
    rf"{_HALF_DAY_HOUR}:[0-5]\d[AP]M",
    # ANSI C, then Unix date with a zone, then with an offset.
    rf"{_DAY_NAME} {_MONTH} {_SPACED_DAY} {_CLOCK}{_FRACTION} (?:{_ZONE} |{_OFFSET} )?\d{{4}}",
    # RFC 822, RFC 850, RFC 1123, each with a zone or an offset.
    rf"{_DAY} {_MONTH} \d\d {_SHORT_CLOCK} (?:{_ZONE}|{_OFFSET})",
    rf"{_LONG_DAY_NAME}, {_DAY}-{_MONTH}-\d\d {_CLOCK} {_ZONE}",
    rf"{_DAY_NAME}, {_DAY} {_MONTH} \d{{4}} {_CLOCK}{_FRACTION} (?:{_ZONE}|{_OFFSET})",
    # Stamps of logs, and the layout that spells Go's reference time.
    rf"{_MONTH} {_SPACED_DAY} {_CLOCK}{_FRACTION}",
    rf"{_MONTH_NUMBER}/{_DAY} {_HALF_DAY_HOUR}:[0-5]\d:[0-5]\d[AP]M '\d\d {_OFFSET}",
)
_TIME: Final = re.compile("|".join(f"(?:{layout})" for layout in _LAYOUTS), re.ASCII)
_LONGEST: Final = 48
_NUMBER: Final = re.compile(r"\d{9,20}(?:\.\d{1,9})?", re.ASCII)

_DAY_NANOSECONDS: Final = 24 * 60 * 60 * 1_000_000_000
_UNITS: Final = (1, 1_000, 1_000_000, 1_000_000_000)


def is_time(text: str, now: int) -> bool:
    """Tell whether a whole text is a time, or a number that counts to about now.

    Args:
        text: The text; spaces around it do not count.
        now: Nanoseconds since 1970.
    """
    text = text.strip()
    if not 5 <= len(text) <= _LONGEST:
        return False
    return _TIME.fullmatch(text) is not None or (
        _NUMBER.fullmatch(text) is not None and is_epoch(float(text), now)
    )


def is_epoch(number: float, now: int) -> bool:
    """Tell whether a number counts seconds, or smaller units down to nanoseconds, to about now.

    Args:
        number: The number.
        now: Nanoseconds since 1970; a number within a day of it counts.
    """
    return any(abs(number * unit - now) < _DAY_NANOSECONDS for unit in _UNITS)
