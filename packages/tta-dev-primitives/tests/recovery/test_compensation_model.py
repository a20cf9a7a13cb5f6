"""Sagas against a model that is only a list: cancelled at any await of any step or undo."""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core.base import WorkflowPrimitive
from tta_dev_primitives.errors import CompensationError
from tta_dev_primitives.recovery.compensation import (
    Effect,
    SagaPrimitive,
    idempotency_key,
    undo_reports,
)
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy
from tta_dev_primitives.testing.clock import FakeClock

EXAMPLES = 5000 if os.environ.get("TTA_LONG") else 300


@dataclass(frozen=True)
class Plan:
    """One step: awaits, its effect, awaits again, perhaps an error; and its undo."""

    before: int
    after: int
    fails: bool
    failed_attempts: int
    has_undo: bool
    atomic: bool
    undo_before: int
    undo_after: int
    undo_fails: bool


@dataclass(frozen=True)
class Case:
    plans: list[Plan]
    cancelled_at: set[int]


@dataclass
class Story:
    """What happened, in order, how it ended, and whose effects are still there."""

    events: list[str] = field(default_factory=list)
    ending: str = "result"
    left: set[int] = field(default_factory=set)


awaits = st.integers(0, 2)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    atomic = draw(st.booleans())
    return Plan(
        before=draw(awaits),
        after=0 if atomic else draw(awaits),
        fails=draw(st.sampled_from([False, False, True])),
        failed_attempts=draw(st.sampled_from([0, 0, 1, 2])),
        has_undo=draw(st.sampled_from([True, True, False])),
        atomic=atomic,
        undo_before=draw(awaits),
        undo_after=draw(awaits),
        undo_fails=draw(st.sampled_from([False, False, True])),
    )


cases = st.builds(Case, st.lists(plans(), min_size=1, max_size=5), st.sets(st.integers(1, 24)))


class CancelledHereError(Exception):
    """The model's word for it."""


def model(case: Case) -> Story:
    """Walk through the steps and back, counting awaits."""
    story, count = Story(), 0
    cancelled = False

    def wait(times: int, *, ends: bool) -> None:
        nonlocal count, cancelled
        for _ in range(times):
            count += 1
            if count in case.cancelled_at:
                cancelled = True
                if ends:
                    raise CancelledHereError

    def act(number: int, plan: Plan) -> None:
        for _ in range(plan.failed_attempts):
            story.events.append(f"try {number}")
            wait(1, ends=True)
        wait(plan.before, ends=True)
        if not (plan.atomic and plan.fails):
            story.events.append(f"do {number}")
            story.left.add(number)
        wait(plan.after, ends=True)
        if plan.fails:
            raise ValueError

    begun: list[tuple[int, Plan]] = []
    for number, plan in enumerate(case.plans):
        try:
            act(number, plan)
            begun.append((number, plan))
        except (CancelledHereError, ValueError):
            if not plan.atomic:
                begun.append((number, plan))
            break
    else:
        return story
    kept = False
    for number, plan in reversed(begun):
        if plan.has_undo:
            wait(plan.undo_before, ends=False)
            story.events.append(f"undo {number}")
            kept = kept or plan.undo_fails
            if not plan.undo_fails:
                story.left.discard(number)
            wait(plan.undo_after, ends=False)
    story.ending = "cancelled" if cancelled else "both" if kept else "error"
    return story


class Office:
    """The same steps for real, with books by key and a caller who is cancelled at some awaits."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.story = Story()
        self.caller: asyncio.Task[Any] | None = None
        self.count = 0
        self.inside = 0
        self.keys: dict[int, set[str | None]] = {n: set() for n in range(len(case.plans))}
        self.books: dict[str, int] = {}

    async def wait(self, times: int) -> None:
        assert self.caller is not None
        for _ in range(times):
            self.count += 1
            if self.count in self.case.cancelled_at:
                self.caller.cancel()
            await asyncio.sleep(0)

    def step(self, number: int, plan: Plan) -> WorkflowPrimitive[Any, Any]:
        attempts = 0

        async def act(x: int) -> int:
            nonlocal attempts
            assert x == number
            self.keys[number].add(idempotency_key())
            attempts += 1
            if attempts <= plan.failed_attempts:
                self.story.events.append(f"try {number}")
                await self.wait(1)
                raise ConnectionError
            await self.wait(plan.before)
            if not (plan.atomic and plan.fails):
                self.story.events.append(f"do {number}")
                self.books[str(idempotency_key())] = number
            await self.wait(plan.after)
            if plan.fails:
                raise ValueError
            return x + 1

        return RetryPrimitive(
            act,
            RetryStrategy(max_retries=2, initial_delay=0),
            retry_on=lambda error: isinstance(error, ConnectionError),
            clock=NO_WAIT,
        )

    def undo(self, number: int, plan: Plan) -> Any:
        async def undo(effect: Effect[int, int]) -> None:
            assert not self.inside
            self.inside += 1
            try:
                assert effect.input == number
                assert not effect.finished or effect.result == number + 1
                self.keys[number] |= {idempotency_key(), effect.key}
                await self.wait(plan.undo_before)
                self.story.events.append(f"undo {number}")
                if not plan.undo_fails:
                    self.books.pop(effect.key, None)
                await self.wait(plan.undo_after)
                if plan.undo_fails:
                    raise OSError
            finally:
                self.inside -= 1

        return undo if plan.has_undo else None

    async def run(self) -> None:
        self.caller = asyncio.current_task()
        first, *others = enumerate(self.case.plans)
        saga = SagaPrimitive(
            self.step(*first), undo=self.undo(*first), atomic=first[1].atomic, clock=FakeClock()
        )
        for number, plan in others:
            saga = saga.then(self.step(number, plan), self.undo(number, plan), atomic=plan.atomic)
        try:
            assert await saga.execute(0) == len(self.case.plans)
            return
        except CompensationError as error:
            self.story.ending, raised = "both", error
        except asyncio.CancelledError as error:
            self.story.ending, raised = "cancelled", error
        except ValueError as error:
            self.story.ending, raised = "error", error
        (report,) = undo_reports(raised)
        if self.story.ending == "cancelled":
            assert isinstance(raised.__cause__, CompensationError) == bool(report.not_undone)
        for one in report.steps:
            if one.undo == "ok":
                assert one.key not in self.books
            if one.key in self.books:
                assert one.undo in (None, "error")

    async def story_of_it(self) -> Story:
        task = asyncio.ensure_future(self.run())
        await asyncio.wait([task])
        if not task.cancelled():  # a cancellation after the last await is nobody's in the saga
            task.result()
        self.story.left = set(self.books.values())
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return self.story


class NoWait(FakeClock):
    async def sleep(self, seconds: float) -> None:
        """No await of its own, so that the model need not count it."""


NO_WAIT = NoWait()


@settings(max_examples=EXAMPLES, deadline=None)
@given(cases)
def test_what_runs_and_what_is_undone_is_that_of_the_model(case: Case) -> None:
    """However awaits, failures, attempts and cancellations fall; and the books say the same."""
    office = Office(case)
    assert asyncio.run(office.story_of_it()) == model(case)
    seen = [keys for keys in office.keys.values() if keys]
    assert all(len(keys) == 1 and None not in keys for keys in seen)
    assert len(set[Any]().union(*seen)) == len(seen)


def test_no_await_is_left_out() -> None:
    """One case, cancelled at each of its awaits in turn: all that was done is undone."""
    plan = Plan(2, 2, False, 1, True, False, 2, 2, False)
    plans = [plan, plan, Plan(2, 2, True, 0, True, False, 2, 2, False)]
    office = Office(Case(plans, set()))
    asyncio.run(office.story_of_it())
    assert office.count == (5 + 4) * 2 + 4 + 4
    for number in range(1, office.count + 1):
        one = Case(plans, {number})
        story = asyncio.run(Office(one).story_of_it())
        assert story == model(one)
        assert (story.left, story.ending) == (set(), "cancelled")


async def storm(seed: int) -> None:
    """Many callers of nested sagas at once, cancelled at random turns of the loop."""
    draw = random.Random(seed)
    clock = FakeClock()
    books: dict[str, str] = {}
    spoiled: set[str] = set()

    async def act(x: int) -> int:
        key = str(idempotency_key())
        await asyncio.sleep(0)
        books[key] = "done"
        await clock.sleep(draw.choice([0, 0, 1]))
        if draw.random() < 0.2:
            raise ValueError
        return x

    async def undo(effect: Effect[int, int]) -> None:
        await clock.sleep(draw.choice([0, 1, 3]))
        if draw.random() < 0.1:
            spoiled.add(effect.key)
            raise OSError
        books.pop(effect.key, None)
        await asyncio.sleep(0)

    inner = SagaPrimitive(act, undo=undo, clock=clock).then(act, undo)
    saga = inner.then(SagaPrimitive(act, undo=undo)).then(inner, None)

    tasks = [asyncio.ensure_future(saga.execute(number)) for number in range(20)]
    for _ in range(40):
        victim = draw.choice(tasks)
        if draw.random() < 0.4:
            victim.cancel()
        for _ in range(draw.randrange(4)):
            await asyncio.sleep(0)
        clock.advance(draw.choice([0, 0.5, 1]))
    await clock.sleep_through(200)
    finished = 0
    for task in tasks:
        assert task.done()
        if task.cancelled():
            continue
        error = task.exception()
        assert isinstance(error, ValueError | CompensationError | None)
        finished += error is None
    # Five effects for each order that went through, and of the others those that would not go.
    assert len(books.keys() - spoiled) == 5 * finished
    assert clock.pending == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


@settings(max_examples=EXAMPLES // 5, deadline=None)
@given(st.integers(0, 2**32))
def test_books_balance_whoever_is_cancelled_when(seed: int) -> None:
    """What is not wanted any more is gone, nothing else is, and no task is left."""
    asyncio.run(storm(seed))
