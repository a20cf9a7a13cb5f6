from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator

from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.performance.answering.shared_stream import SharedStream, SharedStreams
from tta_dev_primitives.performance.answering.stream_recording import Recording

from .stream_readers import Reader, own_copies

LONG = os.environ.get("TTA_LONG") == "1"


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
