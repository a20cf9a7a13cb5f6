"""A stream holds its place as long as there is a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives.errors import BulkheadFullError
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive
from tta_dev_primitives.testing import settle

from .bulkhead_desk import Desk, People, counts


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
async def people() -> AsyncIterator[People]:
    async with People() as found:
        yield found


async def test_place_is_kept_until_the_stream_ends(source: Any, collect: Any) -> None:
    bulkhead = BulkheadPrimitive(source(0, 0), max_concurrent=1, max_queue=0)
    stream = bulkhead.stream("c")
    assert await anext(stream) == "c0"
    with pytest.raises(BulkheadFullError):
        await anext(bulkhead.stream("d"))
    assert await collect(stream) == ["c1"]
    assert await collect(bulkhead.stream("d")) == ["d0", "d1"]


async def test_closing_the_stream_closes_the_source_and_returns_the_place(source: Any) -> None:
    feed = source(0, 0)
    bulkhead = BulkheadPrimitive(feed, max_concurrent=1)
    stream = bulkhead.stream("c")
    await anext(stream)
    assert counts(bulkhead) == (1, 0)
    await stream.aclose()
    assert feed.closed
    assert counts(bulkhead) == (0, 0)


async def test_source_has_ended_before_the_place_is_returned(people: People) -> None:
    """Else one more than the limit would run while the source cleans up."""
    events: list[str] = []

    async def slow_goodbye(x: str) -> AsyncIterator[str]:
        try:
            yield x
        finally:
            await settle(3)
            events.append("ended")

    bulkhead = BulkheadPrimitive(slow_goodbye, max_concurrent=1)
    stream = bulkhead.stream("c")
    await anext(stream)
    await people.call(bulkhead.wrap(lambda x: events.append("begun")), "next")
    await stream.aclose()
    await people["next"]
    assert events == ["ended", "begun"]


async def test_error_in_the_middle_returns_the_place(source: Any, collect: Any) -> None:
    bulkhead = BulkheadPrimitive(source(0, OSError("gone")), max_concurrent=1)
    with pytest.raises(OSError, match="gone"):
        await collect(bulkhead.stream("c"))
    assert counts(bulkhead) == (0, 0)


async def test_stream_that_nobody_begins_takes_no_place(source: Any) -> None:
    bulkhead = BulkheadPrimitive(source(0), max_concurrent=1)
    stream = bulkhead.stream("c")
    assert counts(bulkhead) == (0, 0)
    await stream.aclose()


async def test_streams_and_calls_wait_in_one_queue(
    desk: Desk, people: People, source: Any, collect: Any
) -> None:
    policy = BulkheadPrimitive[Any, Any](max_concurrent=1)
    calls = policy.wrap(desk)
    await people.call(calls, "a")
    stream = asyncio.ensure_future(collect(policy.wrap(source(0)).stream("s")))
    await settle()
    await people.call(calls, "b")
    await desk.finish("a")
    assert await stream == ["s0"]
    assert desk.begun == ["a", "b"]
