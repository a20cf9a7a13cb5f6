"""The clock of tests, tested."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tta_dev_primitives.testing import FakeClock, settle


def test_clock_moves_only_when_told_to() -> None:
    """Both readings start where they are told and move together."""
    clock = FakeClock(start=5.0, epoch=1000.0)
    assert (clock.monotonic(), clock.time()) == (5.0, 1000.0)
    clock.advance(2.5)
    assert (clock.monotonic(), clock.time()) == (7.5, 1002.5)


@pytest.mark.parametrize("seconds", [3600.0, -3600.0], ids=["forward", "back"])
def test_jump_moves_the_wall_clock_alone(clock: FakeClock, seconds: float) -> None:
    """Durations do not care what the administrator does."""
    before = clock.time()
    clock.jump(seconds)
    assert clock.time() == before + seconds
    assert clock.monotonic() == 0


@pytest.mark.parametrize("seconds", [-0.1, float("nan")], ids=["negative", "nan"])
async def test_clock_cannot_go_back(clock: FakeClock, seconds: float) -> None:
    """`monotonic` promises that."""
    with pytest.raises(ValueError, match=r"a clock cannot go back by .* s; use jump\(\)"):
        clock.advance(seconds)
    with pytest.raises(ValueError, match="a clock cannot go back"):
        await clock.sleep_through(seconds)
    assert clock.monotonic() == 0


async def test_timers_fire_in_order_at_their_time(clock: FakeClock) -> None:
    """A callback sees the moment it was due; equal times fire in the order they were set."""
    fired: list[tuple[str, float]] = []
    for name, seconds in (("c", 3), ("a", 1), ("b", 1), ("late", 9)):
        clock.call_later(seconds, lambda name=name: fired.append((name, clock.monotonic())))
    assert clock.pending == 4
    clock.advance(5)
    assert fired == [("a", 1), ("b", 1), ("c", 3)]
    assert (clock.monotonic(), clock.pending) == (5, 1)


@given(
    delays=st.lists(st.floats(0.001, 50), max_size=12), steps=st.lists(st.floats(0, 30), max_size=8)
)
def test_every_timer_fires_once_at_its_time(delays: list[float], steps: list[float]) -> None:
    """However the way is cut into steps."""
    clock = FakeClock()
    fired: list[tuple[float, float]] = []
    for delay in delays:
        clock.call_later(delay, lambda delay=delay: fired.append((delay, clock.monotonic())))
    for step in steps:
        clock.advance(step)
    assert fired == [(delay, delay) for delay in sorted(delays) if delay <= clock.monotonic()]


async def test_stopped_timer_does_not_fire(clock: FakeClock) -> None:
    """Stopping twice is fine."""
    fired: list[str] = []
    timer = clock.call_later(1, lambda: fired.append("never"))
    timer.cancel()
    timer.cancel()
    assert clock.pending == 0
    clock.advance(2)
    assert fired == []


async def test_timer_set_by_a_timer_fires_on_the_way(clock: FakeClock) -> None:
    """A chain unfolds within one advance."""
    fired: list[float] = []

    def again() -> None:
        fired.append(clock.monotonic())
        clock.call_later(1, again)

    clock.call_later(1, again)
    clock.advance(3)
    assert fired == [1, 2, 3]


async def test_callback_may_move_the_clock_further(clock: FakeClock) -> None:
    """Time never goes back, also when a callback advances beyond the caller's target."""
    clock.call_later(1, lambda: clock.advance(10))
    clock.advance(2)
    assert clock.monotonic() == 11


@pytest.mark.parametrize("seconds", [0, -5], ids=["zero", "negative"])
async def test_timer_that_is_due_fires_at_the_next_turn_of_the_loop(
    clock: FakeClock, seconds: float
) -> None:
    """As the real loop does, without anybody moving the clock."""
    fired: list[float] = []
    clock.call_later(seconds, lambda: fired.append(clock.monotonic()))
    assert fired == []
    await asyncio.sleep(0)
    assert fired == [0]
    assert clock.pending == 0


async def test_sleep_ends_when_the_clock_gets_there(clock: FakeClock) -> None:
    """Not before; and each sleep is noted."""
    task = asyncio.ensure_future(clock.sleep(2))
    await settle()
    clock.advance(1.5)
    await settle()
    assert not task.done()
    clock.advance(0.5)
    await task
    assert clock.slept == [2]


@pytest.mark.parametrize("seconds", [0, -1], ids=["zero", "negative"])
async def test_sleep_of_nothing_gives_way_once(clock: FakeClock, seconds: float) -> None:
    """Like `asyncio.sleep(0)`."""
    order: list[str] = []
    asyncio.get_running_loop().call_soon(order.append, "other")
    await clock.sleep(seconds)
    order.append("sleeper")
    assert order == ["other", "sleeper"]
    assert clock.slept == [seconds]


async def test_cancelled_sleep_leaves_no_timer(clock: FakeClock) -> None:
    """And is cancelled, even when time is up at the same moment."""
    task = asyncio.ensure_future(clock.sleep(2))
    await settle()
    task.cancel()
    clock.advance(2)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.pending == 0


async def test_sleep_through_lets_tasks_unfold(clock: FakeClock) -> None:
    """Sleeps in sequence and side by side, each at its time."""
    woke: list[tuple[str, float]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woke.append((name, clock.monotonic()))

    tasks = [asyncio.ensure_future(sleeper("a", 1, 2, 3)), asyncio.ensure_future(sleeper("b", 2.5))]
    await clock.sleep_through(10)
    await asyncio.gather(*tasks)
    assert woke == [("a", 1), ("b", 2.5), ("a", 3), ("a", 6)]
    assert clock.monotonic() == 10


async def test_settle_lets_every_ready_task_run() -> None:
    """As many turns as asked for."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        for _ in range(5):
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(count())
    await settle(3)
    assert turns == 3
    await settle()
    assert task.done()
