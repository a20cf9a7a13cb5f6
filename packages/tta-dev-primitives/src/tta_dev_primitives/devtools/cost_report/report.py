"""What is to be told: a measurement, and how far the code takes to the primitives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.devtools.replay.measurement import LeverSaving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tta_dev_primitives.devtools.calls.adoption import MemberAdoption
    from tta_dev_primitives.devtools.replay.measurement import Measurement

ALL_LEVERS: Final = "all together"


@dataclass(frozen=True, slots=True)
class CostReport:
    """What the formats show; every one of them tells the verdict first.

    Attributes:
        measurement: From a replay, or of arms that were really run.
        adoption: A row for each member of the workspace; None where nobody looked at code.
    """

    measurement: Measurement
    adoption: Sequence[MemberAdoption] | None = None

    @property
    def levers(self) -> tuple[LeverSaving, ...]:
        """The levers in order; of several, what they save together comes last."""
        levers, arms = self.measurement.levers, self.measurement.arms
        total = arms[-1].saving if arms else None
        if len(levers) < 2 or total is None:
            return levers
        return (*levers, LeverSaving(ALL_LEVERS, total))
