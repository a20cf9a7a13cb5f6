"""Ending a task and waiting for its end, whatever comes in between."""

from __future__ import annotations

import asyncio
from typing import Any


async def stop_task(task: asyncio.Task[Any]) -> None:  # Any: its result is not used
    """Cancel *task* and wait until it has ended.

    Whoever waits and is cancelled too, however often, is let go only then.
    """
    task.cancel()
    await wait_for_end(task)


async def wait_for_end(task: asyncio.Task[Any]) -> None:  # Any: as above
    """Wait until *task*, which was told to end, has done so; in the same way."""
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
