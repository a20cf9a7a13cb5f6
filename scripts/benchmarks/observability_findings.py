"""One row of the observability benchmark: our figure, the one beside it, and what was promised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keploy_goals import Goal

COLUMNS: Final = ("measure", "case", "ours", "beside it", "ratio", "goal", "")


@dataclass(frozen=True, slots=True)
class Finding:
    """A figure of ours, and what it is to be seen beside.

    Attributes:
        measure: Which part of the benchmark it is from.
        case: What was done.
        ours: The least that was seen, or the median where `measure` says so.
        unit: Of all figures here.
        median: The median, where `ours` is the least.
        beside: What the other figure is of.
        theirs: The other figure.
        goal: What `ours` is held to.
        series: What `case` is without figures of this run; the same, if empty.
    """

    measure: str
    case: str
    ours: float
    unit: str
    median: float | None = None
    beside: str = ""
    theirs: float | None = None
    goal: Goal | None = None
    series: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over theirs, where both are above nothing."""
        if self.theirs is None or min(self.ours, self.theirs) <= 0:
            return None
        return self.ours / self.theirs

    @property
    def verdict(self) -> str:
        """Whether the goal is met; nothing without one."""
        return "" if self.goal is None else self.goal.verdict(self.ours)

    def record(self) -> dict[str, Any]:  # Any: JSON values
        """Return the finding as `--json` writes it."""
        return {
            "measure": self.measure,
            "case": self.case,
            "series": self.series or self.case,
            "ours": self.ours,
            "median": self.median,
            "unit": self.unit,
            "beside": self.beside,
            "theirs": self.theirs,
            "ratio": self.ratio,
            "goal": None if self.goal is None else str(self.goal),
            "verdict": self.verdict,
        }


def print_findings(findings: Iterable[Finding]) -> None:
    """Print all findings as one Markdown table."""
    print(f"| {' | '.join(COLUMNS)} |")
    print("|---" * len(COLUMNS) + "|")
    for each in findings:
        print(f"| {' | '.join(_cells(each))} |", flush=True)


def figure(value: float, unit: str) -> str:
    """Return *value* with three digits that count, and its unit."""
    if unit == "spans":
        return f"{value:,.0f} {unit}"
    if unit == "%":
        return f"{value:+.3g} %" if abs(value) < 1000 else f"{value:+,.0f} %"
    digits = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{digits} {unit}"


def _cells(each: Finding) -> tuple[str, ...]:
    ours = figure(each.ours, each.unit)
    if each.median is not None:
        ours += f" ({figure(each.median, each.unit)})"
    theirs = each.beside
    if each.theirs is not None:
        theirs += f" {figure(each.theirs, each.unit)}"
    ratio = "" if each.ratio is None else f"{each.ratio:.2g} x"
    goal = "" if each.goal is None else str(each.goal)
    return each.measure, each.case, ours, theirs, ratio, goal, each.verdict
