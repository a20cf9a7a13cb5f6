"""Random workflows of models that take money, which note where each answer went.

Every paid answer has a number, and what steps hand on is the set of the numbers that went into it.
So the numbers in the final result say which answers were of use; all others were wasted.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tta_dev_primitives import (
    CachePrimitive,
    FallbackPrimitive,
    HedgePrimitive,
    ParallelPrimitive,
    RetryPrimitive,
    RetryStrategy,
    SequentialPrimitive,
    TimeoutPrimitive,
    WorkflowContext,
    WorkflowPrimitive,
)
from tta_dev_primitives.core.observe import LLMRecord, LLMRequestRecord, report
from tta_dev_primitives.errors import NotAcceptedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

FAST = RetryStrategy(max_retries=2, initial_delay=0.0)


class Ledger:
    """What was paid, answer by answer."""

    def __init__(self) -> None:
        self.paid: dict[int, float] = {}
        self.asked = 0
        self.numbers = itertools.count()


def parts_of(value: Any) -> frozenset[int]:
    """The numbers in what a step, or a parallel of steps, returned."""
    if isinstance(value, frozenset):
        return value
    return frozenset().union(*map(parts_of, value))


@dataclass(frozen=True)
class Turn:
    """What a model does when it is called: wait, cost, and fail before or after it was paid."""

    ticks: int
    cents: int
    then: str


class Model(WorkflowPrimitive[Any, Any]):
    """Does one turn after another, the last for ever."""

    def __init__(self, ledger: Ledger, turns: list[Turn], name: str) -> None:
        self.ledger, self.turns, self.name = ledger, list(turns), name

    async def answer(self) -> frozenset[int]:
        ledger = self.ledger
        turn = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        ledger.asked += 1
        report(LLMRequestRecord("chat", "p", self.name))
        for _ in range(turn.ticks):
            await asyncio.sleep(0)
        if turn.then == "refuse":
            raise ConnectionError("refused")
        number = next(ledger.numbers)
        ledger.paid[number] = turn.cents / 100
        tokens = (1, 1, 0, 0, 0)
        report(
            LLMRecord(
                "chat", "p", self.name, self.name, *tokens, "stop", 0.1, None, turn.cents / 100
            )
        )
        if turn.then == "fail":
            raise ValueError("not what was wanted")
        if turn.then == "linger":  # so that others can be quicker, and cancel it
            await asyncio.sleep(0.002)
        return frozenset({number})

    async def execute(self, input_data: Any, context: WorkflowContext | None = None) -> Any:
        return parts_of(input_data) | await self.answer()

    async def stream(
        self, input_data: Any, context: WorkflowContext | None = None
    ) -> AsyncGenerator[Any, None]:
        yield await self.execute(input_data, context)


turns = st.builds(
    Turn,
    st.integers(0, 3),
    st.integers(0, 5),
    st.sampled_from(["ok", "ok", "fail", "refuse", "linger"]),
)
leaves = st.builds(
    lambda turns, name: ("model", turns, name),
    st.lists(turns, min_size=1, max_size=3),
    st.sampled_from(["small", "big"]),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda step: ("retry", step), inner),
        st.builds(lambda step, refused: ("picky", step, refused), inner, st.integers(1, 3)),
        st.builds(lambda step, other: ("judged", step, other), inner, inner),
        st.builds(lambda step: ("timeout", step), inner),
        st.builds(lambda step: ("hedge", step), inner),
        st.builds(lambda step, other: ("hedge", step, other), inner, inner),
        st.builds(lambda step, other: ("fallback", step, other), inner, inner),
        st.builds(lambda step, other: ("late", step, other), inner, inner),
        st.builds(lambda steps: ("sequential", *steps), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda steps: ("parallel", *steps), st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda step: ("cache", step), inner),
    ),
    max_leaves=8,
)


def nothing_yet(question: int) -> frozenset[int]:
    return frozenset()


def built(tree: tuple[Any, ...], ledger: Ledger) -> WorkflowPrimitive[Any, Any]:
    kind, *rest = tree
    if kind == "model":
        return Model(ledger, *rest)
    if kind == "picky":  # it does not want the first results
        results = itertools.count()
        return RetryPrimitive(
            built(rest[0], ledger),
            strategy=FAST,
            retry_result=lambda value: next(results) < rest[1],
        )
    steps = [built(step, ledger) for step in rest]
    match kind:
        case "retry":
            return RetryPrimitive(steps[0], strategy=FAST)
        case "timeout":
            return TimeoutPrimitive(steps[0], 0.005)
        case "hedge":
            return HedgePrimitive(steps[0], delay=0.0, alternatives=steps[1:])
        case "fallback":
            return FallbackPrimitive(*steps)
        case "judged":
            verdicts = itertools.chain([False], itertools.repeat(True))
            return FallbackPrimitive(*steps, accept=lambda value: next(verdicts))
        case "late":
            return TimeoutPrimitive(steps[0], 0.001, fallback=steps[1])
        case "sequential":
            return SequentialPrimitive(steps)
        case "parallel":
            return ParallelPrimitive(steps)
        case _:
            keys = itertools.count()  # no two calls are alike, so that no answer comes twice
            return CachePrimitive(steps[0], cache_key_fn=lambda x, context: str(next(keys)))


async def outcome(step: WorkflowPrimitive[Any, Any], *, streams: bool) -> frozenset[int]:
    """The numbers of the answers that reached the caller; none where the run failed."""
    used: frozenset[int] = frozenset()
    try:
        if streams:
            used = parts_of([chunk async for chunk in step.stream(frozenset())])
        else:
            used = parts_of(await step.execute(frozenset()))
    except* (OSError, ValueError, NotAcceptedError):
        pass
    return used
