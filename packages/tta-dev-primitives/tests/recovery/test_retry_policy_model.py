"""Schedules, results, budgets and cancellation against a model that is only arithmetic."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import BulkheadFullError, LLMError
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy
from tta_dev_primitives.recovery.retry_budget import RetryBudget
from tta_dev_primitives.recovery.schedules import Schedule, constant, exponential, fibonacci
from tta_dev_primitives.testing.clock import FakeClock, settle

# Quarters of seconds add up exactly. Cancellation comes at an eighth, so at no moment of the call.
quarters = st.integers(0, 16).map(lambda n: n / 4)


@dataclass(frozen=True)
class Piece:
    """One part of a schedule, as numbers."""

    kind: str
    base: float
    maximum: float
    jitter: bool
    attempts: int | None
    seconds: float | None

    def schedule(self) -> Schedule:
        made = {
            "constant": constant(self.base),
            "exponential": exponential(self.base, 2, self.maximum),
            "fibonacci": fibonacci(self.base, self.maximum),
        }[self.kind]
        made = made.jittered() if self.jitter else made
        return made.up_to(attempts=self.attempts, seconds=self.seconds)

    def longest(self, number: int) -> float:
        table = {
            "constant": [1] * 12,
            "exponential": [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048],
            "fibonacci": [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144],
        }[self.kind]
        wait = self.base * table[number - 1]
        return wait if self.kind == "constant" else min(wait, self.maximum)


@dataclass(frozen=True)
class Attempt:
    duration: float
    brings: str
    asked: float


@dataclass(frozen=True)
class Case:
    pieces: list[Piece]
    script: list[Attempt]
    deadline: float | None
    allowed: int
    cancelled: float


@dataclass
class Outcome:
    began: list[float] = field(default_factory=list)
    ending: str = ""
    ended: float = 0.0
    budget_left: float = 0.0


pieces = st.builds(
    Piece,
    kind=st.sampled_from(["constant", "exponential", "fibonacci"]),
    base=quarters,
    maximum=quarters,
    jitter=st.booleans(),
    attempts=st.integers(1, 5),
    seconds=st.none() | st.integers(1, 60).map(lambda n: n / 4),
)
cases = st.builds(
    Case,
    pieces=st.lists(pieces, min_size=1, max_size=3),
    script=st.lists(
        st.builds(
            Attempt,
            duration=quarters,
            brings=st.sampled_from([*["error"] * 4, *["unwanted"] * 2, "hopeless", "ok"]),
            asked=st.sampled_from([0, 0, 0, 0.5, 3, 121]),
        ),
        min_size=14,
        max_size=14,
    ),
    deadline=st.none() | st.integers(0, 120).map(lambda n: n / 4),
    allowed=st.integers(0, 8),
    cancelled=st.integers(0, 400).map(lambda n: n / 4 + 0.125),
)


def model(case: Case) -> Outcome:
    """Go through the attempts with a pencil. Every draw of the jitter is a half."""
    found = Outcome(budget_left=case.allowed)
    now, piece_began, number, parts = 0.0, 0.0, 0, list(case.pieces)
    for attempt in case.script:
        found.began.append(now)
        now += attempt.duration
        number += 1
        if now > case.cancelled:
            found.ending, found.ended = "cancelled", case.cancelled
            return found
        found.ending, found.ended = attempt.brings, now
        asked = 0 if attempt.brings == "unwanted" else attempt.asked
        if attempt.brings in ("ok", "hopeless") or asked > 120:
            return found
        wait = None
        while parts and wait is None:
            part = parts[0]
            wait = max(part.longest(number), asked)
            wait = max(wait / 2, asked) if part.jitter else wait
            full = part.attempts is not None and number >= part.attempts
            late = part.seconds is not None and now - piece_began + wait >= part.seconds
            if full or late:
                parts.pop(0)
                piece_began, number, wait = now, 1, None
        if wait is None or (case.deadline is not None and now + wait >= case.deadline):
            return found
        if found.budget_left < 1:
            return found
        now += wait
        if now > case.cancelled:
            found.ending, found.ended = "cancelled", case.cancelled
            return found
        found.budget_left -= 1
    raise AssertionError


async def real(case: Case) -> Outcome:
    clock = FakeClock()
    found = Outcome()

    async def step(x: None) -> str:
        attempt = case.script[len(found.began)]
        found.began.append(clock.monotonic())
        await clock.sleep(attempt.duration)
        if attempt.brings in ("ok", "unwanted"):
            return attempt.brings
        raise LLMError(
            attempt.brings, retryable=attempt.brings == "error", retry_after=attempt.asked
        )

    schedule, *others = [piece.schedule() for piece in case.pieces]
    for other in others:
        schedule |= other
    budget = RetryBudget(case.allowed, minimum_per_second=0, clock=clock)
    retry = RetryPrimitive(
        step,
        schedule,
        retry_result=lambda value: value == "unwanted",
        budget=budget,
        clock=clock,
        random=lambda: 0.5,
    )
    task = asyncio.ensure_future(retry.execute(None, WorkflowContext(deadline=case.deadline)))

    def end(task: asyncio.Task[str]) -> None:
        found.ended = clock.monotonic()

    task.add_done_callback(end)
    await clock.sleep_through(case.cancelled)
    task.cancel()
    await asyncio.wait([task])
    await settle(2)
    if task.cancelled():
        found.ending = "cancelled"
    else:
        error = task.exception()
        found.ending = task.result() if error is None else str(error)
    found.budget_left = budget.available
    assert clock.pending == 0
    return found


@settings(max_examples=2000 if os.environ.get("TTA_LONG") else 300, deadline=None)
@given(cases)
def test_attempts_times_ending_and_budget_are_those_of_the_model(case: Case) -> None:
    """However schedules, results, deadlines, the budget and cancellation fall."""
    assert asyncio.run(real(case)) == model(case)


async def storm(seed: int, *, streams: bool) -> None:
    """Many callers in one bulkhead, under one budget, each cancelled somewhere or not at all."""
    draw = random.Random(seed)
    clock, callers, running, made = FakeClock(), 20, 0, 0
    began: set[int] = set()
    ratio = draw.choice([0, 0.5, 2])
    budget = RetryBudget(ratio, minimum_per_second=0, burst=1000, clock=clock)

    async def work(x: int) -> None:
        nonlocal running, made
        made += 1
        began.add(x)
        running += 1
        assert running <= 3
        try:
            await clock.sleep(draw.choice([0, 0.25, 1]))
            if draw.random() < 0.6:
                raise LLMError("no", retryable=draw.random() < 0.9)
        finally:
            running -= 1

    async def step(x: int) -> int:
        await work(x)
        return x

    async def chunks(x: int) -> AsyncIterator[int]:
        await work(x)
        yield x

    strategy = draw.choice(
        [
            RetryStrategy(4, 2, 0.5, 2),
            exponential(0.5).jittered().up_to(attempts=5),
            constant(0).up_to(attempts=2) | constant(1).up_to(seconds=8),
        ]
    )
    retry = RetryPrimitive(
        chunks if streams else step, strategy, budget=budget, clock=clock, random=draw.random
    )
    bulkhead = BulkheadPrimitive(retry, max_concurrent=3, max_queue=callers, clock=clock)

    async def call(x: int) -> None:
        context = WorkflowContext(deadline=draw.choice([None, 3.0, 9.0]))
        if not streams:
            assert await bulkhead.execute(x, context) == x
            return
        stream = bulkhead.stream(x, context)
        try:
            async for chunk in stream:
                assert chunk == x
        finally:
            await stream.aclose()

    tasks = [asyncio.ensure_future(call(number)) for number in range(callers)]
    cancelled: set[int] = set()
    for _ in range(30):
        if draw.random() < 0.4:
            victim = draw.randrange(callers)
            if not tasks[victim].done():
                tasks[victim].cancel()
                cancelled.add(victim)
            await settle(draw.randrange(3))
        clock.advance(draw.choice([0, 0.25, 0.5]))
        await settle(draw.randrange(4))
    await clock.sleep_through(200)
    for number, task in enumerate(tasks):
        assert task.done()
        assert task.cancelled() == (number in cancelled)
        assert task.cancelled() or isinstance(task.exception(), LLMError | BulkheadFullError | None)
    stats = bulkhead.stats()
    assert (stats.running, stats.waiting, running) == (0, 0, 0)
    # What was earned and not spent is still there: one for every attempt that was made.
    assert budget.available == ratio * len(began) - (made - len(began))
    assert clock.pending == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@settings(max_examples=2000 if os.environ.get("TTA_LONG") else 60, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_books_balance_whoever_is_cancelled_when(seed: int, streams: bool) -> None:
    """No place and no retry is lost or made twice, no cancellation is lost or invented."""
    asyncio.run(storm(seed, streams=streams))
