"""Figures as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from tta_dev_primitives.devtools.replay.measurement import Interval

NOTHING: Final = "-"
_FEWEST_DECIMALS: Final = 4


def money(dollars: float) -> str:
    """Return an amount of US dollars, such as `$0.0066`, with three digits of what is small.

    Args:
        dollars: The amount.
    """
    if not math.isfinite(dollars):
        return "unknown"
    sign, amount = "-" if dollars < 0 else "", abs(dollars)
    if amount == 0:
        return "$0"
    if amount >= 1:
        return f"{sign}${amount:,.2f}"
    decimals = max(_FEWEST_DECIMALS, 2 - math.floor(math.log10(amount)))
    shown = f"{amount:.{decimals}f}"
    needless = min(len(shown) - len(shown.rstrip("0")), decimals - _FEWEST_DECIMALS)
    return f"{sign}${shown[: len(shown) - needless]}"


def share(fraction: float) -> str:
    """Return a share such as `43.1%`; what is little, but not nothing, is never `0.0%`.

    Args:
        fraction: The share, where 1 is all.
    """
    if not math.isfinite(fraction):
        return "unknown"
    percent = fraction * 100
    if percent == 0:
        return "0.0%"
    if abs(percent) >= 0.05:
        return f"{percent:,.1f}%"
    if abs(percent) >= 0.0005:
        return f"{percent:.3f}".rstrip("0") + "%"
    return "under 0.001%" if percent > 0 else "over -0.001%"


def whole_share(fraction: float) -> str:
    """Return a share that somebody chose, such as `40%` or `97.5%`, without needless digits."""
    return f"{fraction * 100:g}%" if math.isfinite(fraction) else "unknown"


def bounds(interval: Interval) -> str:
    """Return the bounds of a share, such as `41.0% to 45.2%`; empty where it has no width.

    They are rounded away from the figure: a bound that is shown to reach a target does reach it.
    """
    if interval.low == interval.value == interval.high:
        return ""
    low, high = _outward(interval.low, math.floor), _outward(interval.high, math.ceil)
    return f"{share(low)} to {share(high)}"


def _outward(fraction: float, whole: Callable[[float], int]) -> float:
    """Return a bound at the tenth of a per cent that *whole* gives; what is little as it is."""
    if not math.isfinite(fraction) or abs(fraction) < 0.0005:
        return fraction
    tenths = fraction * 1_000
    near = round(tenths)
    return (near if math.isclose(tenths, near, abs_tol=1e-6) else whole(tenths)) / 1_000


def bounded(interval: Interval) -> str:
    """Return a share with its bounds, such as `43.1% (41.0% to 45.2%)`."""
    limits = bounds(interval)
    return f"{share(interval.value)} ({limits})" if limits else share(interval.value)


def plural(number: int, noun: str) -> str:
    """Return the number with its noun, `1 request` or `8,381 requests`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def change(dollars: float) -> str:
    """Return an amount that is added or taken away, with its sign."""
    return f"+{money(dollars)}" if dollars > 0 else money(dollars)


def of_all(part: int, whole: int) -> str:
    """Return `12 of 40 (30.0%)`."""
    return f"{part:,} of {whole:,} ({share(part / whole if whole else 0.0)})"


def moment(seconds: float) -> str:
    """Return a moment of UTC to the minute; seconds since 1970 where no calendar has it.

    Args:
        seconds: Since 1970.
    """
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s after 1970"
