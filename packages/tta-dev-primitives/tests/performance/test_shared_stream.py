from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import weakref
from collections.abc import AsyncGenerator, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import FRESH, LambdaPrimitive, WorkflowPrimitive
from tta_dev_primitives.core.context import WorkflowContext
from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.performance.answering.shared_stream import SharedStream, SharedStreams
from tta_dev_primitives.performance.answering.stream_recording import Recording
from tta_dev_primitives.performance.single_flight import SingleFlight
from tta_dev_primitives.performance.values import encoding
from tta_dev_primitives.performance.values.trees import without_uncached_fields
from tta_dev_primitives.testing.clock import FakeClock, settle

LONG = os.environ.get("TTA_LONG") == "1"
user: ContextVar[str] = ContextVar("user", default="nobody")


def own_copies(chunk: Any) -> tuple[Any, Callable[[Any], Any] | None]:
    """What a cache does to a chunk: hold what cannot change, encode the rest."""
    chunk = without_uncached_fields(chunk)
    if encoding.is_immutable(chunk):
        return chunk, None
    return encoding.encode(chunk), encoding.decode


class Source:
    """An upstream that gives a chunk, and its end, only when it is let to."""

    def __init__(self, *chunks: Any, error: Exception | None = None) -> None:
        self.chunks, self.error = chunks, error
        self.opened = self.pulled = self.cleanup_turns = 0
        self.ended: list[str] = []
        self._turnstile = asyncio.Semaphore(0)

    def let_go(self, times: int = 10_000) -> None:
        for _ in range(times):
            self._turnstile.release()

    async def __call__(self) -> AsyncGenerator[Any, None]:
        self.opened += 1
        try:
            for chunk in self.chunks:
                await self._turnstile.acquire()
                self.pulled += 1
                yield chunk
            await self._turnstile.acquire()
            if self.error is not None:
                raise self.error
        except (asyncio.CancelledError, GeneratorExit):
            for _ in range(self.cleanup_turns):
                await asyncio.sleep(0)
            self.ended.append("stopped")
            raise
        except Exception:
            self.ended.append("failed")
            raise
        self.ended.append("whole")


async def endless() -> AsyncGenerator[int, None]:
    for number in itertools.count():
        yield number


class Kept:
    """Takes recordings, and can be made to take its time."""

    def __init__(self) -> None:
        self.recordings: list[Recording] = []
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, recording: Recording) -> None:
        self.asked += 1
        await self.gate.wait()
        self.recordings.append(recording)

    @property
    def chunks(self) -> list[tuple[Any, ...]]:
        return [recording.chunks for recording in self.recordings]


@pytest.fixture
async def kept() -> Kept:
    return Kept()


@pytest.fixture
def share(clock: FakeClock, kept: Kept) -> Callable[..., SharedStream]:
    defaults: dict[str, Any] = {"prepare": own_copies, "on_end": kept, "clock": clock}

    def make(upstream: Callable[[], AsyncGenerator[Any, None]], **options: Any) -> SharedStream:
        return SharedStream(upstream, **{**defaults, **options})

    return make


Share = Callable[..., SharedStream]


class Reader:
    """A task that reads a stream, and what it got."""

    def __init__(self, chunks: AsyncGenerator[Any, None], take: int | None = None) -> None:
        self.got: list[Any] = []
        self.error: BaseException | None = None
        self.whole = False
        self.task = asyncio.create_task(self._read(chunks, take))

    async def _read(self, chunks: AsyncGenerator[Any, None], take: int | None) -> None:
        try:
            async with contextlib.aclosing(chunks):
                if take == 0:
                    return
                async for chunk in chunks:
                    self.got.append(chunk)
                    if len(self.got) == take:
                        return
                self.whole = True
        except Exception as error:
            self.error = error

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait((self.task,))


def read(stream: SharedStream, count: int) -> list[Reader]:
    return [Reader(stream.subscribe()) for _ in range(count)]


async def finish(*readers: Reader) -> None:
    await asyncio.gather(*(reader.task for reader in readers))


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


@pytest.mark.parametrize("who", [0, 1, 2], ids=["the first", "a follower", "the last"])
async def test_reader_that_is_cancelled_harms_nobody(share: Share, kept: Kept, who: int) -> None:
    source = Source("a", "b", "c")
    readers = read(share(source), 3)
    source.let_go(1)
    await settle()
    gone = readers.pop(who)
    await gone.leave()
    source.let_go()
    await finish(*readers)
    assert gone.task.cancelled()
    assert gone.got == ["a"]
    assert [reader.got for reader in readers] == [["a", "b", "c"]] * 2
    assert (source.opened, source.ended) == (1, ["whole"])
    assert kept.chunks == [("a", "b", "c")]


@pytest.mark.parametrize("who", [0, 1], ids=["the first", "a follower"])
async def test_reader_that_closes_its_stream_harms_nobody(
    share: Share, kept: Kept, who: int
) -> None:
    source = Source("a", "b", "c")
    stream = share(source)
    gone, stays = [Reader(stream.subscribe(), take=take) for take in ((1, None), (None, 1))[who]]
    if who == 1:
        gone, stays = stays, gone
    source.let_go(1)
    await settle()
    assert gone.task.done()
    source.let_go()
    await finish(stays)
    assert stays.got == ["a", "b", "c"]
    assert kept.chunks == [("a", "b", "c")]


@pytest.mark.parametrize("chunks_taken", [0, 1], ids=["before the first chunk", "in the middle"])
async def test_last_reader_to_be_cancelled_stops_upstream_before_it_goes_on(
    share: Share, kept: Kept, chunks_taken: int
) -> None:
    source = Source("a", "b")
    source.cleanup_turns = 5
    ended_when_reader_left: list[list[str]] = []
    stream = share(source)

    async def reader() -> None:
        try:
            async for _ in stream.subscribe():
                pass
        finally:
            ended_when_reader_left.append(list(source.ended))

    readers = [asyncio.create_task(reader()) for _ in range(3)]
    source.let_go(chunks_taken)
    await settle()
    for task in readers:
        task.cancel()
    await asyncio.wait(readers)
    assert ended_when_reader_left == [[], [], ["stopped"]]
    assert kept.asked == 0


async def test_last_reader_to_close_its_stream_stops_upstream_first(
    share: Share, kept: Kept
) -> None:
    """Upstream waits for room at that time, between two chunks."""
    source = Source(*"abcdef")
    source.cleanup_turns = 5
    chunks = share(source, read_ahead=2).subscribe()
    source.let_go()
    assert await anext(chunks) == "a"
    await settle()
    await chunks.aclose()
    assert source.ended == ["stopped"]
    assert kept.asked == 0


@pytest.mark.parametrize("waiting", [True, False], ids=["asking", "closing"])
async def test_reader_who_is_cancelled_while_it_stops_upstream_still_waits_for_its_end(
    share: Share, waiting: bool
) -> None:
    source = Source("a", "b")
    source.cleanup_turns = 50
    stream = share(source)
    reader = Reader(stream.subscribe(), take=None if waiting else 1)
    await settle()
    if not waiting:
        source.let_go(1)
        await settle(5)
    for _ in range(3):
        reader.task.cancel()
        await settle(5)
        assert not reader.task.done()
    await asyncio.wait((reader.task,))
    assert reader.task.cancelled()
    assert source.ended == ["stopped"]


async def test_stream_that_was_stopped_cannot_be_joined(share: Share) -> None:
    stream = share(Source("a"))
    [reader] = read(stream, 1)
    await settle()
    await reader.leave()
    assert not stream.joinable
    with pytest.raises(RuntimeError, match="was stopped when its last reader left"):
        await anext(stream.subscribe())


@pytest.mark.parametrize("goes_on", [True, False], ids=["with chunks", "to its end"])
async def test_upstream_that_does_not_want_to_stop_is_not_taken_for_whole(
    share: Share, kept: Kept, goes_on: bool
) -> None:
    """It was cut short, whatever it says."""
    told: list[str] = []
    ended: list[str] = []

    async def stubborn() -> AsyncGenerator[str, None]:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                yield "a"
                await asyncio.Event().wait()
            while goes_on:
                told.append("more")
                yield "more"
        finally:
            ended.append("ended")

    [reader] = read(share(stubborn), 1)
    await settle()
    await reader.leave()
    assert reader.got == ["a"]
    assert ended == ["ended"]
    assert len(told) == goes_on
    assert kept.asked == 0


async def test_upstream_that_fails_when_everyone_has_left_is_not_complained_about(
    share: Share, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails_to_stop() -> AsyncGenerator[str, None]:
        try:
            yield "a"
            await asyncio.Event().wait()
        finally:
            raise ValueError("no")

    [reader] = read(share(fails_to_stop), 1)
    await settle()
    await reader.leave()
    assert reader.task.cancelled()
    del reader
    gc.collect()
    assert caplog.records == []


async def test_reader_that_is_forgotten_without_being_closed_leaves(share: Share) -> None:
    """Nobody would ever tell upstream to stop."""
    source = Source("a", "b")
    stream = share(source)
    chunks = stream.subscribe()
    source.let_go(1)
    assert await anext(chunks) == "a"
    assert stream.readers == 1
    del chunks
    gc.collect()
    await settle()
    assert stream.readers == 0
    assert source.ended == ["stopped"]


async def test_readers_who_come_and_go_while_upstream_is_silent_leave_nothing(
    share: Share,
) -> None:
    def futures() -> int:
        gc.collect()
        return sum(type(known) is asyncio.Future for known in gc.get_objects())

    stream = share(Source("a"))
    [stays] = read(stream, 1)
    await settle()
    before = futures()

    async def come_and_go() -> None:
        [gone] = read(stream, 1)
        await settle(3)
        await gone.leave()

    for _ in range(20):
        await come_and_go()
    assert futures() < before + 10  # the loop itself holds one or the other
    await stays.leave()


async def test_forgotten_reader_does_not_stop_the_others(share: Share) -> None:
    source = Source("a", "b")
    stream = share(source)
    chunks = stream.subscribe()
    [stays] = read(stream, 1)
    source.let_go(1)
    await anext(chunks)
    del chunks
    gc.collect()
    await settle()
    source.let_go()
    await finish(stays)
    assert stays.got == ["a", "b"]


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


async def test_whole_stream_is_handed_over_before_any_reader_sees_its_end(
    share: Share, kept: Kept
) -> None:
    """Whoever has seen the end and asks again finds the stored answer."""
    kept.gate.clear()
    source = Source("a", "b")
    source.let_go()
    readers = read(share(source), 2)
    await settle()
    assert kept.asked == 1
    assert [reader.got for reader in readers] == [["a", "b"]] * 2
    assert not any(reader.task.done() for reader in readers)
    kept.gate.set()
    await finish(*readers)
    assert kept.asked == 1


async def test_reader_who_comes_while_the_stream_is_handed_over_joins(
    share: Share, kept: Kept
) -> None:
    kept.gate.clear()
    source = Source("a", "b")
    source.let_go()
    stream = share(source)
    [early] = read(stream, 1)
    await settle()
    assert stream.joinable
    [late] = read(stream, 1)
    await settle()
    assert late.got == ["a", "b"]
    assert not late.task.done()
    kept.gate.set()
    await finish(early, late)
    assert late.whole
    assert (source.opened, kept.asked) == (1, 1)


async def test_last_reader_to_leave_while_the_stream_is_handed_over_stops_that_too(
    share: Share, kept: Kept
) -> None:
    kept.gate.clear()
    source = Source("a")
    source.let_go()
    stream = share(source)
    [reader] = read(stream, 1)
    await settle()
    await reader.leave()
    assert stream.task is not None
    assert stream.task.cancelled()
    assert kept.recordings == []


async def test_failure_to_hand_over_takes_no_chunk_from_anybody(share: Share) -> None:
    async def full(recording: Recording) -> None:
        raise OSError("no space left")

    source = Source("a", "b")
    source.let_go()
    readers = read(share(source, on_end=full), 2)
    await finish(*readers)
    assert [reader.got for reader in readers] == [["a", "b"]] * 2
    assert [str(reader.error) for reader in readers] == ["no space left"] * 2


async def test_stream_need_not_be_handed_over(share: Share) -> None:
    source = Source("a")
    source.let_go()
    [reader] = read(share(source, on_end=None), 1)
    await finish(reader)
    assert reader.whole


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


@dataclass(frozen=True)
class Piece:
    text: str
    raw: object = field(default=None, metadata={"cache": False})


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


@pytest.mark.parametrize("read_ahead", [1, 2, 16])
async def test_upstream_is_read_only_so_far_beyond_the_furthest_reader(
    share: Share, read_ahead: int
) -> None:
    source = Source(*range(100))
    source.let_go()
    stream = share(source, read_ahead=read_ahead)
    slow, quick = stream.subscribe(), stream.subscribe()
    await anext(slow)
    for taken in range(1, 40):
        await anext(quick)
        await settle()
        assert taken < source.pulled <= taken + read_ahead
    await slow.aclose()
    await quick.aclose()


async def test_endless_upstream_that_never_waits_does_not_run_away(share: Share) -> None:
    pulled = 0

    async def numbers() -> AsyncGenerator[int, None]:
        nonlocal pulled
        async for number in endless():
            pulled += 1
            yield number

    chunks = share(numbers, read_ahead=4).subscribe()
    assert [await anext(chunks) for _ in range(10)] == list(range(10))
    await settle()
    assert pulled <= 14
    await chunks.aclose()


async def test_reader_behind_one_who_left_is_not_stuck(share: Share) -> None:
    """The room was full when the furthest reader left."""
    stream = share(endless, read_ahead=4)
    behind = stream.subscribe()
    assert await anext(behind) == 0
    ahead = Reader(stream.subscribe(), take=20)
    await finish(ahead)
    assert [await anext(behind) for _ in range(100)] == list(range(1, 101))
    await behind.aclose()


def test_reading_ahead_by_nothing_is_refused(share: Share) -> None:
    with pytest.raises(ConfigurationError, match="read_ahead must be at least 1, got 0"):
        share(endless, read_ahead=0)


async def test_readers_are_woken_once_for_chunks_that_come_together(share: Share) -> None:
    turns = 0

    async def hundred() -> AsyncGenerator[int, None]:
        for number in range(100):
            yield number

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count_turns())
    [reader] = read(share(hundred, read_ahead=50), 1)
    await finish(reader)
    counting.cancel()
    await asyncio.wait((counting,))
    assert len(reader.got) == 100
    assert turns < 20


async def test_stream_to_be_finished_is_read_on_when_everyone_has_left(
    share: Share, kept: Kept
) -> None:
    source = Source(*range(100))
    stream = share(source, finish=True)
    [reader] = read(stream, 1)
    source.let_go(1)
    await settle()
    await reader.leave()
    assert source.ended == []
    source.let_go()
    assert stream.task is not None
    await stream.task
    assert source.ended == ["whole"]
    assert kept.chunks == [tuple(range(100))]


async def test_stream_to_be_finished_waits_for_no_room_when_everyone_has_left(
    share: Share, kept: Kept
) -> None:
    source = Source(*range(10))
    source.let_go()
    stream = share(source, finish=True, read_ahead=1)
    chunks = stream.subscribe()
    await anext(chunks)
    await settle()
    assert source.pulled == 2
    await chunks.aclose()
    await settle(50)
    assert stream.task is not None
    assert stream.task.done()
    assert kept.chunks == [tuple(range(10))]


async def test_stream_to_be_finished_can_be_joined_when_everyone_has_left(
    share: Share, kept: Kept
) -> None:
    source = Source("a", "b")
    stream = share(source, finish=True)
    [gone] = read(stream, 1)
    source.let_go(1)
    await settle()
    await gone.leave()
    [late] = read(stream, 1)
    source.let_go()
    await finish(late)
    assert late.got == ["a", "b"]
    assert (source.opened, kept.asked) == (1, 1)


async def test_stream_that_is_finished_alone_lets_others_run(share: Share) -> None:
    stream = share(endless, finish=True, read_ahead=1)
    chunks = stream.subscribe()
    await anext(chunks)
    await chunks.aclose()
    await settle()
    assert stream.task is not None
    assert not stream.task.done()
    stream.task.cancel()
    await asyncio.wait((stream.task,))


async def test_owner_finds_the_error_of_a_stream_that_was_finished_alone(
    share: Share, kept: Kept
) -> None:
    source = Source("a", error=ValueError("no"))
    stream = share(source, finish=True)
    [reader] = read(stream, 1)
    await settle()
    await reader.leave()
    source.let_go()
    assert stream.task is not None
    with pytest.raises(ValueError, match="no"):
        await stream.task
    assert kept.asked == 0


async def test_stream_that_is_started_early_waits_for_its_reader(share: Share) -> None:
    source = Source(*range(10))
    source.let_go()
    stream = share(source, read_ahead=3)
    task = stream.start()
    await settle()
    assert source.pulled == 3
    assert stream.start() is task
    [reader] = read(stream, 1)
    await finish(reader)
    assert reader.got == list(range(10))


async def test_recording_says_when_chunks_came(share: Share, kept: Kept, clock: FakeClock) -> None:
    source = Source("a", "b", "c")
    stream = share(source)
    clock.advance(100)
    [reader] = read(stream, 1)
    await settle()
    for pause in (0.5, 0.25, 1.25):
        clock.advance(pause)
        source.let_go(1)
        await settle()
    source.let_go()
    await finish(reader)
    assert kept.recordings == [Recording(("a", "b", "c"), (0.5, 0.75, 2.0))]


async def test_time_in_which_nobody_asked_is_not_recorded(
    share: Share, kept: Kept, clock: FakeClock
) -> None:
    """One slow reader would slow down every replay."""
    source = Source(*"abcd")
    source.let_go()
    async for _ in share(source, read_ahead=1).subscribe():
        await settle()
        clock.advance(60)
    [recording] = kept.recordings
    assert recording.offsets == (0.0, 0.0, 0.0, 0.0)


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


class Counted:
    """An upstream that takes some turns of the loop per chunk, one at a time per key."""

    def __init__(self, chunks: int, turns: int, fails: bool) -> None:
        self.chunks, self.turns, self.fails = chunks, turns, fails
        self.running = self.whole = 0

    async def __call__(self) -> AsyncGenerator[list[int], None]:
        self.running += 1
        assert self.running == 1, "two streams for one key at a time"
        try:
            for number in range(self.chunks):
                for _ in range(self.turns):
                    await asyncio.sleep(0)
                yield [number]
            if self.fails:
                raise ValueError("no")
            self.whole += 1
        finally:
            self.running -= 1


@settings(max_examples=10_000 if LONG else 150, derandomize=not LONG, deadline=None)
@given(
    source=st.builds(Counted, st.integers(0, 8), st.integers(0, 3), st.booleans()),
    read_ahead=st.integers(1, 4),
    finishes=st.booleans(),
    readers=st.lists(
        st.tuples(
            st.integers(0, 12), st.none() | st.integers(0, 8), st.none() | st.integers(0, 14)
        ),
        min_size=1,
        max_size=10,
    ),
)
async def test_random_leaving_leaves_nothing_and_harms_nobody(
    source: Counted,
    read_ahead: int,
    finishes: bool,
    readers: list[tuple[int, int | None, int | None]],
) -> None:
    """Readers come at one turn of the loop and leave after some chunks, or are cancelled."""
    streams, recordings = SharedStreams(), list[Recording]()

    async def keep(recording: Recording) -> None:
        await asyncio.sleep(0)
        recordings.append(recording)

    def begin() -> SharedStream:
        return SharedStream(
            source, prepare=own_copies, on_end=keep, finish=finishes, read_ahead=read_ahead
        )

    came: list[tuple[Reader, int | None, int | None]] = []
    for now in range(16):
        for arrives, takes, cancelled in readers:
            if arrives == now:
                came.append((Reader(streams.stream("k", begin), takes), takes, cancelled))
        for reader, _, cancelled in came:
            if cancelled == now:
                reader.task.cancel()
        await asyncio.sleep(0)
    for reader, takes, cancelled in came:
        await asyncio.wait((reader.task,))
        assert reader.got == [[number] for number in range(len(reader.got))]
        if reader.task.cancelled():
            assert cancelled is not None
        elif reader.error is not None:
            assert source.fails
            assert len(reader.got) == source.chunks
        elif reader.whole:
            assert not source.fails
            assert len(reader.got) == source.chunks
        else:
            assert len(reader.got) == takes
    await asyncio.gather(*streams.unread(), return_exceptions=True)
    assert source.running == 0
    assert all(len(recording.chunks) == source.chunks for recording in recordings)
    assert len(recordings) <= source.whole
    assert not asyncio.all_tasks() - {asyncio.current_task()}
