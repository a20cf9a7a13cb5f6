"""A cancellation in every turn of the event loop in which a call can be."""

from __future__ import annotations

import itertools

import pytest

from .cases import KINDS, Begin, Cancel, Case, Move, Node, Turns
from .machine import happen
from .worlds import Leaf, Outcome

TURNS = range(9)
SCRIPTS: tuple[tuple[Outcome, ...], ...] = (
    ("hops",),
    ("long", "long", "hop", "hop"),
    ("hop fail", "short"),
)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_call_may_be_cancelled_in_any_turn_after_it_began(kind: str) -> None:
    """One turn of a hundred is where the permit was lost."""
    for script, turn in itertools.product(SCRIPTS, TURNS):
        _run(kind, script, (Begin(), Begin(), Turns(turn), Cancel(), Cancel(1)))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_call_may_be_cancelled_in_any_turn_after_time_passed(kind: str) -> None:
    """When limits pass, hedges begin and pauses end."""
    for script, turn, seconds in itertools.product(SCRIPTS, TURNS, (0.2, 0.25)):
        moved = (Turns(4), Move(seconds, lively=False), Turns(turn))
        _run(kind, script, (Begin(), Begin("b0", "stream"), *moved, Cancel(), Cancel()))


def _run(kind: str, script: tuple[Outcome, ...], actions: tuple[object, ...]) -> None:
    leaf = Leaf("service", script, tidying=1)
    case = Case(Node(kind, (leaf,) * KINDS[kind][0]), actions)  # type: ignore[arg-type]
    try:
        happen(case)
    except AssertionError as error:
        error.add_note(repr(case))
        raise
