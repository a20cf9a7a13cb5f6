"""One step over many inputs: lazy, bounded, with an error policy per item."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, cast

from tta_dev_primitives.errors import ConfigurationError

from .context import FRESH, Tally, WorkflowContext

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

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


def map_inputs(
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
    return _items(run, keep_errors=on_error == "keep")


async def _items(run: _Run[X, T], *, keep_errors: bool) -> AsyncGenerator[Item[T], None]:
    run.start_worker()
    try:
        while (item := await run.next_item()) is not None:
            if item.error is not None and not keep_errors:
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
        self._failure: BaseException | None = None
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

    def _full(self) -> bool:
        return self._next_input - self._next_output >= self._window

    def _hire(self) -> None:
        """Wake or start one more worker, if there is room and the last one has begun."""
        if self._hiring or self._full():
            return
        if self._idle:
            self._hiring = True
            _wake(self._idle.popleft())
        elif len(self._workers) < self._concurrency:
            self.start_worker()

    async def _work(self) -> None:
        """Take inputs and run the step until there are none left."""
        self._hiring = False
        try:
            context = self._context.with_deadline(
                self._context.deadline, enforced=self._context.deadline_enforced
            )
            tally = context.tally = Tally()
            execute = self._step.execute
            source = self._source
            while not self._exhausted:
                if self._full():
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
                        if self._exhausted or self._full():
                            continue  # while this one waited, others took what there was room for
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
            self._failure = error
        except BaseException as error:  # a cancellation from within: not the end of the inputs
            self._failure = error
            raise
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
                if self._failure is not None:
                    raise self._failure
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
        """Cancel the workers, wait for them, and close a source that is a generator."""
        self._exhausted = True
        for worker in self._workers:
            worker.cancel()
        try:
            await asyncio.gather(*self._workers, return_exceptions=True)
        finally:
            # Generators only: closing files or cursors is up to those who opened them.
            source: object = self._async_source
            if isinstance(source, AsyncGenerator):
                await cast("AsyncGenerator[X, None]", source).aclose()
            source = self._source
            if isinstance(source, Generator):
                cast("Generator[X, None, None]", source).close()


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
