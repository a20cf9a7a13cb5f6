"""What was spent below one call, and which part of it was for nothing.

**Spent** is what answers of models cost, wherever they went.

**Wasted** is the part of it whose answers were thrown away. A dollar becomes wasted when

* a call that it was spent below ends without a result: it failed, was refused, ran out of time or
  was cancelled. A stream that its reader closes has a result: what was read of it;
* a retry tries again, a fallback or a timeout goes on to its alternative: whatever was spent below
  it until then, also where the attempt gave a result that was not wanted;
* a hedged call is decided: whatever was spent below the calls that did not win.

It becomes so once, at the first of these, and stays so. So the attempts that a retry gave up are
not wasted again when the retry within another one, or the fallback around both, goes on; and what
a call wasted that in the end succeeds remains wasted.

At most one of those above is to **blame** for a wasted dollar: the innermost retry, fallback,
timeout or hedge that went on without the answer, or the retry that gave up.

An answer that a cache keeps is wasted all the same where the attempt that bought it fails; what it
saves later is told as saved.

**Saved** is what the answers had cost that caches gave again, also those of calls that were merged
into one under way. It is in neither of the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .book import Amounts, CostBook, Source


class Account:
    """What was spent below one call so far.

    Calls below which nothing was spent can do without, unless a hedge makes them. All of it
    belongs to the event loop of the call.

    Args:
        book: Where the totals are.

    Attributes:
        open: What may still be of use, for each source; None for nothing.
        lost: What is wasted, and nobody is to blame for yet; None for nothing.
        branches: Of a hedge that is not decided: the accounts of its calls, in their order.
        is_dropped: Whether the call lost a race, so that all it spends is wasted.
    """

    __slots__ = ("book", "branches", "is_dropped", "lost", "open")

    def __init__(self, book: CostBook) -> None:
        self.book = book
        self.open: Amounts | None = None
        self.lost: Amounts | None = None
        self.branches: list[Account] | None = None
        self.is_dropped = False

    def paid(self, source: Source, cost: float | None) -> None:
        """Count an answer for *cost* US dollars; None where that is not known."""
        self.book.paid(source, cost)
        if cost:
            self.open = _sum(self.open, {source: cost})

    def race(self) -> None:
        """Keep the calls that are made below this one apart, until `decided`."""
        self.branches = []

    def decided(self, winner: int | None) -> float:
        """End the race: the call with that number, from 0, has won, or None of them.

        Returns:
            US dollars that the hedge is to blame for.
        """
        branches, self.branches = self.branches or [], None
        blamed = 0.0
        for number, branch in enumerate(branches):
            if winner is None or number == winner:
                self._take(branch)
            else:
                branch.is_dropped = True  # it may have to end yet
                blamed += branch.drop()
        return blamed

    def drop(self) -> float:
        """Count all that was spent so far as wasted, because the call goes on without its answers.

        Returns:
            US dollars that this call is to blame for.
        """
        blamed = 0.0
        if self.open:
            blamed = sum(self.open.values())
            self.book.wasted(self.open)
            self.open = None
        return blamed + self.drop_lost()

    def drop_lost(self) -> float:
        """Take the blame for what failed below this call, as a retry does that gives up.

        Returns:
            US dollars that this call is to blame for.
        """
        lost, self.lost = self.lost, None
        return sum(lost.values()) if lost else 0.0

    def end(self, above: Account | None, *, failed: bool) -> None:
        """End the call, and hand on to the account of the call above it.

        Args:
            above: Where what was spent is counted next; None at the top.
            failed: Whether it ended without a result.
        """
        for branch in self.branches or ():
            self._take(branch)
        if self.is_dropped:
            self.drop()
            return
        if failed and self.open:
            self.book.wasted(self.open)
            self.lost, self.open = _sum(self.lost, self.open), None
        # A call of a race stays apart until the race is decided.
        if above is not None and (above.branches is None or self not in above.branches):
            above._take(self)

    def _take(self, other: Account) -> None:
        """Move what *other* has into this account."""
        if other.open:
            self.open, other.open = _sum(self.open, other.open), None
        if other.lost:
            self.lost, other.lost = _sum(self.lost, other.lost), None


def _sum(amounts: Amounts | None, more: Amounts) -> Amounts:
    """Return both together; either may be changed."""
    if not amounts:
        return more
    for source, amount in more.items():
        amounts[source] = amounts.get(source, 0.0) + amount
    return amounts
