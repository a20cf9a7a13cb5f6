"""Limits that share one timer: never early, at most 20 ms late, and nothing left behind."""

from __future__ import annotations

import asyncio
import copy
import math
import pickle
import threading
import time
from typing import Any

import pytest

from tta_dev_primitives.core.base import WorkflowContext
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, SystemClock
from tta_dev_primitives.errors import TimeoutError  # noqa: A004 - rooted in the stdlib's
from tta_dev_primitives.recovery.coarse_timers import CoarseBell, CoarseClock
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive

LATEST = 0.02


class CountingClock(SystemClock):
    """The machine's clock, which knows how many of its timers are armed."""

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


def limited(clock: FakeClock, seconds: float, step: Any = None) -> TimeoutPrimitive:
    async def wait(x: Any) -> Any:
        await clock.sleep(1e9)

    return TimeoutPrimitive(step or wait, seconds, coarse=True, name="step", clock=clock)


@pytest.mark.parametrize("seconds", [0.001, 0.0078125, 0.1, 1, 30, 1 / 3, 86_400.1])
@pytest.mark.parametrize("start", [0.0, 0.0077, 12.3456789, 1e6 + 0.1])
async def test_limit_passes_not_early_and_at_most_twenty_milliseconds_late(
    seconds: float, start: float
) -> None:
    """A coarse limit cancelled its step before its time, or long after."""
    clock = FakeClock(start)
    task = asyncio.ensure_future(limited(clock, seconds).execute("x"))
    await settle()
    due = start + seconds
    await clock.sleep_through(max(0, due - start - 1e-6))
    assert not task.done()
    await clock.sleep_through(LATEST)
    with pytest.raises(TimeoutError, match=r"^step exceeded"):
        await task


async def test_step_is_cleaned_up_before_the_error_arrives(clock: FakeClock, after: Any) -> None:
    """The error of a coarse limit overtook the `finally` blocks of the step."""
    cleaned: list[bool] = []

    async def step(x: str) -> None:
        try:
            await clock.sleep(60)
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    with pytest.raises(TimeoutError):
        await after(1 + LATEST, limited(clock, 1, step).execute("x"))
    assert cleaned == [True]


async def test_many_calls_share_one_timer(clock: FakeClock) -> None:
    """Every call under a coarse limit armed a timer of its own."""
    policy = limited(clock, 5)
    tasks = [asyncio.ensure_future(policy.execute(number)) for number in range(100)]
    await settle()
    assert clock.pending == 100 + 1  # their own sleeps, and the limit of all
    await clock.sleep_through(5 + LATEST)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, TimeoutError) for result in results)


async def test_no_timer_is_armed_when_no_call_is_left(clock: FakeClock) -> None:
    """A fake clock still had a timer after the last call."""
    assert await limited(clock, 30, MockPrimitive(return_value=1)).execute("x") == 1
    assert clock.pending == 0


async def test_shorter_limit_set_later_passes_first(clock: FakeClock, after: Any) -> None:
    """The timer slept until the limit of the call before it."""
    policy = limited(clock, 30)
    long = asyncio.ensure_future(policy.execute("x"))
    await settle()
    with pytest.raises(TimeoutError, match="exceeded 1s"):
        await after(1 + LATEST, policy.execute("x", WorkflowContext(deadline=1)))
    assert not long.done()
    with pytest.raises(TimeoutError, match="exceeded 30s"):
        await after(29, long)


async def test_call_after_one_of_the_same_moment_is_limited_too(
    clock: FakeClock, after: Any
) -> None:
    """The place of a call that had ended was given away, and nobody looked there again."""
    policy = limited(clock, 1)
    assert await policy.wrap(MockPrimitive(return_value=1)).execute("x") == 1
    with pytest.raises(TimeoutError):
        await after(1 + LATEST, policy.execute("x"))


async def test_step_that_turns_the_cancellation_into_an_error_keeps_its_error(
    clock: FakeClock, after: Any
) -> None:
    """What the step said was replaced by a timeout."""

    async def translating(x: str) -> None:
        try:
            await clock.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionError("hung up") from None

    with pytest.raises(ConnectionError, match="hung up"):
        await after(1 + LATEST, limited(clock, 1, translating).execute("x"))


@pytest.mark.parametrize("gap", [0.25, 0.005], ids=["far apart", "close together"])
async def test_limits_of_one_policy_pass_in_their_order(clock: FakeClock, gap: float) -> None:
    """Calls begun at different moments all ended with the first one."""
    policy, ended = limited(clock, 1), list[float]()
    tasks: list[asyncio.Future[Any]] = []
    for _ in range(4):
        task = asyncio.ensure_future(policy.execute("x"))
        task.add_done_callback(lambda _: ended.append(clock.monotonic()))
        tasks.append(task)
        await clock.sleep_through(gap)
    await clock.sleep_through(1 + LATEST)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert ended == sorted(ended)
    for number, moment in enumerate(ended):
        assert number * gap + 1 <= moment <= number * gap + 1 + LATEST


async def test_cancellation_from_outside_goes_through_unchanged(clock: FakeClock) -> None:
    """A cancelled caller was answered with a timeout, or its alarm stayed set."""
    task = asyncio.ensure_future(limited(clock, 5).execute("x"))
    await settle()
    task.cancel("enough")
    with pytest.raises(asyncio.CancelledError, match="enough"):
        await task
    assert clock.pending == 0


async def test_cancellation_together_with_the_limit_wins(clock: FakeClock) -> None:
    """A caller who gave up was answered with a timeout."""
    task = asyncio.ensure_future(limited(clock, 5).execute("x"))
    await settle()
    clock.advance(5 + LATEST)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_limit_inside_a_cleanup_tells_its_own_cancellation_apart(clock: FakeClock) -> None:
    """In a task that is being cancelled already the limit came out as a cancellation."""
    seen: list[str] = []

    async def call() -> None:
        try:
            await clock.sleep(60)
        finally:
            try:
                await limited(clock, 1).execute("x")
            except TimeoutError as error:
                seen.append(error.primitive)

    task = asyncio.ensure_future(call())
    await settle()
    task.cancel()
    await clock.sleep_through(1 + LATEST)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["step"]


async def test_step_that_swallows_the_cancellation_is_let_through(
    clock: FakeClock, after: Any
) -> None:
    """A cancellation stayed counted against the task after a result came all the same."""

    async def deaf(x: str) -> str:
        try:
            await clock.sleep(60)
        except asyncio.CancelledError:
            return "done anyway"
        return "never"

    async def call() -> tuple[str, int]:
        result = await limited(clock, 1, deaf).execute("x")
        task = asyncio.current_task()
        assert task is not None
        return result, task.cancelling()

    assert await after(1 + LATEST, call()) == ("done anyway", 0)


async def test_step_that_moves_the_clock_itself_is_not_cancelled_when_it_ends(
    clock: FakeClock,
) -> None:
    """After a limit that was not heard, a later await of the same task was cancelled."""

    async def busy(x: str) -> str:
        clock.advance(5)
        return x

    assert await limited(clock, 1, busy).execute("x") == "x"
    for _ in range(3):
        await asyncio.sleep(0)


async def test_step_that_moves_the_clock_itself_is_cancelled_when_it_waits(
    clock: FakeClock, after: Any
) -> None:
    """A step that overran without waiting was never stopped."""

    async def busy(x: str) -> None:
        clock.advance(5)
        await clock.sleep(60)

    with pytest.raises(TimeoutError):
        await after(0, limited(clock, 1, busy).execute("x"))


async def test_looser_limit_inside_a_tighter_one_is_not_set_at_all(
    clock: FakeClock, after: Any
) -> None:
    """The inner limit reported a timeout that was the outer one's."""
    context = WorkflowContext()
    inner = TimeoutPrimitive(limited(clock, 900), 30, coarse=True, name="inner", clock=clock)
    outer = TimeoutPrimitive(inner, 5, coarse=True, name="outer", clock=clock)
    with pytest.raises(TimeoutError, match="outer exceeded 5s"):
        await after(5 + LATEST, outer.execute("x", context))
    assert [entry["primitive"] for entry in context.state["timeout_history"]] == ["outer"]


async def test_tighter_limit_inside_a_looser_one_ends_first(clock: FakeClock, after: Any) -> None:
    """Two coarse limits of one task took each other's cancellation."""
    inner = limited(clock, 1)
    inner.fallback = MockPrimitive(return_value="rescued")
    outer = TimeoutPrimitive(inner, 5, coarse=True, clock=clock)
    assert await after(1 + LATEST, outer.execute("x")) == "rescued"


@pytest.mark.parametrize("coarse", [True, False], ids=["coarse", "exact"])
async def test_both_limits_of_one_moment_are_one_timeout_of_the_outer(
    clock: FakeClock, coarse: bool
) -> None:
    """When inner and outer rang together, a cancellation was left over."""
    inner = TimeoutPrimitive(limited(clock, 900), 1, name="inner", coarse=coarse, clock=clock)
    outer = TimeoutPrimitive(inner, 2, name="outer", coarse=True, clock=clock)
    task = asyncio.ensure_future(outer.execute("x"))
    await settle()
    clock.advance(3)
    with pytest.raises(TimeoutError, match="outer"):
        await task
    assert task.cancelling() == 0


async def test_the_machines_clock_limits_too() -> None:
    """A coarse limit never passed, or before its time, on the real clock."""
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await TimeoutPrimitive(asyncio.sleep, 0.03, coarse=True).execute(30)
    assert time.monotonic() - began >= 0.03


async def test_idle_loop_has_no_timer_soon_after_the_last_call() -> None:
    """On the real clock the wheel went on ticking with nothing to wait for."""
    clock = CountingClock()
    policy = TimeoutPrimitive(MockPrimitive(), 30, coarse=True, clock=clock)
    for _ in range(50):
        await policy.execute("x")
    assert clock.pending == 1
    assert len(clock.handles) <= 5  # not one for each call
    await asyncio.sleep(0.1)
    assert clock.pending == 0


async def test_last_long_call_leaves_no_timer_for_its_limit() -> None:
    """After a call of some length the timer stayed armed until its limit would have passed."""
    clock = CountingClock()
    policy = TimeoutPrimitive(asyncio.sleep, 30, coarse=True, clock=clock)
    await policy.execute(0.05)
    await asyncio.sleep(0.1)
    assert clock.pending == 0


async def test_timer_sleeps_while_a_long_call_waits() -> None:
    """The wheel woke the loop a hundred times a second for a call of many seconds."""
    clock = CountingClock()
    policy = TimeoutPrimitive(asyncio.sleep, 30, coarse=True, clock=clock)
    await policy.execute(0.3)
    assert len(clock.handles) <= 4


def test_one_object_serves_loop_after_loop() -> None:
    """The second event loop waited on the timers of the first."""
    policy = TimeoutPrimitive(asyncio.sleep, 0.01, coarse=True)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            asyncio.run(policy.execute(30))


def test_one_object_serves_loops_in_several_threads() -> None:
    """A limit cancelled a task of another thread's loop."""
    policy = TimeoutPrimitive(asyncio.sleep, 0.03, coarse=True)
    results: list[str] = []

    async def calls() -> None:
        for _ in range(5):
            await policy.execute(0)
            with pytest.raises(TimeoutError):
                await policy.execute(30)
            results.append("limited")

    threads = [threading.Thread(target=lambda: asyncio.run(calls())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["limited"] * 20


def test_limit_is_that_of_the_task_in_its_own_thread() -> None:
    """A limit was set on the task that ran in another thread at that moment."""
    policy = TimeoutPrimitive(timeout_seconds=0.02, coarse=True)
    busy, done = threading.Event(), threading.Event()

    def hold(x: str) -> str:
        busy.set()
        assert done.wait(30)
        return x

    async def elsewhere() -> None:
        with pytest.raises(TimeoutError, match=r"exceeded 0\.02s"):
            async with asyncio.timeout(10):
                await policy.wrap(asyncio.sleep).execute(30)

    results: list[str] = []
    thread = threading.Thread(
        target=lambda: results.append(asyncio.run(policy.wrap(hold).execute("held")))
    )
    thread.start()
    try:
        assert busy.wait(30)
        asyncio.run(elsewhere())
    finally:
        done.set()
        thread.join()
    assert results == ["held"]


def test_loops_that_take_turns_in_one_thread_keep_their_limits() -> None:
    """A loop that was left and came back forgot the limits set before."""
    clock = FakeClock()
    policy = limited(clock, 1)
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    try:
        waiting = first.create_task(policy.execute("x"))
        first.run_until_complete(settle())
        other = second.create_task(policy.execute("y"))
        second.run_until_complete(settle())
        clock.advance(1 + LATEST)
        for loop, task in ((first, waiting), (second, other)):
            with pytest.raises(TimeoutError):
                loop.run_until_complete(task)
        assert clock.pending == 0
    finally:
        first.close()
        second.close()


@pytest.mark.parametrize(
    ("limit", "deadline"), [(math.inf, None), (None, math.inf)], ids=["limit", "deadline"]
)
async def test_moment_that_never_comes_is_no_limit(
    clock: FakeClock, limit: float | None, deadline: float | None
) -> None:
    """There is no slot for the end of time."""
    step = MockPrimitive(return_value=1)
    policy = TimeoutPrimitive(step, limit, idle_seconds=1, coarse=True, clock=clock)
    context = WorkflowContext(deadline=deadline)
    assert await policy.execute("x", context) == 1
    assert [chunk async for chunk in policy.stream("x", context)] == [1]


async def test_limit_outside_a_task_says_what_is_missing(clock: FakeClock) -> None:
    """A coroutine stepped by hand has no task that could be cancelled."""
    failures: list[BaseException] = []

    def by_hand() -> None:
        try:
            limited(clock, 1).execute("x").send(None)
        except RuntimeError as error:
            failures.append(error)

    asyncio.get_running_loop().call_soon(by_hand)
    await settle()
    assert str(failures[0]) == "a time limit needs a running asyncio task"


def closed_by_hand(clock: FakeClock, call: Any) -> None:
    """Begin *call* in a task and close its coroutine instead of letting it end."""

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        coroutine = call()
        coroutine.send(None)
        coroutine.close()

    asyncio.run(main())


def test_closed_coroutine_takes_its_limit_along(clock: FakeClock) -> None:
    """GeneratorExit left an alarm that cancelled whatever its task did next."""
    closed_by_hand(clock, lambda: limited(clock, 1).execute("x"))
    assert clock.pending == 0


def test_coarse_policy_can_be_copied_and_sent_elsewhere() -> None:
    """A thread's own table of timers made the whole policy impossible to copy."""
    policy = TimeoutPrimitive(MockPrimitive(return_value=1), 5, coarse=True)
    for twin in (copy.deepcopy(policy), pickle.loads(pickle.dumps(policy))):
        assert asyncio.run(twin.execute("x")) == 1


async def test_silencing_tells_who_ended_the_block(clock: FakeClock) -> None:
    """A bell that did not ring claimed to have."""
    bell = CoarseBell(CoarseClock(clock).set, 1)
    assert bell.silence(asyncio.CancelledError()) is False
    assert clock.pending == 0


async def test_wrapped_steps_share_the_timer(clock: FakeClock) -> None:
    """Each step that a policy wraps armed a timer of its own."""
    policy = TimeoutPrimitive(timeout_seconds=5, coarse=True, clock=clock)
    steps = [policy.wrap(lambda x: clock.sleep(60)) for _ in range(3)]
    tasks = [asyncio.ensure_future(step.execute("x")) for step in steps]
    await settle()
    assert clock.pending == 3 + 1
    await clock.sleep_through(5 + LATEST)
    assert all(
        isinstance(result, TimeoutError)
        for result in await asyncio.gather(*tasks, return_exceptions=True)
    )


def test_uvloop_limits_not_early_either() -> None:
    """A loop that counts whole milliseconds fired before the time, or span until it came."""
    uvloop = pytest.importorskip("uvloop", reason="uv add 'tta-dev-primitives[fast]'")

    async def main() -> list[float]:
        took: list[float] = []
        policy = TimeoutPrimitive(asyncio.sleep, 0.011, coarse=True)
        for _ in range(5):
            began = SYSTEM_CLOCK.monotonic()
            with pytest.raises(TimeoutError):
                await policy.execute(30)
            took.append(SYSTEM_CLOCK.monotonic() - began)
        return took

    assert min(uvloop.run(main())) >= 0.011
