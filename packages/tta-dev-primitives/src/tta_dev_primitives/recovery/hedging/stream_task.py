"""A stream that is taken in a task of its own."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tta_dev_primitives.core.base import WorkflowPrimitive
    from tta_dev_primitives.core.context import WorkflowContext

END: Final = object()
"""Stands for the end of a stream, where a chunk would be."""


class StreamTask:
    """Take a stream in a task of its own, each chunk when it is asked for.

    What a generator holds from one chunk to the next (a time limit, a task group) belongs to the
    task in which it began, so a stream that began beside its reader stays beside it. The first
    chunk is asked for at once. Whoever made this ends it, by
    cancelling the task; that closes the stream.

    Args:
        step: What to stream.
        input_data: What it works on.
        context: The run it belongs to.
    """

    __slots__ = ("_answer", "_asked", "first", "task")

    def __init__(
        self,
        step: WorkflowPrimitive[Any, Any],  # Any: passed through untouched
        input_data: Any,
        context: WorkflowContext,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.first: asyncio.Future[Any] = loop.create_future()
        """The first chunk or `END`, once it is there."""
        self._answer = self.first
        self._asked: asyncio.Future[None] = loop.create_future()
        self.task = loop.create_task(self._take(step, input_data, context))
        self.task.add_done_callback(self._ended)

    async def next(self) -> Any:  # Any: a chunk
        """Return the next chunk, or `END`."""
        if self.task.done():  # somebody else cancelled it, between two chunks
            raise asyncio.CancelledError
        loop = self.task.get_loop()
        answer = self._answer = loop.create_future()
        asked, self._asked = self._asked, loop.create_future()
        if not asked.done():
            asked.set_result(None)
        return await answer

    async def _take(
        self, step: WorkflowPrimitive[Any, Any], input_data: Any, context: WorkflowContext
    ) -> None:
        try:
            async with contextlib.aclosing(step.stream(input_data, context)) as chunks:
                async for chunk in chunks:
                    asked = self._asked
                    if not self._answer.done():
                        self._answer.set_result(chunk)
                    await asked
        except Exception as error:
            if not self._answer.done():
                self._answer.set_exception(error)
            elif self.task.cancelling():  # nobody waits for a chunk: it was raised by closing
                raise
            # Else its reader was cancelled in the same moment, and hears of that alone.
        else:
            if not self._answer.done():
                self._answer.set_result(END)

    def _ended(self, _: asyncio.Task[None]) -> None:
        """Let nobody wait for a chunk of a task that was cancelled."""
        if not self._answer.done():
            self._answer.cancel()
