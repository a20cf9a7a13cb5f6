from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from tta_dev_primitives.core import observe
from tta_dev_primitives.errors import (
    ServerError,
)
from tta_dev_primitives.recovery.hedge import HedgePrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle

from .hedge_calls import Answer, Calls


@pytest.fixture
def calls(clock: FakeClock) -> Callable[..., Calls]:
    """Makes a `Calls` on the test's clock."""
    return lambda *script: Calls(clock, *script)


@pytest.mark.parametrize(
    "script",
    [((60, "slow"), (1, "quick")), ((3, "quick"), (60, "slow"))],
    ids=["hedge-wins", "step-wins"],
)
async def test_loser_has_ended_before_the_result_is_returned(
    clock: FakeClock, calls: Any, script: Any
) -> None:
    """A loser that takes long to clean up is waited for, not abandoned."""
    step = calls(*script)
    step.goodbye = 5
    task = asyncio.ensure_future(HedgePrimitive(step, delay=2, clock=clock).execute("x"))
    await clock.sleep_through(12)
    assert not task.done()
    await clock.sleep_through(1)
    assert task.result() == "quick"
    assert len(step.ended) == 2


async def test_cancellation_is_taken_back_from_the_caller_when_a_hedge_has_won(
    clock: FakeClock, calls: Any
) -> None:
    """What the caller does next is not cancelled, and its own time limits still work."""
    step = calls((60, "slow"), (1, "quick"))

    async def caller() -> tuple[str, int]:
        answer = await HedgePrimitive(step, delay=2, clock=clock).execute("x")
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        return answer, task.cancelling()

    task = asyncio.ensure_future(caller())
    await clock.sleep_through(3)
    assert task.result() == ("quick", 0)


@pytest.mark.parametrize("moment", [1, 3, 8], ids=["alone", "beside-a-hedge", "waiting-for-hedge"])
async def test_cancelling_the_caller_cancels_all(
    clock: FakeClock, calls: Any, moment: float
) -> None:
    step = calls((7, ServerError("busy")), (60, "hedge"))
    task = asyncio.ensure_future(HedgePrimitive(step, delay=2, clock=clock).execute("x"))
    await clock.sleep_through(moment)
    begun = len(step.began)
    task.cancel()
    await settle()
    assert task.cancelled()
    assert len(step.ended) == begun


async def test_caller_cancelled_while_losers_end_is_cancelled_once_they_have(
    clock: FakeClock, calls: Any
) -> None:
    step = calls((3, "answer"), (60, "hedge"))
    step.goodbye = 5
    task = asyncio.ensure_future(HedgePrimitive(step, delay=2, clock=clock).execute("x"))
    await clock.sleep_through(9)
    task.cancel()
    await clock.sleep_through(3)
    assert not task.done()
    await clock.sleep_through(1)
    assert task.cancelled()
    assert step.ended == [8, 13]  # the loser's cleaning up was not cut short


async def test_cancellation_that_meets_the_victory_of_a_hedge_is_not_lost(
    clock: FakeClock, calls: Any
) -> None:
    """Both cancel the same task; only one of them is ours to take back."""
    step = calls((60, "slow"), (1, "quick"))
    step.goodbye = 1
    task = asyncio.ensure_future(HedgePrimitive(step, delay=2, clock=clock).execute("x"))
    await clock.sleep_through(4.5)  # the hedge has won at 4, and the step is cleaning up
    assert not task.done()
    task.cancel()
    await clock.sleep_through(5)
    assert task.cancelled()


async def test_hedge_that_wins_while_a_cancelled_step_cleans_up_does_not_disturb_it(
    clock: FakeClock, calls: Any
) -> None:
    step = calls((60, "slow"))
    step.goodbye = 4
    hedged = HedgePrimitive(step, alternatives=[calls((2, "quick"))], delay=2, clock=clock)
    task = asyncio.ensure_future(hedged.execute("x"))
    await clock.sleep_through(3)
    task.cancel()
    await clock.sleep_through(4)
    assert task.cancelled()
    assert step.ended == [7]


async def test_no_hedge_begins_for_a_caller_who_has_gone(clock: FakeClock, calls: Any) -> None:
    step = calls((60, "slow"), (60, "hedge"))
    step.goodbye = 5
    task = asyncio.ensure_future(HedgePrimitive(step, delay=2, clock=clock).execute("x"))
    await clock.sleep_through(1)
    task.cancel()
    await clock.sleep_through(5)
    assert task.cancelled()
    assert step.began == [0]


async def test_no_hedge_begins_while_the_loser_cleans_up(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    step, others = calls((60, "slow")), calls((1, "quick"), (60, "needless"))
    step.goodbye = 5
    hedged = HedgePrimitive(step, alternatives=[others], delay=4, max_hedges=2, clock=clock)
    assert await after(10, hedged.execute("x")) == "quick"
    assert others.began == [4]


async def test_loser_that_turns_cancellation_into_an_error_begins_no_hedge(
    clock: FakeClock, calls: Any, after: Any
) -> None:
    begun = 0

    async def stubborn(x: str) -> str:
        nonlocal begun
        begun += 1
        try:
            await clock.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionError("closed") from None
        return x

    step = calls((3, "answer"))
    hedged = HedgePrimitive(step, alternatives=[stubborn], max_hedges=2, delay=2, clock=clock)
    assert await after(3, hedged.execute("x")) == "answer"
    assert begun == 1


@pytest.mark.parametrize("gone", [False, True], ids=["caller-waits", "caller-cancelled-too"])
async def test_step_that_turns_cancellation_into_an_error_loses_all_the_same(
    clock: FakeClock, gone: bool
) -> None:
    async def stubborn(x: str) -> str:
        try:
            await clock.sleep(60)
        except asyncio.CancelledError:
            if gone:
                task.cancel()
            raise ConnectionError("closed") from None
        return x

    hedged = HedgePrimitive(stubborn, alternatives=[lambda x: "hedge"], delay=2, clock=clock)
    task = asyncio.ensure_future(hedged.execute("x"))
    await clock.sleep_through(2)
    assert task.cancelled() if gone else task.result() == "hedge"


async def test_cancelled_caller_gets_the_error_the_step_made_of_it_and_no_hedge(
    clock: FakeClock, calls: Any
) -> None:
    """Without hedging it would be the same error."""

    async def stubborn(x: str) -> str:
        try:
            await clock.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionError("closed") from None
        return x

    other = calls((60, "hedge"))
    hedged = HedgePrimitive(stubborn, alternatives=[other], delay=2, clock=clock)
    task = asyncio.ensure_future(hedged.execute("x"))
    await clock.sleep_through(3)
    task.cancel()
    await settle()
    assert isinstance(task.exception(), ConnectionError)
    assert other.ended == [3]


@pytest.mark.parametrize("gone", [False, True], ids=["caller-waits", "caller-cancelled-too"])
async def test_step_that_answers_in_spite_of_being_told_to_stop(
    clock: FakeClock, calls: Any, watcher: Any, gone: bool
) -> None:
    """Its answer came second; what it cost is counted."""

    others = calls((60, "first"), (0, Answer(1.0)))

    async def deaf(x: str) -> Answer:
        try:
            await clock.sleep(60)
        except asyncio.CancelledError:
            if gone:
                task.cancel()
        return Answer(0.25)

    hedged = HedgePrimitive(deaf, alternatives=[others], max_hedges=2, delay=2, clock=clock)
    task = asyncio.ensure_future(hedged.execute("x"))
    await clock.sleep_through(4)
    assert others.ended == [4, 4]
    if gone:
        assert task.cancelled()
        return
    assert task.result() == Answer(1.0)
    assert task.cancelling() == 0
    assert watcher.records[-1] == ("0", observe.HedgeRecord(3, 2, 2, 0.25))


async def test_caller_who_is_cancelled_together_with_a_deaf_step_is_cancelled(
    clock: FakeClock,
) -> None:
    async def deaf(x: str) -> str:
        for _ in range(2):
            with contextlib.suppress(asyncio.CancelledError):
                await clock.sleep(60)
        return x

    hedged = HedgePrimitive(deaf, alternatives=[lambda x: "hedge"], delay=2, clock=clock)
    task = asyncio.ensure_future(hedged.execute("x"))
    await clock.sleep_through(3)
    task.cancel()
    await settle()
    assert task.cancelled()


@pytest.mark.parametrize("moment", [2.5, 4], ids=["beside-a-hedge", "waiting-for-hedge"])
async def test_coroutine_that_is_thrown_away_takes_its_hedges_along(
    clock: FakeClock, calls: Any, moment: float
) -> None:
    """A closed coroutine may not wait, so it ends them without waiting."""
    step = calls((3, ServerError("busy")), (60, "hedge"))
    call = HedgePrimitive(step, delay=2, clock=clock).execute("x")

    class Driver:
        def __await__(self) -> Any:
            inner = call.__await__()
            while True:
                yield next(inner)

    async def drive() -> None:
        await Driver()

    task = asyncio.ensure_future(drive())
    await clock.sleep_through(moment)
    call.close()
    task.cancel()
    await settle()
    assert len(step.began) == len(step.ended) == 2


async def test_hedging_needs_a_task() -> None:
    """A callback of the loop has a loop, but nothing that could be cancelled."""
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def callback() -> None:
        try:
            HedgePrimitive(len).execute("x").send(None)
        except RuntimeError as error:
            found.set_result(str(error))

    asyncio.get_running_loop().call_soon(callback)
    assert await found == "a hedged call needs a running asyncio task"
