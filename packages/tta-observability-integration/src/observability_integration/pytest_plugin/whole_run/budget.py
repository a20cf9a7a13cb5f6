"""The budget of a run of tests: limits, and the figures that were accepted last."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from observability_integration.cost.budget import CostBudget

TOLERANCE: Final = 0.1


@dataclass(frozen=True, slots=True)
class AcceptedCost:
    """What a run, or one test, cost when somebody accepted it.

    Attributes:
        usd: US dollars; None where the price of a call was not known.
        calls: Requests to models.
    """

    usd: float | None
    calls: int


@dataclass(frozen=True, slots=True)
class AcceptedCosts:
    """The accepted figures of a run.

    Attributes:
        total: Of the whole run, with what belongs to no single test.
        tests: Of each test that cost anything, by node id.
    """

    total: AcceptedCost
    tests: Mapping[str, AcceptedCost] = field(default_factory=dict[str, AcceptedCost])


@dataclass(frozen=True, slots=True)
class PatternLimits:
    """The most that each test may cost whose node id fits *pattern*; `*` is any text."""

    pattern: str
    limits: CostBudget

    def covers(self, node_id: str) -> bool:
        """Tell whether the limits are for that test."""
        pattern = self.pattern.replace("[", "[[]").replace("?", "[?]")
        return fnmatch.fnmatchcase(node_id, pattern)


@dataclass(frozen=True, slots=True)
class RunBudget:
    """The most that a run of tests may cost.

    Attributes:
        limits: For the whole run; None for any.
        tests: For single tests; all that fit a test hold.
        tolerance: Share of the accepted figures by which a run may be above them.
        accepted: What was accepted last; None where nothing was.
    """

    limits: CostBudget | None = None
    tests: tuple[PatternLimits, ...] = ()
    tolerance: float = TOLERANCE
    accepted: AcceptedCosts | None = None
