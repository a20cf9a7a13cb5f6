"""What a run cost: the figures, and how they read."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True, slots=True)
class CostShare:
    """What one model or one place has of the cost.

    Attributes:
        spent: US dollars paid, wasted ones included.
        wasted: Of these, what paid for answers that were thrown away.
        saved: US dollars that the answers of a cache at this place had cost; 0 for a model.
        calls: Requests to models.
        unpriced_calls: Of these, the answered ones whose price is not known.
    """

    spent: float = 0.0
    wasted: float = 0.0
    saved: float = 0.0
    calls: int = 0
    unpriced_calls: int = 0


@dataclass(frozen=True, slots=True)
class CostReport:
    """What was spent, wasted and saved.

    The shares by model add up to the totals, and so do those by path; what was saved is told by
    path only. `wasted` is never more than `spent`.

    Attributes:
        spent: US dollars paid for answers with a known price, wasted ones included.
        wasted: Of these, what paid for answers that were thrown away.
        saved: US dollars that answers from caches had cost when they were bought; in neither of
            the others.
        calls: Requests to models, those without an answer included.
        unpriced_calls: Of these, the answered ones whose price is not known; they are in `calls`
            and not in `spent`.
        by_model: The same for each model that was asked for.
        by_path: The same for each place of the workflow.
    """

    spent: float = 0.0
    wasted: float = 0.0
    saved: float = 0.0
    calls: int = 0
    unpriced_calls: int = 0
    by_model: Mapping[str, CostShare] = field(default_factory=dict[str, CostShare])
    by_path: Mapping[str, CostShare] = field(default_factory=dict[str, CostShare])

    @property
    def unpriced_models(self) -> tuple[str, ...]:
        """The models that gave answers whose price is not known."""
        shares = self.by_model.items()
        return tuple(model for model, share in shares if share.unpriced_calls)

    def __str__(self) -> str:
        lines = [f"total: {in_words(self)}"]
        for title, shares in (("by path", self.by_path), ("by model", self.by_model)):
            if shares:
                dearest = sorted(shares.items(), key=lambda item: (-item[1].spent, item[0]))
                lines += [f"{title}:", *(f"  {name}: {in_words(it)}" for name, it in dearest)]
        return "\n".join(lines)


def sum_of(shares: Collection[CostShare]) -> CostShare:
    """Return what *shares* are together, rounded once."""
    return CostShare(
        math.fsum(share.spent for share in shares),
        math.fsum(share.wasted for share in shares),
        math.fsum(share.saved for share in shares),
        sum(share.calls for share in shares),
        sum(share.unpriced_calls for share in shares),
    )


def dollars(amount: float) -> str:
    """Return *amount* with as many digits as small sums need."""
    return f"${amount:.6f}".rstrip("0").rstrip(".") if amount < 1 else f"${amount:,.2f}"


def in_words(share: CostShare | CostReport) -> str:
    """Return the figures that are worth telling, such as `spent $0.01, 2 calls`."""
    words: list[str] = []
    if share.spent or not (share.unpriced_calls or share.saved):  # else it would look free
        words.append(f"spent {dollars(share.spent)}")
    if share.wasted:
        words.append(f"wasted {dollars(share.wasted)} of it")
    if share.saved:
        words.append(f"saved {dollars(share.saved)}")
    if share.calls or not share.saved:
        words.append(f"{share.calls} call{'' if share.calls == 1 else 's'}")
    if share.unpriced_calls:
        words.append(f"{share.unpriced_calls} without a known price")
    return ", ".join(words)
