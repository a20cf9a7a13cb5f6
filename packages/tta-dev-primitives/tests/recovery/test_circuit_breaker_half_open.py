from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tta_dev_primitives.errors import BadRequestError, RateLimitExceededError
from tta_dev_primitives.recovery.circuit_breaker import CircuitBreakerPrimitive
from tta_dev_primitives.recovery.circuits.circuit import Circuit
from tta_dev_primitives.recovery.circuits.rules import CircuitRules
from tta_dev_primitives.testing.clock import FakeClock, settle

from .breaker_steps import Service, bad, good, refused


class Held:
    """A step whose calls hang until the test lets them end, in any order."""

    def __init__(self) -> None:
        self.calls: list[asyncio.Future[Any]] = []

    async def __call__(self, x: Any) -> Any:
        call: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.calls.append(call)
        return await call


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def held() -> Held:
    return Held()


async def half_open(clock: FakeClock, held: Held, **options: Any) -> CircuitBreakerPrimitive:
    """A breaker around *held* whose next call is its first probe."""
    breaker = CircuitBreakerPrimitive(
        held, open_seconds=30, minimum_calls=1, clock=clock, **options
    )
    task = asyncio.ensure_future(breaker.execute("x"))
    await settle()
    held.calls.pop().set_exception(OSError())
    await asyncio.wait([task])
    assert isinstance(task.exception(), OSError)
    clock.advance(30)
    return breaker


async def begin(breaker: CircuitBreakerPrimitive) -> asyncio.Task[Any]:
    task = asyncio.ensure_future(breaker.execute("x"))
    await settle()
    return task


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_nothing_passes_until_the_time_is_over(clock: FakeClock, service: Service) -> None:
    breaker = CircuitBreakerPrimitive(service, minimum_calls=1, open_seconds=30, clock=clock)
    await bad(breaker, service)
    clock.advance(29.9)
    assert breaker.state == "open"
    await refused(breaker)
    clock.advance(0.1)
    assert breaker.state == "half_open"
    await good(breaker, service)


async def test_probes_that_succeed_close_it_with_empty_books(
    clock: FakeClock, service: Service
) -> None:
    breaker = CircuitBreakerPrimitive(service, minimum_calls=2, clock=clock)
    await bad(breaker, service, 2)
    clock.advance(30)
    await good(breaker, service, 2)
    assert breaker.state == "closed"
    await bad(breaker, service)
    assert breaker.state == "closed"


async def test_probes_that_fail_open_it_again_for_as_long(
    clock: FakeClock, service: Service
) -> None:
    breaker = CircuitBreakerPrimitive(service, minimum_calls=1, half_open_permits=4, clock=clock)
    await bad(breaker, service)
    clock.advance(30)
    await good(breaker, service, 2)
    await bad(breaker, service)
    assert breaker.state == "half_open"
    await bad(breaker, service)
    error = await refused(breaker)
    assert error.retry_after == 30
    assert "2 of 4 probes failed" in str(error)


async def test_slow_probes_open_it_again(clock: FakeClock, held: Held) -> None:
    breaker = await half_open(clock, held, slow_call_seconds=5, half_open_permits=1)
    probe = await begin(breaker)
    clock.advance(5)
    held.calls[0].set_result("late")
    assert await probe == "late"
    assert breaker.state == "open"


async def test_fast_probe_does_not_close_it_while_slow_ones_may_follow(
    clock: FakeClock, held: Held
) -> None:
    breaker = await half_open(
        clock, held, slow_call_seconds=5, slow_call_rate=0.5, failure_rate=1, half_open_permits=2
    )
    probes = [await begin(breaker), await begin(breaker)]
    held.calls[0].set_result("fast")
    await probes[0]
    assert breaker.state == "half_open"
    clock.advance(5)
    held.calls[1].set_result("slow")
    await probes[1]
    assert breaker.state == "open"


async def test_an_answer_that_refuses_the_request_is_a_good_sign(
    clock: FakeClock, service: Service
) -> None:
    breaker = CircuitBreakerPrimitive(service, minimum_calls=1, half_open_permits=1, clock=clock)
    await bad(breaker, service)
    clock.advance(30)
    await bad(breaker, service, 1, BadRequestError("too long"))
    assert breaker.state == "closed"


async def test_no_more_probes_at_once_than_permits(clock: FakeClock, held: Held) -> None:
    breaker = await half_open(clock, held, half_open_permits=2)
    probes = [await begin(breaker), await begin(breaker)]
    error = await refused(breaker)
    assert error.retry_after is None
    assert "half open and its probes are not back" in str(error)
    assert breaker.stats().probes == 2
    for call in held.calls:
        call.set_result("up")
    assert await asyncio.gather(*probes) == ["up", "up"]
    assert breaker.state == "closed"


async def test_results_still_missing_leave_no_room_for_extra_probes(
    clock: FakeClock, held: Held
) -> None:
    """One result of two is in and one probe is out: a third call has no place."""
    breaker = await half_open(clock, held, half_open_permits=2)
    first, second = await begin(breaker), await begin(breaker)
    held.calls[0].set_result("up")
    await first
    assert breaker.state == "half_open"
    await refused(breaker)
    await cancel(second)


async def test_cancelled_probe_frees_its_place(clock: FakeClock, held: Held) -> None:
    """A breaker whose probe was cancelled is not stuck half open for ever."""
    breaker = await half_open(clock, held, half_open_permits=1)
    for _ in range(3):
        await cancel(await begin(breaker))
    assert (breaker.state, breaker.stats().probes) == ("half_open", 0)
    probe = await begin(breaker)
    held.calls[-1].set_result("up")
    await probe
    assert breaker.state == "closed"


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (RateLimitExceededError("full"), RateLimitExceededError),
        (KeyError("ignored"), KeyError),
        (LookupError("not known to the predicate"), ZeroDivisionError),
    ],
    ids=["refused further in", "ignored", "predicate raises"],
)
async def test_probe_that_does_not_count_frees_its_place(
    clock: FakeClock, held: Held, error: Exception, raised: type[Exception]
) -> None:
    def counts(error: Exception) -> bool:
        return isinstance(error, OSError) or 1 / 0 > 0

    breaker = await half_open(
        clock,
        held,
        half_open_permits=1,
        ignore=lambda error: isinstance(error, KeyError),
        counts=counts,
    )
    probe = await begin(breaker)
    held.calls[0].set_exception(error)
    with pytest.raises(raised):
        await probe
    assert (breaker.state, breaker.stats().probes) == ("half_open", 0)


async def test_closed_coroutine_frees_its_place(clock: FakeClock, held: Held) -> None:
    """A probe dropped by its loop, with GeneratorExit, is not lost."""
    breaker = await half_open(clock, held, half_open_permits=1)
    probe = breaker.execute("x")
    probe.send(None)
    assert breaker.stats().probes == 1
    probe.close()
    assert breaker.stats().probes == 0


async def test_probe_collected_in_the_middle_of_another_call_locks_nobody_out(held: Held) -> None:
    """The interpreter may close a dropped call anywhere, also while the circuit is locked."""

    class Collecting(FakeClock):
        dropped: Any = None

        def monotonic(self) -> float:
            dropped, self.dropped = self.dropped, None
            if dropped is not None:
                dropped.close()
            return super().monotonic()

    clock = Collecting()
    breaker = await half_open(clock, held, half_open_permits=1)
    probe = breaker.execute("x")
    probe.send(None)
    clock.dropped = probe

    def look() -> None:
        assert breaker.stats().probes == 0

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert (breaker.state, breaker.stats().probes) == ("half_open", 0)


async def test_probe_that_hangs_keeps_its_place_for_open_seconds_only(
    clock: FakeClock, held: Held
) -> None:
    breaker = await half_open(clock, held, half_open_permits=1)
    hanging = await begin(breaker)
    clock.advance(29.9)
    await refused(breaker)
    clock.advance(0.1)
    second = await begin(breaker)
    held.calls[1].set_result("up")
    await second
    assert breaker.state == "closed"
    await cancel(hanging)


async def test_late_probe_counts_when_it_comes_back(clock: FakeClock, held: Held) -> None:
    """Probes that all take longer than open_seconds still decide."""
    breaker = await half_open(clock, held, half_open_permits=1)
    late = await begin(breaker)
    clock.advance(40)
    held.calls[0].set_result("up")
    await late
    assert breaker.state == "closed"


@pytest.mark.parametrize("ok", [True, False], ids=["well", "badly"])
async def test_call_begun_before_it_opened_decides_nothing(
    clock: FakeClock, held: Held, ok: bool
) -> None:
    """Results from before the outage neither close the circuit nor open it again."""
    breaker = CircuitBreakerPrimitive(held, minimum_calls=1, half_open_permits=1, clock=clock)
    early, breaking = await begin(breaker), await begin(breaker)
    held.calls[1].set_exception(OSError())
    with pytest.raises(OSError):
        await breaking
    clock.advance(30)
    probe = await begin(breaker)
    before = breaker.stats()
    if ok:
        held.calls[0].set_result("old")
        await early
    else:
        held.calls[0].set_exception(OSError())
        with pytest.raises(OSError):
            await early
    assert breaker.stats() == before
    held.calls[2].set_result("up")
    await probe
    assert breaker.state == "closed"


async def test_probe_of_an_earlier_trial_decides_nothing(clock: FakeClock, held: Held) -> None:
    breaker = await half_open(clock, held, half_open_permits=2)
    old, failing = await begin(breaker), await begin(breaker)
    held.calls[1].set_exception(OSError())
    with pytest.raises(OSError):
        await failing
    assert breaker.state == "open"
    clock.advance(30)
    new = await begin(breaker)
    held.calls[0].set_result("old")
    await old
    assert (breaker.state, breaker.stats().calls, breaker.stats().probes) == ("half_open", 0, 1)
    await cancel(new)


def test_success_counted_late_by_another_thread_does_not_keep_it_open(clock: FakeClock) -> None:
    """A thread adds its success, and the circuit opens before it asks for a review."""
    rules = CircuitRules(0.5, None, 1.0, 10, None, 2, 30, 1)
    circuit = Circuit(rules, clock.monotonic, lambda *change: None)
    window = circuit.quick
    assert window is not None
    window.number += 1
    circuit.settle(window, failed=True, slow=False)
    clock.advance(10)
    circuit.review(window)
    assert circuit.stats().retry_after == 20


async def test_stream_probe_holds_its_place_until_it_is_closed(clock: FakeClock) -> None:
    failing = True

    async def words(x: str) -> AsyncIterator[str]:
        if failing:
            raise OSError
        yield "a"
        yield "b"

    breaker = CircuitBreakerPrimitive(words, minimum_calls=1, half_open_permits=1, clock=clock)
    with pytest.raises(OSError):
        await anext(breaker.stream("x"))
    clock.advance(30)
    failing = False
    chunks = breaker.stream("x")
    assert await anext(chunks) == "a"
    await refused(breaker)
    await chunks.aclose()
    assert breaker.state == "closed"
