"""Streams that are shared by key."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tta_dev_primitives.performance.answering.shared_stream import SharedStream, SharedStreams
from tta_dev_primitives.testing.clock import settle

from .stream_readers import Kept, Reader, Share, Source, finish, own_copies


async def test_readers_of_one_key_share_a_stream_and_others_do_not(share: Share) -> None:
    streams = SharedStreams()
    a, b = Source("a"), Source("b")
    of_a = [Reader(streams.stream("a", lambda: share(a))) for _ in range(3)]
    of_b = [Reader(streams.stream("b", lambda: share(b))) for _ in range(3)]
    await settle()
    a.let_go()
    b.let_go()
    await finish(*of_a, *of_b)
    assert [reader.got for reader in of_a + of_b] == [["a"]] * 3 + [["b"]] * 3
    assert (a.opened, b.opened) == (1, 1)


async def test_streams_report_what_could_be_joined(share: Share) -> None:
    streams, source = SharedStreams(), Source("a")
    assert not streams.under_way("k")
    reader = Reader(streams.stream("k", lambda: share(source)))
    await settle()
    assert streams.under_way("k")
    assert not streams.under_way("other")
    source.let_go()
    await finish(reader)
    assert not streams.under_way("k")


@pytest.mark.parametrize("error", [None, ValueError("no")], ids=["whole", "failed"])
async def test_stream_that_has_ended_is_not_joined(share: Share, error: Exception | None) -> None:
    streams = SharedStreams()
    for _ in range(2):
        source = Source("a", error=error)
        source.let_go()
        reader = Reader(streams.stream("k", lambda source=source: share(source)))
        await finish(reader)
        assert reader.error is error
        assert source.opened == 1


async def test_reader_who_comes_while_the_stream_is_being_stopped_begins_anew(
    share: Share,
) -> None:
    streams, first, second = SharedStreams(), Source("a"), Source("b")
    first.cleanup_turns = 10
    gone = Reader(streams.stream("k", lambda: share(first)))
    await settle()
    gone.task.cancel()
    await settle(3)
    assert not streams.under_way("k")
    assert streams.unread() == []
    late = Reader(streams.stream("k", lambda: share(second)))
    await settle()
    assert gone.task.cancelled()
    assert streams.under_way("k")
    second.let_go()
    await finish(late)
    assert late.got == ["b"]


async def test_reader_who_comes_in_the_same_moment_keeps_the_stream(share: Share) -> None:
    """The only reader was told to leave, but has not heard of it yet."""
    streams, source = SharedStreams(), Source("a")
    gone = Reader(streams.stream("k", lambda: share(source)))
    await settle()
    late = Reader(streams.stream("k", lambda: share(source)))
    await asyncio.sleep(0)
    gone.task.cancel()
    source.let_go()
    await finish(late)
    assert late.got == ["a"]
    assert source.opened == 1


async def test_forgotten_streams_go_on_for_their_readers(share: Share) -> None:
    streams, old, new = SharedStreams(), Source("old"), Source("new")
    early = Reader(streams.stream("k", lambda: share(old)))
    await settle()
    streams.forget()
    assert not streams.under_way("k")
    late = Reader(streams.stream("k", lambda: share(new)))
    await settle()
    old.let_go()
    await finish(early)
    assert streams.under_way("k")
    new.let_go()
    await finish(late)
    assert (early.got, late.got) == (["old"], ["new"])


async def test_streams_that_are_read_on_alone_can_be_waited_for(share: Share, kept: Kept) -> None:
    streams, source = SharedStreams(), Source("a", "b")
    reader = Reader(streams.stream("k", lambda: share(source, finish=True)))
    await settle()
    assert streams.unread() == []
    await reader.leave()
    streams.forget()
    gc.collect()
    [task] = streams.unread()
    source.let_go()
    await task
    assert kept.chunks == [("a", "b")]
    await settle()
    assert streams.unread() == []


async def test_streams_that_have_ended_are_let_go(share: Share) -> None:
    streams = SharedStreams()

    async def whole() -> weakref.ref[Source]:
        source = Source("a")
        source.let_go()
        await finish(Reader(streams.stream("k", lambda: share(source))))
        return weakref.ref(source)

    ended = await whole()
    gc.collect()
    assert ended() is None


def test_streams_outlive_their_event_loop(share: Share) -> None:
    streams = SharedStreams()

    async def words() -> AsyncGenerator[str, None]:
        await asyncio.sleep(0)
        yield "a"

    async def run() -> list[Any]:
        begin = lambda: SharedStream(words, prepare=own_copies)  # noqa: E731
        return [chunk async for chunk in streams.stream("k", begin)]

    assert [asyncio.run(run()) for _ in range(3)] == [["a"]] * 3
