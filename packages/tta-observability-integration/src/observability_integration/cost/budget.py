"""Hold a run to what it may cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .report import dollars

if TYPE_CHECKING:
    from .report import CostReport


@dataclass(frozen=True, slots=True)
class CostBudget:
    """The most that a run may cost.

    Attributes:
        max_usd: US dollars, wasted ones included; None for any. A call whose price is not known
            breaks it, because the run may have cost more.
        max_calls: Requests to models, failed ones included; None for any.

    Raises:
        ValueError: A limit is negative, or none is given.
    """

    max_usd: float | None = None
    max_calls: int | None = None

    def __post_init__(self) -> None:
        if self.max_usd is None and self.max_calls is None:
            msg = "a cost budget needs max_usd, max_calls or both"
            raise ValueError(msg)
        for name, limit in (("max_usd", self.max_usd), ("max_calls", self.max_calls)):
            if limit is not None and not limit >= 0:
                msg = f"{name} must be 0 or more, got {limit!r}"
                raise ValueError(msg)

    def complaint(self, report: CostReport) -> str | None:
        """Return what was too much, with who spent it; None where all is well."""
        faults = self.faults(report)
        if not faults:
            return None
        return "\n".join(["the cost budget is broken:", *(f"- {it}" for it in faults), str(report)])

    def faults(self, report: CostReport) -> list[str]:
        """Return a line for each limit that *report* breaks; none where all is well."""
        faults: list[str] = []
        # Sums of prices differ from the written amount in their last digits.
        if self.max_usd is not None and report.spent > self.max_usd * (1 + 1e-9):
            faults.append(f"spent {dollars(report.spent)}, at most {dollars(self.max_usd)} allowed")
        if self.max_calls is not None and report.calls > self.max_calls:
            faults.append(f"made {report.calls} calls, at most {self.max_calls} allowed")
        if self.max_usd is not None and report.unpriced_calls:
            models = ", ".join(map(repr, report.unpriced_models))
            faults.append(
                f"calls without a known price: {report.unpriced_calls} ({models}), so nobody can "
                "tell what was spent; give the adapter prices=, or set one with "
                "tta_dev_primitives.llm.pricing.set_price()"
            )
        return faults
