"""Upstreams, readers and takers of shared streams that do what a test says."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from tta_dev_primitives.performance.answering.shared_stream import SharedStream
from tta_dev_primitives.performance.answering.stream_recording import Recording
from tta_dev_primitives.performance.values import encoding
from tta_dev_primitives.performance.values.trees import without_uncached_fields
from tta_dev_primitives.testing.clock import FakeClock


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


Share = Callable[..., SharedStream]


@pytest.fixture
def share(clock: FakeClock, kept: Kept) -> Share:
    """Makes streams on the test's clock that are handed over to `kept`."""
    defaults: dict[str, Any] = {"prepare": own_copies, "on_end": kept, "clock": clock}

    def make(upstream: Callable[[], AsyncGenerator[Any, None]], **options: Any) -> SharedStream:
        return SharedStream(upstream, **{**defaults, **options})

    return make


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
