"""One call for all who ask at the same time, and what they get of it."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from typing import Any

from tta_dev_primitives.performance.single_flight import SingleFlight
from tta_dev_primitives.testing.clock import settle
from tta_dev_primitives.testing.mocks import MockPrimitive

from .cache_callers import MakeCache, ask


async def test_thousand_misses_make_one_call(
    make_local_cache: MakeCache, upstream: Any, watcher: Any
) -> None:
    cache = make_local_cache(upstream)
    callers = ask(cache, 1000)
    await settle()
    upstream.let_go()
    assert await asyncio.gather(*callers) == ["answer"] * 1000
    assert upstream.begun == ["q"]
    assert cache.get_stats()["misses"] == 1000
    results = [record.result for record in watcher.records]
    assert (results.count("miss"), results.count("coalesced")) == (1, 999)


async def test_different_keys_do_not_wait_for_each_other(
    make_local_cache: MakeCache, upstream: Any
) -> None:
    cache = make_local_cache(upstream)
    callers = ask(cache, 3, "a") + ask(cache, 3, "b")
    await settle()
    assert sorted(upstream.begun) == ["a", "b"]
    upstream.let_go()
    await asyncio.gather(*callers)


async def test_error_reaches_everyone_once_and_is_not_remembered(
    make_local_cache: MakeCache, upstream: Any
) -> None:
    cache = make_local_cache(upstream)
    upstream.answer = ValueError("no")
    callers = ask(cache, 50)
    await settle()
    upstream.let_go()
    raised = await asyncio.gather(*callers, return_exceptions=True)
    assert {str(error) for error in raised} == {"no"}
    assert upstream.ended == ["failed"]
    upstream.answer = "yes"
    assert await cache.execute("q") == "yes"


async def test_followers_get_values_of_their_own(
    make_local_cache: MakeCache, upstream: Any
) -> None:
    cache = make_local_cache(upstream)
    upstream.answer = {"n": [1]}
    callers = ask(cache, 3)
    await settle()
    upstream.let_go()
    for caller in callers:
        found = await caller
        assert found == {"n": [1]}
        found["n"].append("spoilt")
    assert await cache.execute("q") == {"n": [1]}


async def test_followers_get_copies_even_where_nothing_can_be_stored(
    make_local_cache: MakeCache, upstream: Any
) -> None:
    class Local:
        def __init__(self) -> None:
            self.marks: list[str] = []

    cache = make_local_cache(upstream)
    upstream.answer = Local()
    callers = ask(cache, 3)
    await settle()
    upstream.let_go()
    found = await asyncio.gather(*callers)
    found[0].marks.append("spoilt")
    assert [one.marks for one in found[1:]] == [[], []]


async def test_shadow_does_not_share_calls(make_local_cache: MakeCache, upstream: Any) -> None:
    callers = ask(make_local_cache(upstream, shadow=True), 3)
    await settle()
    upstream.let_go()
    await asyncio.gather(*callers)
    assert len(upstream.begun) == 3


async def test_answer_under_way_when_the_cache_is_cleared_is_given_to_nobody_later(
    make_local_cache: MakeCache, upstream: Any
) -> None:
    cache = make_local_cache(upstream)
    upstream.answer = "stale"
    [early] = ask(cache, 1)
    await settle()
    cache.clear_cache()
    [late] = ask(cache, 1)
    await settle()
    assert upstream.begun == ["q", "q"]
    upstream.let_go()
    assert await asyncio.gather(early, late) == ["stale", "stale"]
    upstream.answer = "fresh"
    cache.clear_cache()
    assert await cache.execute("q") == "fresh"


async def test_answer_under_way_when_the_cache_is_cleared_is_not_kept(
    make_local_cache: MakeCache, upstream: Any
) -> None:
    cache = make_local_cache(upstream)
    [early] = ask(cache, 1)
    await settle()
    cache.clear_cache()
    upstream.let_go()
    assert await early == "answer"
    assert cache.get_stats()["size"] == 0


async def test_flights_report_what_could_be_joined() -> None:
    flights: SingleFlight[int] = SingleFlight()
    gate = asyncio.Event()

    async def call() -> int:
        await gate.wait()
        return 1

    assert not flights.under_way("k")
    caller = asyncio.create_task(flights.run("k", call))
    await settle()
    assert flights.under_way("k")
    assert not flights.under_way("other")
    gate.set()
    assert await caller == 1
    assert not flights.under_way("k")


def test_cache_outlives_its_event_loop(make_local_cache: MakeCache) -> None:
    step = MockPrimitive()
    cache = make_local_cache(step)
    for _ in range(3):
        cache.run("q")
    assert step.call_count == 1


def test_loop_that_is_closed_in_the_middle_of_a_call_is_let_go() -> None:
    """The call itself would keep the loop, and with it the call, for ever."""
    flights: SingleFlight[bool] = SingleFlight()

    def begin() -> weakref.ref[asyncio.AbstractEventLoop]:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda loop, details: None)  # it says that a task was lost
        caller = loop.create_task(flights.run("k", asyncio.Event().wait))
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(asyncio.sleep(0))
        assert not caller.done()
        loop.close()
        return weakref.ref(loop)

    async def answer() -> bool:
        return True

    lost = begin()
    gc.collect()
    assert lost() is not None
    asyncio.run(flights.run("k", answer))
    gc.collect()
    assert lost() is None


def test_callers_in_other_threads_have_calls_of_their_own(make_local_cache: MakeCache) -> None:
    """A loop cannot wait for a task of another; clearing reaches all of them."""
    begun, finish = threading.Barrier(3), threading.Event()

    async def answer(x: str) -> str:
        begun.wait()
        await asyncio.to_thread(finish.wait)
        return "answer"

    cache = make_local_cache(answer)
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(cache.run("q"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    begun.wait()
    cache.clear_cache()
    finish.set()
    for thread in threads:
        thread.join()
    assert answers == ["answer", "answer"]
    assert cache.get_stats()["size"] == 0


async def test_a_call_that_ended_waits_for_no_garbage_collection() -> None:
    """Each miss left a circle of task, context and flight, and with it all that they held."""

    class Held:
        pass

    async def call() -> str:
        held.append(weakref.ref(holder := Held()))
        await asyncio.sleep(0)
        return f"{holder.__class__.__name__} is done"

    held: list[weakref.ref[Held]] = []
    flights: SingleFlight[str] = SingleFlight()
    gc.collect()
    gc.disable()
    try:
        before = _flights()
        for number in range(5):
            assert await flights.run(number, call) == "Held is done"
        await settle()
        assert _flights() == before
    finally:
        gc.enable()


def _flights() -> int:
    return sum(type(known).__name__ == "_Flight" for known in gc.get_objects())
