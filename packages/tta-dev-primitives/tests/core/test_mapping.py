"""One step over many inputs: lazy, bounded, and whole however it ends."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import pickle
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives import Item, LambdaPrimitive
from tta_dev_primitives.testing import settle


def double(x: int) -> int:
    return x * 2


BOTH = pytest.mark.parametrize("kind", ["sync", "async"])
ORDERS = pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "unordered"])


@BOTH
@ORDERS
@pytest.mark.parametrize("concurrency", [1, 3, 100])
async def test_every_input_gives_one_item(
    new_source: Any, kind: str, ordered: bool, concurrency: int
) -> None:
    """Whatever the order, the width and the kind of source."""
    items = [
        item
        async for item in LambdaPrimitive(double).map(
            new_source(20).of(kind), concurrency=concurrency, ordered=ordered
        )
    ]
    assert sorted(items, key=lambda item: item.index) == [
        Item(index, ok=True, value=index * 2, error=None, attempts=1) for index in range(20)
    ]
    if ordered or concurrency == 1:
        assert [item.index for item in items] == list(range(20))


async def nothing() -> AsyncIterator[int]:
    for x in ():
        yield x


@pytest.mark.parametrize(
    "inputs", [[], (), iter(()), nothing()], ids=["list", "tuple", "iterator", "async"]
)
@ORDERS
async def test_no_inputs_give_no_items(inputs: Any, ordered: bool) -> None:
    """An empty source is no error."""
    assert [item async for item in LambdaPrimitive(double).map(inputs, ordered=ordered)] == []


async def test_items_come_as_they_finish_when_order_does_not_matter(gate: Any) -> None:
    """The first to finish is the first to come."""
    items = LambdaPrimitive(gate).map([0, 1, 2], ordered=False)
    gate.open(2)
    assert (await anext(items)).index == 2
    gate.open(0)
    assert (await anext(items)).index == 0
    gate.open(1)
    assert (await anext(items)).index == 1
    with pytest.raises(StopAsyncIteration):
        await anext(items)


async def test_items_wait_for_a_slow_head_in_order(new_source: Any, gate: Any) -> None:
    """What finished before waits, up to the window, and the source is not drained meanwhile."""
    source = new_source()
    gate.open(*range(1, 100))
    items = LambdaPrimitive(gate).map(source(), concurrency=3)
    first = asyncio.ensure_future(anext(items))
    await settle(50)
    assert not first.done()
    assert source.pulled == 6
    gate.open(0)
    assert (await first).value == 0
    assert [(await anext(items)).value for _ in range(10)] == [x * 10 for x in range(1, 11)]
    await items.aclose()


@BOTH
@ORDERS
async def test_nothing_is_pulled_before_the_first_item_is_asked_for(
    new_source: Any, kind: str, ordered: bool
) -> None:
    """A map that nobody reads does nothing, and may be closed."""
    source = new_source()
    items = LambdaPrimitive(double).map(source.of(kind), ordered=ordered)
    await settle()
    assert source.pulled == 0
    await items.aclose()


@BOTH
@ORDERS
async def test_inputs_are_pulled_only_as_items_are_taken(
    new_source: Any, kind: str, ordered: bool
) -> None:
    """At most twice the concurrency ahead of the consumer, however long it takes its time."""
    source = new_source()
    items = LambdaPrimitive(double).map(source.of(kind), concurrency=4, ordered=ordered)
    for taken in range(1, 30):
        await anext(items)
        await settle()
        assert taken < source.pulled <= taken + 8
    await items.aclose()
    assert source.closed


async def test_a_source_that_becomes_fast_is_still_held_back(new_source: Any) -> None:
    """Workers that queue for a slow source do not all pull when it wakes up."""
    gate, source = asyncio.Event(), new_source()

    async def stalls() -> AsyncIterator[int]:
        for x in source():
            if x == 5:
                await gate.wait()
            yield x

    items = LambdaPrimitive(double).map(stalls(), concurrency=3)
    await anext(items)
    await settle()
    gate.set()
    await settle()
    assert source.pulled == 1 + 6
    await items.aclose()


@settings(max_examples=150, deadline=None)
@given(
    turns=st.lists(st.integers(0, 6), max_size=25),
    failing=st.sets(st.integers(0, 24), max_size=5),
    pauses=st.lists(st.integers(0, 4), max_size=8),
    concurrency=st.integers(1, 6),
    ordered=st.booleans(),
    kind=st.sampled_from(["sync", "async"]),
    stop_after=st.none() | st.integers(0, 25),
)
def test_map_keeps_its_promises_whatever_the_timing(
    new_source: Any,
    turns: list[int],
    failing: set[int],
    pauses: list[int],
    concurrency: int,
    ordered: bool,
    kind: str,
    stop_after: int | None,
) -> None:
    """Bounds hold, nothing is lost, doubled or left running, wherever the consumer stops."""
    source = new_source(len(turns))
    running = most = taken = 0

    async def work(x: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        assert source.pulled <= taken + 2 * concurrency
        try:
            for _ in range(turns[x]):
                await asyncio.sleep(0)
            if x in failing:
                raise LookupError(x)
            return x
        finally:
            running -= 1

    async def consume() -> list[Item[int]]:
        nonlocal taken
        items: list[Item[int]] = []
        before = asyncio.all_tasks()
        stream = LambdaPrimitive(work).map(
            source.of(kind), concurrency=concurrency, ordered=ordered
        )
        async with contextlib.aclosing(stream):
            async for item in stream:
                items.append(item)
                taken += 1
                if taken == stop_after:
                    break
                for _ in range(pauses[taken % len(pauses)] if pauses else 0):
                    await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
        return items

    items = asyncio.run(asyncio.wait_for(consume(), 5))
    expected = len(turns) if not stop_after else min(stop_after, len(turns))
    assert len(items) == expected
    assert len({item.index for item in items}) == expected
    if ordered:
        assert [item.index for item in items] == list(range(expected))
    for item in items:
        assert item.ok == (item.index not in failing)
        assert (item.value == item.index) if item.ok else isinstance(item.error, LookupError)
    assert most <= concurrency
    assert running == 0
    assert source.closed or source.pulled == 0


async def test_concurrency_is_used_to_the_full() -> None:
    """As many inputs as allowed are worked on at once."""
    barrier = asyncio.Barrier(5)

    async def meet(x: int) -> int:
        await barrier.wait()
        return x

    items = LambdaPrimitive(meet).map(range(20), concurrency=5)
    assert [item.value async for item in items] == list(range(20))


@pytest.mark.parametrize("count", [0, 1, 7, 100])
async def test_steps_that_never_wait_are_done_by_one_worker(count: int) -> None:
    """Tasks were made that found nothing to do."""
    loop, tasks = asyncio.get_running_loop(), list[str]()

    def make(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
        tasks.append(repr(work))
        return asyncio.Task(work, loop=loop, **options)

    loop.set_task_factory(make)
    try:
        items = [item.value async for item in LambdaPrimitive(double).map(range(count))]
    finally:
        loop.set_task_factory(None)
    assert items == [x * 2 for x in range(count)]
    assert len(tasks) == 1


async def test_item_cannot_be_changed() -> None:
    """What one reader does to an item is not seen by the next."""
    item = await anext(LambdaPrimitive(double).map([4]))
    assert type(item) is Item
    with pytest.raises(dataclasses.FrozenInstanceError):
        item.value = 5  # pyright: ignore[reportAttributeAccessIssue]
    assert pickle.loads(pickle.dumps(item)) == item == dataclasses.replace(item)
