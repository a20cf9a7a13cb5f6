"""Many at once, callers who are cancelled, errors, and what callers do to answers: every store.

The same for answers in one piece and for streams.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from tta_dev_primitives.core.base import FRESH, WorkflowPrimitive
from tta_dev_primitives.core.context import WorkflowContext
from tta_dev_primitives.performance.cache import CachePrimitive

from .cache_callers import MakeCache
from .waiting import missed, until

# Only stores that several machines share can tell them apart from one.
SHARED_BY = {
    "memory": ["process"],
    "disk": ["process"],
    "redis": ["process", "cluster"],
    "redis behind disk": ["process", "cluster"],
}
pytestmark = pytest.mark.parametrize(
    ("make_cache", "single_flight"),
    [
        pytest.param(store, whom, id=f"{store}-{whom}")
        for store, all_whom in SHARED_BY.items()
        for whom in all_whom
    ],
    indirect=["make_cache"],
)


class Service(WorkflowPrimitive[Any, Any]):
    """Answers when it is let go, in one piece or in two."""

    def __init__(self) -> None:
        self.calls = self.stopped = 0
        self.answer: Any = ["an", "answer"]
        self.gate = asyncio.Event()

    async def execute(self, input_data: Any, context: WorkflowContext = FRESH) -> Any:
        return [chunk async for chunk in self.stream(input_data, context)]

    async def stream(
        self, input_data: Any, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:
        self.calls += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        if isinstance(self.answer, Exception):
            raise self.answer
        for piece in self.answer:
            yield piece


@pytest.fixture
async def service() -> Service:
    return Service()


async def whole(cache: CachePrimitive[Any, Any]) -> list[Any]:
    return await cache.execute("q")


async def in_chunks(cache: CachePrimitive[Any, Any]) -> list[Any]:
    return [chunk async for chunk in cache.stream("q")]


Ask = Callable[[CachePrimitive[Any, Any]], Awaitable[list[Any]]]


@pytest.fixture(params=[whole, in_chunks], ids=["whole", "stream"])
def ask(request: pytest.FixtureRequest) -> Ask:
    return request.param


@pytest.fixture
def cache(make_cache: MakeCache, service: Service, single_flight: str) -> Any:
    return make_cache(service, single_flight=single_flight)


async def begin(cache: CachePrimitive[Any, Any], ask: Ask, count: int) -> list[asyncio.Task[Any]]:
    callers = [asyncio.ensure_future(ask(cache)) for _ in range(count)]
    await missed(cache, count)
    return callers


async def test_thousand_make_one_call(cache: Any, service: Service, ask: Ask) -> None:
    callers = await begin(cache, ask, 1000)
    service.gate.set()
    assert await asyncio.gather(*callers) == [["an", "answer"]] * 1000
    assert service.calls == 1


@pytest.mark.parametrize("number", [0, 5, 10], ids=["leader", "follower", "last"])
async def test_one_who_is_cancelled_harms_nobody(
    cache: Any, service: Service, ask: Ask, number: int
) -> None:
    callers = await begin(cache, ask, 11)
    await until(lambda: service.calls == 1)
    cancelled = callers.pop(number)
    cancelled.cancel()
    await asyncio.wait((cancelled,))
    assert cancelled.cancelled()
    service.gate.set()
    assert await asyncio.gather(*callers) == [["an", "answer"]] * 10
    assert (service.calls, service.stopped) == (1, 0)


async def test_last_one_to_leave_stops_the_call(cache: Any, service: Service, ask: Ask) -> None:
    callers = await begin(cache, ask, 11)
    await until(lambda: service.calls == 1)
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    assert (service.calls, service.stopped) == (1, 1)
    service.gate.set()
    assert await ask(cache) == ["an", "answer"]
    assert service.calls == 2


async def test_error_is_shared_once_and_not_remembered(
    cache: Any, service: Service, ask: Ask
) -> None:
    service.answer = ValueError("no")
    callers = await begin(cache, ask, 50)
    service.gate.set()
    found = await asyncio.gather(*callers, return_exceptions=True)
    assert [repr(error) for error in found] == ["ValueError('no')"] * 50
    assert service.calls == 1
    service.answer = ["now"]
    assert await ask(cache) == ["now"]
    assert service.calls == 2


@pytest.mark.parametrize("piece", [None, 0, "", False, []], ids=repr)
async def test_nothing_is_an_answer(cache: Any, service: Service, ask: Ask, piece: Any) -> None:
    service.answer = [piece]
    service.gate.set()
    assert await ask(cache) == [piece]
    assert await ask(cache) == [piece]
    assert service.calls == 1


async def test_caller_cannot_spoil_what_the_next_one_gets(
    cache: Any, service: Service, ask: Ask
) -> None:
    service.answer = [{"words": ["fine"]}]
    callers = await begin(cache, ask, 3)
    service.gate.set()
    for caller in callers:
        found = await caller
        assert found == [{"words": ["fine"]}]
        found[0]["words"].append("spoilt")
    assert await ask(cache) == [{"words": ["fine"]}]
    assert service.calls == 1
