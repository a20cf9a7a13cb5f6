"""What a run of tests cost, as lines of a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observability_integration.cost.report import dollars, in_words

from .judgement import OUTSIDE

if TYPE_CHECKING:
    from .told_run import ToldRun

MOST_TESTS: Final = 5


def summary_lines(told: ToldRun) -> list[str]:
    """Return the lines, without those that say whether the budget holds."""
    costs, judgement = told.costs, told.judgement
    lines = [f"total: {in_words(costs.total)}"]
    changes: list[str] = []
    if judgement.spent is not None:
        before = dollars(judgement.spent.before)
        changes.append(f"spent {judgement.spent.in_words()} ({before} before)")
    if judgement.calls is not None:
        words = judgement.calls.in_words("more", "fewer")
        changes.append(f"calls {words} ({judgement.calls.before:.0f} before)")
    if changes:
        lines.append(f"since accepted: {', '.join(changes)}")
    dearest = costs.dearest()
    if dearest:
        lines.append("dearest tests:")
    for node_id, report in dearest[:MOST_TESTS]:
        mark = judgement.mark(node_id)
        lines.append(f"  {node_id}: {in_words(report)}{mark and f', {mark}'}")
    if len(dearest) > MOST_TESTS:
        lines.append(f"  and {len(dearest) - MOST_TESTS} more")
    if costs.outside.calls or costs.outside.saved:
        lines.append(f"{OUTSIDE}: {in_words(costs.outside)}")
    if told.budget is None:
        lines += [f"note: what {name} spent is not known" for name in costs.lost]
    return [*lines, *(f"note: {note}" for note in judgement.notes)]
