"""A cancellation that a failing undo takes the place of."""

from __future__ import annotations

import asyncio

import pytest

from tta_dev_primitives.recovery.compensation import SagaPrimitive
from tta_dev_primitives.recovery.fallback import FallbackPrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle
from tta_dev_primitives.testing.mocks import MockPrimitive


@pytest.mark.parametrize("moment", ["in the step", "while undoing"])
async def test_fallback_does_not_answer_a_cancelled_call_whose_undo_failed(
    clock: FakeClock, moment: str
) -> None:
    """The call was told to end and went on with another step instead."""

    async def step(x: str) -> None:
        if moment == "in the step":
            await clock.sleep(60)
        raise ValueError(x)

    async def undo(x: str) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        raise OSError(x)

    other = MockPrimitive(return_value="another answer")
    flow = FallbackPrimitive(SagaPrimitive(step, undo, clock=clock), other)
    call = asyncio.ensure_future(flow.execute("x"))
    await settle(1 if moment == "in the step" else 2)
    call.cancel()
    await asyncio.wait([call])
    assert other.call_count == 0
    assert call.cancelled()
