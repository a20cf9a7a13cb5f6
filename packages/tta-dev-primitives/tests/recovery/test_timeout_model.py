"""Limits against a model that has no event loop: only numbers, and who was told what when.

`TTA_LONG=1` runs 5,000 storms of 40 callers each.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import TimeoutError  # noqa: A004 - rooted in the stdlib's
from tta_dev_primitives.recovery.timeout import StreamTimeoutError, TimeoutPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle

LATEST = 0.02
LONG = os.environ.get("TTA_LONG") == "1"
# No two things happen in one moment: pauses are quarters, limits end in binary digits of their own.
pauses = st.lists(st.integers(0, 24).map(lambda n: n / 4), max_size=6)


def limits(digit: int) -> st.SearchStrategy[float | None]:
    return st.none() | st.integers(0, 12).map(lambda n: n + 2.0**-digit)


@dataclass(frozen=True)
class Case:
    pauses: list[float]
    held: list[float]
    total: float | None
    first: float | None
    idle: float | None
    outer: float | None
    enforced: bool


@dataclass
class Outcome:
    chunks: int
    ended: float
    why: str


@st.composite
def cases(draw: st.DrawFn) -> Case:
    steps = draw(pauses)
    total, first, idle = draw(limits(5)), draw(limits(6)), draw(limits(7))
    return Case(
        steps,
        held=[draw(st.integers(0, 8)) / 4 for _ in steps],
        total=100 + 2**-5 if total is first is idle is None else total,
        first=first,
        idle=idle,
        outer=draw(limits(8)),
        enforced=draw(st.booleans()),
    )


def model(case: Case) -> Outcome:
    now, count = 0.0, len(case.pauses)
    total = math.inf if case.total is None else case.total
    outer = math.inf if case.outer is None else case.outer
    # The end of the stream is waited for as a chunk is, and comes at once.
    for chunks, pause in enumerate([*case.pauses, 0.0]):
        patience = case.idle if chunks else case.first
        part = math.inf if patience is None else now + patience
        due = min(total, outer, part)
        if due <= now or due < now + pause:
            why = "part" if due == part and part < min(total, outer) else "whole"
            return Outcome(chunks, max(now, due), why)
        now += pause + (case.held[chunks] if chunks < count else 0)
    return Outcome(count, now, "end")


async def real(case: Case, *, coarse: bool) -> Outcome:
    clock, found = FakeClock(), Outcome(0, 0.0, "end")

    async def source(x: None) -> AsyncIterator[int]:
        for number, pause in enumerate(case.pauses):
            if pause:
                await clock.sleep(pause)
            yield number

    step = TimeoutPrimitive(
        source,
        case.total,
        first_chunk_seconds=case.first,
        idle_seconds=case.idle,
        coarse=coarse,
        clock=clock,
    )
    context = WorkflowContext()
    if case.outer is not None and case.enforced:
        step = TimeoutPrimitive(step, case.outer, coarse=coarse, clock=clock)
    elif case.outer is not None:
        context = WorkflowContext(deadline=case.outer)

    async def read() -> None:
        async for number in step.stream(None, context):
            found.chunks += 1
            held = case.held[number]
            if held:
                await clock.sleep(held)

    task = asyncio.ensure_future(read())
    task.add_done_callback(lambda _: setattr(found, "ended", clock.monotonic()))
    await clock.sleep_through(200)
    assert task.done()
    error = task.exception()
    if error is not None:
        assert isinstance(error, TimeoutError)
        found.why = "part" if isinstance(error, StreamTimeoutError) else "whole"
        assert task.cancelling() == 0
    assert clock.pending == 0
    return found


@settings(max_examples=300)
@given(cases())
def test_exact_limits_end_a_stream_when_the_model_says(case: Case) -> None:
    """However pauses, the reader and four limits fall."""
    assert asyncio.run(real(case, coarse=False)) == model(case)


@settings(max_examples=200)
@given(cases())
def test_coarse_limits_end_a_stream_at_most_a_little_later(case: Case) -> None:
    """However pauses, the reader and four limits fall, nothing is cut that had time left."""
    expected, found = model(case), asyncio.run(real(case, coarse=True))
    if found == expected:
        return
    # A chunk may have come in the milliseconds between the limit and its being noticed.
    assert expected.why != "end"
    assert found.chunks >= expected.chunks
    if found.why == expected.why:
        assert expected.ended <= found.ended
    assert (
        found.why == "end"
        or found.ended - expected.ended <= LATEST
        or found.chunks > expected.chunks
    )


async def storm(seed: int, *, streams: bool) -> None:
    """Many callers under nested limits, each cancelled at a random moment or not at all."""
    draw = random.Random(seed)
    clock, callers = FakeClock(draw.random() * 100), 40
    began = ended = 0

    async def work() -> None:
        nonlocal began, ended
        began += 1
        try:
            await clock.sleep(draw.choice([0, 0.003, 0.5, 1, 2, 3]))
            if draw.random() < 0.2:
                raise LookupError
        finally:
            if draw.random() < 0.3:
                try:
                    await clock.sleep(draw.choice([0, 0.01]))
                finally:
                    ended += 1
            else:
                ended += 1

    async def step(x: int) -> int:
        await work()
        return x

    async def chunks(x: int) -> AsyncIterator[int]:
        for _ in range(draw.randrange(4)):
            await work()
            yield x

    def limited(inner: object, most: float) -> TimeoutPrimitive:
        return TimeoutPrimitive(
            inner,  # pyright: ignore[reportArgumentType] - either kind of step
            draw.choice([0.004, 0.5, 1.1, most]),
            idle_seconds=draw.choice([None, 0.4]),
            coarse=draw.random() < 0.7,
            clock=clock,
        )

    policy = limited(limited(chunks if streams else step, 2), 4)

    async def call(x: int) -> None:
        if not streams:
            assert await policy.execute(x) == x
            return
        stream = policy.stream(x)
        try:
            async for chunk in stream:
                assert chunk == x
                if draw.random() < 0.2:
                    break
        finally:
            await stream.aclose()

    tasks = [asyncio.ensure_future(call(number)) for number in range(callers)]
    cancelled: set[int] = set()
    for _ in range(40):
        for _ in range(draw.randrange(3)):
            victim = draw.randrange(callers)
            if not tasks[victim].done():
                tasks[victim].cancel()
                cancelled.add(victim)
            await settle(draw.randrange(3))
        if draw.random() < 0.5:
            clock.advance(draw.choice([0.001, 0.008, 0.25]))
            await settle(draw.randrange(3))
        else:
            await clock.sleep_through(draw.choice([0.005, 0.1]))
    await clock.sleep_through(100)
    for number, task in enumerate(tasks):
        assert task.done()
        # Whoever was cancelled while still at it is cancelled, and nobody else is.
        assert task.cancelled() == (number in cancelled)
        if not task.cancelled():
            assert isinstance(task.exception(), TimeoutError | LookupError | None)
            assert task.cancelling() == 0
    assert began == ended
    assert clock.pending == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@settings(max_examples=5000 if LONG else 80)
@given(st.integers(0, 2**32), st.booleans())
def test_books_balance_whoever_is_cancelled_when(seed: int, streams: bool) -> None:
    """Nothing that began goes on, no timer stays, no cancellation is lost or invented."""
    asyncio.run(storm(seed, streams=streams))
