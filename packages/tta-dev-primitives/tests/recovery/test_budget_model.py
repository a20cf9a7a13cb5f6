"""A budget against a list of entries that is added up from scratch at every step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core.context import WorkflowContext
from tta_dev_primitives.errors import BudgetExceededError
from tta_dev_primitives.recovery.budget import BudgetPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle

LIMIT = 100
PERIOD = 60.0
SCOPES = ("a", "b")


@dataclass(frozen=True)
class Begin:
    scope: str
    estimate: int
    streamed: bool


@dataclass(frozen=True)
class Finish:
    """What becomes of the oldest, or the newest, call under way."""

    newest: bool
    how: str
    cost: int | None = None


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass
class Entry:
    """One call in the books of the model."""

    scope: str
    period: int
    reserved: int = 0
    spent: int = 0


steps = st.one_of(
    st.builds(Begin, st.sampled_from(SCOPES), st.integers(0, 60), st.booleans()),
    st.builds(
        Finish,
        st.booleans(),
        st.sampled_from(["answer", "answer", "fail", "cancel"]),
        st.none() | st.integers(0, 80),
    ),
    st.builds(Wait, st.sampled_from([10.0, 60.0, 150.0])),
)


class Answer:
    def __init__(self, cost: int | None) -> None:
        self.cost = cost


class Book:
    """The slow exact model."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def totals(self, scope: str, period: int) -> tuple[int, int, int]:
        mine = [each for each in self.entries if (each.scope, each.period) == (scope, period)]
        spent, reserved = sum(each.spent for each in mine), sum(each.reserved for each in mine)
        return spent, reserved, LIMIT - spent - reserved

    def begin(self, scope: str, period: int, estimate: int) -> Entry | None:
        remaining = self.totals(scope, period)[2]
        if remaining <= 0 or remaining < estimate:
            return None
        self.entries.append(Entry(scope, period, reserved=estimate))
        return self.entries[-1]

    def finish(self, entry: Entry, how: str, cost: int | None) -> None:
        if how == "answer":
            entry.spent = entry.reserved if cost is None else cost
        entry.reserved = 0


class Upstream:
    """A step whose every call waits to be told how it ends."""

    def __init__(self) -> None:
        self.calls: list[asyncio.Future[Answer]] = []

    async def answer(self, begin: Begin) -> Answer:
        end: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.calls.append(end)
        return await end

    async def stream(self, begin: Begin) -> AsyncIterator[Answer]:
        yield await self.answer(begin)


async def consume(stream: AsyncIterator[Any]) -> list[Any]:
    return [chunk async for chunk in stream]


async def play(script: list[Begin | Finish | Wait], *, reserves: bool) -> None:
    clock, book, upstream = FakeClock(epoch=PERIOD * 1000), Book(), Upstream()
    policy: BudgetPrimitive[Any, Any] = BudgetPrimitive(
        limit=LIMIT,
        unit="tokens",
        per=PERIOD,
        scope=lambda begin, context: begin.scope,
        estimate=(lambda begin, context: begin.estimate) if reserves else None,
        actual=lambda answer, begin: answer.cost,
        clock=clock,
    )
    plain, streaming = policy.wrap(upstream.answer), policy.wrap(upstream.stream)
    running: list[tuple[asyncio.Task[Any], asyncio.Future[Answer], Entry]] = []

    def period() -> int:
        return int(clock.time() // PERIOD)

    async def end(index: int, how: str, cost: int | None) -> None:
        task, call, entry = running.pop(index)
        if how == "answer":
            call.set_result(Answer(cost))
        elif how == "fail":
            call.set_exception(OSError("reset"))
        else:
            task.cancel()
        await asyncio.wait([task])
        book.finish(entry, how, cost)

    def check() -> None:
        for scope in SCOPES:
            spent, reserved = policy.spent(scope), policy.reserved(scope)
            remaining = policy.remaining(scope)
            assert (spent, reserved, remaining) == book.totals(scope, period())
            assert spent + reserved + remaining == LIMIT

    for step in script:
        if isinstance(step, Wait):
            clock.advance(step.seconds)
        elif isinstance(step, Finish):
            if running:
                await end(-1 if step.newest else 0, step.how, step.cost)
        else:
            entry = book.begin(step.scope, period(), step.estimate if reserves else 0)
            before = len(upstream.calls)
            context = WorkflowContext()
            call = (
                consume(streaming.stream(step, context))
                if step.streamed
                else plain.execute(step, context)
            )
            task = asyncio.ensure_future(call)
            await settle(5)
            assert (len(upstream.calls) > before) is (entry is not None)
            if entry is None:
                assert isinstance(task.exception(), BudgetExceededError)
            else:
                running.append((task, upstream.calls[-1], entry))
        check()
    while running:
        await end(0, "cancel", None)
    check()
    assert all(balance.reserved == 0 for balance in policy.report().values())


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=40), st.booleans())
@example([Begin("a", 100, False), Begin("a", 0, False), Finish(False, "cancel")], True)
@example([Begin("a", 60, True), Wait(60.0), Finish(False, "answer", 10)], True)
@example([Begin("a", 60, True), Wait(60.0), Begin("a", 50, False)], True)
@example([Begin("a", 0, False), Finish(False, "answer", 10)] * 12, False)
def test_books_balance_at_every_step(script: list[Begin | Finish | Wait], reserves: bool) -> None:
    """Whatever is begun, answered, failed or cancelled, and whenever the period changes."""
    asyncio.run(play(script, reserves=reserves))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 40), st.integers(0, 6), st.integers(0, 6)),
        min_size=1,
        max_size=20,
    ),
    st.booleans(),
)
def test_nothing_stays_reserved_after_random_cancellations(
    calls: list[tuple[int, int, int]], streamed: bool
) -> None:
    """Calls are cancelled at any turn of the loop, before they begin and as they end included."""

    async def play() -> None:
        ended: list[int] = []

        async def work(call: tuple[int, int, int]) -> Answer:
            for _ in range(call[1]):
                await asyncio.sleep(0)
            ended.append(call[0])
            return Answer(call[0])

        budget: BudgetPrimitive[Any, Any] = BudgetPrimitive(
            work, limit=10**6, unit="tokens", per=None,
            estimate=lambda call, context: call[0] * 2, actual=lambda answer, call: answer.cost,
        )  # fmt: skip

        async def cancel(call: tuple[int, int, int]) -> None:
            run = consume(budget.stream(call)) if streamed else budget.execute(call)
            task = asyncio.ensure_future(run)
            for _ in range(call[2]):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])

        await asyncio.gather(*(cancel(call) for call in calls))
        assert budget.reserved() == 0
        assert budget.spent() == sum(ended)
        assert budget.spent() + budget.remaining() == 10**6

    asyncio.run(play())
