"""A step that goes wrong now and then, the same way each time."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives import RetryPrimitive, RetryStrategy, TimeoutPrimitive, WorkflowContext
from tta_dev_primitives.errors import ConfigurationError, TimeoutError  # noqa: A004 - our own
from tta_dev_primitives.testing import FakeClock, MockPrimitive
from tta_dev_primitives.testing.faults import FaultPrimitive, FaultStats


def drawing(*numbers: float) -> Any:
    """Draws these numbers; five for each call: latency, error, malformed, abort, chunks."""
    remaining = iter(numbers)
    return lambda: next(remaining)


async def letters(text: str) -> AsyncIterator[str]:
    for letter in text:
        yield letter


async def take(fault: FaultPrimitive[str, Any], text: str, into: list[str]) -> None:
    async for chunk in fault.stream(text):
        into.append(chunk)


async def ends(fault: FaultPrimitive[Any, Any], calls: int) -> list[str]:
    found: list[str] = []
    for number in range(calls):
        try:
            found.append(str(await fault.execute(number)))
        except Exception as error:
            found.append(type(error).__name__)
    return found


def chaos(**arguments: Any) -> FaultPrimitive[int, Any]:
    return FaultPrimitive(
        lambda x: x,
        error=LookupError,
        malformed=lambda x: "spoilt",
        abort_rate=0.3,
        rate=0.3,
        **arguments,
    )


async def test_same_seed_gives_the_same_faults_and_another_seed_others() -> None:
    """A test that failed fails again."""
    first, again, other = chaos(seed=7), chaos(seed=7), chaos(seed=8)
    expected = await ends(first, 40)
    assert await ends(again, 40) == expected
    assert await ends(other, 40) != expected
    assert {"LookupError", "ConnectionResetError", "spoilt"} < set(expected)


async def test_one_kind_of_fault_more_does_not_move_the_others() -> None:
    """Draws are made for every kind, configured or not."""
    alone = FaultPrimitive(lambda x: x, error=LookupError, rate=0.3)
    both = FaultPrimitive(
        lambda x: x, error=LookupError, malformed=lambda x: "spoilt", abort_rate=0.3, rate=0.3
    )
    failed = [number for number, end in enumerate(await ends(alone, 40)) if end == "LookupError"]
    assert failed == [
        number for number, end in enumerate(await ends(both, 40)) if end == "LookupError"
    ]
    assert failed


@pytest.mark.parametrize(("rate", "failed"), [(0.0, 0), (1.0, 50)], ids=["never", "always"])
async def test_rates_at_the_edges_are_certain(rate: float, failed: int) -> None:
    """Zero is never, one is always."""
    fault = FaultPrimitive(lambda x: x, error=LookupError, rate=rate)
    assert (await ends(fault, 50)).count("LookupError") == failed


async def test_rate_is_the_share_of_calls_over_many() -> None:
    """Within what chance allows; the seed makes it the same number each time."""
    fault = FaultPrimitive(lambda x: x, error=LookupError, rate=0.1)
    assert 160 <= (await ends(fault, 2000)).count("LookupError") <= 240


async def test_error_comes_instead_of_the_step_and_is_new_each_time() -> None:
    """The step has not run, and two calls do not share a traceback."""
    step = MockPrimitive()
    fault = FaultPrimitive(step, error=lambda: LookupError("injected"), rate=1)
    caught: list[BaseException] = []
    for _ in range(2):
        with pytest.raises(LookupError, match="injected") as info:
            await fault.execute("x")
        caught.append(info.value)
    assert step.call_count == 0
    assert caught[0] is not caught[1]


async def test_latency_passes_before_the_step(clock: FakeClock) -> None:
    """And before an error, as with a server that fails slowly."""
    step = MockPrimitive(return_value="done")
    fault = FaultPrimitive(
        step, latency=3, error=LookupError, rate=0.5, clock=clock,
        random=drawing(0.4, 0.9, 0.9, 0.9, 0, 0.4, 0.4, 0.9, 0.9, 0),
    )  # fmt: skip
    slow = asyncio.ensure_future(fault.execute("x"))
    await clock.sleep_through(2.5)
    assert step.call_count == 0
    await clock.sleep_through(0.5)
    assert await slow == "done"
    failing = asyncio.ensure_future(fault.execute("x"))
    await clock.sleep_through(3)
    with pytest.raises(LookupError):
        await failing
    assert (clock.monotonic(), step.call_count) == (6, 1)


async def test_latency_is_capped_by_the_deadline(clock: FakeClock) -> None:
    """As a slow server is left, and no timer stays."""
    fault = FaultPrimitive(lambda x: x, latency=60, rate=1, clock=clock, name="slow")
    call = asyncio.ensure_future(fault.execute("x", WorkflowContext(deadline=5)))
    await clock.sleep_through(5)
    with pytest.raises(TimeoutError, match="slow exceeded 5s timeout"):
        await call
    assert clock.pending == 0


async def test_limit_around_a_latency_has_its_fallback(clock: FakeClock) -> None:
    """The case that the limit is there for."""
    fault = FaultPrimitive(lambda x: x, latency=60, rate=1, clock=clock)
    limited = TimeoutPrimitive(fault, 5, fallback=lambda x: "fallback", clock=clock)
    call = asyncio.ensure_future(limited.execute("x"))
    await clock.sleep_through(5)
    assert await call == "fallback"
    assert clock.pending == 0


async def test_aborted_call_has_run_and_its_answer_is_lost() -> None:
    """What finds a retry that orders twice."""
    step = MockPrimitive(return_value="done")
    retried = RetryPrimitive(
        FaultPrimitive(step, abort_rate=0.5, random=drawing(0, 0, 0, 0.4, 0, 0, 0, 0, 0.6, 0)),
        RetryStrategy(1, initial_delay=0),
    )
    assert await retried.execute("x") == "done"
    assert step.call_count == 2


@pytest.mark.parametrize(
    ("text", "draw", "chunks"),
    [("abcdef", 0.0, "a"), ("abcdef", 0.3, "abc"), ("ab", 0.99, "ab"), ("", 0.5, "")],
    ids=["after the first", "after the third", "in place of the end", "without chunks"],
)
async def test_aborted_stream_raises_after_some_chunks(text: str, draw: float, chunks: str) -> None:
    """Never ends as if it were whole, however short it is."""
    fault = FaultPrimitive(letters, abort_rate=1, random=drawing(0, 0, 0, 0, draw))
    seen: list[str] = []
    with pytest.raises(ConnectionResetError, match=f"was cut after {len(chunks)} chunks"):
        await take(fault, text, seen)
    assert "".join(seen) == chunks


async def test_aborted_stream_is_closed_upstream_before_it_raises() -> None:
    """Nothing goes on behind the cut."""
    closed: list[bool] = []

    async def source(text: str) -> AsyncIterator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    fault = FaultPrimitive(source, abort_rate=1, random=drawing(0, 0, 0, 0, 0))
    with pytest.raises(ConnectionResetError):
        await take(fault, "x", [])
    assert closed == [True]


async def test_closing_the_stream_closes_the_step() -> None:
    """Faults or not."""
    closed: list[bool] = []

    async def source(text: str) -> AsyncIterator[str]:
        try:
            while True:
                yield text
        finally:
            closed.append(True)

    stream = FaultPrimitive(source, error=LookupError, rate=0).stream("x")
    assert await anext(stream) == "x"
    await stream.aclose()
    assert closed == [True]


async def test_malformed_answer_is_what_the_function_makes_of_it() -> None:
    """Of the result, and of every chunk of a stream."""
    fault = FaultPrimitive(letters, malformed=lambda text: text[:-1] + "?", rate=1)
    assert await fault.execute("abc") == "ab?"
    assert [chunk async for chunk in fault.stream("abc")] == ["?", "?", "?"]


async def test_failing_stream_has_no_chunk() -> None:
    """The error stands in place of the step."""
    with pytest.raises(LookupError):
        await anext(FaultPrimitive(letters, error=LookupError, rate=1).stream("abc"))


async def test_what_was_injected_is_counted_for_all_wraps_together() -> None:
    """So that a test can tell whether it tested anything."""
    fault = FaultPrimitive[Any, Any](
        error=LookupError, malformed=str, abort_rate=0.5, rate=0.5,
        random=drawing(
            0.9, 0.4, 0.4, 0.4, 0,  # fails; a failed call has no answer to spoil or cut
            0.9, 0.9, 0.4, 0.4, 0,  # malformed and aborted
            0.9, 0.9, 0.9, 0.9, 0,  # nothing
        ),
    )  # fmt: skip
    one, two = fault.wrap(lambda x: x), fault.wrap(lambda x: x)
    assert await ends(one, 1) == ["LookupError"]
    assert await ends(two, 2) == ["ConnectionResetError", "1"]
    assert one.stats() == two.stats() == fault.stats() == FaultStats(3, 0, 1, 1, 1)


def test_threads_draw_one_call_after_the_other() -> None:
    """The five numbers of a call stay together, and every call is counted."""
    fault = FaultPrimitive(lambda x: x, error=LookupError, rate=0.5, seed=3)

    def work() -> None:
        asyncio.run(work_all())

    async def work_all() -> None:
        await ends(fault, 200)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = FaultPrimitive(lambda x: x, error=LookupError, rate=0.5, seed=3)
    asyncio.run(ends(alone, 600))
    assert fault.stats() == alone.stats()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "there is nothing to inject; give latency="),
        ({"error": OSError, "rate": 1.1}, "rate must be a chance from 0 to 1, got 1.1"),
        ({"error": OSError, "rate": math.nan}, "rate must be a chance from 0 to 1, got nan"),
        ({"abort_rate": -0.1}, "abort_rate must be a chance from 0 to 1, got -0.1"),
        ({"latency": -1}, "latency must be 0 or more seconds and finite, got -1"),
        ({"latency": math.inf}, "latency must be 0 or more seconds and finite, got inf"),
        ({"error": OSError("x")}, "error must be a class or function that makes an error"),
    ],
    ids=["nothing", "rate", "nan", "abort rate", "latency", "for ever", "instance"],
)
def test_faults_that_make_no_sense_are_refused(arguments: dict[str, Any], message: str) -> None:
    """At construction."""
    with pytest.raises(ConfigurationError, match=message):
        FaultPrimitive(lambda x: x, **arguments)


async def test_faults_can_be_a_decorator() -> None:
    """Like every wrapper."""

    @FaultPrimitive(error=LookupError, rate=1)
    async def ask(text: str) -> str:
        return text

    with pytest.raises(LookupError):
        await ask.execute("x")
