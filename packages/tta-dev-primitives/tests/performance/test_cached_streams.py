"""Streams through a cache: kept with their chunks, joined in flight, never kept when cut off."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from tta_dev_primitives.core.base import FRESH, WorkflowPrimitive
from tta_dev_primitives.core.context import WorkflowContext
from tta_dev_primitives.errors import TimeoutError  # noqa: A004 - rooted in the stdlib's
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.testing.clock import FakeClock

from .waiting import missed, until

MakeCache = Callable[..., CachePrimitive[Any, Any]]


class Source(WorkflowPrimitive[str, str]):
    """Yields `chunks` with the clock moving; waits at a gate before those from `held` on."""

    def __init__(self, chunks: list[Any] | None = None) -> None:
        self.chunks: list[Any] = ["one ", "two ", "three"] if chunks is None else chunks
        self.begun = 0
        self.ended: list[str] = []
        self.error: Exception | None = None
        self.held: int | None = None
        self.gate = asyncio.Event()

    async def stream(
        self, input_data: str, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:
        self.begun += 1
        try:
            for index, chunk in enumerate(self.chunks):
                if self.held is not None and index >= self.held:
                    await self.gate.wait()
                yield chunk
            if self.error is not None:
                raise self.error
        except BaseException as error:
            self.ended.append(type(error).__name__)
            raise
        self.ended.append("whole")


@pytest.fixture
async def source() -> Source:
    return Source()


async def chunks_of(cache: CachePrimitive[Any, Any], *arguments: Any) -> list[Any]:
    return [chunk async for chunk in cache.stream("q", *arguments)]


async def read(cache: CachePrimitive[Any, Any], count: int) -> AsyncGenerator[Any, None]:
    """Begin a stream and take the first chunks."""
    stream = cache.stream("q")
    for _ in range(count):
        await anext(stream)
    return stream


async def test_stream_is_played_again_with_its_chunks(
    make_cache: MakeCache, source: Source, watcher: Any
) -> None:
    cache = make_cache(source)
    first = await chunks_of(cache)
    assert await chunks_of(cache) == first == ["one ", "two ", "three"]
    assert source.begun == 1
    assert [record.result for record in watcher.records] == ["miss", "hit"]


@pytest.mark.parametrize(
    "chunks",
    [[], [""], [None], [b"a", b"b"], [{"a": [1]}, {"b": 2}], [("t", 1)]],
    ids=["empty", "empty-text", "none", "bytes", "dicts", "tuples"],
)
async def test_any_chunks(make_cache: MakeCache, chunks: list[Any]) -> None:
    source = Source(chunks)
    cache = make_cache(source)
    for _ in range(3):
        assert await chunks_of(cache) == chunks
    assert source.begun == 1


async def test_execute_and_stream_share_what_is_kept(make_cache: MakeCache, source: Source) -> None:
    cache = make_cache(source)
    await chunks_of(cache)
    assert await cache.execute("q") == "one two three"
    assert source.begun == 1
    await cache.clear()
    assert await cache.execute("q") == "one two three"
    assert await chunks_of(cache) == ["one two three"]
    assert source.begun == 2


async def test_thousand_followers_make_one_call(make_cache: MakeCache, source: Source) -> None:
    source.held = 1
    cache = make_cache(source)
    readers = [asyncio.create_task(chunks_of(cache)) for _ in range(1000)]
    await missed(cache, 1000)
    source.gate.set()
    assert await asyncio.gather(*readers) == [["one ", "two ", "three"]] * 1000
    assert source.begun == 1
    assert cache.get_stats()["coalesced"] == 999


async def test_execute_joins_a_stream_under_way_and_the_other_way_round(
    make_cache: MakeCache, source: Source
) -> None:
    source.held = 1
    cache = make_cache(source)
    reader = asyncio.create_task(chunks_of(cache))
    await missed(cache, 1)
    whole = asyncio.create_task(cache.execute("q"))
    await missed(cache, 2)
    source.gate.set()
    assert await reader == ["one ", "two ", "three"]
    assert await whole == "one two three"
    await cache.clear()
    source.gate.clear()
    whole = asyncio.create_task(cache.execute("q"))
    await missed(cache, 1)
    reader = asyncio.create_task(chunks_of(cache))
    await missed(cache, 2)
    source.gate.set()
    assert await whole == "one two three"
    assert await reader == ["one two three"]
    assert source.begun == 2


@pytest.mark.parametrize("leaves", ["leader", "follower"])
async def test_reader_who_leaves_harms_nobody(
    make_cache: MakeCache, source: Source, leaves: str
) -> None:
    source.held = 1
    cache = make_cache(source)
    readers = [asyncio.create_task(chunks_of(cache)) for _ in range(11)]
    await missed(cache, 11)
    leaving = readers.pop(0 if leaves == "leader" else 5)
    leaving.cancel()
    await asyncio.wait((leaving,))
    source.gate.set()
    assert await asyncio.gather(*readers) == [["one ", "two ", "three"]] * 10
    assert source.begun == 1
    assert await chunks_of(cache) == ["one ", "two ", "three"]


async def test_last_reader_who_leaves_stops_the_step_and_nothing_is_kept(
    make_cache: MakeCache, source: Source
) -> None:
    source.held = 2
    cache = make_cache(source)
    streams = [await read(cache, 1), await read(cache, 2)]
    for stream in streams:
        await stream.aclose()
    assert source.ended in (["CancelledError"], ["GeneratorExit"])
    source.gate.set()
    assert await chunks_of(cache) == ["one ", "two ", "three"]
    assert source.begun == 2


async def test_finish_reads_on_and_keeps(make_cache: MakeCache, source: Source) -> None:
    source.held = 2
    cache = make_cache(source, finish=True)
    await (await read(cache, 1)).aclose()
    source.gate.set()
    await cache.aclose()
    assert source.ended == ["whole"]
    assert await chunks_of(cache) == ["one ", "two ", "three"]
    assert source.begun == 1


async def test_failed_stream_reaches_every_reader_and_is_not_kept(
    make_cache: MakeCache, source: Source
) -> None:
    source.error = RuntimeError("broke off")
    source.held = 1
    cache = make_cache(source)

    async def broken() -> list[Any]:
        got: list[Any] = []

        async def read() -> None:
            async for chunk in cache.stream("q"):
                got.append(chunk)

        with pytest.raises(RuntimeError, match="broke off"):
            await read()
        return got

    readers = [asyncio.create_task(broken()) for _ in range(50)]
    await missed(cache, 50)
    source.gate.set()
    assert await asyncio.gather(*readers) == [["one ", "two ", "three"]] * 50
    assert source.begun == 1
    source.error = None
    assert await chunks_of(cache) == ["one ", "two ", "three"]
    assert source.begun == 2


async def test_readers_cannot_spoil_each_others_chunks(make_cache: MakeCache) -> None:
    source = Source([{"words": ["a"]}])
    source.held = 0
    cache = make_cache(source)

    async def spoil() -> Any:
        found: list[Any] = []
        async for chunk in cache.stream("q"):
            found.append(copy.deepcopy(chunk))
            chunk["words"].append("spoilt")
        return found

    readers = [asyncio.create_task(spoil()) for _ in range(5)]
    await missed(cache, 5)
    source.gate.set()
    assert await asyncio.gather(*readers) == [[{"words": ["a"]}]] * 5
    assert await chunks_of(cache) == [{"words": ["a"]}]


async def test_recorded_pace(make_cache: MakeCache, clock: FakeClock) -> None:
    """A replay can take as long as the stream did, from chunk to chunk."""

    async def slow(x: str) -> AsyncGenerator[str, None]:
        for word in "abc":
            await clock.sleep(2)
            yield word

    cache = make_cache(slow, pace="recorded")
    for _ in range(2):
        began = clock.monotonic()
        arrivals: list[float] = []

        async def listen(arrivals: list[float], began: float) -> None:
            async for _ in cache.stream("q"):
                arrivals.append(clock.monotonic() - began)

        reader = asyncio.create_task(listen(arrivals, began))
        for _ in range(3):
            await until(lambda: clock.pending == 1)
            await clock.sleep_through(2)
        await reader
        assert arrivals == [2, 4, 6]


async def test_each_reader_is_held_to_his_own_deadline(
    make_cache: MakeCache, source: Source, clock: FakeClock
) -> None:
    source.held = 1
    cache = make_cache(source)
    hasty = asyncio.create_task(chunks_of(cache, WorkflowContext(deadline=clock.monotonic() + 5)))
    patient = asyncio.create_task(chunks_of(cache))
    await missed(cache, 2)
    await clock.sleep_through(5)
    with pytest.raises(TimeoutError):
        await hasty
    source.gate.set()
    assert await patient == ["one ", "two ", "three"]


async def test_stale_stream_is_given_while_it_is_made_anew(
    make_cache: MakeCache, source: Source, clock: FakeClock
) -> None:
    cache = make_cache(source, ttl_seconds=60, stale_while_revalidate=60)
    await chunks_of(cache)
    clock.advance(60)
    source.chunks = ["new"]
    assert await chunks_of(cache) == ["one ", "two ", "three"]
    await cache.aclose()
    assert await chunks_of(cache) == ["new"]
    assert source.begun == 2


async def test_stale_stream_stands_in_for_an_error_before_the_first_chunk(
    make_cache: MakeCache, source: Source, clock: FakeClock
) -> None:
    cache = make_cache(source, ttl_seconds=60, stale_if_error=60)
    await chunks_of(cache)
    clock.advance(60)
    source.chunks, source.error = [], RuntimeError("down")
    assert await chunks_of(cache) == ["one ", "two ", "three"]
    source.chunks = ["new "]
    with pytest.raises(RuntimeError, match="down"):
        await chunks_of(cache)


async def test_error_before_the_first_chunk_is_remembered_where_asked_for(
    make_cache: MakeCache, source: Source
) -> None:
    source.chunks, source.error = [], KeyError("none")
    cache = make_cache(source, negative_ttl=5)
    for _ in range(2):
        with pytest.raises(KeyError):
            await chunks_of(cache)
    with pytest.raises(KeyError):
        await cache.execute("q")
    assert source.begun == 1


async def test_deleted_while_it_flows_is_not_kept(make_cache: MakeCache, source: Source) -> None:
    source.held = 1
    cache = make_cache(source)
    reader = asyncio.create_task(chunks_of(cache))
    await missed(cache, 1)
    await cache.delete("q")
    source.gate.set()
    await reader
    await chunks_of(cache)
    assert source.begun == 2


async def test_bypass_and_refresh(make_cache: MakeCache, source: Source) -> None:
    cache = make_cache(source)
    await chunks_of(cache)
    source.chunks = ["new"]
    assert await chunks_of(cache, WorkflowContext(cache_mode="bypass")) == ["new"]
    assert await chunks_of(cache) == ["one ", "two ", "three"]
    assert await chunks_of(cache, WorkflowContext(cache_mode="refresh")) == ["new"]
    assert await chunks_of(cache) == ["new"]


async def test_shadow_streams_from_the_step_and_reports(
    make_cache: MakeCache, source: Source, watcher: Any
) -> None:
    cache = make_cache(source, shadow=True)
    for _ in range(2):
        assert await chunks_of(cache) == ["one ", "two ", "three"]
    assert source.begun == 2
    assert [record.result for record in watcher.records] == ["miss", "hit"]


async def test_stream_that_is_never_read_leaves_nothing(
    make_cache: MakeCache, source: Source
) -> None:
    cache = make_cache(source)
    await cache.stream("q").aclose()
    async with contextlib.aclosing(cache.stream("q")):
        pass
    assert source.begun == 0
