"""Advice as lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.devtools.findings.source_frame import visible
from tta_dev_primitives.devtools.written.figures import moment, money, plural, share

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from .advice import Advice, Lever, Part


def advice_lines(advice: Advice) -> list[str]:
    """Return a block for each lever, the largest first, then what could not be judged."""
    lines = [headline(advice), priced_by(advice.price_source, advice.price_snapshot)]
    if advice.levers:
        width = max(len(lever.name) for lever in advice.levers)
        for number, lever in enumerate(advice.levers, 1):
            name = lever.name.ljust(width)
            lines += ["", f"{number}. {name}  {amount(lever)}, {lever.confidence}"]
            lines += [f"   {line}" for line in _told(lever)]
    if advice.unjudged:
        lines += ["", "not judged:"]
        lines += [f"- {each.name}: {each.reason}" for each in advice.unjudged]
    if advice.notes:
        lines += ["", *(f"note: {note}" for note in advice.notes)]
    return [visible(line) for line in lines]


def headline(advice: Advice) -> str:
    """Return what the traffic was, in a line."""
    source = f"{advice.source}: " if advice.source else ""
    told = f"{source}{plural(advice.requests, 'request')}, {money(advice.spend)} spent"
    if advice.began is not None and advice.ended is not None:
        told += f", {moment(advice.began)} to {moment(advice.ended)} UTC"
    return told


def priced_by(source: str, snapshot: date | None) -> str:
    """Return whose prices were taken, and of which day where that is known."""
    listed = "" if snapshot is None else f", listed on {snapshot.isoformat()}"
    return f"prices: {source}{listed}"


def amount(lever: Lever) -> str:
    """Return what a lever saves, with its share; `at most` where that is all that is known."""
    bound = "at most " if lever.confidence == "upper bound" and lever.dollars else ""
    return f"{bound}{money(lever.dollars)} ({share(lever.share)})"


def largest(parts: Iterable[Part]) -> list[str]:
    """Return a line for each of the largest parts."""
    return [f"{part.name} ({plural(part.count, 'time')}, {money(part.dollars)})" for part in parts]


def _told(lever: Lever) -> list[str]:
    lines = list(lever.evidence)
    if not lever.dollars:
        return lines
    lines += [f"- {line}" for line in largest(lever.largest)]
    if lever.assumption:
        lines.append(f"assumed: {lever.assumption}")
    return [*lines, *(f"    {line}" for line in lever.code.splitlines())]
