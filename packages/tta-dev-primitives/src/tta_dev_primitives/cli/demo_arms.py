"""One side of the demo's comparison: a workflow, run over tickets and graded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.demo.tickets import grade

from . import job
from .lines import Line
from .progress import progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tta_dev_primitives.core.base import WorkflowPrimitive
    from tta_dev_primitives.demo.tickets import Ticket

    from .results import Record


@dataclass(slots=True)
class Arm:
    """What one side did.

    Attributes:
        report: Counts, tokens, money and times.
        quality: Share of tickets whose category and answer agree with gold; a failed ticket
            agrees with nothing.
    """

    report: job.JobReport
    quality: float

    @property
    def cost(self) -> float | None:
        """US dollars, or None where a price is not known."""
        ledger = self.report.ledger
        return None if ledger.unpriced else round(ledger.cost, 6)

    @property
    def percentiles(self) -> tuple[float | None, float | None]:
        """Median and 95th percentile of a ticket's latency, in milliseconds."""
        latencies = self.report.latencies
        return latencies.milliseconds(0.50), latencies.milliseconds(0.95)


class _Graded:
    """Takes the records of a job and grades them against the tickets."""

    done: Mapping[int, str] = {}

    def __init__(self, tickets: Sequence[Ticket]) -> None:
        self._tickets = tickets
        self.correct = 0

    def write(self, record: Record) -> None:
        """Grade one record."""
        if record["ok"]:
            output = record["output"]
            index: int = record["index"]
            ticket = self._tickets[index]
            self.correct += grade(ticket, output["category"], output["answer"]).correct

    def finish(self) -> None:
        """Nothing is left to do."""

    close = finish


async def run_arm(
    title: str,
    workflow: WorkflowPrimitive[Any, Any],  # Any: JSON in, JSON out
    tickets: Sequence[Ticket],
    concurrency: int,
) -> Arm:
    """Run *workflow* over *tickets*, *concurrency* at a time, and grade what it says."""
    graded = _Graded(tickets)
    lines = (
        Line(index, index + 1, ticket.id, {"text": ticket.text, "language": ticket.language})
        for index, ticket in enumerate(tickets)
    )
    with progress(title, total=len(tickets)) as advance:
        report = await job.run_job(
            workflow,
            lines,
            graded,
            concurrency=concurrency,
            on_item=lambda report: advance(report.errors),
        )
    return Arm(report, graded.correct / len(tickets))
