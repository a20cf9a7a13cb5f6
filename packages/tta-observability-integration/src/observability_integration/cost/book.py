"""The totals of a run, by model and by path."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from .report import CostReport, CostShare, sum_of

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_SOURCES: Final = 2_000


class Source(NamedTuple):
    """Which model was asked, and from where."""

    model: str
    path: str


Amounts: TypeAlias = dict[Source, float]
OTHERS: Final = Source("other", "other")


class CostBook:
    """Add up what is spent, wasted and saved. Everything may be called in any thread.

    Beyond 2,000 different pairs of model and path further ones are counted together as `other`, so
    that names that users make up do not fill the memory.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[Source, _Line] = {}
        self._saved: dict[str, float] = {}

    def source(self, model: str, path: str) -> Source:
        """Return under what a call is counted."""
        source = Source(model, path)
        if source in self._lines:
            return source
        with self._lock:
            if len(self._lines) >= MOST_SOURCES:
                source = OTHERS
            self._lines.setdefault(source, _Line())
        return source

    def asked(self, source: Source) -> None:
        """Count a request."""
        with self._lock:
            self._lines[source].calls += 1

    def paid(self, source: Source, cost: float | None) -> None:
        """Count an answer for *cost* US dollars; None where that is not known."""
        with self._lock:
            line = self._lines[source]
            if cost is None:
                line.unpriced += 1
            else:
                line.spent += cost

    def wasted(self, amounts: Amounts) -> None:
        """Count as wasted what was paid before and not counted as wasted yet."""
        with self._lock:
            for source, amount in amounts.items():
                self._lines[source].wasted += amount

    def saved(self, path: str, cost: float) -> None:
        """Count what an answer from a cache had cost."""
        with self._lock:
            if path not in self._saved and len(self._saved) >= MOST_SOURCES:
                path = OTHERS.path
            self._saved[path] = self._saved.get(path, 0.0) + cost

    def report(self) -> CostReport:
        """Return the figures as they are now."""
        with self._lock:
            shares = {source: line.share() for source, line in self._lines.items()}
            saved = dict(self._saved)
        by_model = _grouped(shares, lambda source: source.model)
        by_path = _grouped(shares, lambda source: source.path)
        for path, amount in saved.items():
            share = by_path.get(path, CostShare())
            by_path[path] = CostShare(
                share.spent, share.wasted, amount, share.calls, share.unpriced_calls
            )
        total = sum_of(by_path.values())
        return CostReport(
            total.spent,
            total.wasted,
            total.saved,
            total.calls,
            total.unpriced_calls,
            by_model,
            by_path,
        )


class _Line:
    """The figures of one source."""

    __slots__ = ("calls", "spent", "unpriced", "wasted")

    def __init__(self) -> None:
        self.spent = self.wasted = 0.0
        self.calls = self.unpriced = 0

    def share(self) -> CostShare:
        # The same sums in another order can differ in the last digit.
        return CostShare(self.spent, min(self.wasted, self.spent), 0.0, self.calls, self.unpriced)


def _grouped(shares: dict[Source, CostShare], key: Callable[[Source], str]) -> dict[str, CostShare]:
    groups: dict[str, list[CostShare]] = {}
    for source, share in shares.items():
        groups.setdefault(key(source), []).append(share)
    return {name: sum_of(group) for name, group in groups.items()}
