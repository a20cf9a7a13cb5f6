"""What the tests of a run cost, and how processes tell it to each other."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from observability_integration.cost.report import CostReport, CostShare, sum_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class RunCosts:
    """What a run of tests cost.

    Attributes:
        tests: The tests that cost or saved anything, by node id.
        outside: What belongs to no single test: imports, fixtures that tests share, hooks.
        lost: Processes whose costs are not known, because they ended too early to tell them.
    """

    tests: Mapping[str, CostReport] = field(default_factory=dict[str, CostReport])
    outside: CostReport = field(default_factory=CostReport)
    lost: tuple[str, ...] = ()

    @property
    def total(self) -> CostReport:
        """All of it together, without places in workflows."""
        return together([*self.tests.values(), self.outside])

    def dearest(self) -> list[tuple[str, CostReport]]:
        """Return the tests, those first that spent most."""
        return sorted(
            self.tests.items(), key=lambda item: (-item[1].spent, -item[1].calls, item[0])
        )


def together(reports: Iterable[CostReport]) -> CostReport:
    """Return what *reports* are together; places in workflows are left out."""
    reports = list(reports)
    shares: dict[str, list[CostShare]] = {}
    for report in reports:
        for model, share in report.by_model.items():
            shares.setdefault(model, []).append(share)
    return CostReport(
        math.fsum(report.spent for report in reports),
        math.fsum(report.wasted for report in reports),
        math.fsum(report.saved for report in reports),
        sum(report.calls for report in reports),
        sum(report.unpriced_calls for report in reports),
        {model: sum_of(parts) for model, parts in sorted(shares.items())},
    )


def merged(runs: Iterable[RunCosts]) -> RunCosts:
    """Return what the processes of one run cost together."""
    runs = list(runs)
    tests: dict[str, list[CostReport]] = {}
    for run in runs:
        for node_id, report in run.tests.items():
            tests.setdefault(node_id, []).append(report)
    return RunCosts(
        {node_id: together(reports) for node_id, reports in tests.items()},
        together(run.outside for run in runs),
        tuple(name for run in runs for name in run.lost),
    )


def plain(costs: RunCosts) -> dict[str, Any]:  # Any: what every way between processes carries
    """Return *costs* as dicts, lists, texts and numbers."""
    return asdict(costs)


def from_plain(told: Mapping[str, Any]) -> RunCosts:  # Any: as `plain` gives it
    """Return what `plain` was given."""
    return RunCosts(
        {node_id: _report(figures) for node_id, figures in told["tests"].items()},
        _report(told["outside"]),
        tuple(told["lost"]),
    )


def _report(figures: Mapping[str, Any]) -> CostReport:  # Any: as above
    by_model = {model: CostShare(**share) for model, share in figures["by_model"].items()}
    return CostReport(
        figures["spent"],
        figures["wasted"],
        figures["saved"],
        figures["calls"],
        figures["unpriced_calls"],
        by_model,
    )
