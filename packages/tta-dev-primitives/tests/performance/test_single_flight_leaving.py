"""Callers who are cancelled, or out of time, while they wait for a shared call."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

import pytest

from tta_dev_primitives import errors
from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive

from .cache_callers import MakeCache, ask


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
