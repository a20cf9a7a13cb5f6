"""The breaker against the exact model: random results, times, cancellations and forcing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import BadRequestError, BulkheadFullError, CircuitOpenError
from tta_dev_primitives.recovery.circuit_breaker import CircuitBreakerPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle

from .breaker_model import Model, Rules

LONG = os.environ.get("TTA_LONG") == "1"
# Quarters of seconds, and buckets of a half, add up exactly: both sides have the same edges.
quarters = st.integers(1, 24).map(lambda n: n / 4)
rates = st.sampled_from([0.25, 1 / 3, 0.5, 2 / 3, 1.0])


@st.composite
def all_rules(draw: st.DrawFn) -> Rules:
    calls = draw(st.none() | st.integers(1, 8))
    slow = draw(st.none() | st.sampled_from([0.25, 0.5, 2.0]))
    return Rules(
        failure_rate=draw(rates),
        slow_call_seconds=slow,
        slow_call_rate=1.0 if slow is None else draw(rates),
        window_calls=calls,
        window_seconds=5 if calls is None else None,
        minimum_calls=draw(st.integers(1, min(calls or 4, 4))),
        open_seconds=draw(quarters),
        half_open_permits=draw(st.integers(1, 4)),
    )


ENDS = ["ok", "ok", "failed", "failed", "failed", "answered no", "refused", "cancelled"]
moves = st.lists(
    st.one_of(
        st.tuples(st.just("begin"), st.booleans()),
        st.tuples(st.just("begin"), st.booleans()),
        st.tuples(st.sampled_from(ENDS), st.integers(0, 30)),
        st.tuples(st.sampled_from(ENDS), st.integers(0, 30)),
        st.tuples(st.just("wait"), quarters | st.just(6)),
        st.tuples(st.sampled_from(["force_open", "force_closed", "reset", "reset"]), st.none()),
    ),
    min_size=10,
    max_size=60,
)


class Play:
    """Makes the same moves with the breaker and with the model, and compares after each."""

    def __init__(self, rules: Rules) -> None:
        self.clock, self.model = FakeClock(), Model(rules)
        self.pending: dict[int, asyncio.Future[str]] = {}
        self.tasks: dict[int, asyncio.Task[Any]] = {}
        self.begun = 0
        self.breaker = CircuitBreakerPrimitive(self.step, clock=self.clock, **asdict(rules))

    async def step(self, call: int) -> str:
        self.pending[call] = asyncio.get_running_loop().create_future()
        return await self.pending[call]

    async def call(self, number: int, stream: bool) -> None:
        context = WorkflowContext()
        if stream:
            async for _ in self.breaker.stream(number, context):
                pass
        else:
            await self.breaker.execute(number, context)

    async def run(self, moves: Iterable[tuple[str, Any]]) -> None:
        for kind, detail in moves:
            if kind == "begin":
                await self.begin(detail)
            elif kind == "wait":
                self.clock.advance(detail)
                self.model.now += detail
            elif kind in ENDS:
                if self.tasks:
                    await self.end(list(self.tasks)[detail % len(self.tasks)], kind)
            else:
                getattr(self.breaker, kind)()
                state = "open" if kind == "force_open" else "closed"
                self.model.enter(state, forced=kind != "reset")
            self.compare()

    async def finish(self) -> None:
        for number in list(self.tasks):
            await self.end(number, "cancelled")
            self.compare()
        assert self.breaker.stats().probes == 0

    async def begin(self, stream: bool) -> None:
        number = self.begun = self.begun + 1
        task = asyncio.ensure_future(self.call(number, stream))
        await settle(3)
        if self.model.begin(number):
            assert number in self.pending
            self.tasks[number] = task
        else:
            assert number not in self.pending
            with pytest.raises(CircuitOpenError) as caught:
                await task
            assert caught.value.retry_after == self.model.retry_after()

    async def end(self, number: int, how: str) -> None:
        task, answer = self.tasks.pop(number), self.pending.pop(number)
        errors = {
            "failed": OSError("down"),
            "answered no": BadRequestError("no"),
            "refused": BulkheadFullError("full"),
        }
        if how == "cancelled":
            task.cancel()
        elif how in errors:
            answer.set_exception(errors[how])
        else:
            answer.set_result("answer")
        await asyncio.wait([task])
        assert task.cancelled() == (how == "cancelled")
        if how != "cancelled":
            assert task.exception() is errors.get(how)
        self.model.end(number, how)

    def compare(self) -> None:
        stats, model = self.breaker.stats(), self.model
        due = model.due()
        assert (stats.state, stats.forced) == ("half_open" if due else model.state, model.forced)
        assert (stats.calls, stats.failures, stats.slow_calls) == model.figures()
        assert (stats.rejected, stats.retry_after) == (model.rejected, model.retry_after())
        assert stats.probes == (model.probes() if model.state == "half_open" else 0)


SMALL = Rules(0.5, 2, 1.0, 2, None, 1, 1, 1)


@settings(max_examples=10_000 if LONG else 400, derandomize=not LONG)
@given(all_rules(), moves)
@example(SMALL, [("begin", True), ("failed", 0), ("wait", 1), ("begin", True), ("wait", 1)])
@example(SMALL, [("begin", False), ("wait", 2), ("cancelled", 0), ("begin", False)])
def test_states_figures_and_refusals_are_those_of_the_model(
    rules: Rules, moves: list[tuple[str, Any]]
) -> None:
    """However calls end and overlap: the same state, figures, refusals, and no place lost."""

    async def play() -> None:
        game = Play(rules)
        await game.run(moves)
        await game.finish()

    asyncio.run(play())


@settings(max_examples=10_000 if LONG else 200, derandomize=not LONG)
@given(all_rules(), moves)
def test_breaker_is_never_stuck(rules: Rules, moves: list[tuple[str, Any]]) -> None:
    """Even if probes hang for ever, a call is let through again after open_seconds."""

    async def play() -> None:
        game = Play(rules)
        await game.run([move for move in moves if not move[0].startswith("force")])
        await game.run([("wait", rules.open_seconds)])
        rejected = game.breaker.stats().rejected
        await game.run([("begin", False)])
        assert game.breaker.stats().rejected == rejected
        await game.finish()

    asyncio.run(play())
