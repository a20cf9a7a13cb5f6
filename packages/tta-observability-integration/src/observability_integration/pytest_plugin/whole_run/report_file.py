"""What a run of tests cost, as JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from observability_integration.cost.report import CostReport, CostShare

    from .change import Change
    from .told_run import ToldRun

FORMAT: Final = "tta-test-costs"
VERSION: Final = 1

_Object: TypeAlias = dict[str, Any]  # Any: JSON


def report_json(told: ToldRun) -> str:
    """Return the report; amounts are US dollars, changes are shares of what was accepted.

    It has names of tests and of models, and nothing of what was asked or answered.
    """
    costs = told.costs
    total = costs.total
    report: _Object = {
        "format": FORMAT,
        "version": VERSION,
        "complete": not costs.lost,
        "total": _reported(total),
        "outside_tests": _reported(costs.outside),
        "by_model": {model: _figures(share) for model, share in total.by_model.items()},
        "tests": [
            {"id": node_id, **_reported(test), **_changes(told, node_id)}
            for node_id, test in costs.dearest()
        ],
        "budget": _budget(told),
    }
    return json.dumps(report, indent=2) + "\n"


def _figures(share: CostReport | CostShare) -> _Object:
    return {
        "spent_usd": share.spent,
        "wasted_usd": share.wasted,
        "saved_usd": share.saved,
        "calls": share.calls,
        "unpriced_calls": share.unpriced_calls,
    }


def _reported(report: CostReport) -> _Object:
    return {**_figures(report), "unpriced_models": list(report.unpriced_models)}


def _changes(told: ToldRun, node_id: str) -> _Object:
    if told.budget is None or told.budget.accepted is None:
        return {}
    change = told.judgement.tests.get(node_id)
    return {
        "accepted_usd": None if change is None else change.before,
        "change": None if change is None else change.share,
    }


def _budget(told: ToldRun) -> _Object | None:
    budget, judgement = told.budget, told.judgement
    if budget is None:
        return None
    return {
        "file": told.budget_name,
        "holds": not judgement.faults,
        "faults": list(judgement.faults),
        "notes": list(judgement.notes),
        "max_usd": budget.limits.max_usd if budget.limits else None,
        "max_calls": budget.limits.max_calls if budget.limits else None,
        "tolerance": budget.tolerance,
        "spent_usd": _change(judgement.spent),
        "calls": _change(judgement.calls),
    }


def _change(change: Change | None) -> _Object | None:
    if change is None:
        return None
    return {"accepted": change.before, "now": change.now, "change": change.share}
