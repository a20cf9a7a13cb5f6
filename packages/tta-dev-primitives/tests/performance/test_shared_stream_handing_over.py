"""What the taker of a whole stream gets, and when."""

from __future__ import annotations

from tta_dev_primitives.performance.answering.stream_recording import Recording
from tta_dev_primitives.testing.clock import FakeClock, settle

from .stream_readers import Kept, Share, Source, finish, read


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
