"""Accounts of random workflows, held against where each answer went in the end.

Every paid answer has a number, and what steps hand on is the set of the numbers that went into it.
So the numbers in the final result say which answers were of use; all others were wasted.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observability_integration.cost.accounting import CostObserver, CostReport
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
    observe,
)
from tta_dev_primitives.core.observe import LLMRecord, LLMRequestRecord, report
from tta_dev_primitives.errors import NotAcceptedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

LONG_RUN = os.environ.get("TTA_LONG") == "1"
EXAMPLES = 2_000 if LONG_RUN else 120
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


def assert_sums_agree(told: CostReport) -> None:
    for shares in (told.by_model, told.by_path):
        parts = shares.values()
        assert sum(share.spent for share in parts) == pytest.approx(told.spent, abs=1e-12)
        assert sum(share.wasted for share in parts) == pytest.approx(told.wasted, abs=1e-12)
        assert sum(share.calls for share in parts) == told.calls
        assert sum(share.unpriced_calls for share in parts) == told.unpriced_calls
        assert all(share.wasted <= share.spent for share in parts)
    assert sum(share.saved for share in told.by_path.values()) == pytest.approx(told.saved)
    assert told.wasted <= told.spent


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(trees, st.booleans()), min_size=1, max_size=3))
def test_what_reached_nobody_is_wasted(runs: list[tuple[Any, bool]]) -> None:
    """In some nest of retries, hedges and fallbacks a dollar is counted twice, or not at all."""
    ledger, costs = Ledger(), CostObserver()
    steps = [(built(tree, ledger), streams) for tree, streams in runs]

    async def at_once() -> list[frozenset[int]]:
        return await asyncio.gather(*(outcome(step, streams=streams) for step, streams in steps))

    with observe(costs):
        used = frozenset().union(*asyncio.run(at_once()))
    told = costs.report()
    spent = sum(ledger.paid.values())
    wasted = sum(cost for number, cost in ledger.paid.items() if number not in used)
    assert told.spent == pytest.approx(spent, abs=1e-12)
    assert told.wasted == pytest.approx(wasted, abs=1e-12)
    assert told.saved == 0
    assert told.calls == ledger.asked
    assert_sums_agree(told)
    # The report never tells more waste than was spent; nor must what it is made of.
    assert all(line.wasted <= line.spent + 1e-12 for line in costs._book._lines.values())


@settings(max_examples=EXAMPLES // 2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees, st.lists(st.integers(0, 2), min_size=1, max_size=6))
def test_sums_agree_with_hits_and_cancellation(tree: Any, questions: list[int]) -> None:
    """Answers that caches give again, or callers that leave, make the sums disagree."""
    ledger, costs = Ledger(), CostObserver()
    cached = CachePrimitive(
        nothing_yet >> built(tree, ledger), cache_key_fn=lambda x, context: str(x)
    )

    async def ask(question: int) -> None:
        task = asyncio.ensure_future(cached.execute(question))
        await asyncio.wait([task], timeout=0.001 if question == 2 else None)
        task.cancel()
        await asyncio.wait([task])

    async def at_once() -> None:
        await asyncio.gather(*map(ask, questions))

    with observe(costs):
        asyncio.run(at_once())
    told = costs.report()
    assert told.spent == pytest.approx(sum(ledger.paid.values()), abs=1e-12)
    assert_sums_agree(told)
