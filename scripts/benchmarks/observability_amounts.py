"""How much of each the observability benchmark does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple


class Load(NamedTuple):
    """How a workflow is loaded.

    Attributes:
        upstream_seconds: How long its step waits.
        concurrency: How many workflows run at once.
        workflows: How many are run, in each round.
    """

    upstream_seconds: float
    concurrency: int
    workflows: int


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of each is done.

    Attributes:
        rounds: How many times each side is measured, in turns.
        batches: Timed batches of each kind of call, in each round.
        calls: Calls of which the processor time is taken, in each round.
        loads: How workflows are loaded.
        seconds: How long workflows follow each other without a pause.
        starts: New processes per import.
        queued: Spans that are kept in memory.
        weighings: How many times that is done.
        encoded: How many times a batch of spans is encoded.
    """

    rounds: int
    batches: int
    calls: int
    loads: tuple[Load, ...]
    seconds: float
    starts: int
    queued: int
    weighings: int
    encoded: int


USUAL: Final = Amounts(
    rounds=7,
    batches=60,
    calls=20_000,
    loads=(
        Load(0.001, 1, 150),
        Load(0.001, 100, 4000),
        Load(0.010, 1, 40),
        Load(0.010, 100, 3000),
        Load(0.200, 1, 5),
        Load(0.200, 100, 400),
    ),
    seconds=2.0,
    starts=15,
    queued=30_000,
    weighings=3,
    encoded=40,
)
QUICK: Final = Amounts(
    rounds=2,
    batches=15,
    calls=4000,
    loads=(
        Load(0.001, 1, 30),
        Load(0.001, 100, 600),
        Load(0.010, 1, 10),
        Load(0.010, 100, 600),
        Load(0.200, 1, 1),
        Load(0.200, 100, 100),
    ),
    seconds=0.5,
    starts=3,
    queued=10_000,
    weighings=1,
    encoded=5,
)
