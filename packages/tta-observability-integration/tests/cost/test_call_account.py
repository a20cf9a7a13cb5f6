"""Spans of our own and spans of the user's tracer provider blame the same retries."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import trace

from observability_integration.cost.accounting import CostObserver
from observability_integration.metrics.instruments import RETRY_WASTED_COST
from observability_integration.metrics.recorder import Recorder
from observability_integration.metrics.registry import Registry
from observability_integration.observer import LightObserver
from observability_integration.spans.light_span import Scope
from observability_integration.spans.light_tracer import LightTracerProvider
from observability_integration.spans.sampling import Sampling
from tta_dev_primitives import (
    RetryPrimitive,
    RetryStrategy,
    WorkflowContext,
    WorkflowPrimitive,
    observe,
)
from tta_dev_primitives.testing import FakeClock

from .paid_runs import CASES, CENT, Model, fail, retried
from .random_runs import Ledger, built, outcome, trees

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

EXAMPLES = 2_000 if os.environ.get("TTA_LONG") == "1" else 120


class Watched:
    """Two observers of the same calls, each with what it counts."""

    def __init__(self) -> None:
        self.costs_cells, self.light_cells = Registry(), Registry()
        self.costs = CostObserver(self.costs_cells)
        self.provider = LightTracerProvider(id, Sampling())
        self.light = LightObserver(self.provider, Recorder(self.light_cells), Scope("tests"))

    @contextmanager
    def watching(self) -> Generator[None]:
        with observe(self.costs), observe(self.light):
            yield

    @property
    def wasted(self) -> float:
        """What the calls with spans wasted, after their accounts."""
        return self.light._accounts._book.report().wasted


def blamed(cells: Registry) -> dict[str, float]:
    """US dollars that each retry is to blame for."""
    return {
        str(point.attributes["tta.primitive.name"]): cast("float", point.value)
        for family in cells.collect()
        if family.instrument is RETRY_WASTED_COST
        for point in family.points
    }


@pytest.mark.parametrize(("make", "works", "expected"), CASES.values(), ids=CASES.keys())
async def test_spans_keep_the_same_accounts(
    make: Callable[[], WorkflowPrimitive[Any, Any]], works: bool, expected: tuple[int, int]
) -> None:
    """A dollar is wasted in the report of costs, and not in the metrics beside the spans."""
    watched = Watched()
    with watched.watching():
        try:
            await make().execute("hi")
        except (RuntimeError, ValueError, OSError):
            assert not works
    assert watched.wasted == pytest.approx(expected[1] * CENT, abs=1e-12)
    assert blamed(watched.light_cells) == pytest.approx(blamed(watched.costs_cells), abs=1e-12)


async def test_a_retry_is_to_blame_for_what_it_gave_up() -> None:
    """The inner of two retries is told to have wasted nothing, or the outer one the same again."""
    inner = retried(Model("fail", "fail", "fail", "ok"))
    inner.name = "inner"
    outer = retried(inner)
    outer.name = "outer"
    watched = Watched()
    with watched.watching():
        await outer.execute("hi")
    # The inner one gave up two answers in its first call and one in its second.
    assert blamed(watched.light_cells) == {"inner": pytest.approx(3 * CENT)}
    assert blamed(watched.costs_cells) == {"inner": pytest.approx(3 * CENT)}


class LongWait(FakeClock):
    """A clock by which every wait takes a hundred seconds."""

    async def sleep(self, seconds: float) -> None:
        self.advance(100)


async def test_a_retry_that_has_no_time_to_try_again_wastes_nothing() -> None:
    """The result is told as wasted that the caller got, because there was no time for another."""
    watched, clock = Watched(), LongWait()
    again = RetryPrimitive(
        Model(),
        strategy=RetryStrategy(max_retries=2, initial_delay=1.0, jitter=False),
        retry_result=lambda value: True,
        clock=clock,
    )
    with watched.watching():
        await again.execute("hi", WorkflowContext(deadline=clock.monotonic() + 10))
    assert watched.wasted == watched.costs.report().wasted == 0
    assert blamed(watched.light_cells) == blamed(watched.costs_cells) == {}


async def test_a_span_of_the_user_between_hides_no_waste() -> None:
    """Money spent within `with tracer.start_as_current_span()` is never counted as wasted."""
    watched = Watched()
    tracer = watched.provider.get_tracer("user")
    model = Model()

    async def step(question: str) -> str:
        with tracer.start_as_current_span("mine"):
            await model.execute(question)
        raise RuntimeError("no use")

    again = retried(step)
    again.name = "again"
    with watched.watching(), pytest.raises(RuntimeError):
        await again.execute("hi")
    assert blamed(watched.light_cells) == {"again": pytest.approx(2 * CENT)}


async def test_nothing_is_kept_of_calls_that_cost_nothing() -> None:
    """Every call pays for an account that only calls of models need."""
    watched = Watched()
    made: list[object] = []
    step = (lambda value: value) >> retried(lambda value: trace.get_current_span())
    with observe(watched.light):
        made.append(await step.execute(1))
    assert [getattr(span, "account", "no account") for span in made] == [None]


async def test_a_failed_run_is_blamed_on_no_retry() -> None:
    """What a step wasted by failing after it was paid counts as wasted on retries."""
    watched = Watched()
    with watched.watching(), pytest.raises(RuntimeError):
        await (Model() >> fail).execute("hi")
    assert watched.wasted == pytest.approx(CENT)
    assert blamed(watched.light_cells) == blamed(watched.costs_cells) == {}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(trees, st.booleans()), min_size=1, max_size=3))
def test_both_agree_on_any_workflow(runs: list[tuple[Any, bool]]) -> None:
    """In some nest of retries, hedges and fallbacks the two accounts tell different sums."""
    ledger, watched = Ledger(), Watched()
    steps = [(built(tree, ledger), streams) for tree, streams in runs]

    async def at_once() -> list[frozenset[int]]:
        return await asyncio.gather(*(outcome(step, streams=streams) for step, streams in steps))

    with watched.watching():
        used = frozenset().union(*asyncio.run(at_once()))
    wasted = sum(cost for number, cost in ledger.paid.items() if number not in used)
    assert watched.wasted == pytest.approx(wasted, abs=1e-12)
    assert blamed(watched.light_cells) == pytest.approx(blamed(watched.costs_cells), abs=1e-12)
