"""What happens to an answer after its time, and instead of one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.testing.clock import FakeClock

from .waiting import missed, until

MakeCache = Callable[..., CachePrimitive[Any, Any]]


class Service:
    """Answers with the number of the call, or fails; can be held."""

    def __init__(self) -> None:
        self.calls = 0
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def __call__(self, x: str) -> list[Any]:
        self.calls += 1
        number = self.calls
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [x, number]


@pytest.fixture
def service() -> Service:
    return Service()


class TestStaleWhileRevalidate:
    async def test_stale_answer_is_given_at_once_and_renewed_for_the_next(
        self, make_cache: MakeCache, service: Service, clock: FakeClock, watcher: Any
    ) -> None:
        """Nobody waits for a renewal, and the renewal is not lost."""
        cache = make_cache(service, ttl_seconds=60, stale_while_revalidate=30)
        await cache.execute("q")
        clock.advance(60)
        service.gate = asyncio.Event()
        assert await cache.execute("q") == ["q", 1]
        service.gate.set()
        await cache.aclose()
        assert await cache.execute("q") == ["q", 2]
        assert service.calls == 2
        assert [record.result for record in watcher.records] == ["miss", "stale", "hit"]
        assert cache.get_stats()["stale"] == 1

    async def test_many_who_find_it_stale_cause_one_renewal(
        self, make_cache: MakeCache, service: Service, clock: FakeClock
    ) -> None:
        cache = make_cache(service, ttl_seconds=60, stale_while_revalidate=30)
        await cache.execute("q")
        clock.advance(61)
        found = await asyncio.gather(*(cache.execute("q") for _ in range(100)))
        await cache.aclose()
        assert found == [["q", 1]] * 100
        assert service.calls == 2

    async def test_caller_of_the_renewal_may_be_cancelled(
        self, make_cache: MakeCache, service: Service, clock: FakeClock
    ) -> None:
        cache = make_cache(service, ttl_seconds=60, stale_while_revalidate=30)
        await cache.execute("q")
        clock.advance(61)
        service.gate = asyncio.Event()
        caller = asyncio.create_task(cache.execute("q"))
        await until(lambda: service.calls == 2)
        caller.cancel()
        await asyncio.wait((caller,))
        service.gate.set()
        await cache.aclose()
        assert await cache.execute("q") == ["q", 2]

    @pytest.mark.parametrize(
        ("age", "expected"), [(59.5, 1), (60, 1), (89.5, 1), (90, 2)],
        ids=["fresh", "at-ttl", "just-inside", "at-the-end"],
    )  # fmt: skip
    async def test_window_is_exclusive(
        self,
        make_cache: MakeCache,
        service: Service,
        clock: FakeClock,
        age: float,
        expected: int,
    ) -> None:
        cache = make_cache(service, ttl_seconds=60, stale_while_revalidate=30)
        await cache.execute("q")
        clock.advance(age)
        assert await cache.execute("q") == ["q", expected]
        await cache.aclose()

    async def test_renewal_that_fails_is_said_and_leaves_the_stale_answer(
        self,
        make_cache: MakeCache,
        service: Service,
        clock: FakeClock,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        cache = make_cache(service, ttl_seconds=60, stale_while_revalidate=30)
        await cache.execute("q")
        clock.advance(61)
        service.error = RuntimeError("secret of the provider")
        for _ in range(3):
            assert await cache.execute("q") == ["q", 1]
            await cache.aclose()
        warnings = [record.message for record in caplog.records]
        assert len(warnings) == 1
        assert "could not be renewed (RuntimeError)" in warnings[0]
        assert "secret" not in warnings[0]

    async def test_renewal_knows_no_deadline_of_its_cause(
        self, make_cache: MakeCache, clock: FakeClock
    ) -> None:
        deadlines: list[float | None] = []

        def step(x: str, context: WorkflowContext) -> str:
            deadlines.append(context.deadline)
            return x

        cache = make_cache(step, ttl_seconds=60, stale_while_revalidate=30)
        await cache.execute("q")
        clock.advance(61)
        await cache.execute("q", WorkflowContext(deadline=clock.monotonic() + 5))
        await cache.aclose()
        assert deadlines == [None, None]

    async def test_renewal_may_ask_for_what_its_cause_is_making(
        self, make_cache: MakeCache, clock: FakeClock
    ) -> None:
        """The one who finds a stale answer does not wait for its renewal, so this is no circle."""
        inner_calls = 0

        async def step(x: str, context: WorkflowContext) -> str:
            nonlocal inner_calls
            if x == "outer":
                return "outer of " + await cache.execute("inner", context)
            inner_calls += 1
            if inner_calls > 1:
                return "inner beside " + await cache.execute("outer", context)
            return "inner"

        cache = make_cache(step, ttl_seconds=60, stale_while_revalidate=30)
        await cache.execute("inner")
        clock.advance(61)
        assert await cache.execute("outer") == "outer of inner"
        await cache.aclose()
        assert await cache.execute("inner") == "inner beside outer of inner"


class TestStaleIfError:
    async def test_stale_answer_stands_in_for_an_error(
        self, make_cache: MakeCache, service: Service, clock: FakeClock, watcher: Any
    ) -> None:
        cache = make_cache(service, ttl_seconds=60, stale_if_error=300)
        await cache.execute("q")
        clock.advance(100)
        service.error = RuntimeError("down")
        assert await cache.execute("q") == ["q", 1]
        assert [record.result for record in watcher.records] == ["miss", "miss", "stale"]

    async def test_step_is_asked_first(
        self, make_cache: MakeCache, service: Service, clock: FakeClock
    ) -> None:
        cache = make_cache(service, ttl_seconds=60, stale_if_error=300)
        await cache.execute("q")
        clock.advance(100)
        assert await cache.execute("q") == ["q", 2]

    @pytest.mark.parametrize("age", [360, 1000], ids=["at-the-end", "past"])
    async def test_error_comes_through_when_the_answer_is_too_old(
        self, make_cache: MakeCache, service: Service, clock: FakeClock, age: float
    ) -> None:
        cache = make_cache(service, ttl_seconds=60, stale_if_error=300)
        await cache.execute("q")
        clock.advance(age)
        service.error = RuntimeError("down")
        with pytest.raises(RuntimeError, match="down"):
            await cache.execute("q")

    async def test_every_caller_of_a_failed_call_gets_the_stale_answer(
        self, make_cache: MakeCache, service: Service, clock: FakeClock
    ) -> None:
        cache = make_cache(service, ttl_seconds=60, stale_if_error=300)
        await cache.execute("q")
        clock.advance(100)
        service.error = RuntimeError("down")
        found = await asyncio.gather(*(cache.execute("q") for _ in range(50)))
        assert found == [["q", 1]] * 50
        assert service.calls == 2

    async def test_callers_deadline_is_such_an_error(
        self, make_cache: MakeCache, service: Service, clock: FakeClock
    ) -> None:
        cache = make_cache(service, ttl_seconds=60, stale_if_error=300)
        await cache.execute("q")
        clock.advance(100)
        service.gate = asyncio.Event()
        context = WorkflowContext(deadline=clock.monotonic() + 5)
        caller = asyncio.create_task(cache.execute("q", context))
        await missed(cache, 2)
        await clock.sleep_through(5)
        assert await caller == ["q", 1]

    async def test_cancellation_is_not(
        self, make_cache: MakeCache, service: Service, clock: FakeClock
    ) -> None:
        cache = make_cache(service, ttl_seconds=60, stale_if_error=300)
        await cache.execute("q")
        clock.advance(100)
        service.gate = asyncio.Event()
        caller = asyncio.create_task(cache.execute("q"))
        await missed(cache, 2)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller


class TestNegativeTtl:
    async def test_errors_are_not_kept_unless_asked_for(
        self, make_cache: MakeCache, service: Service
    ) -> None:
        cache = make_cache(service)
        service.error = KeyError("none")
        for _ in range(2):
            with pytest.raises(KeyError):
                await cache.execute("q")
        assert service.calls == 2

    async def test_error_is_raised_again_for_that_long(
        self, make_cache: MakeCache, service: Service, clock: FakeClock
    ) -> None:
        cache = make_cache(service, ttl_seconds=60, negative_ttl=5)
        service.error = KeyError("none")
        for _ in range(3):
            with pytest.raises(KeyError, match="none"):
                await cache.execute("q")
        assert service.calls == 1
        clock.advance(5)
        service.error = None
        assert await cache.execute("q") == ["q", 2]

    async def test_every_caller_gets_an_error_of_its_own(
        self, make_cache: MakeCache, service: Service
    ) -> None:
        """A traceback that grows with every caller would hold on to all of their frames."""
        cache = make_cache(service, negative_ttl=5)
        service.error = KeyError("none")
        found: list[BaseException] = []
        for _ in range(3):
            with pytest.raises(KeyError) as caught:
                await cache.execute("q")
            found.append(caught.value)
        assert len(set(map(id, found))) == 3

    async def test_only_the_kinds_that_are_named(
        self, make_cache: MakeCache, service: Service
    ) -> None:
        cache = make_cache(service, negative_ttl=5, negative_errors=LookupError)
        service.error = RuntimeError("down")
        for _ in range(2):
            with pytest.raises(RuntimeError):
                await cache.execute("q")
        assert service.calls == 2

    async def test_an_error_takes_no_place_of_an_answer_that_may_still_be_given(
        self, make_cache: MakeCache, service: Service, clock: FakeClock
    ) -> None:
        cache = make_cache(service, ttl_seconds=60, stale_if_error=300, negative_ttl=5)
        await cache.execute("q")
        clock.advance(100)
        service.error = RuntimeError("down")
        for _ in range(2):
            assert await cache.execute("q") == ["q", 1]

    async def test_error_that_cannot_be_kept_is_raised_and_said(
        self, make_cache: MakeCache, service: Service, caplog: pytest.LogCaptureFixture
    ) -> None:
        class OddError(Exception):
            def __deepcopy__(self, memo: object) -> OddError:
                raise TypeError

        cache = make_cache(service, negative_ttl=5)
        service.error = OddError()
        for _ in range(2):
            with pytest.raises(OddError):
                await cache.execute("q")
        assert service.calls == 2
        assert sum("OddError cannot be kept" in record.message for record in caplog.records) == 1


class TestJitter:
    @pytest.mark.parametrize(
        ("chance", "age", "calls"),
        [(0.0, 99.5, 1), (0.5, 94.5, 1), (0.5, 95, 2), (0.999, 90.5, 2)],
        ids=["none-taken", "inside", "half-taken", "nearly-all-taken"],
    )
    async def test_ttl_is_shortened_by_chance(
        self, make_cache: MakeCache, clock: FakeClock, chance: float, age: float, calls: int
    ) -> None:
        service = Service()
        cache = make_cache(service, ttl_seconds=100, ttl_jitter=0.1, random=lambda: chance)
        await cache.execute("q")
        clock.advance(age)
        await cache.execute("q")
        assert service.calls == calls

    async def test_no_ttl_has_no_jitter(self, make_cache: MakeCache, clock: FakeClock) -> None:
        service = Service()
        cache = make_cache(service, ttl_seconds=None, ttl_jitter=0.5)
        await cache.execute("q")
        clock.advance(1e9)
        await cache.execute("q")
        assert service.calls == 1
