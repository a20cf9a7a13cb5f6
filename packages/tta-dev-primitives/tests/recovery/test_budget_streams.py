from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives.errors import BudgetExceededError
from tta_dev_primitives.llm.types import LLMChunk, LLMResponse
from tta_dev_primitives.recovery.budget import BudgetPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle


def letters(result: str, x: str) -> float:
    """A dime for each letter."""
    return len(result) / 10


def half(x: object, context: object) -> float:
    return 0.5


async def talk(x: str) -> AsyncIterator[LLMChunk]:
    yield LLMChunk("hel")
    yield LLMChunk("lo")
    yield LLMChunk("", LLMResponse("hello", cost=0.25))


async def test_stream_costs_what_its_last_chunk_says(clock: FakeClock, collect: Any) -> None:
    budget = BudgetPrimitive(talk, limit=1, clock=clock)
    assert len(await collect(budget.stream("x"))) == 3
    assert budget.spent() == 0.25


async def test_stream_and_execute_cost_the_same(clock: FakeClock, collect: Any) -> None:
    budget = BudgetPrimitive(talk, limit=1, clock=clock)
    assert (await budget.execute("x")).text == "hello"
    await collect(budget.stream("x"))
    assert budget.spent() == 0.5


async def test_own_cost_function_gets_the_joined_whole(
    clock: FakeClock, source: Any, collect: Any
) -> None:
    budget = BudgetPrimitive(source(0, 0, 0), limit=1, actual=letters, clock=clock)
    assert await collect(budget.stream("c")) == ["c0", "c1", "c2"]
    assert budget.spent() == 0.6


async def test_stream_is_refused_before_it_begins(
    clock: FakeClock, watcher: Any, source: Any, collect: Any
) -> None:
    feed = source(0, 0)
    budget = BudgetPrimitive(feed, limit=0.4, actual=letters, clock=clock)
    await collect(budget.stream("c"))
    with pytest.raises(BudgetExceededError):
        await collect(budget.stream("c"))
    assert feed.begun == 1
    assert watcher.outcomes["0"] == "rejected"


async def test_reservation_is_held_until_the_stream_ends(
    clock: FakeClock, source: Any, collect: Any
) -> None:
    budget = BudgetPrimitive(source(0, 0), limit=1, estimate=half, actual=letters, clock=clock)
    stream = budget.stream("c")
    assert budget.reserved() == 0, "a stream that nobody has begun to take holds nothing"
    await anext(stream)
    assert (budget.reserved(), budget.spent()) == (0.5, 0)
    await collect(stream)
    assert (budget.reserved(), budget.spent()) == (0, 0.4)


async def test_stream_closed_early_costs_what_was_taken(clock: FakeClock, source: Any) -> None:
    feed = source(0, 0, 0)
    budget = BudgetPrimitive(feed, limit=1, estimate=half, actual=letters, clock=clock)
    stream = budget.stream("c")
    await anext(stream)
    await stream.aclose()
    assert feed.closed
    assert (budget.reserved(), budget.spent()) == (0, 0.2)


async def test_stream_left_after_the_chunk_with_the_cost_is_priced(clock: FakeClock) -> None:
    """Most callers stop at the last chunk and never see the end behind it."""
    budget = BudgetPrimitive(talk, limit=1, unpriced="reject", clock=clock)
    stream = budget.stream("x")
    async for chunk in stream:
        if chunk.response is not None:
            break
    await stream.aclose()
    assert budget.spent() == 0.25
    assert budget.report()[None].unpriced == 0


async def test_estimate_stands_for_a_cut_stream_that_does_not_say_its_cost(
    clock: FakeClock,
) -> None:
    """Breaking off streams is no way to have them for nothing, and closes no scope either."""
    budget = BudgetPrimitive(talk, limit=1, estimate=half, unpriced="reject", clock=clock)
    for _ in range(2):
        stream = budget.stream("x")
        await anext(stream)
        await stream.aclose()
    assert (budget.reserved(), budget.spent()) == (0, 1)
    assert budget.report()[None].unpriced == 2
    with pytest.raises(BudgetExceededError, match=r"cannot pay \$0.5 more"):
        await anext(budget.stream("x"))


async def test_stream_that_fails_before_its_first_chunk_gives_its_reservation_back(
    clock: FakeClock, source: Any, collect: Any
) -> None:
    budget = BudgetPrimitive(
        source(OSError("reset")), limit=1, estimate=half, actual=letters, clock=clock
    )
    with pytest.raises(OSError, match="reset"):
        await collect(budget.stream("c"))
    assert budget.remaining() == 1
    assert budget.report()[None].calls == 0


async def test_stream_that_fails_midway_costs_what_came_and_keeps_its_error(
    clock: FakeClock, source: Any, collect: Any
) -> None:
    budget = BudgetPrimitive(
        source(0, OSError("reset")), limit=1, estimate=half, actual=letters, clock=clock
    )
    with pytest.raises(OSError, match="reset"):
        await collect(budget.stream("c"))
    assert (budget.reserved(), budget.spent()) == (0, 0.2)


@pytest.mark.parametrize("begun", [False, True], ids=["before-a-chunk", "after-a-chunk"])
async def test_cancelled_stream_holds_nothing(
    clock: FakeClock, source: Any, collect: Any, begun: bool
) -> None:
    feed = source(0, 60) if begun else source(60)
    budget = BudgetPrimitive(feed, limit=1, estimate=half, actual=letters, clock=clock)
    task = asyncio.ensure_future(collect(budget.stream("c")))
    await settle()
    assert budget.reserved() == 0.5
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert feed.closed
    assert (budget.reserved(), budget.spent()) == (0, 0.2 if begun else 0)


async def test_cost_function_that_fails_does_not_replace_a_cancellation(
    clock: FakeClock, source: Any, collect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(result: str, x: str) -> float:
        raise LookupError("no such model")

    budget = BudgetPrimitive(source(0, 60), limit=1, estimate=half, actual=broken, clock=clock)
    task = asyncio.ensure_future(collect(budget.stream("c")))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (budget.reserved(), budget.spent()) == (0, 0.5)
    assert caplog.messages == ["the cost of a stream cut short could not be told"]


async def test_chunks_that_cannot_be_joined_leave_no_reservation(
    clock: FakeClock, collect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd:
        @classmethod
        def join_chunks(cls, chunks: list[Odd]) -> Odd:
            raise LookupError("no whole")

    async def odd(x: str) -> AsyncIterator[Odd]:
        yield Odd()

    budget = BudgetPrimitive(odd, limit=1, estimate=half, clock=clock)
    with pytest.raises(LookupError):
        await collect(budget.stream("x"))
    assert (budget.reserved(), budget.spent()) == (0, 0.5)
    assert len(caplog.records) == 1


async def test_stream_counts_in_the_period_it_began_in(
    clock: FakeClock, source: Any, collect: Any, after: Any
) -> None:
    budget = BudgetPrimitive(
        source(30, 60), limit=1, per=60, actual=letters, estimate=half, clock=clock
    )
    await after(90, collect(budget.stream("c")))
    assert (budget.reserved(), budget.spent()) == (0, 0)
