"""Times, money and counts as people write them."""

from __future__ import annotations

from datetime import UTC, datetime


def duration(nanoseconds: float) -> str:
    """Return a duration with its unit: `3.25 s`, `12.50 ms`, `0.012 ms`."""
    milliseconds = nanoseconds / 1e6
    if abs(milliseconds) >= 1000:
        return f"{milliseconds / 1000:.2f} s"
    return f"{milliseconds:.2f} ms" if abs(milliseconds) >= 1 else f"{milliseconds:.3f} ms"


def seconds(value: float) -> str:
    """Return *value* seconds in a short form: `5s`, `250ms`, `0.269ms`."""
    if abs(value) >= 100:
        return f"{value:.0f}s"
    if abs(value) >= 0.9995 or not value:  # less has three digits of milliseconds
        return f"{value:.3g}s"
    milliseconds = value * 1000
    return f"{milliseconds:.3g}ms" if abs(milliseconds) >= 1 else f"{milliseconds:.3f}ms"


def dollars(value: float) -> str:
    """Return an amount in US dollars, with the six places that a single call needs."""
    return f"-${-value:.6f}" if value < 0 else f"${value:.6f}"


def count(number: int, thing: str, things: str = "") -> str:
    """Return `1 call`, `2,000 calls`."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


def moment(unix_nanoseconds: int) -> str:
    """Return a moment in UTC, to the second."""
    try:
        told = datetime.fromtimestamp(unix_nanoseconds // 1_000_000_000, UTC)
    except (OverflowError, OSError, ValueError):
        return f"{unix_nanoseconds} ns"
    return told.strftime("%Y-%m-%d %H:%M:%S")
