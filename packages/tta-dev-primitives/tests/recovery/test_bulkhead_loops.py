"""One bulkhead in several event loops."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from tta_dev_primitives.recovery.bulkhead import AdaptiveLimit, BulkheadPrimitive

from .bulkhead_desk import counts


@pytest.mark.parametrize("measured", [False, True])
def test_threads_with_loops_of_their_own_do_not_disturb_each_other(measured: bool) -> None:
    """One policy of a module is used by all threads of a server."""
    bulkhead = BulkheadPrimitive(
        lambda x: asyncio.sleep(0, x),
        max_concurrent=2,
        max_queue=1000,
        adaptive=AdaptiveLimit(1, 3) if measured else None,
    )
    answers: list[list[int]] = []

    async def many() -> list[int]:
        return await asyncio.gather(*(bulkhead.execute(number) for number in range(200)))

    threads = [threading.Thread(target=lambda: answers.append(asyncio.run(many()))) for _ in "1234"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [list(range(200))] * 4
    assert counts(bulkhead) == (0, 0)


def test_loops_in_turns_find_their_own_places_again() -> None:
    bulkhead = BulkheadPrimitive(lambda x: asyncio.sleep(60), max_concurrent=2)
    loops = [asyncio.new_event_loop() for _ in "ab"]
    calls: list[asyncio.Task[None]] = []
    for turn, loop in enumerate(loops * 3):
        calls.append(loop.create_task(bulkhead.execute(turn)))
        loop.run_until_complete(asyncio.sleep(0))
    assert counts(bulkhead) == (4, 2)
    for call in calls:
        call.cancel()
        call.get_loop().run_until_complete(asyncio.wait([call]))
    assert counts(bulkhead) == (0, 0)
    for loop in loops:
        loop.close()


def test_loop_that_was_closed_in_the_middle_of_a_call_keeps_no_places() -> None:
    bulkhead = BulkheadPrimitive(lambda x: asyncio.sleep(60), max_concurrent=1)
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # it tells of the tasks that are torn down
    calls = [loop.create_task(bulkhead.execute(name)) for name in "ab"]
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    gone = weakref.ref(loop)
    quick = bulkhead.wrap(lambda x: x)
    assert quick.run("x") == "x"
    del loop, calls
    gc.collect()
    assert quick.run("y") == "y"
    assert gone() is None
    assert counts(bulkhead) == (0, 0)
