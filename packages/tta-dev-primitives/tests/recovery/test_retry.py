from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import (
    AuthenticationError,
    ConfigurationError,
    RateLimitedError,
    ServerError,
)
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy, is_retryable
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive

STEADY = RetryStrategy(max_retries=3, initial_delay=1, jitter=False)


class StatusError(Exception):
    """As HTTP clients raise it."""

    def __init__(self, status_code: object) -> None:
        super().__init__(f"status {status_code}")
        self.status_code = status_code


async def test_success_is_returned_without_a_wait(clock: FakeClock) -> None:
    step = MockPrimitive(return_value=1)
    assert await RetryPrimitive(step, clock=clock).execute("x") == 1
    assert (step.call_count, clock.slept) == (1, [])


async def test_two_retries_are_three_calls_and_the_last_error_is_raised(
    clock: FakeClock, after: Any
) -> None:
    errors = [ValueError("one"), KeyError("two"), OSError("three")]
    step = MockPrimitive(side_effect=errors)
    retry = RetryPrimitive(step, RetryStrategy(max_retries=2, jitter=False), clock=clock)
    with pytest.raises(OSError, match="three") as caught:
        await after(60, retry.execute("x"))
    assert caught.value is errors[-1]
    assert step.call_count == 3
    assert caught.value.__notes__ == [
        "attempt 1 failed with ValueError: one",
        "attempt 2 failed with KeyError: 'two'",
    ]
    assert caught.value.__context__ is None


async def test_cause_of_the_last_error_is_kept(clock: FakeClock) -> None:
    async def failing(x: str) -> None:
        raise ValueError(x) from KeyError("why")

    with pytest.raises(ValueError, match="x") as caught:
        await RetryPrimitive(failing, RetryStrategy(max_retries=0), clock=clock).execute("x")
    assert isinstance(caught.value.__cause__, KeyError)


async def test_one_error_raised_over_and_over_gets_no_notes(clock: FakeClock, after: Any) -> None:
    same = ValueError("same")
    step = MockPrimitive(raise_error=same)
    with pytest.raises(ValueError, match="same"):
        await after(60, RetryPrimitive(step, STEADY, clock=clock).execute("x"))
    assert step.call_count == 4
    assert not hasattr(same, "__notes__")


async def test_waits_double_up_to_the_longest(clock: FakeClock, after: Any) -> None:
    strategy = RetryStrategy(max_retries=5, initial_delay=1, max_delay=5, jitter=False)
    step = MockPrimitive(side_effect=[*[ValueError()] * 5, "done"])
    assert await after(60, RetryPrimitive(step, strategy, clock=clock).execute("x")) == "done"
    assert clock.slept == [1, 2, 4, 5, 5]


async def test_jitter_draws_each_wait_between_zero_and_the_longest(
    clock: FakeClock, after: Any
) -> None:
    draws = iter([0.0, 0.5, 0.75])
    step = MockPrimitive(side_effect=[*[ValueError()] * 3, "done"])
    strategy = RetryStrategy(initial_delay=1)
    retry = RetryPrimitive(step, strategy, clock=clock, random=lambda: next(draws))
    assert await after(60, retry.execute("x")) == "done"
    assert clock.slept == [0, 1, 3]


@pytest.mark.parametrize(
    ("strategy", "retry", "expected"),
    [
        (RetryStrategy(), 5000, 60.0),
        (RetryStrategy(initial_delay=0), 5000, 0.0),
        (RetryStrategy(backoff_base=0), 1, 0.0),
        (RetryStrategy(backoff_base=2, max_delay=math.inf), 5000, math.inf),
    ],
    ids=["overflow", "no-delay-ever", "only-one-wait", "unbounded"],
)
def test_longest_delay_at_the_edges(strategy: RetryStrategy, retry: int, expected: float) -> None:
    assert strategy.longest_delay(retry) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_retries": -1}, "max_retries must be 0 or more, got -1"),
        ({"backoff_base": -1}, "backoff_base must be 0 or more, got -1"),
        ({"initial_delay": math.nan}, "initial_delay must be 0 or more, got nan"),
        ({"max_delay": -0.5}, "max_delay must be 0 or more, got -0.5"),
        ({"max_retry_after": -1}, "max_retry_after must be 0 or more, got -1"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_strategy_that_makes_no_sense_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        RetryStrategy(**arguments)


@pytest.mark.parametrize("asked", [20, 120], ids=["some", "most"])
async def test_delay_the_server_asks_for_is_waited_in_full(
    clock: FakeClock, after: Any, asked: float
) -> None:
    step = MockPrimitive(side_effect=[RateLimitedError("slow down", retry_after=asked), "done"])
    retry = RetryPrimitive(step, clock=clock, random=lambda: 0.0)
    assert await after(asked, retry.execute("x")) == "done"
    assert clock.slept == [asked]


@pytest.mark.parametrize("asked", [0, -1, None, "soon", 0.25], ids=repr)
async def test_short_or_odd_requests_of_the_server_do_not_shorten_the_wait(
    clock: FakeClock, after: Any, asked: Any
) -> None:
    step = MockPrimitive(side_effect=[RateLimitedError("slow down", retry_after=asked), "done"])
    await after(1, RetryPrimitive(step, STEADY, clock=clock).execute("x"))
    assert clock.slept == [1]


async def test_server_that_asks_for_too_much_is_not_asked_again(clock: FakeClock) -> None:
    step = MockPrimitive(raise_error=RateLimitedError("tomorrow", retry_after=121))
    with pytest.raises(RateLimitedError, match="tomorrow"):
        await RetryPrimitive(step, clock=clock).execute("x")
    assert (step.call_count, clock.slept) == (1, [])


@pytest.mark.parametrize(
    ("deadline", "calls"), [(3.0, 2), (3.1, 3)], ids=["too-late", "just-in-time"]
)
async def test_no_wait_goes_beyond_the_deadline(
    clock: FakeClock, after: Any, deadline: float, calls: int
) -> None:
    """Attempts would begin at 0, 1 and 3 seconds."""
    step = MockPrimitive(raise_error=ValueError())
    with pytest.raises(ValueError):
        await after(
            60,
            RetryPrimitive(step, STEADY, clock=clock).execute(
                "x", WorkflowContext(deadline=deadline)
            ),
        )
    assert step.call_count == calls


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ServerError("busy"), True),
        (ServerError("gone for good", retryable=False), False),
        (AuthenticationError("no key"), False),
        (StatusError(408), True),
        (StatusError(429), True),
        (StatusError(500), True),
        (StatusError(529), True),
        (StatusError(404), False),
        (StatusError("404"), True),
        (ValueError("anything"), True),
    ],
    ids=repr,
)
def test_which_errors_are_worth_a_retry(error: Exception, expected: bool) -> None:
    assert is_retryable(error) is expected


async def test_error_not_worth_it_is_raised_at_once(clock: FakeClock) -> None:
    step = MockPrimitive(raise_error=AuthenticationError("no key"))
    with pytest.raises(AuthenticationError):
        await RetryPrimitive(step, clock=clock).execute("x")
    assert step.call_count == 1


async def test_predicate_decides_instead(clock: FakeClock, after: Any) -> None:
    step = MockPrimitive(side_effect=[KeyError("a"), ValueError("b")])
    retry = RetryPrimitive(
        step, STEADY, retry_on=lambda error: isinstance(error, KeyError), clock=clock
    )
    with pytest.raises(ValueError, match="b"):
        await after(60, retry.execute("x"))
    assert step.call_count == 2


async def test_cancelled_attempt_is_not_retried(clock: FakeClock) -> None:
    step = MockPrimitive(side_effect=lambda x, context: clock.sleep(60))
    task = asyncio.ensure_future(RetryPrimitive(step, clock=clock).execute("x"))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert step.call_count == 1


async def test_cancellation_ends_the_wait(clock: FakeClock) -> None:
    step = MockPrimitive(raise_error=ValueError())
    task = asyncio.ensure_future(RetryPrimitive(step, STEADY, clock=clock).execute("x"))
    await settle()
    assert clock.slept == [1]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert step.call_count == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
async def test_what_is_no_failure_is_not_caught(
    clock: FakeClock, error: type[BaseException]
) -> None:
    step = MockPrimitive(raise_error=error())
    call = RetryPrimitive(step, clock=clock).execute("x")
    with pytest.raises(error):
        call.send(None)  # not in a task, which would hand it to the whole loop
    assert step.call_count == 1


async def test_attempts_are_tallied_per_item_of_a_map(clock: FakeClock, after: Any) -> None:
    async def flaky(x: int, context: WorkflowContext) -> int:
        assert context.tally is not None
        if context.tally.attempts <= x:
            raise ValueError(x)
        return x

    retry = RetryPrimitive(flaky, STEADY, clock=clock)

    async def attempts() -> list[int]:
        return [item.attempts async for item in retry.map([0, 2, 1], concurrency=2)]

    assert await after(60, attempts()) == [1, 3, 2]


async def test_observer_hears_of_each_retry_and_of_the_end(
    clock: FakeClock, after: Any, watcher: Any
) -> None:
    step = MockPrimitive("step", side_effect=[ValueError(), KeyError(), "done"])
    await after(60, RetryPrimitive(step, STEADY, clock=clock).execute("x"))
    assert watcher.records == [
        ("0", observe.RetryScheduledRecord(attempt=1, delay=1, error_type="ValueError")),
        ("0", observe.RetryScheduledRecord(attempt=2, delay=2, error_type="KeyError")),
        ("0", observe.RetryRecord(attempts=3, max_attempts=4, delay_total=3, exhausted=False)),
    ]
    assert watcher.outcomes["0"] == "ok"


async def test_observer_hears_of_a_first_success(clock: FakeClock, watcher: Any) -> None:
    await RetryPrimitive(MockPrimitive(), STEADY, clock=clock).execute("x")
    assert watcher.records == [
        ("0", observe.RetryRecord(attempts=1, max_attempts=4, delay_total=0, exhausted=False))
    ]


async def test_observer_hears_of_giving_up(clock: FakeClock, watcher: Any) -> None:
    step = MockPrimitive("step", raise_error=AuthenticationError("no key"))
    with pytest.raises(AuthenticationError):
        await RetryPrimitive(step, STEADY, clock=clock).execute("x")
    assert watcher.records == [
        ("0", observe.RetryRecord(attempts=1, max_attempts=4, delay_total=0, exhausted=True))
    ]
    assert watcher.outcomes == {"0": "error", "0/0.step": "error"}


async def test_stream_is_begun_anew_before_its_first_chunk(
    clock: FakeClock, after: Any, collect: Any, watcher: Any
) -> None:
    begun = 0

    async def flaky(x: str) -> AsyncIterator[str]:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise ConnectionError(begun)
        yield x
        yield x

    retry = RetryPrimitive(flaky, STEADY, clock=clock)
    assert await after(60, collect(retry.stream("c"))) == ["c", "c"]
    assert clock.slept == [1, 2]
    assert watcher.records[-1][1] == observe.RetryRecord(3, 4, 3, exhausted=False)


async def test_stream_that_breaks_after_a_chunk_is_not_begun_anew(
    clock: FakeClock, source: Any, collect: Any, watcher: Any
) -> None:
    """The consumer has seen the first chunk; it must not see it twice."""
    broken = ConnectionError("half-way")
    broken.__cause__ = OSError("cable")
    feed, chunks = source(0, broken), []
    with pytest.raises(ConnectionError, match="half-way") as caught:
        await collect(RetryPrimitive(feed, STEADY, clock=clock).stream("c"), chunks)
    assert (chunks, feed.begun, feed.closed) == (["c0"], 1, 1)
    assert isinstance(caught.value.__cause__, OSError)
    assert watcher.records[-1][1] == observe.RetryRecord(1, 4, 0, exhausted=True)


async def test_stream_that_never_begins_raises_its_last_error(
    clock: FakeClock, after: Any, source: Any, collect: Any
) -> None:
    feed = source(ConnectionError("down"))
    with pytest.raises(ConnectionError, match="down"):
        await after(60, collect(RetryPrimitive(feed, STEADY, clock=clock).stream("c")))
    assert (feed.begun, feed.closed) == (4, 4)


async def test_empty_stream_is_a_success(clock: FakeClock, source: Any, collect: Any) -> None:
    feed = source()
    assert await collect(RetryPrimitive(feed, STEADY, clock=clock).stream("c")) == []
    assert feed.begun == 1


async def test_closing_the_stream_closes_the_source(clock: FakeClock, source: Any) -> None:
    feed = source(0, 0)
    stream = RetryPrimitive(feed, STEADY, clock=clock).stream("c")
    await anext(stream)
    await stream.aclose()
    assert feed.closed == 1


async def test_policy_without_a_step_wraps_several(clock: FakeClock, after: Any) -> None:
    policy = RetryPrimitive(strategy=STEADY, clock=clock)
    first, second = MockPrimitive(side_effect=[ValueError(), 1]), MockPrimitive(return_value=2)
    assert await after(60, policy.wrap(first).execute("x")) == 1
    assert await policy.wrap(second).execute("x") == 2
