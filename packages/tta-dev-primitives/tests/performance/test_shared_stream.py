"""What the readers of one stream get."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import weakref
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, LambdaPrimitive, WorkflowPrimitive
from tta_dev_primitives.core.context import WorkflowContext
from tta_dev_primitives.performance.answering.stream_recording import Recording
from tta_dev_primitives.testing.clock import settle

from .stream_readers import Kept, Reader, Share, Source, finish, read

user: ContextVar[str] = ContextVar("user", default="nobody")


@dataclass(frozen=True)
class Piece:
    text: str
    raw: object = field(default=None, metadata={"cache": False})


async def test_readers_get_chunks_while_upstream_goes_on(share: Share) -> None:
    source = Source("a", "b", "c")
    readers = read(share(source), 3)
    for so_far in (["a"], ["a", "b"], ["a", "b", "c"]):
        source.let_go(1)
        await settle()
        assert [reader.got for reader in readers] == [so_far] * 3
        assert not any(reader.whole for reader in readers)
    source.let_go(1)
    await finish(*readers)
    assert all(reader.whole for reader in readers)
    assert (source.opened, source.ended) == (1, ["whole"])


async def test_thousand_readers_make_one_upstream(share: Share) -> None:
    source = Source(*"chunks")
    readers = read(share(source), 1000)
    await settle()
    source.let_go()
    await finish(*readers)
    assert [reader.got for reader in readers] == [list("chunks")] * 1000
    assert source.opened == 1


async def test_nothing_is_read_before_somebody_asks(share: Share) -> None:
    source = Source("a")
    stream = share(source)
    chunks = stream.subscribe()
    await settle()
    await chunks.aclose()
    assert source.opened == 0
    assert stream.task is None


@pytest.mark.parametrize("so_far", [0, 1, 2, 3], ids="after {}".format)
async def test_late_reader_begins_with_the_first_chunk(share: Share, so_far: int) -> None:
    source = Source("a", "b", "c")
    stream = share(source)
    [early] = read(stream, 1)
    source.let_go(so_far)
    await settle()
    [late] = read(stream, 1)
    await settle()
    assert late.got == early.got == ["a", "b", "c"][:so_far]
    source.let_go()
    await finish(early, late)
    assert late.got == ["a", "b", "c"]
    assert source.opened == 1


async def test_reader_who_comes_after_the_end_gets_it_all_once_more(
    share: Share, kept: Kept
) -> None:
    source = Source("a", "b")
    stream = share(source)
    source.let_go()
    await finish(*read(stream, 1))
    [late] = read(stream, 1)
    await finish(late)
    assert (late.got, late.whole) == (["a", "b"], True)
    assert (source.opened, kept.asked) == (1, 1)


async def test_error_reaches_everyone_after_the_chunks_before_it(share: Share, kept: Kept) -> None:
    error = ValueError("no")
    source = Source("a", "b", error=error)
    stream = share(source)
    readers = read(stream, 3)
    source.let_go(1)
    await settle()
    readers += read(stream, 1)
    source.let_go()
    await finish(*readers)
    assert [reader.got for reader in readers] == [["a", "b"]] * 4
    assert all(reader.error is error for reader in readers)
    assert source.ended == ["failed"]
    assert kept.asked == 0


async def test_upstream_that_cannot_be_opened_fails_every_reader(share: Share) -> None:
    def refuses() -> AsyncGenerator[Any, None]:
        raise ValueError("no")

    readers = read(share(refuses), 2)
    await finish(*readers)
    assert [str(reader.error) for reader in readers] == ["no", "no"]


async def test_upstream_that_cancels_itself_cancels_its_readers(share: Share, kept: Kept) -> None:
    async def gives_up() -> AsyncGenerator[str, None]:
        yield "a"
        raise asyncio.CancelledError

    readers = read(share(gives_up), 2)
    await asyncio.wait([reader.task for reader in readers])
    assert all(reader.task.cancelled() for reader in readers)
    assert kept.asked == 0


async def test_empty_stream_is_a_success(share: Share, kept: Kept) -> None:
    source = Source()
    source.let_go()
    readers = read(share(source), 2)
    await finish(*readers)
    assert [(reader.got, reader.whole) for reader in readers] == [([], True)] * 2
    assert kept.recordings == [Recording((), ())]


async def test_readers_get_chunks_of_their_own(share: Share, kept: Kept) -> None:
    source = Source({"n": [1]}, {"n": [2]})
    source.let_go()
    stream = share(source)

    async def spoil() -> None:
        number = 0
        async for chunk in stream.subscribe():
            number += 1
            assert chunk == {"n": [number]}
            chunk["n"].append("spoilt")

    await asyncio.gather(*(spoil() for _ in range(3)))
    await spoil()
    assert kept.chunks == [({"n": [1]}, {"n": [2]})]


async def test_first_reader_gets_the_very_chunks_and_nobody_else_does(
    share: Share, kept: Kept
) -> None:
    """They carry what is not kept, such as the provider's own answer."""
    pieces = [Piece("a", raw="raw a"), Piece("b", raw="raw b")]
    source = Source(*pieces)
    source.let_go()
    stream = share(source)
    first = stream.subscribe()
    got = [await anext(first)]
    [second] = read(stream, 1)
    await finish(second)
    got += [chunk async for chunk in first]
    assert all(chunk is piece for chunk, piece in zip(got, pieces, strict=True))
    assert second.got == [Piece("a"), Piece("b")]
    assert kept.chunks == [(Piece("a"), Piece("b"))]


async def test_chunks_are_not_held_as_they_came_for_a_first_reader_who_left(share: Share) -> None:
    class Raw:
        pass

    alive: list[weakref.ref[Raw]] = []

    async def pieces() -> AsyncGenerator[Piece, None]:
        for _ in range(5):
            raw = Raw()
            alive.append(weakref.ref(raw))
            yield Piece("x", raw)
            del raw
            await asyncio.sleep(0)

    stream = share(pieces)
    first = Reader(stream.subscribe(), take=1)
    [second] = read(stream, 1)
    await finish(first, second)
    first.got.clear()
    gc.collect()
    assert [ref() for ref in alive] == [None] * 5


async def test_chunks_that_cannot_be_prepared_are_an_error_of_upstream(share: Share) -> None:
    source = Source("a", object())
    source.let_go()
    readers = read(share(source), 2)
    await finish(*readers)
    assert [reader.got for reader in readers] == [["a"]] * 2
    assert all("has no canonical form" in str(reader.error) for reader in readers)
    assert source.ended == ["stopped"]


async def test_upstream_runs_in_the_context_of_the_first_reader(share: Share) -> None:
    async def who() -> AsyncGenerator[str, None]:
        yield user.get()
        await asyncio.sleep(0)
        user.set("upstream")
        yield user.get()

    stream = share(who)

    async def as_user(name: str) -> list[Any]:
        user.set(name)
        return [chunk async for chunk in stream.subscribe()] + [user.get()]

    first, second = await asyncio.gather(as_user("first"), as_user("second"))
    assert first == ["first", "upstream", "first"]
    assert second == ["first", "upstream", "second"]


async def test_observers_see_upstream_below_the_step_that_shares_it(share: Share) -> None:
    class Sharing(WorkflowPrimitive[Any, Any]):
        async def stream(
            self, input_data: Any, context: WorkflowContext = FRESH
        ) -> AsyncGenerator[Any, None]:
            shared = share(lambda: inner.stream(input_data, context))
            async with contextlib.aclosing(shared.subscribe()) as chunks:
                async for chunk in chunks:
                    yield chunk

        def children(self) -> list[tuple[str, WorkflowPrimitive[Any, Any]]]:
            return [("inner", inner)]

    class Paths(observe.ObservabilityPrimitive):
        def __init__(self) -> None:
            self.ended: list[tuple[object, str]] = []

        def start(self, primitive: Any, path: str, context: WorkflowContext) -> object:
            return path

        def end(self, token: object, outcome: str, error: BaseException | None) -> None:
            self.ended.append((token, outcome))

    async def words(x: str) -> AsyncGenerator[str, None]:
        for word in x.split():
            await asyncio.sleep(0)
            yield word

    inner = LambdaPrimitive(words, name="words")
    paths = Paths()
    with observe.observe(paths):
        assert [chunk async for chunk in Sharing().stream("to be")] == ["to", "be"]
    assert paths.ended == [("0/0.words", "ok"), ("0", "ok")]
