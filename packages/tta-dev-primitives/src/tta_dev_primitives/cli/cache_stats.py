"""`tta cache stats`: how much is kept, of what kind, and what it was worth."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from .cache_entries import EntryKey, printable, state_of
from .cache_times import moment
from .event_loop import run_async
from .exits import EXIT_OK
from .report import dollars, plain_table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from rich.console import Console

    from tta_dev_primitives.performance.stores.base import StoredEntry

    from .cache_places import Place

_MOST_TAGS: Final = 10


class Stats:
    """Counts and sums over the entries of a cache.

    Args:
        now: The time by which an entry is fresh, stale or expired, in seconds since the epoch.
    """

    def __init__(self, now: float) -> None:
        self._now = now
        self.states: Counter[str] = Counter(fresh=0, stale=0, expired=0)
        self.namespaces: Counter[str] = Counter()
        self.tags: Counter[str] = Counter()
        self.value_bytes = 0
        self.oldest: float | None = None
        self.newest: float | None = None
        self.cost = _Sum()
        self.input_tokens = _Sum()
        self.output_tokens = _Sum()
        self.seconds = _Sum()

    def add(self, key: bytes, entry: StoredEntry, value_bytes: int) -> None:
        """Count an entry."""
        parsed = EntryKey.parse(key)
        self.states[state_of(entry, self._now)] += 1
        self.namespaces[parsed.namespace] += 1
        self.tags.update(map(parsed.tag, entry.tags))
        self.value_bytes += value_bytes
        stored_at = entry.stored_at
        self.oldest = stored_at if self.oldest is None else min(self.oldest, stored_at)
        self.newest = stored_at if self.newest is None else max(self.newest, stored_at)
        self.cost.add(entry.cost)
        self.input_tokens.add(entry.input_tokens)
        self.output_tokens.add(entry.output_tokens)
        self.seconds.add(entry.duration)

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """Return all as one JSON object; a sum is null where no entry knows its part."""
        cost, seconds = self.cost.known, self.seconds.known
        return {
            "entries": self.states.total(),
            **self.states,
            "value_bytes": self.value_bytes,
            "oldest_stored_at": self.oldest,
            "newest_stored_at": self.newest,
            "cost_usd": None if cost is None else round(cost, 6),
            "entries_with_cost": self.cost.count,
            "input_tokens": self.input_tokens.known,
            "output_tokens": self.output_tokens.known,
            "duration_seconds": None if seconds is None else round(seconds, 3),
            "namespaces": dict(self.namespaces.most_common()),
            "tags": dict(self.tags.most_common(_MOST_TAGS)),
            "other_tags": max(0, len(self.tags) - _MOST_TAGS),
        }


class _Sum:
    """A sum of what is known, and how many knew it."""

    def __init__(self) -> None:
        self.count = 0
        self._total: float = 0

    def add(self, part: float | None) -> None:
        if part is not None:
            self.count += 1
            self._total += part

    @property
    def known(self) -> float | None:
        return self._total if self.count else None


def run(place: Place, options: argparse.Namespace) -> int:
    """Run the command."""
    stats = run_async(_collect(place))
    report = {
        "where": place.label,
        "backend": place.backend,
        "file_bytes": place.file_bytes(),
        **stats.as_json(),
    }
    if options.json:
        json.dump(report, sys.stdout)
        print()
    else:
        _print(report)
    return EXIT_OK


async def _collect(place: Place) -> Stats:
    stats = Stats(time.time())
    async with aclosing(place), aclosing(place.scan(_all, values=False)) as entries:
        async for key, entry, size in entries:
            stats.add(key, entry, size)
    return stats


def _all(_key: bytes, _entry: StoredEntry) -> bool:
    return True


def _print(report: dict[str, Any]) -> None:  # Any: JSON
    from rich.console import Console

    console = Console(highlight=False)
    table = plain_table("", "")
    for label, value in (
        ("entries", f"{report['entries']:,}"),
        ("  fresh", f"{report['fresh']:,}"),
        ("  stale", f"{report['stale']:,}"),
        ("  expired", f"{report['expired']:,}"),
        ("bytes of values", f"{report['value_bytes']:,}"),
        ("bytes on disk", _count(report["file_bytes"])),
        ("oldest", _or_dash(report["oldest_stored_at"], moment)),
        ("newest", _or_dash(report["newest_stored_at"], moment)),
        ("cost to make", dollars(report["cost_usd"])),
        ("  known of entries", f"{report['entries_with_cost']:,}"),
        ("tokens in / out", _pair(report["input_tokens"], report["output_tokens"])),
        ("time to make", _or_dash(report["duration_seconds"], lambda seconds: f"{seconds:,.2f} s")),
    ):
        table.add_row(label, value)
    console.print(
        f"{printable(report['where'])} ({report['backend']})", markup=False, soft_wrap=True
    )
    console.print(table)
    for heading, counts, others in (
        ("namespace", report["namespaces"], 0),
        ("tag", report["tags"], report["other_tags"]),
    ):
        if any(counts):
            _print_counts(console, heading, counts, others)


def _print_counts(console: Console, heading: str, counts: Mapping[str, int], others: int) -> None:
    from rich.text import Text

    table = plain_table(heading, "entries")
    for name, count in counts.items():
        table.add_row(Text(printable(name) or "-"), f"{count:,}")
    console.print()
    console.print(table)
    if others:
        console.print(f"and {others:,} more")


def _count(number: float | None) -> str:
    return "-" if number is None else f"{number:,}"


def _pair(first: float | None, second: float | None) -> str:
    return f"{_count(first)} / {_count(second)}"


def _or_dash(number: float | None, shown: Callable[[float], str]) -> str:
    return "-" if number is None else shown(number)
