"""The demo's tickets measured: as they are, with a cache, and with a router too."""

from __future__ import annotations

import importlib.util
import time
from typing import TYPE_CHECKING, Final

from tta_dev_primitives.errors import MissingExtraError

from .event_loop import run_async
from .exits import UsageError
from .progress import progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from tta_dev_primitives.demo.measured_arms import TicketBill
    from tta_dev_primitives.demo.tickets import Ticket
    from tta_dev_primitives.devtools.replay.measurement import Measurement
    from tta_dev_primitives.devtools.replay.outcomes import Outcome

TICKETS: Final = 600
LEVERS: Final = ("exact cache", "router, retry, timeout, fallback")
NOTES: Final = (
    (
        "the tickets, their repeats and the models are invented; the tokens are counted by a "
        "server on this machine, and the prices are those of the invented models"
    ),
    (
        "the arm with a router asks a server that fails on purpose, so what was tried again is in "
        "its cost; the other arms ask one without faults"
    ),
    "quality is agreement with the gold answer of each ticket; equal tickets are drawn together",
    (
        "a hit is judged by the first ticket of the same text, which a model answered, and each "
        "is a trial: wrong ones would be answers to other questions"
    ),
)
_LATENCY_FACTOR: Final = 0.25  # no bill depends on it, and somebody is waiting


def measure_demo(options: argparse.Namespace) -> Measurement:
    """Run the demo's arms over its tickets and judge them.

    Raises:
        MissingExtraError: What the demo needs is not installed.
        UsageError: There are not so many tickets.
    """
    from tta_dev_primitives.demo.measured_arms import ARMS, run_measured_arms
    from tta_dev_primitives.demo.tickets import generate_tickets

    for module, extra in (("openai", "llm"), ("h11", "testing")):
        if importlib.util.find_spec(module) is None:
            msg = f"{module}, which the demo needs,"
            raise MissingExtraError(msg, extra)
    try:
        tickets = generate_tickets(options.tickets or TICKETS, seed=options.seed)
    except ValueError as error:
        raise UsageError(str(error)) from error
    began = time.time()
    with progress("tickets", total=len(tickets) * len(ARMS)) as advance:
        bills = run_async(
            run_measured_arms(
                tickets,
                seed=options.seed,
                latency_factor=_LATENCY_FACTOR,
                on_ticket=lambda _: advance(0),
            )
        )
    return judge_bills(
        tickets,
        bills,
        target=options.target,
        quality=options.quality,
        seed=options.seed,
        began=began,
        ended=time.time(),
    )


def judge_bills(
    tickets: Sequence[Ticket],
    bills: Mapping[str, Sequence[TicketBill]],
    *,
    target: float = 0.40,
    quality: float = 0.95,
    seed: int = 0,
    began: float | None = None,
    ended: float | None = None,
) -> Measurement:
    """Return the measurement of arms that were run on *tickets*, and its verdict.

    Args:
        tickets: What was answered.
        bills: By arm, one for each ticket, in their order.
        target: Share of the cost to be saved.
        quality: Share of the quality to be kept.
        seed: Of the draws.
        began: When the first ticket was begun, in seconds since 1970.
        ended: When the last one was done.
    """
    from tta_dev_primitives.devtools.replay.outcomes import judge_outcomes

    return judge_outcomes(
        _outcomes(tickets, bills),
        tuple(bills),
        source=f"the demo's {len(tickets):,} tickets",
        levers=LEVERS,
        price_source="those of the simulated models",
        target=target,
        quality=quality,
        seed=seed,
        began=began,
        ended=ended,
        notes=NOTES,
    )


def _outcomes(
    tickets: Sequence[Ticket], bills: Mapping[str, Sequence[TicketBill]]
) -> Iterator[Outcome]:
    from tta_dev_primitives.devtools.replay.outcomes import Outcome

    arms = list(bills.values())
    fresh: list[dict[str, bool]] = [{} for _ in arms]
    for known, arm in zip(fresh, arms, strict=True):
        for ticket, bill in zip(tickets, arm, strict=True):
            if not bill.hits:
                known.setdefault(ticket.text, bill.correct)
    for ticket, *row in zip(tickets, *arms, strict=True):
        yield Outcome(
            cluster=ticket.text,
            costs=tuple(bill.cost for bill in row),
            scores=tuple(float(bill.correct) for bill in row),
            calls=tuple(bill.calls for bill in row),
            hits=tuple(bill.hits for bill in row),
            wrong_hits=tuple(
                _wrong_hits(bill, known.get(ticket.text))
                for bill, known in zip(row, fresh, strict=True)
            ),
        )


def _wrong_hits(bill: TicketBill, fresh: bool | None) -> int | None:  # noqa: FBT001 - a score
    """Return how many hits gave another result than a model did; None where that is not known."""
    if fresh is None or bill.calls:
        return None if bill.hits else 0
    return 0 if bill.correct == fresh else bill.hits
