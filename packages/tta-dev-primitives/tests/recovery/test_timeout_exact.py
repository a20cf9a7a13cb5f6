"""Exact limits: calls with one limit share a timer, and each ends at its own moment."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.core.clock import SystemClock
from tta_dev_primitives.errors import TimeoutError  # noqa: A004 - rooted in the stdlib's
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive


class CountingClock(SystemClock):
    """The machine's clock, which knows the timers it armed."""

    def __init__(self) -> None:
        self.handles: list[asyncio.TimerHandle] = []

    def call_later(self, seconds: float, callback: Any) -> asyncio.TimerHandle:
        handle = asyncio.get_running_loop().call_later(seconds, callback)
        self.handles.append(handle)
        return handle

    @property
    def pending(self) -> int:
        now = asyncio.get_running_loop().time()
        return sum(not handle.cancelled() and handle.when() > now for handle in self.handles)


def sleeping(clock: FakeClock, limit: float) -> TimeoutPrimitive[float, None]:
    """Return a step that sleeps for its input, under *limit*."""
    return TimeoutPrimitive(lambda seconds: clock.sleep(seconds), limit, name="step", clock=clock)


@given(
    calls=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 24)), min_size=1, max_size=12),
    limit=st.integers(1, 12),
)
def test_every_call_ends_at_its_own_limit_or_before(
    calls: list[tuple[int, int]], limit: int
) -> None:
    """A call was ended by the limit of another one, or long after its own."""
    clock, ended = FakeClock(), dict[int, tuple[float, str]]()

    async def main() -> None:
        policy = sleeping(clock, limit + 0.5)

        async def call(number: int, length: int) -> None:
            try:
                await policy.execute(length)
            except TimeoutError:
                ended[number] = clock.monotonic(), "late"
            else:
                ended[number] = clock.monotonic(), "done"

        tasks: list[asyncio.Task[None]] = []
        for number, (gap, length) in enumerate(calls):
            await clock.sleep_through(gap)
            tasks.append(asyncio.create_task(call(number, length)))
            await settle()
        await clock.sleep_through(100)
        await asyncio.gather(*tasks)
        assert clock.pending == 0

    asyncio.run(main())
    began = 0
    for number, (gap, length) in enumerate(calls):
        began += gap
        late = length > limit + 0.5
        expected = (began + (limit + 0.5 if late else length), "late" if late else "done")
        assert ended[number] == expected


async def test_many_calls_share_one_timer(clock: FakeClock) -> None:
    """Every call under the same limit armed a timer of its own."""
    policy = sleeping(clock, 5)
    tasks = [asyncio.ensure_future(policy.execute(60)) for _ in range(100)]
    await settle()
    assert clock.pending == 100 + 1  # their own sleeps, and the limit of all
    await clock.sleep_through(5)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, TimeoutError) for result in results)


async def test_limit_made_shorter_afterwards_passes_first(clock: FakeClock, after: Any) -> None:
    """The timer slept until the limit of a call before it."""
    policy = sleeping(clock, 30)
    long = asyncio.ensure_future(policy.execute(60))
    await settle()
    policy.timeout_seconds = 1
    with pytest.raises(TimeoutError, match="exceeded 1s"):
        await after(1, policy.execute(60))
    assert not long.done()
    with pytest.raises(TimeoutError, match="exceeded 30s"):
        await after(29, long)
    assert clock.pending == 0


async def test_deadline_of_the_caller_passes_before_a_later_limit(
    clock: FakeClock, after: Any
) -> None:
    """A deadline in between was taken for the next limit in the order."""
    policy = sleeping(clock, 30)
    long = asyncio.ensure_future(policy.execute(60))
    await settle()
    with pytest.raises(TimeoutError, match="exceeded 1s"):
        await after(1, policy.execute(60, WorkflowContext(deadline=1)))
    assert not long.done()
    with pytest.raises(TimeoutError, match="exceeded 30s"):
        await after(29, long)


async def test_limit_inside_a_cleanup_tells_its_own_cancellation_apart(clock: FakeClock) -> None:
    """In a task that is being cancelled already the limit came out as a cancellation."""
    seen: list[str] = []

    async def call() -> None:
        try:
            await clock.sleep(60)
        finally:
            try:
                await sleeping(clock, 1).execute(60)
            except TimeoutError as error:
                seen.append(error.primitive)

    task = asyncio.ensure_future(call())
    await settle()
    task.cancel()
    await clock.sleep_through(1)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["step"]


async def test_short_calls_arm_few_timers_and_leave_none() -> None:
    """On the real clock each call armed a timer, or one stayed for the limit of the last."""
    clock = CountingClock()
    policy = TimeoutPrimitive(MockPrimitive(), 30, clock=clock)
    for _ in range(200):
        await policy.execute("x")
    assert len(clock.handles) <= 10
    await asyncio.sleep(0.1)
    assert clock.pending == 0


async def test_last_long_call_leaves_no_timer_for_its_limit() -> None:
    """After a call of some length the timer stayed armed until its limit would have passed."""
    clock = CountingClock()
    policy = TimeoutPrimitive(asyncio.sleep, 30, clock=clock)
    await policy.execute(0.05)
    await asyncio.sleep(0.1)
    assert clock.pending == 0


class LingeringClock(FakeClock, SystemClock):
    """A fake clock that is treated as the machine's own."""


async def test_call_after_a_quick_one_is_limited_too() -> None:
    """The look for leftover timers took the place of the next limit."""
    clock = LingeringClock()
    policy = sleeping(clock, 0.005)
    await policy.execute(0)
    call = asyncio.ensure_future(policy.execute(60))
    await clock.sleep_through(0.005)
    with pytest.raises(TimeoutError):
        await call
    await clock.sleep_through(1)
    assert clock.pending == 0


def test_one_object_serves_loops_in_several_threads_and_one_after_the_other() -> None:
    """A limit cancelled a task of another loop, or waited on its timers."""
    policy = TimeoutPrimitive(asyncio.sleep, 0.02)
    results: list[str] = []

    async def calls() -> None:
        await policy.execute(0)
        with pytest.raises(TimeoutError):
            await policy.execute(30)
        results.append("limited")

    def loops() -> None:
        for _ in range(3):
            asyncio.run(calls())

    threads = [threading.Thread(target=loops) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["limited"] * 9


def test_loops_that_take_turns_in_one_thread_keep_their_limits() -> None:
    """A loop that was left and came back forgot the limits set before."""
    clock = FakeClock()
    policy = sleeping(clock, 1)
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        waiting = first.create_task(policy.execute(60))
        first.run_until_complete(settle())
        other = second.create_task(policy.execute(60))
        second.run_until_complete(settle())
        clock.advance(1)
        for loop, task in ((first, waiting), (second, other)):
            with pytest.raises(TimeoutError):
                loop.run_until_complete(task)
        assert clock.pending == 0
    finally:
        first.close()
        second.close()


def test_policy_can_be_copied_and_sent_elsewhere() -> None:
    """A thread's own timers made the whole policy impossible to copy."""
    policy = TimeoutPrimitive(MockPrimitive(return_value=1), 5)
    asyncio.run(policy.execute("x"))
    for twin in (copy.deepcopy(policy), pickle.loads(pickle.dumps(policy))):
        assert asyncio.run(twin.execute("x")) == 1


async def test_looser_limit_adds_no_call_of_its_own(clock: FakeClock) -> None:
    """What the outer limit ends anyway is handed to the step as it is."""
    step = MockPrimitive(return_value=1)
    context = WorkflowContext(deadline=5).with_deadline(5, enforced=True)
    call = TimeoutPrimitive(step, 30, clock=clock).execute("x", context)
    assert call.cr_code.co_qualname.startswith("MockPrimitive")
    assert await call == 1
    assert step.calls[0][1] is context
