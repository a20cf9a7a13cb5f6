"""What becomes of a stream that breaks off after its first chunk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import LambdaPrimitive, WorkflowContext
from tta_dev_primitives.core.streaming import StreamRestarted, join_chunks, since_restart
from tta_dev_primitives.recovery.fallback import FallbackPrimitive, NotAcceptedError
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive

BROKEN = ConnectionError("half-way")
CHUNKS = ["The ", "parcel ", "is ", "here"]


def continuing(x: tuple[str, int], chunks: list[str]) -> tuple[str, int]:
    return x[0], x[1] + len(chunks)


class Teller:
    """Tells the words of a sentence from a given one on; breaks off after so many."""

    def __init__(self, *until: int) -> None:
        self.until = list(until)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, x: tuple[str, int]) -> AsyncIterator[str]:
        self.asked.append(x)
        words = self.until.pop(0)
        for chunk in CHUNKS[x[1] :][:words]:
            yield chunk
        if x[1] + words < len(CHUNKS):
            raise BROKEN


async def test_restart_tells_the_reader_and_begins_anew(
    source: Any, collect: Any, watcher: Any
) -> None:
    """Two halves of different answers were read as one."""
    spare = LambdaPrimitive(source(0, 0), name="spare")
    step = FallbackPrimitive(source(0, 0, BROKEN), spare, midstream="restart")
    chunks = await collect(step.stream("c"))
    mark = StreamRestarted(used="spare", index=1, reason="ConnectionError", dropped=2)
    assert chunks == ["c0", "c1", mark, "c0", "c1"]
    assert watcher.records == [("0", observe.FallbackRecord("spare", 1, "ConnectionError"))]
    assert watcher.outcomes["0"] == "fallback"


async def test_reader_can_drop_what_does_not_count(source: Any, collect: Any) -> None:
    """After a restart the chunks could not be joined to the answer."""
    step = FallbackPrimitive(
        source(0, 0, BROKEN), source(0, BROKEN), fallbacks=[source(0, 0)], midstream="restart"
    )
    chunks = await collect(step.stream("c"))
    assert [chunk.dropped for chunk in chunks if isinstance(chunk, StreamRestarted)] == [2, 1]
    assert join_chunks(since_restart(chunks)) == "c0c1"
    assert since_restart(["a", "b"]) == ["a", "b"]


async def test_failure_before_the_first_chunk_is_no_restart(source: Any, collect: Any) -> None:
    """The reader was told to drop chunks it never had."""
    step = FallbackPrimitive(source(BROKEN), source(0), midstream="restart")
    assert await collect(step.stream("c")) == ["c0"]


async def test_alternative_without_a_chunk_marks_the_restart_once(
    source: Any, collect: Any
) -> None:
    """Every further failure told the reader again to drop the same chunks."""
    step = FallbackPrimitive(
        source(0, BROKEN), source(BROKEN), fallbacks=[source(0)], midstream="restart"
    )
    chunks = await collect(step.stream("c"))
    assert [type(chunk) for chunk in chunks] == [str, StreamRestarted, str]


async def test_restart_into_an_empty_stream_says_so(source: Any, collect: Any) -> None:
    """The reader kept half of an answer whose replacement is empty."""
    step = FallbackPrimitive(source(0, BROKEN), source(), midstream="restart")
    assert since_restart(await collect(step.stream("c"))) == []


async def test_splice_goes_on_where_the_stream_broke_off(collect: Any) -> None:
    """Words came twice, or were missing, at the seam."""
    primary, spare = Teller(1), Teller(3)
    step = FallbackPrimitive(primary, spare, midstream="splice", continue_with=continuing)
    assert await collect(step.stream(("why?", 0))) == CHUNKS
    assert spare.asked == [("why?", 1)]


async def test_splice_counts_the_chunks_of_all_steps_so_far(collect: Any) -> None:
    """The third step began where the first had broken off."""
    last = Teller(2)
    step = FallbackPrimitive(
        Teller(1), Teller(1), fallbacks=[last], midstream="splice", continue_with=continuing
    )
    assert await collect(step.stream(("why?", 0))) == CHUNKS
    assert last.asked == [("why?", 2)]


async def test_splice_before_the_first_chunk_hands_the_input_on(collect: Any) -> None:
    """There was nothing to continue, and yet a continuation was asked for."""
    spare = Teller(4)
    step = FallbackPrimitive(
        Teller(0), spare, midstream="splice", continue_with=lambda x, chunks: pytest.fail("asked")
    )
    assert await collect(step.stream(("why?", 0))) == CHUNKS
    assert spare.asked == [("why?", 0)]


async def test_continuation_cannot_corrupt_the_books(collect: Any) -> None:
    """A function that empties its list made the next step begin anew."""

    def emptying(x: tuple[str, int], chunks: list[str]) -> tuple[str, int]:
        count = len(chunks)
        chunks.clear()
        return x[0], count

    step = FallbackPrimitive(
        Teller(1), Teller(1), fallbacks=[Teller(2)], midstream="splice", continue_with=emptying
    )
    assert await collect(step.stream(("why?", 0))) == CHUNKS


async def test_error_of_the_continuation_is_raised_with_the_broken_stream_as_its_context(
    collect: Any,
) -> None:
    """Why a continuation was wanted at all could not be seen."""

    def wrong(x: object, chunks: list[str]) -> object:
        raise TypeError("cannot continue")

    step = FallbackPrimitive(Teller(1), Teller(1), midstream="splice", continue_with=wrong)
    with pytest.raises(TypeError, match="cannot continue") as caught:
        await collect(step.stream(("why?", 0)))
    assert caught.value.__context__ is BROKEN


@pytest.mark.parametrize("midstream", ["fail", "restart"])
async def test_when_all_streams_fail_the_last_error_holds_the_earlier_ones(
    source: Any, collect: Any, midstream: Any
) -> None:
    """Why the first stream failed was lost."""
    errors = [OSError("1"), KeyError("2"), ValueError("3")]
    step = FallbackPrimitive(
        source(errors[0]), fallbacks=[source(errors[1]), source(errors[2])], midstream=midstream
    )
    with pytest.raises(ValueError, match="3") as caught:
        await collect(step.stream("c"))
    assert caught.value.__context__ is errors[1]
    assert errors[1].__context__ is errors[0]


async def test_alternative_that_breaks_off_fails_like_the_primary(
    source: Any, collect: Any
) -> None:
    """After a rescue the declared policy no longer held."""
    last, chunks = source(0), list[str]()
    step = FallbackPrimitive(source(OSError()), source(0, BROKEN), fallbacks=[last])
    with pytest.raises(ConnectionError, match="half-way"):
        await collect(step.stream("c"), chunks)
    assert chunks == ["c0"]
    assert last.begun == 0


@pytest.mark.parametrize("midstream", ["fail", "restart"])
async def test_empty_stream_is_a_success_whatever_the_policy(
    source: Any, collect: Any, midstream: Any
) -> None:
    """A legitimately empty answer was replaced."""
    spare = source(0)
    assert await collect(FallbackPrimitive(source(), spare, midstream=midstream).stream("c")) == []
    assert spare.begun == 0


async def test_errors_choose_the_alternative_of_a_stream_too(source: Any, collect: Any) -> None:
    """`on` and `catch` held for whole results alone."""
    special = source(0, 0)
    step = FallbackPrimitive(source(KeyError()), source(0), on={KeyError: special})
    assert await collect(step.stream("c")) == ["c0", "c1"]
    uncaught = FallbackPrimitive(source(KeyError()), source(0), catch=OSError)
    with pytest.raises(KeyError):
        await collect(uncaught.stream("c"))


async def test_error_that_the_reader_throws_in_is_no_failure_of_the_step(source: Any) -> None:
    """What went wrong at the reader's set a second stream off."""
    primary, spare = source(0, 0), source(0)
    stream = FallbackPrimitive(primary, spare, midstream="restart").stream("c")
    await anext(stream)
    with pytest.raises(ValueError, match="reader"):
        await stream.athrow(ValueError("reader"))
    assert (primary.closed, spare.begun) == (1, 0)


@pytest.mark.parametrize("taken", [1, 2, 3], ids=["primary", "at the mark", "alternative"])
async def test_closing_the_stream_closes_what_has_begun(source: Any, taken: int) -> None:
    """A stream was left open behind the reader's back."""
    primary, spare = source(0, BROKEN), source(0, 0)
    stream = FallbackPrimitive(primary, spare, midstream="restart").stream("c")
    for _ in range(taken):
        await anext(stream)
    await stream.aclose()
    assert (primary.begun, primary.closed) == (1, 1)
    assert spare.begun == spare.closed == int(taken == 3)


async def test_reader_who_is_cancelled_gets_no_other_stream(source: Any, collect: Any) -> None:
    """A cancelled reader's request was sent again to another step."""
    primary, spare = source(0, 60), source(0)
    step = FallbackPrimitive(primary, spare, midstream="restart")
    task = asyncio.ensure_future(collect(step.stream("c")))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (primary.closed, spare.begun) == (1, 0)


async def test_stream_that_falls_silent_is_spliced(
    clock: FakeClock, after: Any, collect: Any
) -> None:
    """An idle limit and a fallback did not work together."""

    async def stuck(x: tuple[str, int]) -> AsyncIterator[str]:
        yield CHUNKS[0]
        await clock.sleep(600)

    step = FallbackPrimitive(
        TimeoutPrimitive(stuck, 100, idle_seconds=5, clock=clock),
        Teller(3),
        midstream="splice",
        continue_with=continuing,
    )
    assert await after(5, collect(step.stream(("why?", 0)))) == CHUNKS


async def test_judged_stream_is_held_back_until_it_will_do(source: Any, collect: Any) -> None:
    """The reader had chunks of an answer that was refused afterwards."""
    step = FallbackPrimitive(
        source(0), source(0, BROKEN), fallbacks=[source(0, 0)], accept=lambda text: text == "c0c1"
    )
    assert await collect(step.stream("c")) == ["c0", "c1"]


async def test_judged_stream_that_never_will_do_gives_no_chunk(source: Any, collect: Any) -> None:
    """A refused answer was streamed all the same."""
    chunks: list[str] = []
    step = FallbackPrimitive(source(0), source(0), accept=lambda text: False)
    with pytest.raises(NotAcceptedError):
        await collect(step.stream("c"), chunks)
    assert chunks == []


async def test_judged_empty_stream_is_a_success(source: Any, collect: Any) -> None:
    """There was no result to judge, and yet it was refused."""
    step = FallbackPrimitive(source(), source(0), accept=lambda text: False)
    assert await collect(step.stream("c")) == []


async def test_all_streams_of_a_chain_run_in_the_same_context() -> None:
    """What the first step had noted was not there for the second."""

    async def noting(x: str, context: WorkflowContext) -> AsyncIterator[str]:
        context.state["noted"] = x
        raise BROKEN
        yield x

    async def telling(x: str, context: WorkflowContext) -> AsyncIterator[str]:
        yield context.state["noted"]

    context = WorkflowContext()
    stream = FallbackPrimitive(noting, telling).stream("x", context)
    assert [chunk async for chunk in stream] == ["x"]
    assert context.state == {"noted": "x"}


async def test_step_without_a_stream_is_an_alternative_too(source: Any, collect: Any) -> None:
    """An apology in one piece could not stand in for a stream."""
    spare = MockPrimitive(return_value="sorry")
    step = FallbackPrimitive(source(0, BROKEN), spare, midstream="restart")
    assert since_restart(await collect(step.stream("c"))) == ["sorry"]
