from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.errors import (
    AuthenticationError,
    BadRequestError,
    BudgetExceededError,
    CircuitOpenError,
    ConfigurationError,
    ContentFilteredError,
    InputTypeError,
    LLMTimeoutError,
    RateLimitedError,
    RateLimitExceededError,
    RouteNotFoundError,
    ServerError,
    TimeoutError,  # noqa: A004 - rooted in the stdlib's
)
from tta_dev_primitives.recovery.circuit_breaker import CircuitBreakerPrimitive
from tta_dev_primitives.recovery.fallback import FallbackPrimitive
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle

from .breaker_steps import Service, bad, good, refused


@pytest.fixture
def service() -> Service:
    return Service()


async def test_failure_rate_opens_the_circuit_and_nothing_reaches_the_service(
    clock: FakeClock, service: Service
) -> None:
    breaker = CircuitBreakerPrimitive(service, minimum_calls=4, clock=clock)
    await good(breaker, service, 2)
    await bad(breaker, service, 2)
    assert breaker.state == "open"
    await refused(breaker)
    assert service.calls == 4


async def test_rate_just_below_keeps_it_closed(clock: FakeClock, service: Service) -> None:
    breaker = CircuitBreakerPrimitive(service, minimum_calls=1, window_calls=5, clock=clock)
    await good(breaker, service, 3)
    await bad(breaker, service, 2)
    assert breaker.state == "closed"


async def test_too_few_calls_never_open_it(clock: FakeClock, service: Service) -> None:
    breaker = CircuitBreakerPrimitive(service, minimum_calls=10, clock=clock)
    await bad(breaker, service, 9)
    assert breaker.state == "closed"


async def test_success_that_makes_the_minimum_opens_it(clock: FakeClock, service: Service) -> None:
    """Nine failures of ten calls open the circuit also when the tenth call went well."""
    breaker = CircuitBreakerPrimitive(service, minimum_calls=10, clock=clock)
    await bad(breaker, service, 9)
    await good(breaker, service)
    assert breaker.state == "open"


async def test_old_failures_leave_a_window_of_calls(clock: FakeClock, service: Service) -> None:
    breaker = CircuitBreakerPrimitive(service, window_calls=4, minimum_calls=4, clock=clock)
    await good(breaker, service, 3)
    await bad(breaker, service)
    await good(breaker, service, 4)
    await bad(breaker, service)
    assert (breaker.state, breaker.stats().failures) == ("closed", 1)


async def test_old_failures_leave_a_window_of_time(clock: FakeClock, service: Service) -> None:
    breaker = CircuitBreakerPrimitive(service, window_seconds=10, minimum_calls=3, clock=clock)
    await bad(breaker, service, 2)
    clock.advance(10)
    await bad(breaker, service, 2)
    assert (breaker.state, breaker.stats().calls) == ("closed", 2)
    await bad(breaker, service)
    assert breaker.state == "open"


async def test_successes_that_leave_a_window_of_time_raise_the_rate(
    clock: FakeClock, service: Service
) -> None:
    """The circuit opens at the next result, though that is a success."""
    breaker = CircuitBreakerPrimitive(service, window_seconds=10, minimum_calls=4, clock=clock)
    await good(breaker, service, 10)
    clock.advance(5)
    await bad(breaker, service, 3)
    assert breaker.state == "closed"
    clock.advance(5)
    await good(breaker, service)
    assert breaker.state == "open"


async def test_error_says_why_and_when_to_come_back(clock: FakeClock, service: Service) -> None:
    breaker = CircuitBreakerPrimitive(
        service, name="search", minimum_calls=2, open_seconds=30, clock=clock
    )
    await bad(breaker, service, 2)
    clock.advance(10)
    error = await refused(breaker)
    assert error.retry_after == 20
    assert str(error) == ("the circuit of search is open, as 2 of 2 calls failed; try again in 20s")


@pytest.mark.parametrize(
    "error",
    [
        ServerError("overloaded"),
        RateLimitedError("slow down"),
        LLMTimeoutError("no answer"),
        TimeoutError("step", 3),
        OSError("no route"),
        ZeroDivisionError(),
        ExceptionGroup("both branches", [OSError(), OSError()]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_errors_that_speak_against_the_service(
    clock: FakeClock, service: Service, error: Exception
) -> None:
    breaker = CircuitBreakerPrimitive(service, minimum_calls=2, clock=clock)
    await bad(breaker, service, 2, error)
    assert breaker.state == "open"


@pytest.mark.parametrize(
    "error",
    [AuthenticationError("key"), BadRequestError("too long"), ContentFilteredError("no")],
    ids=lambda error: type(error).__name__,
)
async def test_errors_that_are_the_callers_fault_count_as_answers(
    clock: FakeClock, service: Service, error: Exception
) -> None:
    """A client with a wrong key does not shut everybody out."""
    breaker = CircuitBreakerPrimitive(service, minimum_calls=1, clock=clock)
    await bad(breaker, service, 3, error)
    assert (breaker.state, breaker.stats().calls, breaker.stats().failures) == ("closed", 3, 0)


@pytest.mark.parametrize(
    "error",
    [
        RateLimitExceededError("used up"),
        BudgetExceededError("spent"),
        CircuitOpenError("further in"),
        ConfigurationError("no step"),
        InputTypeError("no key"),
        RouteNotFoundError("x", ()),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_calls_that_were_never_sent_do_not_count(
    clock: FakeClock, service: Service, error: Exception
) -> None:
    """A limiter inside the breaker does not open it."""
    breaker = CircuitBreakerPrimitive(service, minimum_calls=1, clock=clock)
    await bad(breaker, service, 3, error)
    assert (breaker.state, breaker.stats().calls) == ("closed", 0)


async def test_counts_and_ignore_are_the_users_to_set(clock: FakeClock, service: Service) -> None:
    breaker = CircuitBreakerPrimitive(
        service,
        minimum_calls=1,
        counts=lambda error: isinstance(error, LookupError),
        ignore=lambda error: isinstance(error, KeyError),
        clock=clock,
    )
    await bad(breaker, service, 1, KeyError("k"))
    assert breaker.stats().calls == 0
    await bad(breaker, service, 1, OSError())
    assert (breaker.stats().calls, breaker.state) == (1, "closed")
    await bad(breaker, service, 1, IndexError())
    assert breaker.state == "open"


def slow_by(clock: FakeClock, seconds: float) -> Any:
    async def slow(x: Any) -> Any:
        clock.advance(seconds)
        return x

    return slow


@pytest.mark.parametrize(
    ("seconds", "state"), [(1.99, "closed"), (2, "open")], ids=["just below", "at the limit"]
)
@pytest.mark.parametrize("window", [{}, {"window_seconds": 60}], ids=["calls", "time"])
async def test_slow_calls_open_the_circuit(
    clock: FakeClock, seconds: float, state: str, window: dict[str, Any]
) -> None:
    breaker = CircuitBreakerPrimitive(
        slow_by(clock, seconds), slow_call_seconds=2, minimum_calls=3, clock=clock, **window
    )
    for _ in range(3):
        await breaker.execute("x")
    assert breaker.state == state


async def test_slow_calls_say_so(clock: FakeClock) -> None:
    breaker = CircuitBreakerPrimitive(
        slow_by(clock, 5), slow_call_seconds=2, minimum_calls=1, clock=clock, name="search"
    )
    await breaker.execute("x")
    assert "as 1 of 1 calls took 2s or more" in str(await refused(breaker))
    assert breaker.stats().slow_call_rate == 1


async def test_slow_failure_is_counted_once_as_each(clock: FakeClock) -> None:
    async def slow(x: str) -> None:
        clock.advance(3)
        raise OSError

    breaker = CircuitBreakerPrimitive(slow, slow_call_seconds=2, clock=clock)
    with pytest.raises(OSError):
        await breaker.execute("x")
    stats = breaker.stats()
    assert (stats.calls, stats.failures, stats.slow_calls) == (1, 1, 1)


async def test_cancelled_call_does_not_count(clock: FakeClock) -> None:
    breaker = CircuitBreakerPrimitive(
        clock.sleep, slow_call_seconds=5, minimum_calls=1, clock=clock
    )
    task = asyncio.ensure_future(breaker.execute(60))
    await settle()
    clock.advance(4.9)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert breaker.stats().calls == 0


async def test_hanging_service_behind_an_outer_timeout_opens_the_circuit(
    clock: FakeClock, after: Any
) -> None:
    """Callers who give up on a call that was slow already do not hide it."""
    breaker = CircuitBreakerPrimitive(
        clock.sleep, slow_call_seconds=5, minimum_calls=2, clock=clock
    )
    step = TimeoutPrimitive(breaker, 5, clock=clock)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await after(5, step.execute(60))
    assert breaker.state == "open"


async def test_call_that_was_dropped_is_not_slow(clock: FakeClock) -> None:
    """How long nobody looked at a forgotten call says nothing about the service."""

    async def step(x: str) -> None:
        await asyncio.sleep(0)

    breaker = CircuitBreakerPrimitive(step, slow_call_seconds=5, minimum_calls=1, clock=clock)
    call = breaker.execute("x")
    call.send(None)
    clock.advance(60)
    call.close()
    assert breaker.stats().calls == 0


async def test_fallback_answers_while_it_is_open(clock: FakeClock, service: Service) -> None:
    breaker = CircuitBreakerPrimitive(service, minimum_calls=1, clock=clock)
    await bad(breaker, service)
    step = FallbackPrimitive(breaker, lambda x: "instead")
    assert await step.execute("x") == "instead"
    assert service.calls == 1


async def test_steps_under_one_policy_share_the_circuit(clock: FakeClock) -> None:
    policy = CircuitBreakerPrimitive(minimum_calls=1, clock=clock)
    one, other = Service(), Service()
    first, second = policy.wrap(one), policy.wrap(other)
    await bad(first, one)
    assert policy.state == second.state == "open"
    await refused(second)
    assert other.calls == 0


async def test_decorated_function_gives_its_name_to_the_error(clock: FakeClock) -> None:
    @CircuitBreakerPrimitive(minimum_calls=1, clock=clock)
    async def fetch(x: str) -> str:
        raise OSError

    with pytest.raises(OSError):
        await fetch.execute("x")
    assert str(await refused(fetch)).startswith("the circuit of fetch is open")


async def test_policy_without_a_step_says_so() -> None:
    with pytest.raises(ConfigurationError, match="wraps nothing yet"):
        await CircuitBreakerPrimitive().execute("x", WorkflowContext())


async def test_predicate_that_raises_is_heard(clock: FakeClock, service: Service) -> None:
    def broken(error: Exception) -> bool:
        raise LookupError("predicate")

    breaker = CircuitBreakerPrimitive(service, counts=broken, clock=clock)
    service.error = OSError("first")
    with pytest.raises(LookupError) as caught:
        await breaker.execute("x")
    assert caught.value.__context__ is service.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"failure_rate": 0}, "failure_rate must be above 0 and at most 1, got 0"),
        ({"failure_rate": 50}, "failure_rate must be above 0 and at most 1, got 50"),
        ({"slow_call_rate": float("nan")}, "slow_call_rate must be above 0"),
        ({"slow_call_rate": 0.5}, "slow_call_rate=0.5 means nothing without slow_call_seconds"),
        ({"slow_call_seconds": 0}, "slow_call_seconds must be positive and finite, got 0"),
        ({"window_seconds": -1}, "window_seconds must be positive and finite, got -1"),
        ({"open_seconds": float("inf")}, "open_seconds must be positive and finite, got inf"),
        ({"window_calls": 0}, "window_calls must be 1 or more, got 0"),
        ({"minimum_calls": 0}, "minimum_calls must be 1 or more, got 0"),
        ({"half_open_permits": 0}, "half_open_permits must be 1 or more, got 0"),
        ({"max_keys": 0}, "max_keys must be 1 or more, got 0"),
        ({"window_calls": 5}, "minimum_calls=10 is never reached with window_calls=5; lower"),
        ({"window_calls": 20, "window_seconds": 5}, "window_calls=20 or window_seconds=5"),
    ],
    ids=[
        "failure rate of nothing",
        "failure rate in percent",
        "slow-call rate is no number",
        "slow-call rate without a duration",
        "slow at once",
        "negative window",
        "open for ever",
        "no calls in the window",
        "no minimum",
        "no probes",
        "no keys",
        "minimum above the window",
        "two windows",
    ],
)
def test_mistakes_raise_when_it_is_built(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CircuitBreakerPrimitive(**arguments)


def test_window_of_time_may_be_smaller_than_the_default_minimum(clock: FakeClock) -> None:
    assert CircuitBreakerPrimitive(window_seconds=1, minimum_calls=500, clock=clock).state == (
        "closed"
    )
