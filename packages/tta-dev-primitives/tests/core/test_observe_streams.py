"""Watching streams: one call each, from the first chunk to the end, however it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives import LambdaPrimitive
from tta_dev_primitives.core import observe as hook
from tta_dev_primitives.core.observe import observe


async def numbers(x: int) -> AsyncIterator[int]:
    for number in range(x):
        hook.report(number)
        yield number


async def test_stream_is_one_call_from_the_first_chunk_to_the_last(recorder: Any) -> None:
    """It does not start before the first chunk is asked for."""
    stream = LambdaPrimitive(numbers).stream(2)
    assert recorder.log == []
    assert [chunk async for chunk in stream] == [0, 1]
    assert recorder.log == [
        "start 0.numbers", "event 0.numbers 0", "event 0.numbers 1", "end 0.numbers ok",
    ]  # fmt: skip
    await stream.aclose()
    assert len(recorder.log) == 4


async def test_stream_closed_early_ends_once_as_cancelled(recorder: Any) -> None:
    """Closing is how a consumer says: enough."""
    stream = LambdaPrimitive(numbers, name="n").stream(9)
    await anext(stream)
    await stream.aclose()
    await stream.aclose()
    assert recorder.log == ["start 0.n", "event 0.n 0", "end 0.n cancelled"]


async def test_stream_that_fails_ends_once_with_its_error(recorder: Any) -> None:
    """After the chunks it gave."""
    error = LookupError("mid-stream")

    async def breaks(x: int) -> AsyncIterator[int]:
        yield x
        raise error

    stream = LambdaPrimitive(breaks, name="n").stream(9)
    await anext(stream)
    with pytest.raises(LookupError):
        await anext(stream)
    assert recorder.log == ["start 0.n", "end 0.n error"]
    assert recorder.errors == [error]


async def test_consumer_that_throws_into_the_stream_is_told_as_its_error(
    recorder: Any,
) -> None:
    """A generator may be ended from outside with an error."""
    stream = LambdaPrimitive(numbers, name="n").stream(9)
    await anext(stream)
    with pytest.raises(LookupError):
        await stream.athrow(LookupError())
    assert recorder.log[-1] == "end 0.n error"


async def test_stream_whose_cleanup_fails_still_ends(recorder: Any) -> None:
    """The error of the cleanup reaches whoever closed the stream."""

    async def leaks(x: int) -> AsyncIterator[int]:
        try:
            yield x
        finally:
            raise LookupError("cleanup")

    stream = LambdaPrimitive(leaks, name="n").stream(9)
    await anext(stream)
    with pytest.raises(LookupError, match="cleanup"):
        await stream.aclose()
    assert recorder.log == ["start 0.n", "end 0.n cancelled"]


async def test_stream_may_be_consumed_from_one_task_and_closed_from_another(
    recorder: Any,
) -> None:
    """Tasks have contexts of their own; records still reach the stream's call."""
    stream = (LambdaPrimitive(lambda x: x) >> LambdaPrimitive(numbers, name="n")).stream(9)

    async def take() -> int:
        return await anext(stream)

    taken = [await asyncio.create_task(take()) for _ in range(2)]
    await asyncio.create_task(stream.aclose())
    assert taken == [0, 1]
    assert recorder.log[3:] == [
        "start 0/1.n", "event 0/1.n 0", "event 0/1.n 1", "end 0/1.n cancelled", "end 0 cancelled",
    ]  # fmt: skip


async def test_consumer_is_not_inside_the_stream_between_chunks(recorder: Any) -> None:
    """What the consumer does meanwhile is no part of the stream's call."""
    async for _ in LambdaPrimitive(numbers, name="n").stream(1):
        hook.report("consumer")
        await LambdaPrimitive(hook.report).execute("mine")
    assert recorder.log == [
        "start 0.n", "event 0.n 0",
        "start 0.report", "event 0.report mine", "end 0.report ok",
        "end 0.n ok",
    ]  # fmt: skip


async def test_stream_watched_only_after_it_was_made_runs_on(new_recorder: Any) -> None:
    """An observer removed before the first chunk hears nothing, and nothing breaks."""
    watching = new_recorder()
    with observe(watching):
        stream = LambdaPrimitive(numbers).stream(2)
        call = LambdaPrimitive(lambda x: x).execute(1)
    assert [chunk async for chunk in stream] == [0, 1]
    assert await call == 1
    assert watching.log == []


async def test_stream_works_around_each_chunk_only(new_resuming: Any) -> None:
    """It is paused while the consumer has the chunk, and resumed to clean up."""
    watching = new_resuming()
    with observe(watching):
        stream = LambdaPrimitive(numbers, name="n").stream(9)
        await anext(stream)
        watching.log.append("consumer")
        await anext(stream)
        await stream.aclose()
    work = ["resume 0.n", "pause 0.n"]
    assert [line for line in watching.log if "event" not in line] == [
        "start 0.n", *work, "consumer", *work, *work, "end 0.n cancelled",
    ]  # fmt: skip
