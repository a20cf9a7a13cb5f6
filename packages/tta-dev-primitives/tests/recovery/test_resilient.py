"""What `resilient` promises its callers, beyond being the same as the nested policies."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import warnings
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tta_dev_primitives import (
    BudgetPrimitive,
    BulkheadPrimitive,
    CachePrimitive,
    CircuitBreakerPrimitive,
    FallbackPrimitive,
    HedgePrimitive,
    Limit,
    Quantile,
    RateLimitPrimitive,
    RetryPrimitive,
    RetryStrategy,
    TimeoutPrimitive,
)
from tta_dev_primitives.core.base import FRESH, WorkflowContext
from tta_dev_primitives.errors import (
    CircuitOpenError,
    ConfigurationError,
    RateLimitExceededError,
    RejectedError,
    TimeoutError,  # noqa: A004 - rooted in the stdlib's
)
from tta_dev_primitives.recovery.resilient import OrderWarning, ResilientPrimitive, resilient
from tta_dev_primitives.recovery.schedules import constant
from tta_dev_primitives.testing import FakeClock, MockPrimitive

ORDER = [
    "fallback",
    "cache",
    "timeout",
    "retry",
    "hedge",
    "budget",
    "rate_limit",
    "bulkhead",
    "breaker",
    "attempt_timeout",
]


async def fetch(x: Any) -> str:
    return f"answer to {x}"


async def backup(x: Any) -> str:
    return "second best"


def everything(step: Any = fetch, **others: Any) -> ResilientPrimitive:
    given: dict[str, Any] = {
        "fallback": backup,
        "cache": 60.0,
        "timeout": 10.0,
        "retry": 2,
        "hedge": 5.0,
        "budget": 5.0,
        "rate_limit": Limit(100),
        "bulkhead": 10,
        "breaker": 0.5,
        "attempt_timeout": 3.0,
    }
    return resilient(step, **{**given, **others})


def kinds(step: ResilientPrimitive) -> list[str]:
    return [type(node).__name__.removesuffix("Primitive") for _, node in step.walk()]


async def test_every_policy_stands_in_the_documented_order() -> None:
    """The order of the arguments says nothing about the order of the policies."""
    step = everything(fallback=None)
    assert [line.place for line in step.explain().lines] == ORDER[1:]
    assert kinds(step) == [
        "Resilient",
        "Cache",
        "Timeout",
        "Retry",
        "Hedge",
        "Budget",
        "Fused",
        "RateLimit",
        "Bulkhead",
        "CircuitBreaker",
        "Timeout",
        "Lambda",
    ]
    assert await step.execute("x") == "answer to x"


async def test_a_call_is_bounded_without_being_asked(
    clock: FakeClock, after: Callable[..., Any]
) -> None:
    """A step that hangs is given up after 30 seconds, and one that fails after four attempts."""
    hanging = resilient(lambda x: clock.sleep(1000), clock=clock, name="hanging")
    with pytest.raises(TimeoutError, match="hanging exceeded 30s timeout"):
        await after(30, hanging.execute("x"))
    failing = MockPrimitive(raise_error=OSError("down"))
    with pytest.raises(OSError, match="down"):
        await after(30, resilient(failing, clock=clock).execute("x"))
    assert failing.call_count == 4


async def test_nothing_is_left_where_all_is_left_out() -> None:
    """With no policy at all the step is run as it is."""
    step = resilient(fetch, timeout=None, retry=None)
    assert kinds(step) == ["Resilient", "Lambda"]
    assert await step.execute("x") == "answer to x"


@pytest.mark.parametrize(
    ("place", "given", "kind", "settings"),
    [
        ("fallback", backup, FallbackPrimitive, "then backup"),
        ("fallback", [backup, fetch], FallbackPrimitive, "then backup, fetch"),
        ("fallback", FallbackPrimitive(fallback=backup), FallbackPrimitive, "then backup"),
        ("fallback", FallbackPrimitive(fetch, backup), FallbackPrimitive, "then Fallback"),
        ("cache", 60, CachePrimitive, "fresh for 60 s"),
        ("cache", CachePrimitive(ttl_seconds=5), CachePrimitive, "fresh for 5 s"),
        ("timeout", 2, TimeoutPrimitive, "2 s"),
        ("timeout", TimeoutPrimitive(None, 2, idle_seconds=1), TimeoutPrimitive, "2 s, next chunk"),
        ("retry", 2, RetryPrimitive, "up to 3 attempts, first wait 0.5 s"),
        ("retry", RetryStrategy(1, initial_delay=2), RetryPrimitive, "first wait 2 s"),
        ("retry", constant(1).up_to(attempts=5), RetryPrimitive, "up to 5 attempts"),
        ("retry", constant(1).up_to(seconds=5), RetryPrimitive, "attempts by a schedule"),
        ("retry", RetryPrimitive(), RetryPrimitive, "up to 4 attempts"),
        ("hedge", 0.5, HedgePrimitive, "up to 1 more after 0.5 s"),
        ("hedge", Quantile(0.9), HedgePrimitive, "up to 1 more at a quantile"),
        ("hedge", HedgePrimitive(max_hedges=2), HedgePrimitive, "up to 2 more"),
        ("budget", 5, BudgetPrimitive, "$5 per day"),
        ("budget", BudgetPrimitive(limit=1, per=None), BudgetPrimitive, "$1"),
        ("rate_limit", Limit(60), RateLimitPrimitive, "60 requests per 60s"),
        ("rate_limit", [Limit(1), Limit(9)], RateLimitPrimitive, "1 requests per 60s, 9 requests"),
        ("rate_limit", RateLimitPrimitive(limits=[Limit(7)]), RateLimitPrimitive, "7 requests"),
        ("bulkhead", 4, BulkheadPrimitive, "4 at a time, 100 waiting"),
        ("bulkhead", BulkheadPrimitive(max_queue=0), BulkheadPrimitive, "10 at a time, 0 waiting"),
        ("breaker", 0.2, CircuitBreakerPrimitive, "opens at 20% failures for 30 s"),
        ("breaker", CircuitBreakerPrimitive(open_seconds=9), CircuitBreakerPrimitive, "for 9 s"),
        ("attempt_timeout", 3, TimeoutPrimitive, "3 s"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
async def test_short_forms_and_policies_are_taken(
    place: str, given: Any, kind: type, settings: str
) -> None:
    """Each argument takes what the documentation names, and sets the policy to it."""
    arguments: dict[str, Any] = {"timeout": None, "retry": None, place: given}
    step = resilient(fetch, **arguments)
    (line,) = step.explain().lines
    assert (line.place, line.policy) == (place, kind.__name__.removesuffix("Primitive"))
    assert settings in line.settings
    assert await step.execute("x") == "answer to x"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"retry": True}, "retry must be a number of retries, .*, got True"),
        ({"retry": 1.5}, "retry must be .*, got 1.5"),
        ({"timeout": 0}, "timeout must be positive, got 0; None means no limit"),
        ({"attempt_timeout": "3"}, "attempt_timeout must be seconds or .*, got '3'"),
        ({"cache": "60"}, "cache must be seconds or a CachePrimitive, got '60'"),
        ({"rate_limit": 60}, "rate_limit must be a Limit, .*, got 60"),
        ({"rate_limit": []}, "limits is empty"),
        ({"fallback": []}, "fallback is empty"),
        ({"fallback": 3}, "expected a primitive or a function, got 3"),
        ({"bulkhead": 2.5}, "bulkhead must be the most calls at a time .*, got 2.5"),
        ({"breaker": True}, "breaker must be a failure rate .*, got True"),
        ({"hedge": "soon"}, "hedge must be seconds, .*, got 'soon'"),
        ({"breaker": CircuitBreakerPrimitive(fetch)}, "breaker= wraps fetch already"),
        ({"timeout": TimeoutPrimitive(fetch, 1)}, "timeout= wraps fetch already"),
    ],
    ids=[
        "true-for-one",
        "half-a-retry",
        "no-time",
        "text-for-seconds",
        "text-for-ttl",
        "number-for-limit",
        "no-limits",
        "no-fallbacks",
        "number-for-step",
        "half-a-place",
        "true-for-rate",
        "word-for-delay",
        "breaker-with-step",
        "timeout-with-step",
    ],
)
def test_mistakes_are_told_when_it_is_built(arguments: dict[str, Any], message: str) -> None:
    """What cannot work says so at once, with the value and the next move."""
    with pytest.raises(ConfigurationError, match=message):
        resilient(fetch, **arguments)


async def test_a_policy_is_shared_by_the_steps_it_is_given_to(clock: FakeClock) -> None:
    """A circuit that one step opened is open for the other."""
    breaker = CircuitBreakerPrimitive(minimum_calls=1, clock=clock)
    one = resilient(MockPrimitive(raise_error=OSError()), retry=None, breaker=breaker, clock=clock)
    other = resilient(fetch, retry=None, breaker=breaker, clock=clock)
    with pytest.raises(OSError):
        await one.execute("x")
    with pytest.raises(CircuitOpenError):
        await other.execute("x")


async def test_wrapping_twice_shares_what_the_policies_count(clock: FakeClock) -> None:
    """Two functions under one decorator take turns of one limit."""
    policy = resilient(retry=None, rate_limit=Limit(1, 60), timeout=10.0, clock=clock)

    @policy
    async def one(x: str) -> str:
        return x

    two = policy.wrap(fetch)
    assert await one.execute("x") == "x"
    with pytest.raises(RateLimitExceededError, match="fetch: the next turn comes in 60s"):
        await two.execute("x")


async def test_without_a_step_it_says_what_is_missing() -> None:
    """A policy that was called instead of a step names the way out."""
    with pytest.raises(ConfigurationError, match=r"use resilient\(step, ...\) or .wrap\(step\)"):
        await resilient().execute("x")
    assert [line.place for line in resilient().explain().lines] == ["timeout", "retry"]
    assert str(resilient().explain()).startswith("no step yet")


async def test_what_a_fallback_answers_is_not_remembered() -> None:
    """As soon as the service is back, callers get its answers again."""
    service = MockPrimitive(side_effect=[OSError("down"), "the best"])
    step = resilient(service, retry=None, cache=3600.0, fallback=backup)
    assert [await step.execute("x") for _ in range(3)] == ["second best", "the best", "the best"]
    assert service.call_count == 2


async def test_a_fallback_has_the_same_limit_as_the_call(
    clock: FakeClock, after: Callable[..., Any]
) -> None:
    """A fallback that hangs does not keep the caller for ever."""
    step = resilient(
        lambda x: clock.sleep(1000),
        fallback=lambda x: clock.sleep(1000),
        timeout=2.0,
        retry=None,
        clock=clock,
    )
    with pytest.raises(TimeoutError, match="exceeded 2s"):
        await after(4, step.execute("x"))


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"timeout": 1.0}, TimeoutError, "fetch exceeded 1s timeout"),
        ({"attempt_timeout": 1.0}, TimeoutError, "fetch attempt exceeded 1s timeout"),
        (
            {"breaker": CircuitBreakerPrimitive(minimum_calls=1), "attempt_timeout": 3.0},
            CircuitOpenError,
            "of fetch is",
        ),
    ],
    ids=["timeout", "attempt", "breaker"],
)
async def test_errors_name_the_step_and_not_a_policy(
    clock: FakeClock,
    after: Callable[..., Any],
    arguments: dict[str, Any],
    error: type[Exception],
    text: str,
) -> None:
    """Nobody wants to read that the Retry exceeded its timeout."""

    async def fetch(x: str) -> None:
        await clock.sleep(1.5)
        raise OSError

    step = resilient(fetch, retry=None, clock=clock, **arguments)
    with contextlib.suppress(OSError, TimeoutError):
        await after(5, step.execute("x"))
    with pytest.raises(error, match=text):
        await after(5, step.execute("x"))


async def test_a_stream_passes_all_policies_and_gives_its_place_back() -> None:
    """A reader who leaves after one chunk blocks nobody."""
    bulkhead = BulkheadPrimitive(max_concurrent=1, max_queue=0)

    async def words(x: str) -> AsyncIterator[str]:
        for word in ("one", "two"):
            yield word

    step = everything(words, bulkhead=bulkhead, hedge=None, cache=None)
    stream = step.stream("x")
    assert await anext(stream) == "one"
    assert bulkhead.stats().running == 1
    await stream.aclose()
    assert bulkhead.stats().running == 0
    assert [chunk async for chunk in step.stream("y")] == ["one", "two"]


async def test_a_policy_of_ones_own_is_not_passed_by() -> None:
    """A subclass with an `execute` of its own is run as it is."""
    ran: list[str] = []

    class Loud(TimeoutPrimitive):
        async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
            ran.append("loud")
            return await super().execute(input_data, context)

    step = resilient(fetch, timeout=Loud(None, 5), breaker=0.5, attempt_timeout=1.0)
    assert await step.execute("x") == "answer to x"
    assert ran == ["loud"]
    fused = {line.place for line in step.explain().lines if line.fused}
    assert fused == {"retry", "breaker", "attempt_timeout"}


@pytest.mark.parametrize(
    ("place", "policy"),
    [
        ("timeout", TimeoutPrimitive(None, 5, fallback=backup)),
        ("timeout", TimeoutPrimitive(None, 5, clock=FakeClock())),
        ("rate_limit", RateLimitPrimitive(limits=[Limit(9)], key=lambda x, context: x)),
        ("bulkhead", BulkheadPrimitive(key=lambda x, context: x)),
        ("bulkhead", BulkheadPrimitive(priority=lambda x, context: 1)),
        ("breaker", CircuitBreakerPrimitive(key=lambda x, context: x)),
        ("breaker", CircuitBreakerPrimitive(window_seconds=10)),
    ],
    ids=["fallback", "clock", "rate-key", "place-key", "priority", "circuits", "window"],
)
async def test_a_policy_that_cannot_be_fused_stays_nested(place: str, policy: Any) -> None:
    """It works all the same, and the explanation does not claim otherwise."""
    arguments: dict[str, Any] = {"breaker": 0.5, "attempt_timeout": 1.0, place: policy}
    step = resilient(fetch, **arguments)
    assert place not in {line.place for line in step.explain().lines if line.fused}
    assert await step.execute("x") == "answer to x"


def test_the_explanation_prints_well() -> None:
    """It says what stands where, how it is set, why, and what runs as one."""
    shown = str(resilient(fetch, timeout=10.0, retry=2, cache=60.0).explain())
    assert shown == (
        "fetch, from the outside in\n"
        " 1   cache: fresh for 60 s\n"
        "     a hit needs nothing further in: no turn, no attempt, no money\n"
        " 2 = timeout: 10 s\n"
        "     bounds all attempts together, and all waits between and before them\n"
        " 3 = retry: up to 3 attempts, first wait 0.5 s\n"
        "     each attempt asks for its own turn and place, and is counted by the breaker\n"
        "   = run as one while nobody observes"
    )


def test_a_retry_inside_and_outside_is_warned_of_at_the_callers_line() -> None:
    """Sixteen requests where four were meant come as no surprise."""
    with pytest.warns(OrderWarning, match="up to 4 x 4 = 16 requests") as caught:
        resilient(RetryPrimitive(fetch))
    assert caught[0].filename == __file__
    policy = resilient()
    with pytest.warns(OrderWarning) as caught:
        policy.wrap(RetryPrimitive(fetch))
    assert caught[0].filename == __file__
    with pytest.warns(OrderWarning) as caught:
        policy(RetryPrimitive(fetch))
    assert caught[0].filename == __file__


def test_nothing_is_warned_of_that_is_the_steps_own_business() -> None:
    """An odd order inside the step is for `check_order` to find."""
    odd = RateLimitPrimitive(RetryPrimitive(fetch), limits=[Limit(9)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resilient(odd, retry=None)
        resilient(RetryPrimitive(fetch), retry=None)


async def test_calls_side_by_side_end_each_at_its_moment(clock: FakeClock) -> None:
    """The limits of calls that share a timer are not rounded."""
    ended: dict[int, float] = {}

    async def act(number: int) -> None:
        await clock.sleep(100 if number else 1.5)

    step = resilient(act, timeout=3.0, retry=None, attempt_timeout=2.0, clock=clock)

    async def call(number: int) -> None:
        with contextlib.suppress(TimeoutError):
            await step.execute(number)
        ended[number] = clock.monotonic()

    tasks: list[asyncio.Future[None]] = []
    for number in range(3):
        tasks.append(asyncio.ensure_future(call(number)))
        await clock.sleep_through(0.25)
    await clock.sleep_through(5)
    await asyncio.gather(*tasks)
    assert ended == {0: 1.5, 1: 2.25, 2: 2.5}


def test_event_loops_one_after_the_other_and_side_by_side_have_their_own_timers() -> None:
    """A step made once works in every loop and thread, and its limits still end calls there."""

    async def hang(x: str) -> None:
        await asyncio.sleep(60)

    step = resilient(hang, timeout=0.05, attempt_timeout=0.02, retry=None)
    outcomes: list[str] = []

    async def calls() -> None:
        for _ in range(3):
            with pytest.raises(TimeoutError) as caught:
                await step.execute("x")
            outcomes.append(str(caught.value))

    asyncio.run(calls())
    threads = [threading.Thread(target=asyncio.run, args=(calls(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["hang attempt exceeded 0.02s timeout"] * 12


async def test_a_limit_passes_although_the_cleanup_of_the_attempt_hangs(
    clock: FakeClock, after: Callable[..., Any]
) -> None:
    """The limit of the call is still watched while a late attempt takes its time to end."""

    async def act(x: str) -> None:
        try:
            await clock.sleep(100)
        finally:
            await clock.sleep(100)

    step = resilient(act, timeout=5.0, attempt_timeout=1.0, clock=clock)
    with pytest.raises(TimeoutError, match="act exceeded 5s timeout"):
        await after(5, step.execute("x"))


async def test_closing_the_coroutine_of_a_call_gives_all_back() -> None:
    """A call that is thrown away in the middle holds no place and stands in no line."""
    bulkhead = BulkheadPrimitive(max_concurrent=1, max_queue=0)
    entered = asyncio.Event()

    async def act(x: str) -> None:
        entered.set()
        await asyncio.Event().wait()

    step = resilient(act, bulkhead=bulkhead, breaker=0.5, attempt_timeout=2.0)
    call = step.execute("x")
    call.send(None)
    assert entered.is_set()
    assert bulkhead.stats().running == 1
    call.close()
    assert bulkhead.stats().running == 0


async def test_what_is_refused_further_in_costs_no_turn(clock: FakeClock) -> None:
    """A request that was never sent keeps nobody waiting."""
    clock.advance(5)
    service = MockPrimitive(side_effect=[RejectedError("no room"), "an answer"])
    limiter = RateLimitPrimitive(limits=[Limit(1, 60)], max_wait_seconds=0, clock=clock)
    step = resilient(service, retry=None, rate_limit=limiter, attempt_timeout=1.0, clock=clock)
    with pytest.raises(RejectedError, match="no room"):
        await step.execute("x")
    assert await step.execute("x") == "an answer"


async def test_an_error_is_freed_with_its_last_reference(clock: FakeClock) -> None:
    """A service that is down does not fill the memory until the collector comes round."""
    seen: list[weakref.ref[Exception]] = []

    class DownError(Exception):
        def __init__(self) -> None:
            seen.append(weakref.ref(self))

    async def fail(x: str) -> str:
        raise DownError

    retry = RetryStrategy(1, initial_delay=0)
    step = resilient(fail, retry=retry, breaker=0.5, attempt_timeout=1.0, clock=clock)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(DownError):
            await step.execute("x")
        assert [reference() for reference in seen] == [None, None]
    finally:
        gc.enable()


async def test_results_that_will_not_do_are_asked_for_until_one_does(clock: FakeClock) -> None:
    """A poor answer to a further attempt counts as that to the first."""
    service = MockPrimitive(side_effect=["poor", "poor", "good", "good"])
    strategy = RetryStrategy(3, initial_delay=0)
    retry = RetryPrimitive(
        strategy=strategy, retry_result=lambda value: value == "poor", clock=clock
    )
    step = resilient(service, retry=retry, breaker=0.5, clock=clock)
    assert [await step.execute("x") for _ in range(2)] == ["good", "good"]
    assert service.call_count == 4


async def test_an_attempt_that_finds_its_place_taken_is_not_made(
    clock: FakeClock, after: Callable[..., Any]
) -> None:
    """Where the place cannot be had back after the wait, the error is that of the attempt."""
    inner = resilient(
        MockPrimitive(side_effect=[OSError("down"), "an answer"]),
        retry=RetryStrategy(1, initial_delay=1, jitter=False),
        attempt_timeout=5.0,
        clock=clock,
    )
    outer = BulkheadPrimitive(max_concurrent=1, max_wait_seconds=0.5, clock=clock)
    first = asyncio.ensure_future(outer.wrap(inner).execute("x"))
    await clock.sleep_through(0.5)
    second = asyncio.ensure_future(outer.wrap(lambda x: clock.sleep(9)).execute("x"))
    await clock.sleep_through(9)
    with pytest.raises(OSError, match="down") as caught:
        await first
    assert "not tried again: BulkheadFullError" in caught.value.__notes__[0]
    await after(1, second)


async def test_a_stream_is_observed_policy_by_policy(watcher: Any) -> None:
    """An observer sees a stream pass the same nodes as a call."""

    async def words(x: str) -> AsyncIterator[str]:
        yield x

    step = resilient(words, timeout=5.0, retry=1, cache=60.0)
    assert await step.execute("one") == "one"
    seen = dict(watcher.outcomes)
    watcher.outcomes.clear()
    assert [chunk async for chunk in step.stream("two")] == ["two"]
    assert watcher.outcomes == seen
    assert {path.rsplit("/", 1)[-1] for path in seen} >= {"0.words", "0"}
