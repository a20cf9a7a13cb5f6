from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from tta_dev_primitives.errors import (
    RateLimitExceededError,
)
from tta_dev_primitives.recovery.rate_limit import Limit, RateLimitPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle

from .limited_calls import Calls, by_tokens, refused, start


@pytest.fixture
def calls(clock: FakeClock) -> Calls:
    return Calls(clock)


def test_threads_with_loops_of_their_own_share_the_limit() -> None:
    """Four loops at once let no more through than one would."""
    limiter = RateLimitPrimitive(lambda x: x, limits=[Limit(50, 1, burst=20)], max_wait_seconds=0)
    barrier, through = threading.Barrier(4), []

    async def hammer() -> None:
        for _ in range(200):
            try:
                await limiter.execute(1)
            except RateLimitExceededError:
                continue
            through.append(1)

    def work() -> None:
        barrier.wait()
        asyncio.run(hammer())

    began = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 20 <= len(through) <= 20 + 50 * (time.monotonic() - began) + 1


def test_waiters_of_several_loops_all_come_through() -> None:
    """A refund in one loop reaches those who wait in another."""
    limiter = RateLimitPrimitive(
        lambda x: x, limits=[Limit(10, 3600, unit="tokens")], estimate=lambda x, context: x
    )
    held, queued = threading.Event(), threading.Event()

    async def holder() -> None:
        admission = await limiter.acquire(10)
        held.set()
        assert await asyncio.to_thread(queued.wait, 10)
        admission.settle(0)

    async def other() -> int:
        call = asyncio.ensure_future(limiter.execute(10))
        await settle()
        assert limiter._gate.waiting == 1
        queued.set()
        return await asyncio.wait_for(call, 10)

    thread = threading.Thread(target=lambda: asyncio.run(holder()))
    thread.start()
    assert held.wait(10)
    assert asyncio.run(other()) == 10
    thread.join(10)


def test_loop_that_was_closed_with_waiters_in_it_holds_up_nobody() -> None:
    clock = FakeClock()
    limiter = RateLimitPrimitive(lambda x: x, limits=[Limit(1, 10)], clock=clock)

    async def leave_one_behind() -> Any:
        await limiter.execute(1)
        call = limiter.execute(2)
        call.send(None)  # as far as its turn, in a loop that will not come back
        return call

    abandoned = asyncio.run(leave_one_behind())
    clock.advance(10)
    assert asyncio.run(asyncio.wait_for(limiter.execute(3), 10)) == 3
    assert limiter._gate.waiting == 0
    abandoned.close()


def test_loops_learn_at_once_that_another_one_has_overtaken_them() -> None:
    """A waiter whose turn moves beyond its deadline by another loop's call is refused then."""
    clock = FakeClock()
    calls = Calls(clock)
    limiter = by_tokens(clock, calls)
    with asyncio.Runner() as here, asyncio.Runner() as elsewhere:

        async def stand_in_line() -> list[Any]:
            await limiter.acquire(10)
            running = start(limiter, ("heavy", 9), deadline=9.5)
            await settle()
            return running

        async def overtake() -> None:
            clock.advance(1)
            await limiter.acquire(1)

        running = here.run(stand_in_line())
        elsewhere.run(overtake())
        assert here.run(refused(running[0])) == 9
    assert clock.pending == 0
    assert limiter._gate.waiting == 0


async def test_late_word_from_another_thread_does_not_disturb_a_new_line(
    clock: FakeClock, calls: Calls
) -> None:
    """Those who came after the line had emptied keep their place and their timer."""
    limiter = by_tokens(clock, calls)
    held = await limiter.acquire(10)
    early = start(limiter, ("early", 5))
    await settle()
    early[0].cancel()  # leaves the line at the loop's next turn,
    later = start(limiter, ("later", 5))  # which then begins anew,
    thread = threading.Thread(target=held.settle, args=(11,))  # before the word of this comes
    thread.start()
    thread.join()
    await clock.sleep_through(6)
    assert await later[0] == ("later", 5)
    assert calls.began == [(("later", 5), 6)]
    with pytest.raises(asyncio.CancelledError):
        await early[0]
