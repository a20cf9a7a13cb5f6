"""Hedging against a model that has no event loop and no tasks: only a list of what happens when."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import LLMError
from tta_dev_primitives.recovery.hedge import HedgePrimitive
from tta_dev_primitives.recovery.retry_budget import RetryBudget
from tta_dev_primitives.testing.clock import FakeClock, settle

# No two things happen in one moment: every call's length ends in a binary digit of its own, the
# delay in another, and the deadline in a third. Ties are for the tests of single behaviours.
DELAY_DIGIT, DEADLINE_DIGIT = 2**-12, 2**-13


@dataclass(frozen=True)
class Attempt:
    duration: float
    ok: bool
    retryable: bool


@dataclass(frozen=True)
class Case:
    script: list[Attempt]
    delay: float
    max_hedges: int
    hedge_on_error: bool
    alternatives: bool
    allowed: int
    deadline: float | None


@dataclass
class Outcome:
    began: list[float] = field(default_factory=list)
    winner: int | None = None
    ended: float = 0.0


@st.composite
def cases(draw: st.DrawFn) -> Case:
    script = [
        Attempt(
            draw(st.integers(0, 12)) + 2.0 ** -(number + 2),
            draw(st.booleans()),
            draw(st.sampled_from([True, True, False])),
        )
        for number in range(5)
    ]
    return Case(
        script,
        delay=draw(st.integers(0, 6)) + DELAY_DIGIT,
        max_hedges=draw(st.integers(1, 4)),
        hedge_on_error=draw(st.booleans()),
        alternatives=draw(st.booleans()),
        allowed=draw(st.integers(0, 4)),
        deadline=draw(st.none() | st.integers(0, 14).map(lambda n: n + DEADLINE_DIGIT)),
    )


def model(case: Case) -> Outcome:
    """Take the next thing that happens, again and again, until there is an answer or none comes."""
    deadline = math.inf if case.deadline is None else case.deadline
    found = Outcome(began=[0.0])
    running = {0: case.script[0].duration}
    timer, left = case.delay if case.delay < deadline else math.inf, case.allowed
    now = 0.0

    def begin() -> float:
        """Begin a hedge where one may begin, and say when the next one is due."""
        nonlocal left
        number = len(found.began)
        if number > case.max_hedges or now >= deadline or left == 0:
            return math.inf
        left -= 1
        found.began.append(now)
        running[number] = now + case.script[number].duration
        due = now + case.delay
        return due if number < case.max_hedges and due < deadline else math.inf

    while running:
        first = min(running, key=running.__getitem__)
        if 0 not in running and deadline < min(running[first], timer):
            now = max(now, deadline)  # the caller waits for hedges alone, and no longer than this
            break
        if timer < running[first]:
            now = timer
            timer = begin()
            continue
        now = running.pop(first)
        attempt = case.script[first]
        if attempt.ok:
            found.winner = first
            break
        if case.hedge_on_error and (case.alternatives or attempt.retryable):
            timer = begin()
    found.ended = now
    return found


class Allowance(RetryBudget):
    """So many extra calls and no more."""

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    def take(self) -> bool:
        self.left -= 1
        return self.left >= 0


async def real(case: Case) -> Outcome:
    clock = FakeClock()
    found = Outcome()

    async def step(x: None) -> int:
        number = len(found.began)
        attempt = case.script[number]
        found.began.append(clock.monotonic())
        await clock.sleep(attempt.duration)
        if not attempt.ok:
            raise LLMError(str(number), retryable=attempt.retryable)
        return number

    hedged = HedgePrimitive(
        step,
        delay=case.delay,
        max_hedges=case.max_hedges,
        alternatives=[step] if case.alternatives else [],
        hedge_on_error=case.hedge_on_error,
        budget=Allowance(case.allowed),
        clock=clock,
    )
    task = asyncio.ensure_future(hedged.execute(None, WorkflowContext(deadline=case.deadline)))
    ended: list[float] = []
    task.add_done_callback(lambda _: ended.append(clock.monotonic()))
    await clock.sleep_through(1000)
    assert task.done()
    error = task.exception()
    if error is None:
        found.winner = cast("int", task.result())
    else:
        assert str(error) == "0"
    found.ended = ended[0]
    assert clock.pending == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return found


@settings(max_examples=300, deadline=None)
@given(cases())
def test_calls_their_times_and_the_winner_are_those_of_the_model(case: Case) -> None:
    """However calls, delays, failures, the budget and the deadline fall."""
    assert asyncio.run(real(case)) == model(case)


class Books:
    """What began and ended, over all calls of one run."""

    def __init__(self) -> None:
        self.began = self.ended = self.answers = 0


async def storm(seed: int, *, streams: bool) -> None:
    """Many callers at once, each cancelled at a random moment or not at all."""
    draw = random.Random(seed)
    clock, books, callers = FakeClock(), Books(), 30
    budget = RetryBudget(draw.choice([0, 0.25, 2]), minimum_per_second=0, clock=clock)

    async def work() -> None:
        books.began += 1
        try:
            await clock.sleep(draw.choice([0, 0.5, 1, 2, 3]))
            if draw.random() < 0.3:
                raise LLMError("no", retryable=draw.random() < 0.5)
            books.answers += 1
        finally:
            try:
                if draw.random() < 0.3:
                    await clock.sleep(draw.choice([0, 1]))
            finally:
                books.ended += 1

    async def step(x: int) -> int:
        await work()
        return x

    async def chunks(x: int) -> AsyncIterator[int]:
        await work()
        for _ in range(draw.randrange(3)):
            yield x
            await clock.sleep(draw.choice([0, 0.5]))

    hedged = HedgePrimitive(
        chunks if streams else step,
        delay=draw.choice([0, 0.5, 1]),
        max_hedges=draw.choice([1, 2, 3]),
        budget=budget,
        clock=clock,
    )

    async def call(x: int) -> None:
        if not streams:
            assert await hedged.execute(x) == x
            return
        stream = hedged.stream(x)
        try:
            async for chunk in stream:
                assert chunk == x
                if draw.random() < 0.2:
                    break
        finally:
            await stream.aclose()

    tasks = [asyncio.ensure_future(call(number)) for number in range(callers)]
    cancelled: set[int] = set()
    for _ in range(24):
        for _ in range(draw.randrange(3)):
            victim = draw.randrange(callers)
            if not tasks[victim].done():
                tasks[victim].cancel()
                cancelled.add(victim)
            if draw.random() < 0.5:
                await settle(draw.randrange(4))
        if draw.random() < 0.5:
            clock.advance(0.25)  # several timers in one turn of the loop
            await settle(draw.randrange(3))
        else:
            await clock.sleep_through(0.25)
    await clock.sleep_through(100)
    for number, task in enumerate(tasks):
        assert task.done()
        # Whoever was cancelled while still at it is cancelled, and nobody else is.
        assert task.cancelled() == (number in cancelled)
        assert task.cancelled() or isinstance(task.exception(), LLMError | None)
        assert task.cancelled() or task.cancelling() == 0
    assert books.began == books.ended
    assert books.began - callers <= budget.ratio * callers
    assert clock.pending == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_books_balance_whoever_is_cancelled_when(seed: int, streams: bool) -> None:
    """Nothing that began goes on, no budget is overdrawn, no cancellation is lost or invented."""
    asyncio.run(storm(seed, streams=streams))
