from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.core import observe
from tta_dev_primitives.errors import ConfigurationError, RateLimitedError
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy
from tta_dev_primitives.recovery.schedules import (
    FailedAttempt,
    Schedule,
    constant,
    exponential,
    fibonacci,
)
from tta_dev_primitives.testing.clock import FakeClock
from tta_dev_primitives.testing.mocks import MockPrimitive


def waits(
    schedule: Schedule, most: int = 8, *, duration: float = 0.0, asked: float = 0.0
) -> list[float]:
    """The waits of a call whose attempts all fail after *duration* seconds each."""
    following, found = schedule.begin(lambda: 0.5), []
    elapsed = duration
    while len(found) < most:
        wait = following(FailedAttempt(len(found) + 1, elapsed, asked, sum(found)))
        if wait is None:
            break
        found.append(wait)
        elapsed += wait + duration
    return found


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (constant(3), [3, 3, 3, 3, 3, 3, 3, 3]),
        (constant(0), [0, 0, 0, 0, 0, 0, 0, 0]),
        (exponential(), [0.5, 1, 2, 4, 8, 16, 32, 60]),
        (exponential(1, 3, 20), [1, 3, 9, 20, 20, 20, 20, 20]),
        (exponential(4, 0.5, 3), [3, 2, 1, 0.5, 0.25, 0.125, 0.0625, 0.03125]),
        (exponential(5, 0), [5, 0, 0, 0, 0, 0, 0, 0]),
        (fibonacci(1, 20), [1, 1, 2, 3, 5, 8, 13, 20]),
        (fibonacci(0), [0, 0, 0, 0, 0, 0, 0, 0]),
        (constant(3).jittered(), [1.5] * 8),
        (exponential(1).jittered(), [0.5, 1, 2, 4, 8, 16, 30, 30]),
        (constant(1).up_to(attempts=3), [1, 1]),
        (constant(1).up_to(attempts=1), []),
        (constant(1).up_to(seconds=3), [1, 1]),
        (constant(1).up_to(seconds=3.5), [1, 1, 1]),
        (exponential(1).up_to(attempts=5, seconds=6), [1, 2]),
        (exponential(1).up_to(attempts=2, seconds=6), [1]),
        (constant(1).up_to(attempts=5).up_to(attempts=3), [1, 1]),
        (constant(1).up_to(attempts=3) | constant(9).up_to(attempts=3), [1, 1, 9, 9]),
        (constant(1).up_to(attempts=1) | exponential(2).up_to(attempts=3), [2, 4]),
        (constant(1).up_to(seconds=3) | constant(9).up_to(seconds=19), [1, 1, 9, 9]),
        ((constant(1).up_to(attempts=3) | constant(9)).up_to(attempts=4), [1, 1, 9]),
        ((constant(2).up_to(attempts=3) | constant(8)).jittered(), [1, 1, 4, 4, 4, 4, 4, 4]),
    ],
    ids=repr,
)
def test_waits_one_after_another(schedule: Schedule, expected: list[float]) -> None:
    assert waits(schedule) == expected


@pytest.mark.parametrize("schedule", [exponential(2), fibonacci(2)], ids=repr)
def test_wait_stays_the_longest_after_any_number_of_attempts(schedule: Schedule) -> None:
    """However large the power would be."""
    assert schedule.begin(lambda: 0.5)(FailedAttempt(10**6)) == 60


def test_no_wait_at_all_does_not_become_the_longest_after_many_attempts() -> None:
    assert exponential(0).begin(lambda: 0.5)(FailedAttempt(10**6)) == 0


def test_time_that_attempts_take_counts_as_well() -> None:
    assert waits(constant(1).up_to(seconds=9), duration=2) == [1, 1]


def test_time_of_what_follows_counts_from_the_handover() -> None:
    """Handed over at 5 s, after the second attempt; 12 s later no attempt may begin."""
    schedule = constant(1).up_to(attempts=2) | constant(1).up_to(seconds=12)
    assert waits(schedule, duration=2) == [1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (constant(1), [3, 3]),
        (constant(5), [5, 5]),
        (exponential(2, maximum=2.5), [3, 3]),
        (fibonacci(1, maximum=2), [3, 3]),
        (constant(5).jittered(), [3, 3]),
        (constant(8).jittered(), [4, 4]),
        (constant(1).up_to(seconds=5), [3]),
        (constant(1).up_to(seconds=3), []),
        (constant(1).up_to(seconds=3).jittered(), []),
    ],
    ids=repr,
)
def test_what_the_server_asks_for_lengthens_a_wait_under_the_same_limits(
    schedule: Schedule, expected: list[float]
) -> None:
    assert waits(schedule, most=2, asked=3) == expected


@pytest.mark.parametrize(
    ("schedule", "attempts", "bounded"),
    [
        (constant(1), None, False),
        (fibonacci().jittered(), None, False),
        (constant(1).up_to(attempts=3), 3, True),
        (constant(1).up_to(seconds=3), None, True),
        (constant(1).up_to(attempts=3).up_to(seconds=3).jittered(), 3, True),
        (constant(1).up_to(attempts=3).up_to(attempts=2), 2, True),
        (constant(1).up_to(attempts=3) | exponential(), None, False),
        (constant(1).up_to(attempts=3) | exponential().up_to(attempts=4), 6, True),
        (constant(1).up_to(seconds=3) | exponential().up_to(attempts=4), None, True),
    ],
    ids=repr,
)
def test_schedule_knows_whether_it_ends(
    schedule: Schedule, attempts: int | None, bounded: bool
) -> None:
    assert (schedule.max_attempts, schedule.bounded) == (attempts, bounded)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: constant(-1), "seconds must be 0 or more, and finite, got -1"),
        (lambda: exponential(base=-1), "base must be 0 or more, and finite, got -1"),
        (lambda: exponential(factor=math.nan), "factor must be 0 or more, and finite, got nan"),
        (lambda: fibonacci(maximum=math.inf), "maximum must be 0 or more, and finite, got inf"),
        (lambda: constant(1).up_to(), r"up_to\(\) needs a limit: attempts=, seconds= or both"),
        (lambda: constant(1).up_to(attempts=0), "attempts must be 1 or more, got 0"),
        (lambda: constant(1).up_to(seconds=0), "seconds must be positive and finite, got 0"),
        (lambda: constant(1).up_to(seconds=math.inf), "seconds must be positive and finite, got"),
        (lambda: constant(1) | constant(2), "never ends, so what follows it never begins"),
        (
            lambda: RetryPrimitive(str, cast("Any", 3)),
            "strategy must be a RetryStrategy or a schedule, got 3",
        ),
    ],
    ids=[
        *("constant", "exponential", "factor", "fibonacci", "no-limit", "attempts", "seconds"),
        *("never", "unreachable", "no-schedule"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_schedule_goes_on_with_schedules_only() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        constant(1).up_to(attempts=2) | 3  # pyright: ignore[reportOperatorIssue, reportUnusedExpression]


def test_schedules_are_values() -> None:
    def same() -> Schedule:
        return exponential(1).jittered().up_to(attempts=3) | constant(2)

    assert same() == same()
    assert len({same(), same()}) == 1
    assert same() != constant(2)


def test_calls_that_follow_one_schedule_do_not_disturb_each_other() -> None:
    """Above all where one of them has gone on to the second part."""
    schedule = constant(1).up_to(attempts=2) | constant(9).up_to(attempts=2)
    ahead = schedule.begin(lambda: 0.5)
    assert [ahead(FailedAttempt(number)) for number in (1, 2, 3)] == [1, 9, None]
    assert waits(schedule) == [1, 9]


async def test_policy_follows_a_schedule(clock: FakeClock, after: Any, watcher: Any) -> None:
    step = MockPrimitive(raise_error=ValueError())
    schedule = fibonacci(1).up_to(attempts=5)
    with pytest.raises(ValueError):
        await after(60, RetryPrimitive(step, strategy=schedule, clock=clock).execute("x"))
    assert (step.call_count, clock.slept) == (5, [1, 1, 2, 3])
    assert watcher.records[-1] == ("0", observe.RetryRecord(5, 5, 7, exhausted=True))


async def test_schedule_without_an_end_is_given_one(clock: FakeClock, after: Any) -> None:
    """Attempts are bounded without being asked."""
    step = MockPrimitive(raise_error=ValueError())
    with pytest.raises(ValueError):
        await after(60, RetryPrimitive(step, constant(1), clock=clock).execute("x"))
    assert step.call_count == 4


async def test_seconds_count_from_the_beginning_of_the_first_attempt(
    clock: FakeClock, after: Any, watcher: Any
) -> None:
    """Attempts begin at 0, 3 and 6; the next would at 9."""

    async def slow(x: str) -> None:
        await clock.sleep(2)
        raise ValueError(x)

    retry = RetryPrimitive(slow, constant(1).up_to(seconds=9), clock=clock)
    with pytest.raises(ValueError):
        await after(8, retry.execute("x"))
    assert clock.slept == [2, 1, 2, 1, 2]
    assert watcher.records[-1][1] == observe.RetryRecord(3, 0, 2, exhausted=True)


async def test_schedule_of_one_s_own_is_told_what_each_attempt_brought(
    clock: FakeClock, after: Any
) -> None:
    """By its own property it ends, so it is given no other end."""
    seen: list[FailedAttempt] = []

    class Own(Schedule):
        @property
        def max_attempts(self) -> int:
            return 5

        def begin(self, random: Callable[[], float]) -> Callable[[FailedAttempt], float]:
            def wait(failed: FailedAttempt) -> float:
                seen.append(failed)
                return 2

            return wait

    first, third = ValueError("one"), RateLimitedError("three", retry_after=9)
    step = MockPrimitive(side_effect=[first, "two", third, ValueError("four"), "done"])
    retry = RetryPrimitive(step, Own(), retry_result=lambda value: value == "two", clock=clock)
    assert await after(60, retry.execute("x")) == "done"
    assert seen[:3] == [
        FailedAttempt(1, 0, 0, 0, first, None),
        FailedAttempt(2, 2, 0, 2, None, "two"),
        FailedAttempt(3, 4, 9, 4, third, None),
    ]
    assert len(seen) == 4


async def test_stream_follows_a_schedule(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    feed = source(ConnectionError("down"))
    retry = RetryPrimitive(feed, exponential(1).up_to(seconds=7), clock=clock)
    with pytest.raises(ConnectionError, match="down"):
        await after(60, collect(retry.stream("c")))
    assert clock.slept == [1, 2]


async def test_jitter_of_a_schedule_is_the_policy_s(clock: FakeClock, after: Any) -> None:
    draws = iter([0.25, 0.75])
    step = MockPrimitive(side_effect=[ValueError(), ValueError(), "done"])
    retry = RetryPrimitive(step, constant(4).jittered(), clock=clock, random=lambda: next(draws))
    assert await after(60, retry.execute("x")) == "done"
    assert clock.slept == [1, 3]


async def test_server_may_not_ask_for_more_than_two_minutes(clock: FakeClock) -> None:
    step = MockPrimitive(raise_error=RateLimitedError("tomorrow", retry_after=121))
    with pytest.raises(RateLimitedError, match="tomorrow") as caught:
        await RetryPrimitive(step, constant(1), clock=clock).execute("x")
    assert caught.value.__notes__ == [
        "not tried again: the server asks to wait 121 s, which is too long"
    ]


quarters = st.integers(0, 20).map(lambda n: n / 4)
limits = st.one_of(
    st.builds(dict, attempts=st.integers(1, 4)),
    st.builds(dict, seconds=st.integers(1, 30).map(lambda n: n / 4)),
)
pieces = st.builds(
    lambda schedule, limit, jitter: (
        schedule.jittered().up_to(**limit) if jitter else schedule.up_to(**limit)
    ),
    st.builds(constant, quarters)
    | st.builds(exponential, quarters, st.just(2), quarters)
    | st.builds(fibonacci, quarters, quarters),
    limits,
    st.booleans(),
)


@given(pieces, pieces, pieces, quarters, quarters)
def test_it_does_not_matter_which_parts_are_joined_first(
    a: Schedule, b: Schedule, c: Schedule, duration: float, asked: float
) -> None:
    one, other = (a | b) | c, a | (b | c)
    assert waits(one, 60, duration=duration, asked=asked) == waits(
        other, 60, duration=duration, asked=asked
    )
    assert (one.max_attempts, one.bounded) == (other.max_attempts, other.bounded)


@given(pieces, st.integers(1, 6), quarters)
def test_limits_only_shorten(schedule: Schedule, attempts: int, duration: float) -> None:
    whole = waits(schedule, 60, duration=duration)
    limited = waits(schedule.up_to(attempts=attempts), 60, duration=duration)
    assert limited == whole[: attempts - 1]


@given(
    st.integers(0, 8).map(lambda n: n / 4),
    st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    st.integers(0, 8).map(lambda n: n / 4),
    st.integers(0, 5),
    st.booleans(),
)
def test_exponential_schedule_waits_as_the_strategy_does(
    base: float, factor: float, maximum: float, retries: int, jitter: bool
) -> None:
    """Who moves from one to the other keeps the same waits."""
    plain = exponential(base, factor, maximum)
    schedule = (plain.jittered() if jitter else plain).up_to(attempts=retries + 1)
    strategy = RetryStrategy(retries, factor, base, maximum, jitter)

    async def slept(chosen: RetryStrategy | Schedule) -> list[float]:
        clock = FakeClock()
        step = MockPrimitive(raise_error=ValueError())
        retry = RetryPrimitive(step, chosen, clock=clock, random=lambda: 0.5)
        task = asyncio.ensure_future(retry.execute("x"))
        await clock.sleep_through(100)
        await asyncio.wait([task])
        assert isinstance(task.exception(), ValueError)
        return clock.slept

    assert asyncio.run(slept(strategy)) == asyncio.run(slept(schedule))
