"""Rate limits against a slow model that keeps every taking and looks at every window."""

from __future__ import annotations

import asyncio
import copy
import itertools
import os
import random
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import CircuitOpenError, RateLimitExceededError
from tta_dev_primitives.recovery.rate_limit import RateLimitPrimitive
from tta_dev_primitives.recovery.rates.gate import Gate
from tta_dev_primitives.recovery.rates.gcra import Limit, Meter
from tta_dev_primitives.testing.clock import FakeClock, settle

EXAMPLES = 2000 if os.environ.get("TTA_LONG") else 150

# Powers of two add up exactly, so the model and the limiter see the same edges.
limits = st.builds(
    Limit,
    amount=st.sampled_from([1, 2, 4, 8]),
    per_seconds=st.sampled_from([1, 4]),
    burst=st.sampled_from([1, 2, 3, 8]),
    unit=st.sampled_from(["requests", "tokens"]),
)
pauses = st.integers(0, 12).map(lambda n: n / 4)


@dataclass
class Model:
    """Every taking with its moment; nothing is summed up, and nothing is forgotten."""

    limit: Limit
    takings: list[list[Any]] = field(default_factory=list)

    def weight(self, tokens: float) -> float:
        return tokens if self.limit.unit == "tokens" else 1

    def allowance(self, seconds: float) -> Fraction:
        """The most that any window of this length may hold."""
        rate = Fraction(self.limit.amount) / Fraction(self.limit.per_seconds)
        return Fraction(self.limit.most_at_once) + Fraction(seconds) * rate

    def excess(self) -> Fraction:
        """By how much the worst of all windows is over, looked at one by one."""
        worst = Fraction(0)
        for first, (began, _) in enumerate(self.takings):
            for last in range(first, len(self.takings)):
                held = sum(Fraction(amount) for _, amount in self.takings[first : last + 1])
                worst = max(worst, held - self.allowance(self.takings[last][0] - began))
        return worst

    def fits(self, tokens: float, now: float) -> bool:
        self.takings.append([now, self.weight(tokens)])
        try:
            return self.excess() <= 0
        finally:
            self.takings.pop()


@settings(max_examples=EXAMPLES)
@given(
    st.lists(limits, min_size=1, max_size=3),
    st.lists(st.tuples(pauses, st.integers(0, 8)), max_size=25),
)
def test_what_is_let_through_is_exactly_what_all_windows_allow(
    chosen: list[Limit], arrivals: list[tuple[float, int]]
) -> None:
    """Not one more than any window of any limit allows, and not one less."""
    clock = FakeClock()
    gate = Gate(chosen, clock)
    models = [Model(limit) for limit in chosen]
    most = min([limit.most_at_once for limit in chosen if limit.unit == "tokens"], default=8)
    for pause, tokens in arrivals:
        if tokens > most:
            continue
        clock.advance(pause)
        now = clock.monotonic()
        expected = all(model.fits(tokens, now) for model in models)
        assert (gate.take(tokens) is not None) is expected
        if expected:
            for model in models:
                model.takings.append([now, model.weight(tokens)])


# Roomy and slow, so that the limit is often partly refilled, and seldom full, between two calls.
roomy = st.builds(
    Limit,
    amount=st.sampled_from([1, 2, 4]),
    per_seconds=st.sampled_from([1, 2, 4]),
    burst=st.sampled_from([2, 4, 8, 16]),
    unit=st.just("tokens"),
)
refunding_steps = st.tuples(
    pauses, st.integers(1, 8), st.sampled_from(["take", "take", "settle"]), st.integers(0, 8)
)

EIGHT = Limit(1, per_seconds=1, burst=8, unit="tokens")
PARTLY_REFILLED = [(0, 8, "take", 0), (3, 3, "take", 0), (0, 1, "settle", 0), (0, 8, "take", 0)]
TWO_REFUNDS_OF_ONE_LOW_POINT = [
    (0, 4, "take", 0),
    (0, 4, "take", 0),
    (5, 5, "take", 0),
    (0, 1, "settle", 0),
    (0, 1, "settle", 0),
    (0, 4, "take", 0),
]


@settings(max_examples=EXAMPLES)
@given(
    roomy,
    st.lists(refunding_steps, min_size=4, max_size=30),
    st.randoms(use_true_random=False),
)
@example(EIGHT, PARTLY_REFILLED, None)
@example(EIGHT, TWO_REFUNDS_OF_ONE_LOW_POINT, None)
def test_refunds_never_let_any_window_hold_too_much(
    limit: Limit, steps: list[tuple[float, int, str, int]], chance: random.Random | None
) -> None:
    """Whenever and in whatever order unused tokens come back, what was really used fits."""
    clock = FakeClock()
    gate = Gate([limit], clock)
    model = Model(limit)
    under_way: list[tuple[int, float, list[Any]]] = []
    for pause, tokens, what, used in steps:
        clock.advance(pause)
        if under_way and what == "settle":
            which = chance.randrange(len(under_way)) if chance is not None else 0
            reserved, taken_at, taking = under_way.pop(which)
            taking[1] = min(used, reserved)
            gate.settle(reserved, taking[1], taken_at)
        elif tokens <= limit.most_at_once and gate.take(tokens) is not None:
            taking = [clock.monotonic(), tokens]
            model.takings.append(taking)
            under_way.append((tokens, taking[0], taking))
        assert model.excess() <= 0


@settings(max_examples=EXAMPLES)
@given(
    limits.filter(lambda limit: limit.unit == "tokens"),
    st.lists(st.tuples(pauses, st.integers(1, 8)), max_size=20),
    st.integers(1, 8),
)
def test_refund_of_the_latest_taking_undoes_it(
    limit: Limit, arrivals: list[tuple[float, int]], tokens: int
) -> None:
    """A call that is given back before another one comes leaves no trace."""
    clock = FakeClock()
    gate, other = Gate([limit], clock), Gate([limit], clock)
    for pause, amount in arrivals:
        clock.advance(pause)
        if amount <= limit.most_at_once:
            taken_at = gate.take(amount)
            assert other.take(amount) == taken_at
        extra = gate.take(min(tokens, limit.most_at_once))
        clock.advance(0.25)
        if extra is not None:
            gate.give_back(min(tokens, limit.most_at_once), extra)
        assert gate.tightest() == other.tightest()


def test_thinned_out_marks_only_make_refunds_smaller() -> None:
    """A limiter that is busy for days forgets details, never the limit."""
    meter = Meter(Limit(1, per_seconds=1, burst=1e6, unit="tokens"))
    backlogs: list[float] = []
    for moment in range(1300):  # ever fuller, so that no low point is undercut by a later one
        backlogs.append(max(0.0, meter.tat - moment))
        meter.take(3, moment)
    exact = 0
    for taken_at in range(1300):
        twin = copy.deepcopy(meter)
        twin.give_back(1e9, taken_at, 1299)
        room = min([*backlogs[taken_at + 1 :], meter.tat - 1299])
        assert meter.tat - twin.tat <= room
        exact += meter.tat - twin.tat == room
    assert exact > 256


def test_refund_after_another_one_counts_in_full() -> None:
    """What was given back before does not lower the low points that came after it."""
    meter = Meter(Limit(1, per_seconds=1, burst=8, unit="tokens"))
    meter.take(8, 0)
    meter.give_back(6, 0, 0)
    meter.take(6, 0)
    meter.take(1, 1)
    meter.give_back(6, 0, 1)
    assert meter.left(1) == 6


@dataclass(frozen=True)
class Caller:
    pause: float
    tokens: int
    patience: float | None
    cancelled_after: float | None
    duration: float
    ends: str


callers = st.builds(
    Caller,
    pause=pauses,
    tokens=st.integers(0, 8),
    patience=st.none() | pauses,
    cancelled_after=st.none() | pauses,
    duration=pauses,
    ends=st.sampled_from(["less", "exact", "fails", "refused"]),
)


async def run_callers(limiter_limits: list[Limit], script: list[Caller]) -> None:
    clock = FakeClock()
    models = [Model(limit) for limit in limiter_limits]
    began: list[int] = []

    async def step(job: tuple[int, Caller]) -> int:
        number, caller = job
        began.append(number)
        takings = [[clock.monotonic(), model.weight(caller.tokens)] for model in models]
        for model, taking in zip(models, takings, strict=True):
            model.takings.append(taking)
        await clock.sleep(caller.duration)
        if caller.ends == "fails":
            raise OSError
        if caller.ends == "refused":
            for taking in takings:
                taking[1] = 0
            raise CircuitOpenError("open")
        used = caller.tokens // 2 if caller.ends == "less" else caller.tokens
        for model, taking in zip(models, takings, strict=True):
            taking[1] = model.weight(used)
        return used

    counted = any(limit.unit == "tokens" for limit in limiter_limits)
    limiter = RateLimitPrimitive(
        step,
        limits=limiter_limits,
        estimate=(lambda job, context: job[1].tokens) if counted else None,
        actual=(lambda used: used) if counted else None,
        clock=clock,
    )
    tasks: list[asyncio.Task[int]] = []
    for number, caller in enumerate(script):
        await clock.sleep_through(caller.pause)
        now = clock.monotonic()
        deadline = None if caller.patience is None else now + caller.patience
        context = WorkflowContext(deadline=deadline)
        task = asyncio.ensure_future(limiter.execute((number, caller), context))
        tasks.append(task)
        if caller.cancelled_after is not None:
            clock.call_later(caller.cancelled_after, task.cancel)
        await settle(2)
    await clock.sleep_through(4000)
    done, pending = await asyncio.wait(tasks, timeout=0)
    assert not pending
    for task in done:
        assert task.cancelled() or isinstance(
            task.exception(), OSError | CircuitOpenError | RateLimitExceededError | None
        )
    # The books: nobody waits, no timer is armed, and what was used fits every window.
    assert limiter._gate.waiting == 0
    assert not limiter._gate._lines
    assert clock.pending == 0
    assert began == sorted(began)
    for model in models:
        assert model.excess() <= Fraction(1, 100)
    assert limiter._gate.unused()


@settings(max_examples=EXAMPLES)
@given(st.lists(limits, min_size=1, max_size=2), st.lists(callers, min_size=1, max_size=12))
def test_books_balance_however_callers_come_and_go(
    chosen: list[Limit], script: list[Caller]
) -> None:
    """Cancelled, refused, failed or served: limits hold, order holds, and nothing is left over."""
    asyncio.run(run_callers(chosen, script))


@pytest.mark.parametrize("seed", range(3))
async def test_random_cancellation_costs_nobody_a_turn(seed: int) -> None:
    """Whatever half of the callers give up at random moments, the other half keeps the pace."""
    chance = random.Random(seed)
    clock = FakeClock()
    served: list[float] = []

    async def step(x: int) -> None:
        served.append(clock.monotonic())

    limiter = RateLimitPrimitive(step, limits=[Limit(8, per_seconds=1, burst=1)], clock=clock)
    tasks = [asyncio.ensure_future(limiter.execute(number)) for number in range(200)]
    await settle()
    while len(served) < 100:
        chance.choice(tasks[1:]).cancel()
        clock.advance(0.125)
        await settle(3)
    stayed = [later - earlier for earlier, later in itertools.pairwise(served)]
    assert set(stayed) == {0.125}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert clock.pending == 0
