"""What a cache counts, and what it tells observers and the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from tta_dev_primitives.core import observe

from .entries import Worth
from .savings import Savings

if TYPE_CHECKING:
    from tta_dev_primitives.errors import StoreError

    from .questions import Ask, Owner
    from .shelf import Entry, Shelf

_logger = logging.getLogger("tta_dev_primitives.cache")


class Accounts:
    """The counts of one cache and all its wraps; whatever is counted is reported as well.

    Args:
        shelf: Counts the answers by its entries.
        shadow: Nothing that is found is given.
    """

    def __init__(self, shelf: Shelf, *, shadow: bool) -> None:
        self._shelf, self._used, self._shadow = shelf, shelf.used, shadow
        self._warned: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """Begin anew, but do not say again what was said."""
        self.misses = self.expirations = self.shared_calls = self.stale = 0
        self.shared = Savings()

    def found(self, ask: Ask, entry: Entry, result: Literal["hit", "stale"]) -> None:
        """Count and report an answer by *entry*."""
        self._used(entry)
        if result == "stale":
            self.stale += 1
        state = ask.context.state
        state["cache_hits"] = state.get("cache_hits", 0) + 1
        if observe.active is not None:
            age = max(0.0, self._shelf.now() - entry.stored_at)  # a clock may have been set back
            self.report(ask, result, age, entry, None if self._shadow else result)

    def missed(self, ask: Ask, *, joined: bool) -> None:
        """Count and report a miss, which shares somebody's call if it *joined* that."""
        self.misses += 1
        state = ask.context.state
        state["cache_misses"] = state.get("cache_misses", 0) + 1
        if not joined:
            self.report(ask, "miss")

    def made(self, ask: Ask, value: object, *, joined: bool) -> None:
        """Count and report that a miss came to its end with *value*."""
        if joined:
            self.coalesced(ask, Worth.of(value))  # known only now
        elif ask.spare is not None and ask.spare.expires_at <= self._shelf.now():
            self.expirations += 1  # its place was taken by the new entry

    def coalesced(self, ask: Ask, worth: Worth | Entry) -> None:
        """Count and report a miss that took part in somebody's call; it saves what a hit saves."""
        self.shared_calls += 1
        self.shared.add(worth)
        self.report(ask, "coalesced", None, worth)

    def report(
        self,
        ask: Ask,
        result: observe.CacheResult,
        age: float | None = None,
        worth: Entry | Worth | None = None,
        outcome: observe.Outcome | None = None,
    ) -> None:
        """Tell the observers, if there are any."""
        if observe.active is None:
            return
        record = observe.CacheRecord(ask.owner.name, result, age)
        if worth is not None:
            record.saved_cost, record.saved_duration = worth.cost, worth.duration
            record.saved_input_tokens = worth.input_tokens
            record.saved_output_tokens = worth.output_tokens
        observe.report(record, outcome=outcome)

    def warn_of(self, ask: Ask, error: StoreError) -> None:
        """Log that the store failed, once, unless the store has done so."""
        if not error.reported:
            self.warn_once(ask.owner, str(error))

    def warn_once(self, owner: Owner, text: str) -> None:
        """Log *text* the first time it is said."""
        if text not in self._warned:
            self._warned.add(text)
            _logger.warning("%s: %s", owner.label, text)

    def warn_of_renewal(self, ask: Ask, error: Exception) -> None:
        """Log that a stale answer stays stale, once for each kind of error."""
        self.warn_once(ask.owner, f"a stale answer could not be renewed ({type(error).__name__})")
