"""Waiting without holding what others could use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clock import Clock
    from .context import WorkflowContext


async def sleep_without_permits(clock: Clock, seconds: float, context: WorkflowContext) -> None:
    """Wait for *seconds*, and give up the places that *context* holds for that long.

    They are given up from the inside out and taken again from the outside in.
    """
    permits = context.permits
    for permit in reversed(permits):
        permit.give_up()
    await clock.sleep(seconds)
    for permit in permits:
        await permit.take_again()
