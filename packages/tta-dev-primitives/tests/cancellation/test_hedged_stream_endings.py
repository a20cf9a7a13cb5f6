"""A hedged stream that fails in the moment in which its reader is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from tta_dev_primitives.recovery.hedge import HedgePrimitive
from tta_dev_primitives.testing.clock import FakeClock, settle


async def test_reader_cancelled_when_the_winner_fails_is_cancelled(clock: FakeClock) -> None:
    """The error took the place of the cancellation, and whoever stood around tried again."""
    fails = asyncio.Event()

    async def refuses(x: str) -> str:
        raise OSError(x)

    async def breaks_off(x: str) -> AsyncGenerator[str, None]:
        yield x
        await fails.wait()
        raise OSError(x)

    hedge = HedgePrimitive(refuses, alternatives=[breaks_off], clock=clock)

    async def read() -> None:
        async with aclosing(hedge.stream("x")) as chunks:
            async for _ in chunks:
                pass

    reader = asyncio.ensure_future(read())
    await settle()
    fails.set()
    reader.cancel()
    await asyncio.wait([reader])
    assert reader.cancelled()
