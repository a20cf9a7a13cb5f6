"""Accounts of random workflows, held against where each answer went in the end."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observability_integration.cost.accounting import CostObserver, CostReport
from tta_dev_primitives import (
    CachePrimitive,
    observe,
)

if TYPE_CHECKING:
    pass

from .random_runs import Ledger, built, nothing_yet, outcome, trees

LONG_RUN = os.environ.get("TTA_LONG") == "1"
EXAMPLES = 2_000 if LONG_RUN else 120


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
