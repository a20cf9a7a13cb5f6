"""What was promised, and whether a figure keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a figure.

    Attributes:
        bound: The figure that is just good enough.
        sense: Whether the figure may not be lower, or not higher.
        unit: What is said after the bound.
    """

    bound: float
    sense: Literal["at least", "at most"]
    unit: str = "x"

    def __str__(self) -> str:
        return f"{self.sense} {self.bound:g} {self.unit}"

    def verdict(self, figure: float | None) -> str:
        """Return ``met``, ``missed``, or nothing where there is no figure."""
        if figure is None:
            return ""
        kept = figure >= self.bound if self.sense == "at least" else figure <= self.bound
        return "met" if kept else "missed"


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of each is done.

    Attributes:
        rounds: How many times each side is measured, in turns.
        seconds: How long a load lasts.
        mocks: Sizes of the mock sets; the last is the one that must not be slower.
        tests: How many tests are loaded, and replayed.
        starts: How many processes are started per case.
        certificates: How many certificates are signed by each side.
    """

    rounds: int
    seconds: float
    mocks: tuple[int, int]
    tests: int
    starts: int
    certificates: int


USUAL: Final = Amounts(5, 2.0, (1000, 10_000), 1000, 9, 200)
QUICK: Final = Amounts(2, 0.7, (1000, 2000), 200, 3, 40)


def verdict(record: dict[str, Any], name: str, goal: Goal, figure: float | None) -> dict[str, Any]:
    """Add a figure, its goal and the verdict to *record* and return it."""  # Any: JSON values
    return record | {name: figure, "goal": str(goal), "": goal.verdict(figure)}
