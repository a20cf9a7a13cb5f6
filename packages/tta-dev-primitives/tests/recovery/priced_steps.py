"""Steps that cost what they are told, and what a budget asks about them."""

from __future__ import annotations

from dataclasses import dataclass

from tta_dev_primitives.core.context import WorkflowContext
from tta_dev_primitives.testing.clock import FakeClock


@dataclass
class Priced:
    """An answer that says what it cost."""

    cost: float | None


async def charge(amount: float | None) -> Priced:
    """Cost what it is given."""
    return Priced(amount)


def asked(amount: float, context: WorkflowContext) -> float:
    """Estimate that a call costs what it is given."""
    return amount


def by_player(amount: object, context: WorkflowContext) -> str | None:
    return context.player_id


def player(name: str) -> WorkflowContext:
    return WorkflowContext(player_id=name)


def noon() -> FakeClock:
    """A clock at 15 November 2023, 12:00 UTC."""
    return FakeClock(epoch=1_700_049_600.0)
