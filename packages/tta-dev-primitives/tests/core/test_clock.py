"""The machine's own clock."""

from __future__ import annotations

import asyncio
import time

from tta_dev_primitives.core.clock import SYSTEM_CLOCK


def test_readings_are_those_of_the_machine() -> None:
    """Seconds since whenever, and seconds since the epoch."""
    assert abs(SYSTEM_CLOCK.monotonic() - time.monotonic()) < 5
    assert abs(SYSTEM_CLOCK.time() - time.time()) < 5


async def test_sleep_and_timers_are_those_of_the_loop() -> None:
    """A timer fires while the task sleeps; a stopped one does not."""
    fired: list[str] = []
    SYSTEM_CLOCK.call_later(0, lambda: fired.append("kept"))
    SYSTEM_CLOCK.call_later(0, lambda: fired.append("stopped")).cancel()
    await SYSTEM_CLOCK.sleep(0.002)
    await asyncio.sleep(0)
    assert fired == ["kept"]
