from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tta_dev_primitives import errors
from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.performance.cache import CachePrimitive
from tta_dev_primitives.performance.single_flight import SingleFlight
from tta_dev_primitives.performance.stores.disk import DiskStore
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive

LONG = os.environ.get("TTA_LONG") == "1"
MakeCache = Callable[..., CachePrimitive[Any, Any]]


def ask(cache: CachePrimitive[Any, Any], count: int, key: str = "q") -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(cache.execute(key)) for _ in range(count)]


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


async def test_cancelled_leader_harms_no_follower(
    make_local_cache: MakeCache, upstream: Any
) -> None:
    cache = make_local_cache(upstream)
    leader, *followers = ask(cache, 11)
    await settle()
    leader.cancel()
    await settle()
    upstream.let_go()
    assert await asyncio.gather(*followers) == ["answer"] * 10
    assert leader.cancelled()
    assert upstream.begun == ["q"]
    assert await cache.execute("q") == "answer"
    assert upstream.begun == ["q"]


async def test_cancelled_follower_harms_nobody(make_local_cache: MakeCache, upstream: Any) -> None:
    cache = make_local_cache(upstream)
    leader, gone, *followers = ask(cache, 11)
    await settle()
    gone.cancel()
    await settle()
    upstream.let_go()
    assert await asyncio.gather(leader, *followers) == ["answer"] * 10
    assert gone.cancelled()
    assert upstream.ended == ["answered"]


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


async def test_last_caller_to_leave_stops_the_call_before_it_goes_on(
    make_local_cache: MakeCache, upstream: Any
) -> None:
    cache = make_local_cache(upstream)
    upstream.cleanup_turns = 5
    ended_when_caller_left: list[list[str]] = []

    async def caller() -> None:
        try:
            await cache.execute("q")
        finally:
            ended_when_caller_left.append(list(upstream.ended))

    callers = [asyncio.create_task(caller()) for _ in range(3)]
    await settle()
    for task in callers:
        task.cancel()
    await asyncio.wait(callers)
    assert ended_when_caller_left == [[], [], ["cancelled"]]


async def test_caller_who_is_cancelled_again_still_waits_for_the_end_of_the_call(
    make_local_cache: MakeCache, upstream: Any
) -> None:
    upstream.cleanup_turns = 50
    [caller] = ask(make_local_cache(upstream), 1)
    await settle()
    for _ in range(3):
        caller.cancel()
        await settle(5)
        assert not caller.done()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert upstream.ended == ["cancelled"]


async def test_caller_who_comes_while_the_call_is_being_stopped_begins_anew(
    make_local_cache: MakeCache, upstream: Any
) -> None:
    cache = make_local_cache(upstream)
    upstream.cleanup_turns = 10
    [gone] = ask(cache, 1)
    await settle()
    gone.cancel()
    await settle(3)
    [late] = ask(cache, 1)
    await settle(3)
    upstream.let_go()
    assert await late == "answer"
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert upstream.begun == ["q", "q"]


async def test_caller_who_comes_in_the_same_moment_keeps_the_call(
    make_local_cache: MakeCache, upstream: Any
) -> None:
    """The only caller was told to leave, but has not heard of it yet."""
    cache = make_local_cache(upstream)
    [gone] = ask(cache, 1)
    await settle()
    [late] = ask(cache, 1)
    await asyncio.sleep(0)
    gone.cancel()
    upstream.let_go()
    assert await late == "answer"
    assert upstream.begun == ["q"]


async def test_call_that_hears_of_its_end_too_late_is_kept(make_local_cache: MakeCache) -> None:
    async def stubborn(x: str) -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "finished"

    cache = make_local_cache(stubborn)
    [caller] = ask(cache, 1)
    await settle()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await cache.execute("q") == "finished"


async def test_call_that_fails_when_everyone_has_left_is_not_complained_about(
    make_local_cache: MakeCache, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails_to_stop(x: str) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError(x)

    [caller] = ask(make_local_cache(fails_to_stop), 1)
    await settle()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    del caller
    gc.collect()
    assert caplog.records == []


async def test_step_that_cancels_itself_cancels_its_callers(make_local_cache: MakeCache) -> None:
    async def gives_up(x: str) -> str:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    callers = ask(make_local_cache(gives_up), 2)
    await asyncio.wait(callers)
    assert all(caller.cancelled() for caller in callers)


async def test_caller_with_a_tight_deadline_leaves_alone(
    make_local_cache: MakeCache, upstream: Any, clock: FakeClock
) -> None:
    cache = make_local_cache(upstream, name="answers")
    hurried = WorkflowContext(deadline=clock.monotonic() + 1)
    leader = asyncio.create_task(cache.execute("q", hurried))
    await settle()
    [patient] = ask(cache, 1)
    await clock.sleep_through(1)
    with pytest.raises(errors.TimeoutError, match="answers exceeded 1s timeout"):
        await leader
    assert not patient.done()
    upstream.let_go()
    assert await patient == "answer"
    assert upstream.begun == ["q"]


async def test_shared_call_knows_no_deadline(make_local_cache: MakeCache, clock: FakeClock) -> None:
    """That of the first caller would hold for those who join."""
    step = MockPrimitive()
    await make_local_cache(step).execute("q", WorkflowContext(deadline=clock.monotonic() + 1))
    [(_, context)] = step.calls
    assert context.deadline is None


async def test_deadline_of_the_last_caller_stops_the_call(
    make_local_cache: MakeCache, upstream: Any, clock: FakeClock
) -> None:
    cache = make_local_cache(upstream)
    callers = [
        asyncio.create_task(cache.execute("q", WorkflowContext(deadline=clock.monotonic() + n)))
        for n in (1, 2)
    ]
    await clock.sleep_through(1.5)
    assert upstream.ended == []
    await clock.sleep_through(1)
    assert upstream.ended == ["cancelled"]
    raised = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(error) for error in raised] == [errors.TimeoutError] * 2


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


async def test_step_that_asks_for_its_own_answer_is_told(make_local_cache: MakeCache) -> None:
    """Instead of waiting for itself for ever."""

    async def answer(x: str) -> str:
        return await cache.execute(x)

    cache = make_local_cache(answer)
    with pytest.raises(errors.ConfigurationError, match="would wait for itself for ever"):
        await cache.execute("q")


async def test_steps_that_ask_for_each_others_answers_are_told(make_local_cache: MakeCache) -> None:
    """Even when each was begun by somebody else."""
    both_begun = asyncio.Barrier(2)
    other = {"a": "b", "b": "a"}

    async def answer(x: str) -> str:
        await both_begun.wait()
        return await cache.execute(other[x])

    cache = make_local_cache(answer)
    raised = await asyncio.gather(cache.execute("a"), cache.execute("b"), return_exceptions=True)
    assert [type(error) for error in raised] == [errors.ConfigurationError] * 2


async def test_step_may_ask_for_other_answers(make_local_cache: MakeCache) -> None:
    """Two ways to the same inner answer are no circle."""

    async def fibonacci(n: int) -> int:
        if n < 2:
            return n
        return sum(await asyncio.gather(cache.execute(n - 1), cache.execute(n - 2)))

    cache = make_local_cache(fibonacci)
    assert await cache.execute(20) == 6765
    assert cache.get_stats()["size"] == 21


async def test_joining_calls_that_wait_for_many_others_takes_no_time(
    make_local_cache: MakeCache,
) -> None:
    """Each of 40 layers of two waits for both of the next: a trillion ways lead down."""
    gate, bottom = asyncio.Event(), asyncio.Event()

    async def answer(x: tuple[int, int]) -> int:
        depth = x[0]
        if depth == 40:
            bottom.set()
            await gate.wait()
            return 1
        return sum(
            await asyncio.gather(cache.execute((depth + 1, 0)), cache.execute((depth + 1, 1)))
        )

    async def late(x: str) -> int:
        return await cache.execute((0, 0))

    cache = make_local_cache(answer)
    top = asyncio.create_task(cache.execute((0, 0)))
    await bottom.wait()
    joined = asyncio.create_task(cache.wrap(late).execute("q"))
    await settle()
    gate.set()
    assert await top == await joined == 2**40


async def test_step_may_ask_another_cache_with_the_same_key(make_local_cache: MakeCache) -> None:
    inner = make_local_cache(lambda x: f"inner {x}")

    async def answer(x: str) -> str:
        return await inner.execute(x)

    assert await make_local_cache(answer).execute("q") == "inner q"


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


class Recording:
    """What one run of callers came to, by an upstream that takes some turns of the loop."""

    def __init__(self, turns: int, fails: bool) -> None:
        self.turns, self.fails = turns, fails
        self.begun = 0
        self.running = 0
        self.finished = 0

    async def __call__(self, key: str) -> str:
        self.begun += 1
        self.running += 1
        assert self.running == 1, "two calls for one key at a time"
        try:
            for _ in range(self.turns):
                await asyncio.sleep(0)
            if self.fails:
                raise ValueError(key)
            self.finished += 1
            return key
        finally:
            self.running -= 1


@pytest.fixture(scope="module", params=["memory", "disk"])
def make_new_cache(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., CachePrimitive[Any, Any]]]:
    """Makes caches that share nothing but, on disk, the file."""
    store = DiskStore(tmp_path_factory.mktemp("cache"))
    versions = itertools.count()

    def make(step: Callable[..., Any]) -> CachePrimitive[Any, Any]:
        if request.param == "memory":
            return CachePrimitive(step)
        return CachePrimitive(step, backend=store, version=str(next(versions)))

    yield make
    store.close()


@settings(max_examples=10_000 if LONG else 150, derandomize=not LONG, deadline=None)
@given(
    turns=st.integers(0, 8),
    fails=st.booleans(),
    callers=st.lists(
        st.tuples(st.integers(0, 8), st.none() | st.integers(0, 10)), min_size=1, max_size=12
    ),
)
async def test_random_cancellation_leaves_nothing_and_harms_nobody(
    make_new_cache: MakeCache, turns: int, fails: bool, callers: list[tuple[int, int | None]]
) -> None:
    """Callers come at one turn of the loop and are cancelled at another, or never."""
    upstream = Recording(turns, fails)
    cache = make_new_cache(upstream)
    tasks: list[tuple[asyncio.Task[str], int | None]] = []
    for now in range(20):
        for arrives, leaves in callers:
            if arrives == now:
                tasks.append((asyncio.create_task(cache.execute("q")), leaves))
        for task, leaves in tasks:
            if leaves == now:
                task.cancel()
        await asyncio.sleep(0)
    for task, leaves in tasks:
        await asyncio.wait((task,))
        if task.cancelled():
            assert leaves is not None
        elif fails:
            assert isinstance(task.exception(), ValueError)
        else:
            assert task.result() == "q"
    assert upstream.running == 0
    assert upstream.finished <= 1
    assert not asyncio.all_tasks() - {asyncio.current_task()}
