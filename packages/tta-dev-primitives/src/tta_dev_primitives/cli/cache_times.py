"""Moments for people to read."""

from __future__ import annotations

import datetime
import math


def moment(seconds: float) -> str:
    """Return a moment, given in seconds since the epoch, as date and time in UTC."""
    if seconds == math.inf:
        return "never"
    try:
        found = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (ValueError, OverflowError, OSError):  # beyond the calendar
        return f"{seconds:g} s after 1970"
    return f"{found:%Y-%m-%d %H:%M:%S} UTC"
