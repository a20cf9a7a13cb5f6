"""Steps that ask for other answers, and may not wait for themselves."""

from __future__ import annotations

import asyncio

import pytest

from tta_dev_primitives import errors
from tta_dev_primitives.testing.clock import settle

from .cache_callers import MakeCache


async def test_step_that_asks_for_its_own_answer_is_told(make_local_cache: MakeCache) -> None:
    """Instead of waiting for itself for ever."""

    async def answer(x: str) -> str:
        return await cache.execute(x)

    cache = make_local_cache(answer)
    with pytest.raises(errors.ConfigurationError, match="would wait for itself for ever"):
        await cache.execute("q")


async def test_steps_that_ask_for_each_others_answers_are_told(make_local_cache: MakeCache) -> None:
    """Even when each was begun by somebody else."""
    both_begun = asyncio.Barrier(2)
    other = {"a": "b", "b": "a"}

    async def answer(x: str) -> str:
        await both_begun.wait()
        return await cache.execute(other[x])

    cache = make_local_cache(answer)
    raised = await asyncio.gather(cache.execute("a"), cache.execute("b"), return_exceptions=True)
    assert [type(error) for error in raised] == [errors.ConfigurationError] * 2


async def test_step_may_ask_for_other_answers(make_local_cache: MakeCache) -> None:
    """Two ways to the same inner answer are no circle."""

    async def fibonacci(n: int) -> int:
        if n < 2:
            return n
        return sum(await asyncio.gather(cache.execute(n - 1), cache.execute(n - 2)))

    cache = make_local_cache(fibonacci)
    assert await cache.execute(20) == 6765
    assert cache.get_stats()["size"] == 21


async def test_joining_calls_that_wait_for_many_others_takes_no_time(
    make_local_cache: MakeCache,
) -> None:
    """Each of 40 layers of two waits for both of the next: a trillion ways lead down."""
    gate, bottom = asyncio.Event(), asyncio.Event()

    async def answer(x: tuple[int, int]) -> int:
        depth = x[0]
        if depth == 40:
            bottom.set()
            await gate.wait()
            return 1
        return sum(
            await asyncio.gather(cache.execute((depth + 1, 0)), cache.execute((depth + 1, 1)))
        )

    async def late(x: str) -> int:
        return await cache.execute((0, 0))

    cache = make_local_cache(answer)
    top = asyncio.create_task(cache.execute((0, 0)))
    await bottom.wait()
    joined = asyncio.create_task(cache.wrap(late).execute("q"))
    await settle()
    gate.set()
    assert await top == await joined == 2**40


async def test_step_may_ask_another_cache_with_the_same_key(make_local_cache: MakeCache) -> None:
    inner = make_local_cache(lambda x: f"inner {x}")

    async def answer(x: str) -> str:
        return await inner.execute(x)

    assert await make_local_cache(answer).execute("q") == "inner q"
