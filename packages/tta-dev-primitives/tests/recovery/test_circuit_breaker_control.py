"""What an operator does and sees: forcing, figures, keys, listeners, observers, shadow."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.errors import CircuitOpenError, ConfigurationError
from tta_dev_primitives.recovery.circuit_breaker import CircuitBreakerPrimitive
from tta_dev_primitives.testing.clock import FakeClock

from .breaker_steps import Service, bad, good, refused


@pytest.fixture
def service() -> Service:
    return Service()


async def test_forced_open_stays_open_until_reset(clock: FakeClock, service: Service) -> None:
    breaker = CircuitBreakerPrimitive(service, name="search", clock=clock)
    breaker.force_open()
    clock.advance(3600)
    error = await refused(breaker)
    assert error.retry_after is None
    assert str(error) == (
        "the circuit of search is forced open; let calls through again with reset()"
    )
    assert breaker.stats().forced
    breaker.reset()
    await good(breaker, service)
    assert not breaker.stats().forced


async def test_forced_closed_passes_everything_until_reset(
    clock: FakeClock, service: Service
) -> None:
    breaker = CircuitBreakerPrimitive(service, minimum_calls=2, clock=clock)
    breaker.force_closed()
    await bad(breaker, service, 5)
    assert (breaker.state, breaker.stats().failures) == ("closed", 5)
    breaker.reset()
    assert breaker.stats().calls == 0
    await bad(breaker, service, 2)
    assert breaker.state == "open"


async def test_figures_while_open_are_those_it_opened_with(
    clock: FakeClock, service: Service
) -> None:
    """They are still there when the window of time has long passed."""
    breaker = CircuitBreakerPrimitive(
        service, window_seconds=1, minimum_calls=4, open_seconds=30, clock=clock
    )
    await good(breaker, service)
    await bad(breaker, service, 3)
    clock.advance(20)
    await refused(breaker)
    stats = breaker.stats()
    assert (stats.state, stats.calls, stats.failures, stats.failure_rate) == ("open", 4, 3, 0.75)
    assert (stats.rejected, stats.retry_after, stats.slow_call_rate) == (1, 10, 0)


async def test_reading_figures_changes_nothing(clock: FakeClock, service: Service) -> None:
    """A status page that is read does not use up a probe or announce a change."""
    seen: list[str] = []
    breaker = CircuitBreakerPrimitive(
        service,
        minimum_calls=1,
        on_state_change=lambda change, key: seen.append(change.to_state),
        clock=clock,
    )
    await bad(breaker, service)
    clock.advance(30)
    assert [breaker.state, breaker.stats().state] == ["half_open", "half_open"]
    assert (seen, breaker.stats().calls, breaker.stats().failure_rate) == (["open"], 0, 0)


def by_host(service: Any, clock: FakeClock, **options: Any) -> CircuitBreakerPrimitive:
    return CircuitBreakerPrimitive(
        service, key=lambda x, context: x, minimum_calls=1, clock=clock, **options
    )


async def fail(breaker: CircuitBreakerPrimitive, service: Service, host: str) -> None:
    service.error = OSError()
    with pytest.raises(OSError):
        await breaker.execute(host)
    service.error = None


async def test_one_key_does_not_shut_another(clock: FakeClock, service: Service) -> None:
    breaker = by_host(service, clock)
    await fail(breaker, service, "a")
    await refused(breaker, "a")
    assert await breaker.execute("b") == "b"
    assert (breaker.stats("a").state, breaker.stats("b").state) == ("open", "closed")
    assert breaker.keys() == ("a", "b")


async def test_stream_uses_the_circuit_of_its_key(clock: FakeClock, service: Service) -> None:
    breaker = by_host(service, clock)
    breaker.force_open("a")
    with pytest.raises(CircuitOpenError):
        await anext(breaker.stream("a"))
    assert [chunk async for chunk in breaker.stream("b")] == ["b"]


async def test_key_used_longest_ago_makes_room_and_open_ones_stay(
    clock: FakeClock, service: Service
) -> None:
    """A flood of new keys does not let calls through to a service that is down."""
    breaker = by_host(service, clock, max_keys=3)
    await fail(breaker, service, "down")
    for host in ("a", "b", "a", "c"):
        await breaker.execute(host)
    assert breaker.keys() == ("down", "a", "c")
    await refused(breaker, "down")


async def test_keys_are_bounded_even_if_all_are_open(clock: FakeClock, service: Service) -> None:
    breaker = by_host(service, clock, max_keys=2)
    for host in ("a", "b", "c"):
        await fail(breaker, service, host)
    assert breaker.keys() == ("b", "c")


async def test_looking_at_an_unknown_key_does_not_keep_it(
    clock: FakeClock, service: Service
) -> None:
    breaker = by_host(service, clock)
    assert breaker.stats("never seen").state == "closed"
    assert breaker.keys() == ()


@pytest.mark.parametrize(
    ("key", "arguments", "message"),
    [
        (lambda x, context: x, (), "a circuit for each key; name one"),
        (None, ("a",), "one circuit; leave the key out"),
    ],
    ids=["key missing", "key too many"],
)
@pytest.mark.parametrize("method", ["stats", "force_open", "force_closed", "reset"])
def test_key_that_does_not_fit_the_breaker_is_a_mistake(
    method: str, key: Any, arguments: tuple[str, ...], message: str
) -> None:
    breaker = CircuitBreakerPrimitive(key=key)
    with pytest.raises(ConfigurationError, match=message):
        getattr(breaker, method)(*arguments)


def test_breaker_without_keys_has_none() -> None:
    assert CircuitBreakerPrimitive().keys() == ()


async def test_listener_hears_every_change_with_its_key(clock: FakeClock, service: Service) -> None:
    heard: list[tuple[Any, ...]] = []
    breaker = by_host(
        service,
        clock,
        name="search",
        half_open_permits=1,
        on_state_change=lambda change, key: heard.append(
            (key, change.name, change.from_state, change.to_state, change.reason)
        ),
    )
    await fail(breaker, service, "a")
    clock.advance(30)
    await breaker.execute("a")
    breaker.force_open("a")
    breaker.force_open("a")
    breaker.reset("a")
    assert heard == [
        ("a", "search", "closed", "open", "1 of 1 calls failed"),
        ("a", "search", "open", "half_open", "open for 30s"),
        ("a", "search", "half_open", "closed", "enough probes succeeded"),
        ("a", "search", "closed", "open", "forced"),
        ("a", "search", "open", "closed", "reset"),
    ]


async def test_listener_may_use_the_breaker(clock: FakeClock, service: Service) -> None:
    """It is called without the lock, so it does not wait for itself for ever."""
    states: list[str] = []
    breaker = CircuitBreakerPrimitive(
        service,
        minimum_calls=1,
        on_state_change=lambda change, key: states.append(breaker.state),
        clock=clock,
    )
    await bad(breaker, service)
    assert states == ["open"]


async def test_listener_that_resets_lets_the_call_through_as_any_other(
    clock: FakeClock, service: Service
) -> None:
    """The change to half open is heard before a probe is taken."""

    def trust(change: observe.BreakerTransitionRecord, key: object) -> None:
        if change.to_state == "half_open":
            breaker.reset()

    breaker = CircuitBreakerPrimitive(service, minimum_calls=1, on_state_change=trust, clock=clock)
    await bad(breaker, service)
    clock.advance(30)
    await good(breaker, service)
    assert (breaker.state, breaker.stats().calls) == ("closed", 1)


async def test_call_begun_before_a_reset_does_not_count(clock: FakeClock) -> None:
    async def step(x: str) -> str:
        breaker.reset()
        return x

    breaker = CircuitBreakerPrimitive(step, minimum_calls=1, clock=clock)
    await breaker.execute("x")
    assert breaker.stats().calls == 0


async def test_listener_that_raises_is_logged_and_costs_the_caller_nothing(
    clock: FakeClock, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    breaker = CircuitBreakerPrimitive(
        service,
        name="search",
        minimum_calls=1,
        half_open_permits=1,
        on_state_change=lambda change, key: 1 / 0,
        clock=clock,
    )
    with caplog.at_level(logging.WARNING):
        await bad(breaker, service)
        clock.advance(30)
        await good(breaker, service)
    assert [record.message for record in caplog.records] == ["on_state_change of search raised"] * 3
    assert breaker.state == "closed"


async def test_observers_hear_of_calls_refusals_and_changes(
    clock: FakeClock, service: Service, watcher: Any
) -> None:
    breaker = CircuitBreakerPrimitive(service, name="search", minimum_calls=2, clock=clock)
    await bad(breaker, service, 2)
    assert watcher.outcomes["0.search"] == "error"
    await refused(breaker)
    assert watcher.outcomes["0.search"] == "rejected"
    assert [record for path, record in watcher.records if path == "0.search"] == [
        observe.BreakerRecord("search", "closed", 0),
        observe.BreakerRecord("search", "closed", 1),
        observe.BreakerTransitionRecord("search", "closed", "open", "2 of 2 calls failed"),
        observe.BreakerRecord("search", "open", 1, "rejected"),
    ]


async def test_shadow_decides_and_refuses_nothing(
    clock: FakeClock, service: Service, watcher: Any
) -> None:
    breaker = CircuitBreakerPrimitive(service, minimum_calls=1, shadow=True, clock=clock)
    await bad(breaker, service)
    await good(breaker, service, 3)
    await bad(breaker, service)
    assert service.calls == 5
    assert (breaker.state, breaker.stats().rejected) == ("open", 4)
    assert [chunk async for chunk in breaker.stream("y")] == ["y"]
    assert "rejected" not in watcher.outcomes.values()
    results = [
        record.result for _, record in watcher.records if isinstance(record, observe.BreakerRecord)
    ]
    assert results == ["allowed", *["shadow"] * 5]


async def test_shadow_closes_by_its_probes_alone(clock: FakeClock, service: Service) -> None:
    """What would have been refused has no say in what the state would have been."""
    breaker = CircuitBreakerPrimitive(
        service, minimum_calls=1, half_open_permits=1, shadow=True, clock=clock
    )
    await bad(breaker, service)
    await good(breaker, service, 5)
    clock.advance(30)
    assert breaker.state == "half_open"
    await good(breaker, service)
    assert breaker.state == "closed"


def test_several_event_loops_in_threads_share_a_circuit() -> None:
    """No call is lost or counted twice, and none waits for another loop."""

    async def step(x: int) -> int:
        await asyncio.sleep(0)
        if x % 4 == 0:
            raise OSError
        return x

    breaker = CircuitBreakerPrimitive(step, window_calls=10_000)

    async def calls() -> None:
        for x in range(400):
            with contextlib.suppress(OSError):
                await breaker.execute(x)

    threads = [threading.Thread(target=lambda: asyncio.run(calls())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = breaker.stats()
    assert (stats.state, stats.calls, stats.failures) == ("closed", 1600, 400)
