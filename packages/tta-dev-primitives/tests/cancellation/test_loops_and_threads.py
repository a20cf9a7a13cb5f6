"""One object in several event loops, in turns and at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from tta_dev_primitives.core.base import WorkflowContext, WorkflowPrimitive
from tta_dev_primitives.core.clock import SYSTEM_CLOCK
from tta_dev_primitives.errors import PrimitiveError, RejectedError
from tta_dev_primitives.testing.clock import FakeClock, FakeTimer

from .answers import whole
from .cases import KINDS
from .worlds import Leaf, World
from .wrapped import look, wrap

CALLS = 15
PATIENCE_SECONDS = 0.3


class LoopsClock(FakeClock):
    """Fires each timer in the loop that set it, as the timers of loops do."""

    def call_later(self, seconds: float, callback: Callable[[], object]) -> FakeTimer:
        loop = asyncio.get_running_loop()
        timer = super().call_later(
            seconds, lambda: loop.call_soon(lambda: timer.cancelled or callback())
        )
        return timer


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_loops_in_turns_are_told_apart(kind: str) -> None:
    """What one loop waits for is not woken, cancelled or waited for in another."""
    world = World(clock=LoopsClock())
    flow = wrap(kind, world, world.service(Leaf("service", ("short",), tidying=2)))
    loops = [asyncio.new_event_loop() for _ in "ab"]
    try:
        calls = {loop: [loop.create_task(flow.execute(x)) for x in ("a0", "b0")] for loop in loops}
        for turn in range(600):
            loops[turn % 2].run_until_complete(asyncio.sleep(0))
            if turn in (6, 7):
                calls[loops[turn % 2]][0].cancel()
            elif turn > 20 and turn % 20 == 0:
                world.clock.advance(0.05 if turn < 300 else 5.0)
        for loop in loops:
            leaver, stayer = calls[loop]
            assert leaver.cancelled()
            assert _is_fine(stayer, "b0"), stayer
            assert loop.run_until_complete(look(world)) == []
    finally:
        for loop in loops:
            loop.close()


def _is_fine(call: asyncio.Task[object], x: str) -> bool:
    if not call.done() or call.cancelled():
        return False
    error = call.exception()
    if error is None:
        return whole(call.result()) == x
    return isinstance(error, PrimitiveError | ConnectionResetError)


# What is injected at random, and a saga without an undo that works, are no matter of threads.
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"fault"}))
def test_threads_with_loops_of_their_own_share_one_object(kind: str) -> None:
    """A module's policy, in a server with a loop for each thread."""
    world = World(clock=SYSTEM_CLOCK)
    wrong: list[object] = []

    async def step(x: str) -> str:
        await asyncio.sleep(0)
        return x

    flow: WorkflowPrimitive[str, object] = wrap(kind, world, step)

    async def ask(x: str) -> None:
        context = WorkflowContext(deadline=SYSTEM_CLOCK.monotonic() + PATIENCE_SECONDS)
        try:
            value = whole(await flow.execute(x, context))
        except (RejectedError, TimeoutError):
            return
        if value != x:
            wrong.append(f"{x} was answered {value}")

    async def many() -> None:
        await asyncio.gather(*(ask(f"{'ab'[number % 2]}{number}") for number in range(CALLS)))
        wrong.extend(left for left in asyncio.all_tasks() - {asyncio.current_task()})

    def work() -> None:
        try:
            asyncio.run(many())
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert asyncio.run(look(world)) == []
