"""What a branch that fails does to the task around it, and to somebody who is cancelled then."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

import pytest

from tta_dev_primitives.core.parallel import ParallelPrimitive
from tta_dev_primitives.errors import TimeoutError  # noqa: A004 - rooted in the stdlib's
from tta_dev_primitives.recovery.fallback import FallbackPrimitive
from tta_dev_primitives.recovery.retry import RetryPrimitive, RetryStrategy
from tta_dev_primitives.recovery.timeout import TimeoutPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive


async def good(x: str) -> str:
    await asyncio.sleep(0)
    return x


async def bad(x: str) -> str:
    await asyncio.sleep(0)
    raise ValueError(x)


async def test_failed_branch_leaves_no_cancellation_behind() -> None:
    """Whoever asks the task afterwards is told that somebody cancelled it."""
    task = asyncio.current_task()
    assert task is not None
    with pytest.raises(ValueError):
        await ParallelPrimitive([good, bad]).execute("x")
    assert task.cancelling() == 0


async def test_limit_around_a_failed_branch_is_a_timeout() -> None:
    """`asyncio.timeout` let `CancelledError` through, though nobody had cancelled anything."""

    async def limited() -> None:
        async with asyncio.timeout(0.01):
            with contextlib.suppress(ValueError):
                await ParallelPrimitive([good, bad]).execute("x")
            await asyncio.sleep(60)

    call = asyncio.ensure_future(limited())
    await asyncio.wait([call])
    assert not call.cancelled()
    assert isinstance(call.exception(), asyncio.TimeoutError)


@pytest.mark.parametrize("coarse", [False, True])
async def test_limit_that_passes_while_a_branch_is_tried_again_is_a_timeout(
    clock: FakeClock, coarse: bool
) -> None:
    """The same with a limit of this package."""

    async def slow_the_second_time(x: str) -> str:
        if clock.monotonic():
            await clock.sleep(60)
        return await bad(x)

    flow = RetryPrimitive(
        ParallelPrimitive([good, slow_the_second_time]),
        RetryStrategy(initial_delay=1, jitter=False),
        clock=clock,
    )
    limited = TimeoutPrimitive(flow, 5.0, coarse=coarse, clock=clock)
    call = asyncio.ensure_future(limited.execute("x"))
    await clock.sleep_through(6)
    assert not call.cancelled()
    with pytest.raises(TimeoutError):
        call.result()


@pytest.mark.parametrize("turns", range(1, 7))
async def test_caller_cancelled_when_a_branch_fails_is_not_answered_by_a_fallback(
    turns: int,
) -> None:
    """The call was told to end and went on with another step instead."""
    other = MockPrimitive(side_effect=lambda x, _: asyncio.sleep(0))
    flow = FallbackPrimitive(ParallelPrimitive([good, bad]), other)
    call = asyncio.ensure_future(flow.execute("x"))
    await settle(turns)
    answered = other.call_count
    if call.cancel():
        await asyncio.wait([call])
        assert call.cancelled()
        assert other.call_count == answered


@pytest.mark.parametrize("turns", range(1, 5))
async def test_failures_are_retrieved_when_the_caller_is_cancelled(turns: int) -> None:
    """The loop logged "Task exception was never retrieved" for each branch that failed then."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, found: complaints.append(found))

    async def fails(x: str) -> None:
        await asyncio.sleep(0)
        raise ValueError(x)

    call = asyncio.ensure_future(ParallelPrimitive([fails, fails]).execute("x"))
    await settle(turns)
    call.cancel()
    (ending,) = await asyncio.gather(call, return_exceptions=True)
    assert isinstance(ending, asyncio.CancelledError)
    del call, ending
    await settle(1)
    gc.collect()
    assert complaints == []
