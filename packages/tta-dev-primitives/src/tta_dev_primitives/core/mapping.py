"""One step over many inputs: lazy, bounded, with an error policy per item."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

from tta_dev_primitives.errors import ConfigurationError

from .context import FRESH, Tally, WorkflowContext

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator

    from .base import WorkflowPrimitive

X = TypeVar("X")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Item(Generic[T]):
    """What became of one input.

    Attributes:
        index: Position of the input, from 0.
        ok: Whether there is a value; otherwise there is an error.
        value: The result, or None.
        error: What was raised, or None.
        attempts: How many attempts all retries on the way took together; 1 without retries.
    """

    index: int
    ok: bool
    value: T | None
    error: Exception | None
    attempts: int


async def map_inputs(
    step: WorkflowPrimitive[X, T],
    inputs: Iterable[X] | AsyncIterable[X],
    context: WorkflowContext = FRESH,
    *,
    concurrency: int = 10,
    ordered: bool = True,
    on_error: Literal["keep", "raise"] = "keep",
) -> AsyncGenerator[Item[T], None]:
    """Run *step* over *inputs*; see `WorkflowPrimitive.map`, which calls this."""
    if concurrency < 1:
        msg = f"concurrency must be at least 1, got {concurrency!r}"
        raise ConfigurationError(msg)
    if on_error not in ("keep", "raise"):
        msg = f"on_error must be 'keep' or 'raise', got {on_error!r}"
        raise ConfigurationError(msg)
    if context is None:  # pyright: ignore[reportUnnecessaryComparison] - FRESH is None
        context = WorkflowContext()
    run = _Run(step, inputs, context, concurrency, ordered)
    run.start_worker()
    try:
        while (item := await run.next_item()) is not None:
            if on_error == "raise" and item.error is not None:
                raise item.error
            yield item
    finally:
        await run.close()


class _Run(Generic[X, T]):
    """Workers over one shared source, and the window of results nobody has taken yet.

    The window bounds memory: at most `2 * concurrency` results wait, whatever the source's length
    and however slow its first item is.
    """

    def __init__(
        self,
        step: WorkflowPrimitive[X, T],
        inputs: Iterable[X] | AsyncIterable[X],
        context: WorkflowContext,
        concurrency: int,
        ordered: bool,  # noqa: FBT001 - private, passed by position once
    ) -> None:
        self._step, self._context = step, context
        self._window, self._ordered = 2 * concurrency, ordered
        self._source: Iterator[X] | None = None
        self._async_source: AsyncIterator[X] | None = None
        if isinstance(inputs, AsyncIterable):
            self._async_source = aiter(inputs)
        else:
            self._source = iter(inputs)
        self._concurrency = concurrency
        self._pulling = asyncio.Lock()
        self._next_input = self._next_output = 0
        self._done: dict[int, Item[T]] = {}
        self._ready: deque[Item[T]] = deque()
        self._source_error: BaseException | None = None
        self._exhausted = False
        self._working = 0
        self._hiring = False
        self._workers: list[asyncio.Task[None]] = []
        self._idle: deque[asyncio.Future[None]] = deque()
        self._consumer: asyncio.Future[None] | None = None

    def start_worker(self) -> None:
        """Add a worker. Each starts the next when it takes an input, so few inputs need few."""
        self._working += 1
        self._hiring = True
        self._workers.append(asyncio.ensure_future(self._work()))

    def _hire(self) -> None:
        """Wake or start one more worker, if there is room and the last one has begun."""
        if self._hiring or self._next_input - self._next_output >= self._window:
            return
        if self._idle:
            self._hiring = True
            _wake(self._idle.popleft())
        elif len(self._workers) < self._concurrency:
            self.start_worker()

    async def _work(self) -> None:
        """Take inputs and run the step until there are none left."""
        context = self._context.with_deadline(self._context.deadline)
        tally = context.tally = Tally()
        execute = self._step.execute
        source = self._source
        self._hiring = False
        try:
            while not self._exhausted:
                if self._next_input - self._next_output >= self._window:
                    room = asyncio.get_running_loop().create_future()
                    self._idle.append(room)
                    await room
                    self._hiring = False
                    continue
                if source is not None:
                    try:
                        value = next(source)
                    except StopIteration:
                        break
                    index = self._next_input
                    self._next_input = index + 1
                else:
                    # One worker at a time asks an async source, so inputs keep their order.
                    async with self._pulling:
                        if self._exhausted:
                            break
                        try:
                            value = await anext(cast("AsyncIterator[X]", self._async_source))
                        except StopAsyncIteration:
                            break
                        index = self._next_input
                        self._next_input = index + 1
                if not self._hiring:
                    self._hire()
                tally.attempts = 1
                try:
                    result = await execute(value, context)
                except Exception as error:  # noqa: BLE001 - kept in the item for the caller
                    self._deliver(Item(index, False, None, error, tally.attempts))  # noqa: FBT003
                else:
                    self._deliver(Item(index, True, result, None, tally.attempts))  # noqa: FBT003
        except Exception as error:  # noqa: BLE001 - the source failed: the consumer raises it
            self._source_error = error
        finally:
            self._exhausted = True
            self._working -= 1
            for room in self._idle:
                _wake(room)
            self._idle.clear()
            if self._working == 0:
                _wake(self._consumer)

    def _deliver(self, item: Item[T]) -> None:
        if not self._ordered:
            self._ready.append(item)
        elif item.index == self._next_output + len(self._ready):
            self._ready.append(item)
            while self._done:
                following = self._done.pop(self._next_output + len(self._ready), None)
                if following is None:
                    break
                self._ready.append(following)
        else:
            self._done[item.index] = item
            return
        if self._consumer is not None:
            _wake(self._consumer)

    async def next_item(self) -> Item[T] | None:
        """Return the next result, or None after the last."""
        while not self._ready:
            if self._working == 0:
                if self._source_error is not None:
                    raise self._source_error
                return None
            self._consumer = asyncio.get_running_loop().create_future()
            self._hire()
            await self._consumer
            self._consumer = None
        self._next_output += 1
        if self._idle and 2 * (self._next_input - self._next_output) <= self._window:
            self._hire()
        return self._ready.popleft()

    async def close(self) -> None:
        """Cancel the workers, wait for them, and close the source where it can be closed."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        close: Any = getattr(self._async_source, "aclose", None)  # Any: optional method
        if close is not None:
            await close()
        close = getattr(self._source, "close", None)
        if close is not None:
            close()


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
