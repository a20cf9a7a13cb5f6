"""What is spent, wasted and saved, in the cases that have a name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from observability_integration.cost.accounting import CostObserver, CostShare
from tta_dev_primitives import (
    CachePrimitive,
    HedgePrimitive,
    WorkflowPrimitive,
    observe,
)

from .paid_runs import CASES, CENT, Model, fail, retried, wait_then

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def costs() -> Iterator[CostObserver]:
    observer = CostObserver()
    with observe(observer):
        yield observer


def cents(costs: CostObserver) -> tuple[int, int, int]:
    """Spent, wasted and saved, in cents."""
    told = costs.report()
    figures = (told.spent, told.wasted, told.saved)
    for figure in figures:
        assert figure * 100 == pytest.approx(round(figure * 100), abs=1e-9)
    return tuple(round(figure * 100) for figure in figures)  # pyright: ignore[reportReturnType]


@pytest.mark.parametrize(("make", "works", "expected"), CASES.values(), ids=CASES.keys())
async def test_each_dollar_is_counted_once(
    costs: CostObserver,
    make: Callable[[], WorkflowPrimitive[Any, Any]],
    works: bool,
    expected: tuple[int, int],
) -> None:
    """Money for an answer nobody got is not told as wasted, or is told twice."""
    try:
        await make().execute("hi")
    except (RuntimeError, ValueError, OSError):
        assert not works
    else:
        assert works
    assert cents(costs) == (*expected, 0)


async def test_a_hit_saves_and_spends_nothing(costs: CostObserver) -> None:
    """What a cache saved is counted as money that was paid."""
    cached = CachePrimitive(Model(), name="answers")
    for _ in range(3):
        await cached.execute("hi")
    assert cents(costs) == (1, 0, 2)
    share = costs.report().by_path["0.answers"]
    assert (share.spent, share.saved, share.calls) == (0.0, pytest.approx(2 * CENT), 0)


async def test_callers_of_one_call_save_what_they_did_not_buy(costs: CostObserver) -> None:
    """Ten callers that share one request are told to have paid for ten."""
    cached = CachePrimitive(Model())
    await asyncio.gather(*(cached.execute("hi") for _ in range(10)))
    assert cents(costs) == (1, 0, 9)


async def test_a_bought_answer_is_not_wasted_by_the_caller_who_left(costs: CostObserver) -> None:
    """The first of two callers is cancelled, and what the second one got is told as wasted."""
    cached = CachePrimitive(wait_then(Model()))
    first = asyncio.create_task(cached.execute("hi"))
    await asyncio.sleep(0.005)
    second = asyncio.create_task(cached.execute("hi"))
    await asyncio.sleep(0.005)
    first.cancel()
    await asyncio.wait([first, second])
    assert second.result() == "plain!"
    assert cents(costs)[:2] == (1, 0)


async def test_saved_money_of_a_failed_attempt_is_not_wasted(costs: CostObserver) -> None:
    """A hit below an attempt that fails is counted as waste, though it cost nothing."""
    cached = CachePrimitive(Model())
    await cached.execute("hi")
    with pytest.raises(RuntimeError):
        await retried(cached >> fail).execute("hi")
    assert cents(costs) == (1, 0, 2)


async def test_a_stream_that_was_read_to_its_end(costs: CostObserver) -> None:
    """A streamed answer costs nothing, or is told as wasted."""
    assert [chunk async for chunk in Model().stream("hi")] == ["a", "b"]
    assert cents(costs) == (1, 0, 0)


async def test_a_stream_that_its_reader_left_is_not_wasted(costs: CostObserver) -> None:
    """Leaving a loop at the last chunk, as with an answer, is told as waste."""
    chunks = Model().stream("hi")
    async for chunk in chunks:
        if chunk == "b":
            break
    await chunks.aclose()
    assert cents(costs) == (1, 0, 0)


async def test_a_stream_that_breaks_off_is_wasted(costs: CostObserver) -> None:
    """An answer that broke off after it was paid is not told as waste."""
    with pytest.raises(ValueError, match="broke off"):
        _ = [chunk async for chunk in retried(Model("fail")).stream("hi")]
    assert cents(costs)[0] == cents(costs)[1] >= 1


async def test_a_hedged_stream_wastes_the_one_that_lost(costs: CostObserver) -> None:
    """The stream that was too late is paid for and not told as wasted."""
    late = wait_then(Model())
    hedged = HedgePrimitive(Model() >> late, delay=0.0, alternatives=[Model()])
    assert [chunk async for chunk in hedged.stream("hi")] == ["a", "b"]
    assert cents(costs) == (2, 1, 0)


async def test_runs_beside_each_other_do_not_pay_for_each_other(costs: CostObserver) -> None:
    """The failure of one run makes waste of what another one bought."""
    steps = [Model() >> Model("fail"), Model() >> Model(), retried(Model("fail", "ok"))]
    await asyncio.gather(*(step.execute(1) for step in steps), return_exceptions=True)
    assert cents(costs) == (6, 3, 0)


async def test_runs_in_other_threads_count_too() -> None:
    """Costs are lost where event loops of several threads add to them."""
    costs = CostObserver()

    def work() -> None:
        for _ in range(50):
            retried(Model("fail", "ok")).run("hi")

    with observe(costs):
        await asyncio.gather(*(asyncio.to_thread(work) for _ in range(4)))
    told = costs.report()
    assert told.spent == pytest.approx(400 * CENT)
    assert told.wasted == pytest.approx(200 * CENT)
    assert told.calls == 400


async def test_two_observers_do_not_disturb_each_other(costs: CostObserver) -> None:
    """A second observer takes over the calls of the first."""
    inner = CostObserver()
    with observe(inner):
        await retried(Model() >> Model("fail", "ok")).execute("hi")
    await Model().execute("hi")
    assert cents(costs) == (5, 2, 0)
    assert cents(inner) == (4, 2, 0)


async def test_calls_without_a_price_are_named(costs: CostObserver) -> None:
    """An unknown price is taken for 0."""
    both = Model() >> Model(cost=None, model="house", name="mine")
    await both.execute("hi")
    told = costs.report()
    assert (told.calls, told.unpriced_calls, told.unpriced_models) == (2, 1, ("house",))
    assert told.by_model["house"] == CostShare(calls=1, unpriced_calls=1)
    assert told.spent == CENT


async def test_calls_without_an_answer_count(costs: CostObserver) -> None:
    """Requests that were refused are missing in the number of calls."""
    with pytest.raises(ConnectionError):
        await retried(Model("refused"), times=3).execute("hi")
    told = costs.report()
    assert (told.calls, told.unpriced_calls, told.spent) == (4, 0, 0.0)


async def test_free_answers_are_priced(costs: CostObserver) -> None:
    """A model that costs nothing is told to have no known price."""
    await Model(cost=0.0).execute("hi")
    assert costs.report().unpriced_calls == 0


async def test_the_shares_say_who_and_where(costs: CostObserver) -> None:
    """The dearest step of a workflow cannot be told from the others."""
    workflow = retried(Model("fail", "ok", model="big", name="think")) >> Model(name="say")
    workflow.name = "app"
    await workflow.execute("hi")
    told = costs.report()
    assert told.by_model == {
        "big": CostShare(2 * CENT, CENT, 0.0, 2),
        "m": CostShare(CENT, 0.0, 0.0, 1),
    }
    assert told.by_path == {
        "0.app/0/0.think": CostShare(2 * CENT, CENT, 0.0, 2),
        "0.app/1.say": CostShare(CENT, 0.0, 0.0, 1),
    }
    assert str(told).splitlines() == [
        "total: spent $0.03, wasted $0.01 of it, 3 calls",
        "by path:",
        "  0.app/0/0.think: spent $0.02, wasted $0.01 of it, 2 calls",
        "  0.app/1.say: spent $0.01, 1 call",
        "by model:",
        "  big: spent $0.02, wasted $0.01 of it, 2 calls",
        "  m: spent $0.01, 1 call",
    ]


async def test_names_that_users_make_up_do_not_fill_the_memory(costs: CostObserver) -> None:
    """A service in which users name the model grows with every name."""
    model = Model()
    for number in range(2_100):
        model.model = f"made-up-{number}"
        await model.execute("hi")
    told = costs.report()
    assert told.calls == 2_100
    assert len(told.by_model) == 2_001
    assert told.by_model["other"].spent == pytest.approx(CENT * 100)
