"""All that is told of a run of tests when it has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .budget import RunBudget
    from .costs import RunCosts
    from .judgement import Judgement


@dataclass(frozen=True, slots=True)
class ToldRun:
    """What a run cost, and what came of holding it to a budget.

    Attributes:
        costs: What it cost.
        budget_name: The budget file as it was named; None without one.
        budget: What it allows; None without one, or where it was not read.
        judgement: What came of it.
    """

    costs: RunCosts
    budget_name: str | None
    budget: RunBudget | None
    judgement: Judgement

    @property
    def verdict(self) -> str | None:
        """A sentence that says whether the budget holds; None without one."""
        if self.budget is None:
            return None
        holds = "is broken" if self.judgement.faults else "holds"
        return f"the cost budget {self.budget_name} {holds}"
