"""Streams that read other streams, and may not wait for themselves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.performance.answering.shared_stream import SharedStream, SharedStreams
from tta_dev_primitives.performance.single_flight import SingleFlight
from tta_dev_primitives.testing.clock import settle

from .stream_readers import Reader, Share, Source, finish


async def test_step_that_reads_its_own_stream_is_told(share: Share) -> None:
    """Instead of waiting for itself, or feeding on itself, for ever."""
    streams = SharedStreams()

    async def answer() -> AsyncGenerator[str, None]:
        yield "a"
        async for chunk in streams.stream("k", lambda: share(answer)):
            yield chunk

    reader = Reader(streams.stream("k", lambda: share(answer)))
    await finish(reader)
    assert reader.got == ["a"]
    assert isinstance(reader.error, ConfigurationError)
    assert "asked for the stream that it is about to give" in str(reader.error)


async def test_steps_that_read_each_others_streams_are_told(share: Share) -> None:
    """Even when each was begun by somebody else."""
    streams, both_begun = SharedStreams(), asyncio.Barrier(2)

    def begin(own: str) -> SharedStream:
        async def answer() -> AsyncGenerator[str, None]:
            await both_begun.wait()
            other = "b" if own == "a" else "a"
            async for chunk in streams.stream(other, lambda: begin(other)):
                yield chunk

        return share(answer)

    readers = [Reader(streams.stream(key, lambda key=key: begin(key))) for key in "ab"]
    await finish(*readers)
    assert [type(reader.error) for reader in readers] == [ConfigurationError] * 2


async def test_stream_and_call_that_wait_for_each_other_are_told(share: Share) -> None:
    streams, flights = SharedStreams(), SingleFlight[list[Any]]()

    async def call() -> list[Any]:
        return [chunk async for chunk in streams.stream("k", lambda: share(answer))]

    async def answer() -> AsyncGenerator[Any, None]:
        yield "a"
        yield await flights.run("k", call)

    with pytest.raises(ConfigurationError, match="would wait for itself for ever"):
        await flights.run("k", call)


async def test_step_may_read_other_streams(share: Share) -> None:
    """And the same one again, when it has left it."""
    streams = SharedStreams()

    def begin(depth: int) -> SharedStream:
        async def answer() -> AsyncGenerator[int, None]:
            yield depth
            if depth:
                for _ in range(2):
                    async for chunk in streams.stream(depth - 1, lambda: begin(depth - 1)):
                        yield chunk

        return share(answer, read_ahead=1)

    got = [chunk async for chunk in streams.stream(2, lambda: begin(2))]
    assert got == [2, 1, 0, 0, 1, 0, 0]


async def test_stream_may_read_one_that_has_read_it(share: Share) -> None:
    """What one has left it does not wait for any more."""
    streams, left = SharedStreams(), asyncio.Event()

    async def first() -> AsyncGenerator[str, None]:
        async with contextlib.aclosing(streams.stream("second", lambda: share(second))) as chunks:
            yield "first, " + await anext(chunks)
        left.set()
        await settle()  # so that this one is joined and not begun anew

    async def second() -> AsyncGenerator[str, None]:
        yield "second"
        await left.wait()
        async for chunk in streams.stream("first", lambda: share(first)):
            yield chunk

    readers = [
        Reader(streams.stream("second", lambda: share(second))),
        Reader(streams.stream("first", lambda: share(first))),
    ]
    await finish(*readers)
    assert [reader.error for reader in readers] == [None, None]
    assert readers[0].got == ["second", "first, second"]


async def test_stopping_a_stream_stops_those_it_reads(share: Share) -> None:
    streams, source = SharedStreams(), Source("a", "b")

    async def outer() -> AsyncGenerator[Any, None]:
        async with contextlib.aclosing(streams.stream("in", lambda: share(source))) as chunks:
            async for chunk in chunks:
                yield chunk

    reader = Reader(streams.stream("out", lambda: share(outer)))
    source.let_go(1)
    await settle()
    await reader.leave()
    assert reader.got == ["a"]
    assert source.ended == ["stopped"]
