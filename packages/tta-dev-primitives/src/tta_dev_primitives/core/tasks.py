"""Ending a task and waiting for its end, whatever comes in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


async def stop_task(task: asyncio.Task[Any]) -> None:  # Any: its result is not used
    """Cancel *task* and wait until it has ended.

    Whoever waits and is cancelled too, however often, is let go only then.
    """
    await stop_tasks((task,))


async def stop_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:  # Any: as above
    """Cancel all *tasks* and wait until they have ended; in the same way."""
    stopped = list(tasks)
    for task in stopped:
        task.cancel()
    await _wait_for_ends(stopped)


async def wait_for_end(task: asyncio.Task[Any]) -> None:  # Any: as above
    """Wait until *task*, which was told to end, has done so; in the same way."""
    await _wait_for_ends([task])


async def _wait_for_ends(tasks: list[asyncio.Task[Any]]) -> None:  # Any: as above
    cancelled: asyncio.CancelledError | None = None
    while tasks := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
