"""Hold what a run of tests cost to its budget, and to what was accepted last."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from observability_integration.cost.budget import CostBudget
from observability_integration.cost.report import CostReport, dollars

from .change import Change

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from .budget import AcceptedCosts, RunBudget
    from .costs import RunCosts

MOST_BLAMED: Final = 3
OUTSIDE: Final = "outside of single tests"
# Less is told as $0.
_LEAST_GROWTH: Final = 5e-7
# Sums of prices differ from the written amount in their last digits.
_SLACK: Final = 1 + 1e-9


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of holding a run to its budget.

    Attributes:
        faults: A line for each limit that is broken; none where the budget holds.
        notes: What a reader has to know beside them.
        spent: How the dollars have changed; None where they cannot be compared. Accepted tests
            that did not run are in neither of the two figures.
        calls: The same for requests to models; None where nothing was accepted.
        tests: How the dollars of each test have changed that was accepted and ran.
        new_tests: Those that cost something and were not accepted.
    """

    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    spent: Change | None = None
    calls: Change | None = None
    tests: Mapping[str, Change] = field(default_factory=dict[str, Change])
    new_tests: frozenset[str] = frozenset()

    def mark(self, node_id: str) -> str:
        """Return how a test has changed, such as `new`; empty where nobody can tell."""
        if node_id in self.new_tests:
            return "new"
        change = self.tests.get(node_id)
        return "" if change is None else change.in_words()


def judge(
    budget: RunBudget,
    costs: RunCosts,
    *,
    ran: Collection[str],
    seen: Collection[str],
    accepts: bool = False,
) -> Judgement:
    """Return whether *costs* keep to *budget*.

    Args:
        budget: What is allowed.
        costs: What the run cost.
        ran: Node ids of the tests that ran and were not skipped.
        seen: Node ids of all tests of the run, the skipped ones as well.
        accepts: Whether the figures become the accepted ones, so that only limits count.
    """
    faults = [
        f"what {name} spent is not known, because it ended before it could tell"
        for name in costs.lost
    ]
    notes: list[str] = []
    if budget.limits is not None:
        faults += budget.limits.faults(costs.total)
    for limit in budget.tests:
        for node_id, report in costs.dearest():
            if limit.covers(node_id):
                faults += [f"{node_id}: {fault}" for fault in limit.limits.faults(report)]
        if not any(map(limit.covers, seen)):
            notes.append(f"no test of this run fits the pattern {limit.pattern!r}")
    accepted = budget.accepted
    if accepted is None:
        return Judgement(tuple(faults), tuple(notes))

    had_run = {*ran, *costs.tests}
    changes = {
        node_id: Change(cost.usd, costs.tests.get(node_id, CostReport()).spent)
        for node_id, cost in accepted.tests.items()
        if node_id in had_run and cost.usd is not None
    }
    if not accepts:
        faults += [it for it in _growth(budget, accepted, costs) if it not in faults]
    left_out = [cost for node_id, cost in accepted.tests.items() if node_id not in had_run]
    if left_out:
        count = f"{len(left_out)} of {len(accepted.tests)}"
        notes.append(f"accepted tests that did not run: {count}; they are in no change")
    if accepted.total.usd is None:
        notes.append("no change of dollars is known: calls without a price were accepted")
    return Judgement(
        tuple(faults),
        tuple(notes),
        _spent(accepted, costs, sum(cost.usd or 0.0 for cost in left_out)),
        Change(max(0, accepted.total.calls - sum(it.calls for it in left_out)), costs.total.calls),
        changes,
        frozenset(costs.tests.keys() - accepted.tests.keys()),
    )


def _spent(accepted: AcceptedCosts, costs: RunCosts, left_out: float) -> Change | None:
    total = costs.total
    if accepted.total.usd is None or total.unpriced_calls:
        return None
    before = max(0.0, accepted.total.usd - left_out)
    # What remains of a difference of sums is nothing.
    return Change(0.0 if before < accepted.total.usd * (_SLACK - 1) else before, total.spent)


def _growth(budget: RunBudget, accepted: AcceptedCosts, costs: RunCosts) -> list[str]:
    """Return a line for each total that is further above the accepted one than is tolerated."""
    total, before = costs.total, accepted.total
    most = (1 + budget.tolerance) * _SLACK
    faults: list[str] = []
    if before.usd is not None and total.unpriced_calls:
        faults += CostBudget(max_usd=math.inf).faults(total)
    elif before.usd is not None and total.spent > before.usd * most:
        change = Change(before.usd, total.spent).in_words()
        faults.append(
            f"spent {dollars(total.spent)}, at most {dollars(before.usd * most)} tolerated: "
            f"{change} than the accepted {dollars(before.usd)}{_blame(accepted, costs)}"
        )
    if total.calls > before.calls * most:
        change = Change(before.calls, total.calls).in_words("more", "fewer")
        faults.append(
            f"made {total.calls} calls, at most {int(before.calls * most)} tolerated: "
            f"{change} than the accepted {before.calls}"
        )
    return faults


def _blame(accepted: AcceptedCosts, costs: RunCosts) -> str:
    """Return what has grown most, as the end of a line."""
    before = {node_id: cost.usd or 0.0 for node_id, cost in accepted.tests.items()}
    grown = {
        node_id: report.spent - before.get(node_id, 0.0) for node_id, report in costs.tests.items()
    }
    outside = max(0.0, (accepted.total.usd or 0.0) - math.fsum(before.values()))
    grown[OUTSIDE] = costs.outside.spent - outside
    # Rounded, so that what is told as equal is in the order of names.
    worst = sorted((round(-more, 6), name) for name, more in grown.items() if more > _LEAST_GROWTH)
    named = [f"{name} (+{dollars(-less)})" for less, name in worst[:MOST_BLAMED]]
    return f"; most by {', '.join(named)}" if named else ""
