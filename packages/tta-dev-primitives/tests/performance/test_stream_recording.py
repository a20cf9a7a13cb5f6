from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.llm.types import LLMChunk, LLMResponse
from tta_dev_primitives.performance.answering.stream_recording import Recording
from tta_dev_primitives.performance.values import encoding
from tta_dev_primitives.testing.clock import FakeClock, settle

WORDS = Recording(("to ", "be ", "or"), (0.5, 0.75, 2.0))


@dataclass(frozen=True)
class Piece:
    text: str
    raw: object = field(default=None, metadata={"cache": False})


async def times_of(recording: Recording, clock: FakeClock, reader_takes: float) -> list[float]:
    """When each chunk comes to a reader who works on each for *reader_takes* seconds."""
    times: list[float] = []
    async for _ in recording.replay(pace="recorded", clock=clock):
        times.append(clock.monotonic())
        clock.advance(reader_takes)
    return times


async def test_replay_keeps_the_boundaries_of_chunks() -> None:
    assert [chunk async for chunk in WORDS.replay()] == ["to ", "be ", "or"]


async def test_instant_replay_does_not_wait(clock: FakeClock) -> None:
    assert [chunk async for chunk in WORDS.replay(clock=clock)] == ["to ", "be ", "or"]
    assert clock.slept == []


@pytest.mark.parametrize(
    ("reader_takes", "expected"),
    [(0.0, [0.5, 0.75, 2.0]), (0.25, [0.5, 0.75, 2.0]), (1.0, [0.5, 1.5, 2.5])],
    ids=["quick reader", "reader just in time", "late reader"],
)
async def test_recorded_pace_gives_no_chunk_early_and_none_later_than_needed(
    clock: FakeClock, reader_takes: float, expected: list[float]
) -> None:
    """A reader's own time counts: it does not come on top of the pauses."""
    reader = asyncio.create_task(times_of(WORDS, clock, reader_takes))
    await clock.sleep_through(10)
    assert await reader == expected


async def test_recorded_pace_begins_with_the_first_request(clock: FakeClock) -> None:
    chunks = WORDS.replay(pace="recorded", clock=clock)
    clock.advance(100)
    first = asyncio.ensure_future(anext(chunks))
    await clock.sleep_through(0.4)
    assert not first.done()
    await clock.sleep_through(0.1)
    assert await first == "to "
    await chunks.aclose()


async def test_replay_that_is_closed_early_leaves_no_timer(clock: FakeClock) -> None:
    chunks = WORDS.replay(pace="recorded", clock=clock)
    waiting = asyncio.ensure_future(anext(chunks))
    await settle()
    assert clock.pending == 1
    waiting.cancel()
    await settle()
    await chunks.aclose()
    assert clock.pending == 0


@pytest.mark.parametrize(
    ("chunks", "whole"),
    [
        (("to ", "be"), "to be"),
        ((b"to ", b"be"), b"to be"),
        ((), []),
        (({"n": 1}, {"n": 2}), [{"n": 1}, {"n": 2}]),
        ((LLMChunk("to "), LLMChunk("be")), LLMResponse("to be")),
    ],
    ids=["text", "bytes", "no chunk", "records", "chunks that join themselves"],
)
def test_whole_is_what_execute_returns(chunks: tuple[Any, ...], whole: Any) -> None:
    assert Recording(chunks, (0.0,) * len(chunks)).joined() == whole


@pytest.mark.parametrize(
    "chunks",
    [
        ("to ", "be"),
        (b"\x00", b"\xff"),
        (),
        ({"n": [1, None]}, {"n": {2}}),
        (LLMChunk("to"), LLMChunk("be", response=LLMResponse("tobe", cost=0.25))),
    ],
    ids=["text", "bytes", "no chunk", "records", "llm chunks"],
)
def test_recording_comes_back_from_its_bytes(codec: str, chunks: tuple[Any, ...]) -> None:
    recording = Recording(chunks, tuple(index / 8 for index in range(len(chunks))))
    found = encoding.decode(encoding.encode(recording))
    assert found == recording
    assert type(found) is Recording


def test_bytes_of_a_recording_leave_out_what_chunks_leave_out() -> None:
    recording = Recording((Piece("a", raw=object()),), (0.0,))
    assert encoding.decode(encoding.encode(recording)).chunks == (Piece("a"),)


@pytest.mark.parametrize(
    ("chunk", "expected"), [("a", True), ({"n": 1}, False)], ids=["text", "a dict"]
)
def test_recording_is_as_immutable_as_its_chunks(chunk: Any, expected: bool) -> None:
    """A store may hold one of text as it is; one of dicts it has to copy."""
    assert encoding.is_immutable(Recording((chunk,), (0.0,))) is expected


def test_recording_wants_a_time_for_every_chunk() -> None:
    with pytest.raises(ValueError, match="expected one offset per chunk, got 1 for 2"):
        Recording(("a", "b"), (0.0,))


def test_unknown_pace_is_refused_before_the_first_request() -> None:
    pace: Any = "slow"
    with pytest.raises(ConfigurationError, match="pace must be 'instant' or 'recorded'"):
        WORDS.replay(pace=pace)
