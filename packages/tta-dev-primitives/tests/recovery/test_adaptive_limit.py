"""The limit that a bulkhead finds by itself."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives import TimeoutPrimitive, WorkflowContext
from tta_dev_primitives.core.permits import sleep_without_permits
from tta_dev_primitives.errors import (
    BadRequestError,
    ConfigurationError,
    LLMTimeoutError,
    RateLimitedError,
    ServerError,
    TimeoutError,  # noqa: A004 - rooted in the stdlib's
)
from tta_dev_primitives.recovery.bulkhead import BulkheadPrimitive
from tta_dev_primitives.recovery.places.adaptive_limit import (
    AdaptiveLimit,
    LimitEstimate,
    is_overload,
)
from tta_dev_primitives.testing import FakeClock, settle


class Service:
    """Takes *capacity* calls at once; with more, all take the longer. Its callers never tire."""

    def __init__(self, capacity: int, *, noise: float, callers: int = 300) -> None:
        self.capacity, self.noise, self.callers = capacity, noise, callers
        self.chance = random.Random(1)
        self.now, self.pace = 0.0, 1.0
        self._running: list[tuple[float, float, float, int]] = []

    def answer(self, estimate: LimitEstimate, calls: int) -> list[int]:
        """Have *calls* answered; return the limit after each."""
        limits: list[int] = []
        for _ in range(calls):
            while len(self._running) < min(estimate.limit, self.callers):
                self._begin()
            ended, _, began, among = heapq.heappop(self._running)
            self.now = ended
            estimate.learn(began, ended - began, among)
            limits.append(estimate.limit)
        return limits

    def _begin(self) -> None:
        among = len(self._running) + 1
        seconds = self.pace * max(1, among / self.capacity)
        if self.noise:
            seconds *= self.chance.lognormvariate(-(self.noise**2) / 2, self.noise)
        heapq.heappush(self._running, (self.now + seconds, self.chance.random(), self.now, among))


@pytest.mark.parametrize("noise", [0, 0.3], ids=["even", "noisy"])
@pytest.mark.parametrize("first", [1, 10, 200])
@pytest.mark.parametrize("capacity", [3, 20, 80])
def test_limit_settles_where_the_service_is_full_but_not_clogged(
    capacity: int, first: int, noise: float
) -> None:
    """Wherever it begins: on average from the capacity to four times as much."""
    estimate, service = LimitEstimate(AdaptiveLimit(), first), Service(capacity, noise=noise)
    service.answer(estimate, 4000)
    began = service.now
    limits = service.answer(estimate, 4000)
    assert capacity <= sum(limits) / len(limits) <= 4 * capacity
    assert 4000 / (service.now - began) >= 0.9 * capacity


def test_limit_follows_a_service_that_takes_fewer() -> None:
    estimate, service = LimitEstimate(AdaptiveLimit(), 10), Service(80, noise=0.1)
    assert service.answer(estimate, 4000)[-1] > 80
    service.capacity = 5
    assert service.answer(estimate, 4000)[-1] < 20


def test_limit_stays_within_its_bounds() -> None:
    estimate, service = LimitEstimate(AdaptiveLimit(4, 12), 200), Service(1000, noise=0)
    assert estimate.limit == 4  # the root of 12, but no fewer than 4
    assert set(service.answer(estimate, 500)) == {4, 12}
    service.capacity = 1
    assert min(service.answer(estimate, 500)) == 4


def test_limit_stays_while_half_of_it_is_not_in_use() -> None:
    """An idle night must not raise the limit to what nobody has tried."""
    estimate, service = LimitEstimate(AdaptiveLimit(), 40), Service(1000, noise=0, callers=20)
    service.answer(estimate, 10)
    assert set(service.answer(estimate, 2000)) == {40}


def test_idle_service_that_became_slower_for_good_is_learned_anew() -> None:
    """Longer prompts take longer, however few there are."""
    estimate, service = LimitEstimate(AdaptiveLimit(), 20), Service(20, noise=0)
    usual = service.answer(estimate, 3000)[-1]
    service.pace = 4
    assert min(service.answer(estimate, 1000)) < usual / 2
    assert service.answer(estimate, 5000)[-1] > usual / 2


def test_overload_cuts_once_for_all_calls_that_were_under_way() -> None:
    estimate = LimitEstimate(AdaptiveLimit(), 100)
    Service(1000, noise=0, callers=50).answer(estimate, 10)
    for began in (0, 1, 2):
        estimate.cut(began, 5)
    assert estimate.limit == 90
    estimate.cut(5, 6)
    assert estimate.limit == 81


def test_cut_goes_no_lower_than_the_fewest() -> None:
    estimate = LimitEstimate(AdaptiveLimit(9, 10), 10)
    for now in range(9):
        estimate.cut(now, now)
    assert estimate.limit == 9


def test_answers_in_no_time_at_all_raise_the_limit() -> None:
    """The clock may be too coarse for a quick service."""
    estimate = LimitEstimate(AdaptiveLimit(), 10)
    for _ in range(30):
        estimate.learn(0, 0, 10)
    assert estimate.limit > 10


class StatusError(Exception):
    def __init__(self, status_code: int) -> None:
        self.status_code = status_code


@pytest.mark.parametrize(
    ("error", "busy"),
    [
        (RateLimitedError("slow down"), True),
        (ServerError("overloaded", status=529), True),
        (ServerError("broken", status=500), False),
        (StatusError(503), True),
        (StatusError(404), False),
        (LLMTimeoutError("no answer"), True),
        (TimeoutError("step", 3), True),
        (BadRequestError("what?"), False),
        (ValueError(), False),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_overload_is_told_from_other_errors(error: Exception, busy: bool) -> None:
    assert is_overload(error) is busy


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"min": 0}, "min must be 1 or more, got 0; with 0 nothing would ever run"),
        ({"min": 5, "max": 4}, "max must be at least min, got 4, where min is 5"),
        ({"tolerance": 0.9}, r"tolerance must be 1 or more, got 0\.9"),
        ({"tolerance": float("nan")}, "tolerance must be 1 or more"),
    ],
    ids=["min", "max", "tolerance", "nan"],
)
def test_bounds_that_make_no_sense_are_refused(bounds: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        AdaptiveLimit(**bounds)


class Clerk:
    """A step that takes *seconds*, then answers, or fails with *error*."""

    def __init__(self, clock: FakeClock, seconds: float = 1) -> None:
        self.clock, self.seconds = clock, seconds
        self.error: Exception | None = None

    async def __call__(self, x: Any, context: WorkflowContext) -> Any:
        await self.clock.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return x


def limited(step: Any, clock: FakeClock, first: int = 16, **bounds: Any) -> BulkheadPrimitive:
    adaptive = AdaptiveLimit(**bounds)
    return BulkheadPrimitive(step, max_concurrent=first, adaptive=adaptive, clock=clock)


async def rush(bulkhead: Any, clock: FakeClock, calls: int, seconds: float = 60) -> list[Any]:
    """Come all at once."""
    everyone = asyncio.gather(*(bulkhead.execute(n) for n in range(calls)), return_exceptions=True)
    await clock.sleep_through(seconds)
    return await everyone


async def test_bulkhead_runs_few_calls_at_first_and_more_when_it_knows_the_service(
    clock: FakeClock,
) -> None:
    bulkhead = limited(Clerk(clock), clock)
    assert bulkhead.stats().limit == 4
    await rush(bulkhead, clock, 10)
    assert bulkhead.stats().limit == 16


async def test_those_who_wait_get_the_places_that_a_higher_limit_gives_at_once(
    clock: FakeClock,
) -> None:
    """Twelve are answered by fours; then the rest of the queue need not wait for each other."""
    bulkhead = limited(Clerk(clock), clock)
    everyone = asyncio.gather(*(bulkhead.execute(n) for n in range(28)))
    await clock.sleep_through(3)
    assert bulkhead.stats().running == 16
    await clock.sleep_through(1)
    await everyone


async def test_slower_answers_lower_the_limit(clock: FakeClock) -> None:
    clerk = Clerk(clock)
    bulkhead = limited(clerk, clock)
    await rush(bulkhead, clock, 10)
    clerk.seconds = 10
    await rush(bulkhead, clock, 64)
    assert bulkhead.stats().limit < 14


async def test_quick_failure_does_not_pass_for_a_quick_answer(clock: FakeClock) -> None:
    clerk = Clerk(clock)
    clerk.error, clerk.seconds = ConnectionError(), 0.001
    bulkhead = limited(clerk, clock)
    await rush(bulkhead, clock, 40)
    assert bulkhead.stats().limit == 4  # nothing was learned


async def test_busy_service_lowers_the_limit(clock: FakeClock) -> None:
    clerk = Clerk(clock)
    bulkhead = limited(clerk, clock, first=100)
    await rush(bulkhead, clock, 10)
    clerk.error = RateLimitedError("slow down")
    await rush(bulkhead, clock, 80)
    assert bulkhead.stats().limit == 90


async def test_call_cancelled_at_its_deadline_counts_as_too_late(clock: FakeClock) -> None:
    """The limit further out cancels what is slow, so its end is all that can be seen."""
    clerk = Clerk(clock)
    bulkhead = limited(clerk, clock, first=100)
    await rush(bulkhead, clock, 10)
    clerk.seconds = 30
    await rush(TimeoutPrimitive(bulkhead, 5, clock=clock), clock, 80)
    assert bulkhead.stats().limit == 90


async def test_call_that_its_caller_cancelled_teaches_nothing(clock: FakeClock) -> None:
    bulkhead = limited(Clerk(clock), clock, first=100)
    await rush(bulkhead, clock, 10)
    callers = [asyncio.ensure_future(bulkhead.execute(n)) for n in range(80)]
    await settle()
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    assert bulkhead.stats().limit == 100


async def test_call_that_rested_teaches_nothing(clock: FakeClock) -> None:
    """Its time says how long a retry waited, not how long the service takes."""

    async def resting(x: int, context: WorkflowContext) -> int:
        await sleep_without_permits(clock, 1, context)
        return x

    bulkhead = limited(resting, clock)
    assert await rush(bulkhead, clock, 12) == list(range(12))
    assert bulkhead.stats().limit == 4
    assert bulkhead.stats().running == 0


async def test_reader_who_takes_time_does_not_make_the_service_look_slow(
    clock: FakeClock,
) -> None:
    """Of a stream only the time to its first chunk says something about the service."""

    async def talk(x: int) -> AsyncIterator[int]:
        await clock.sleep(1)
        yield x
        yield x

    bulkhead = limited(talk, clock)

    async def read(x: int) -> None:
        async for _ in bulkhead.stream(x):
            await clock.sleep(reading)

    async def read_all(readers: int) -> None:
        everyone = asyncio.gather(*(read(x) for x in range(readers)))
        await clock.sleep_through(500)
        await everyone

    reading = 0
    await read_all(10)
    reading = 20
    await read_all(64)
    assert bulkhead.stats().limit >= 16


async def test_stream_that_breaks_because_the_service_is_busy_lowers_the_limit(
    clock: FakeClock,
) -> None:
    async def talk(x: int) -> AsyncIterator[int]:
        await clock.sleep(1)
        yield x
        if x == 79:
            raise ServerError("overloaded", status=529)

    bulkhead = limited(talk, clock, first=100)
    await rush(bulkhead, clock, 10)
    await rush(bulkhead, clock, 80)
    assert bulkhead.stats().limit < 100


async def test_key_learns_a_limit_of_its_own(clock: FakeClock) -> None:
    bulkhead = BulkheadPrimitive(
        Clerk(clock),
        max_concurrent=16,
        adaptive=AdaptiveLimit(),
        key=lambda x, _: "known" if x < 10 else "new",
        clock=clock,
    )
    await rush(bulkhead, clock, 11)
    assert bulkhead.stats().limit == 4
