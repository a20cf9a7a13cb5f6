"""Sentences that every format of a report uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .toml_text import printable

if TYPE_CHECKING:
    from .difference import PackageChange
    from .finding import Report
    from .why import Chain

_KINDS: Final = ("added", "removed", "upgraded", "downgraded", "changed")


def changes_line(report: Report) -> str:
    """Count what changed: `1 added, 2 upgraded (1 major); downloads at most +1.2 MB`."""
    parts: list[str] = []
    for kind in _KINDS:
        count = report.count(kind)
        if count:
            major = report.count("major") if kind == "upgraded" else 0
            parts.append(f"{count} {kind}" + (f" ({major} major)" if major else ""))
    settings = len(report.difference.settings)
    if settings:
        parts.append(f"{settings} {'setting' if settings == 1 else 'settings'} changed")
    if not report.difference.packages:
        return parts[0] if parts else "no changes"
    size = readable_bytes(report.download_bytes, signed=True)
    unknown = f" and {report.unknown_sizes} unknown" if report.unknown_sizes else ""
    return f"{', '.join(parts)}; downloads at most {size}{unknown}"


def levels_line(report: Report) -> str:
    """Count the findings of each level: `0 fail, 1 warn, 3 info`."""
    return ", ".join(f"{report.count_level(level)} {level}" for level in ("fail", "warn", "info"))


def why_text(chains: tuple[Chain, ...], most: int = 2) -> str:
    """Write the first *most* chains, and count the rest."""
    if not chains:
        return ""
    shown = "; ".join(printable(" > ".join(chain)) for chain in chains[:most])
    return f"{shown}; {len(chains) - most} more" if len(chains) > most else shown


def size_text(change: PackageChange) -> str:
    """Write what its download weighs, before and after where both are known."""
    sizes = [
        readable_bytes(side.download_bytes)
        for side in (change.before, change.after)
        if side is not None and side.download_bytes is not None
    ]
    return " -> ".join(dict.fromkeys(sizes))


def readable_bytes(count: int, *, signed: bool = False) -> str:
    """Write *count* bytes with a decimal unit, as package pages do; with a sign if asked."""
    sign = "-" if count < 0 else "+" if signed else ""
    number = float(abs(count))
    for unit in ("bytes", "kB", "MB"):
        if round(number, 1) < 1000:
            return f"{sign}{number:.0f} {unit}" if unit == "bytes" else f"{sign}{number:.1f} {unit}"
        number /= 1000
    return f"{sign}{number:.1f} GB"
