"""One upstream for many readers of the same stream at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, TypeAlias

from tta_dev_primitives.core.clock import SYSTEM_CLOCK
from tta_dev_primitives.core.tasks import stop_task
from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.performance.single_flight import LoopTables, Work, inside

from .stream_recording import Recording

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable

    from tta_dev_primitives.core.clock import Clock

    # Any: chunks are whatever the shared step yields.
    Restore: TypeAlias = Callable[[Any], Any]
    Prepare: TypeAlias = Callable[[Any], tuple[Any, Restore | None]]

_MICROSECOND_DIGITS = 6


class SharedStream(Work):
    """Read an async generator once, for many readers of one event loop.

    Every reader gets every chunk from the first one on, whenever it comes. A task of its own reads
    upstream, so a reader that is cancelled or closed, the first one included, harms nobody. When
    the last reader leaves, the task is cancelled, and upstream's `finally` blocks have run before
    that reader goes on. An error of upstream reaches every reader, after the chunks before it.

    The task starts with the first reader, in a copy of its context. Chunks are held until the
    stream is dropped, since somebody may come who needs them all. There is no deadline in here:
    each reader is limited by its caller.

    Args:
        upstream: Makes the generator to read; called once, by the task.
        prepare: Turns a chunk into what is held and what makes a reader's own copy of that; None
            where the held object can be shared. Neither may fail: an error of `prepare` is one of
            upstream, an error of the copying one of the reader.
        on_end: Awaited with the recording once upstream has ended by itself and before any reader
            sees the end, so that what it stores is there by then; never for a stream that failed
            or was stopped. It should not raise: what it raises reaches the readers in place of
            the end, when they have had every chunk. If the last reader leaves, it is cancelled.
        finish: Read on to the end when the last reader has left, however long that takes. The
            owner waits for `task`, and finds its error there.
        read_ahead: How many chunks to read beyond the furthest that any reader got.
        clock: Where the times in the recording come from.

    Attributes:
        task: What reads upstream; None until there is a reader.
        readers: How many read now.

    Raises:
        ConfigurationError: *read_ahead* is less than 1.
    """

    __slots__ = (
        "_began",
        "_clock",
        "_finish",
        "_held",
        "_led",
        "_limit",
        "_offsets",
        "_on_end",
        "_originals",
        "_prepare",
        "_read_ahead",
        "_room",
        "_stopped",
        "_upstream",
        "_waiting",
        "readers",
        "task",
    )

    def __init__(
        self,
        upstream: Callable[[], AsyncGenerator[Any, None]],
        *,
        prepare: Prepare,
        on_end: Callable[[Recording], Awaitable[None]] | None = None,
        finish: bool = False,
        read_ahead: int = 16,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if read_ahead < 1:
            msg = f"read_ahead must be at least 1, got {read_ahead!r}"
            raise ConfigurationError(msg)
        super().__init__()
        self.task: asyncio.Task[None] | None = None
        self.readers = 0
        self._upstream, self._prepare, self._on_end = upstream, prepare, on_end
        self._finish, self._read_ahead, self._clock = finish, read_ahead, clock
        self._held: list[tuple[Any, Restore | None]] = []
        self._offsets: list[float] = []
        # Chunks as they came, by index, where they are not what is held: the first reader gets
        # those, for they may carry what a held chunk does not. None when it has left.
        self._originals: dict[int, Any] | None = {}
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._room: asyncio.Future[None] | None = None
        self._limit = read_ahead
        self._began = 0.0
        self._led = self._stopped = False

    @property
    def joinable(self) -> bool:
        """Whether it is under way, or about to be, and not being stopped."""
        return not self._stopped and (self.task is None or not self.task.done())

    def subscribe(self) -> AsyncGenerator[Any, None]:
        """Yield every chunk, from the first one on; counts as a reader from its first request.

        A stream that has ended is given once more. Closing the iterator is leaving.

        Raises:
            RuntimeError: The stream was stopped.
            ConfigurationError: The caller is itself part of the stream that it would wait for.
        """
        return self.follow(lambda: self)

    def describe(self) -> str:
        """Return what it gives, for messages."""
        return "stream"

    def start(self) -> asyncio.Task[None]:
        """Read ahead before there is a reader; until one comes, the caller owns the task."""
        if self.task is None:
            self.task = asyncio.get_running_loop().create_task(self._read())
            self.task.add_done_callback(self._land)
        return self.task

    @staticmethod
    async def follow(find: Callable[[], SharedStream]) -> AsyncGenerator[Any, None]:
        """Subscribe to the stream that *find* gives at the first request."""
        stream = find()
        if stream._stopped:
            msg = "the stream was stopped when its last reader left; begin another"
            raise RuntimeError(msg)
        outer = stream.join()
        leads, stream._led = not stream._led, True
        originals = stream._originals if leads else None
        task, held, read_ahead, position = stream.start(), stream._held, stream._read_ahead, 0
        stream.readers += 1
        try:
            while True:
                while position < len(held):
                    chunk, restore = held[position]
                    if originals and position in originals:
                        chunk = originals.pop(position)
                    elif restore is not None:
                        chunk = restore(chunk)
                    position += 1
                    if position + read_ahead > stream._limit:
                        stream._limit = position + read_ahead
                        # Not for every chunk: half the room is worth a turn of the loop.
                        if stream._room is not None and 2 * (len(held) - position) <= read_ahead:
                            stream._make_room()
                    yield chunk
                if task.done():
                    task.result()
                    return
                await stream._next()
        finally:
            stream.readers -= 1
            stream.leave(outer)
            if leads:
                stream._originals = None
            if not stream.readers and not task.done():
                await stream._left_alone(task)

    async def _next(self) -> None:
        """Wait until there is a chunk more, or the end."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = None
        try:
            await waiter
        finally:
            self._waiting.pop(waiter, None)

    async def _left_alone(self, task: asyncio.Task[None]) -> None:
        if self._finish:
            self._make_room()
            return
        self._stopped = True
        self._limit = 0
        await stop_task(task)

    async def _read(self) -> None:
        inside.set(self)
        monotonic, prepare = self._clock.monotonic, self._prepare
        held, offsets = self._held, self._offsets
        self._began = monotonic()
        async with contextlib.aclosing(self._upstream()) as chunks:
            async for chunk in chunks:
                offsets.append(monotonic() - self._began)
                kept = prepare(chunk)
                if kept[0] is not chunk and self._originals is not None:
                    self._originals[len(held)] = chunk
                held.append(kept)
                if self._waiting:
                    self._wake_readers()
                if len(held) >= self._limit:
                    await self._wait_for_room()
        if self.task is not None and self.task.cancelling():
            # Upstream was told to stop and ended as if it had nothing more to say.
            raise asyncio.CancelledError
        if self._on_end is not None:
            await self._on_end(self._recording())

    async def _wait_for_room(self) -> None:
        paused = self._clock.monotonic()
        while len(self._held) >= self._limit:
            if self._stopped:
                raise asyncio.CancelledError  # upstream was told so and went on
            if self._finish and not self.readers:
                await asyncio.sleep(0)  # upstream need not wait for anything: let others run
                break
            self._room = asyncio.get_running_loop().create_future()
            try:
                await self._room
            finally:
                self._room = None
        self._began += self._clock.monotonic() - paused

    def _recording(self) -> Recording:
        return Recording(
            tuple(chunk if restore is None else restore(chunk) for chunk, restore in self._held),
            tuple(round(offset, _MICROSECOND_DIGITS) for offset in self._offsets),
        )

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def _wake_readers(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    def _land(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # mark as seen: every reader may have left before it failed
        self._wake_readers()


class SharedStreams:
    """Share streams by key between the readers of one event loop."""

    def __init__(self) -> None:
        self._streams: LoopTables[Hashable, SharedStream] = LoopTables()
        self._tasks: LoopTables[asyncio.Task[None], SharedStream] = LoopTables()

    def under_way(self, key: Hashable) -> bool:
        """Tell whether a stream for *key* could be joined now."""
        return self.current(key) is not None

    def current(self, key: Hashable) -> SharedStream | None:
        """Return the stream for *key* that could be joined now."""
        stream = self._streams.here().get(key)
        return stream if stream is not None and stream.joinable else None

    def stream(
        self, key: Hashable, begin: Callable[[], SharedStream]
    ) -> AsyncGenerator[Any, None]:  # Any: any chunks
        """Yield the chunks of the stream for *key*, of one under way or else of *begin*.

        Which of them is found out at the first request. Otherwise as `SharedStream.subscribe`.

        Args:
            key: What the stream gives.
            begin: Makes a stream that nobody has read yet.
        """

        def find() -> SharedStream:
            streams = self._streams.here()
            stream = streams.get(key)
            if stream is None or not stream.joinable:
                stream = streams[key] = begin()
                self._watch(streams, key, stream)
            return stream

        return SharedStream.follow(find)

    def unread(self) -> list[asyncio.Task[None]]:
        """Return what is read to its end in this loop though its last reader has left.

        It is for the owner to wait for these; they are held here until they are done.
        """
        return [
            task
            for task, stream in self._tasks.here().items()
            if stream.joinable and not stream.readers
        ]

    def forget(self) -> None:
        """Let whoever asks from now on begin anew; streams under way go on for their readers."""
        self._streams.forget()

    def _watch(
        self, streams: dict[Hashable, SharedStream], key: Hashable, stream: SharedStream
    ) -> None:
        tasks, task = self._tasks.here(), stream.start()
        tasks[task] = stream

        def drop(task: asyncio.Task[None]) -> None:
            del tasks[task]
            if streams.get(key) is stream:
                del streams[key]

        task.add_done_callback(drop)
