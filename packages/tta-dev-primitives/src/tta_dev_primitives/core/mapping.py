"""One step over many inputs: lazy, bounded, with an error policy per item."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

from tta_dev_primitives.errors import ConfigurationError

from . import observe
from .context import FRESH, Tally, WorkflowContext
from .frames import current
from .introduction import introduced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

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


class _Draft(Item[Any]):
    """An item while it is filled in; frozen by becoming an `Item`, for a third of the price."""

    __slots__ = ()
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__
    __init__ = object.__init__  # pyright: ignore[reportAssignmentType] - takes no arguments


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
    return run.items(keep_errors=on_error == "keep")


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
        self._loop: asyncio.AbstractEventLoop
        self._step, self._context = step, context
        self._window, self._ordered = 2 * concurrency, ordered
        self._source: Iterator[X] | None = None
        self._async_source: AsyncIterator[X] | None = None
        if isinstance(inputs, AsyncIterable):
            self._async_source = aiter(inputs)
            self._pulling = asyncio.Lock()
        else:
            self._source = iter(inputs)
        self._vacancies = concurrency
        self._next_input = self._next_output = self._next_ready = 0
        self._done: dict[int, Item[T]] = {}
        self._ready: deque[Item[T]] = deque()
        self._failure: BaseException | None = None
        self._exhausted = False
        self._working = self._failed = 0
        self._hiring = self._will_hire = False
        self._workers: list[asyncio.Task[None]] = []
        self._idle: deque[asyncio.Future[None]] = deque()
        self._consumer: asyncio.Future[None] | None = None

    async def items(self, *, keep_errors: bool) -> AsyncGenerator[Item[T], None]:
        """Yield the results as they can be had."""
        ready = self._ready
        self._loop = asyncio.get_running_loop()
        within, complete = current.get(), False
        self._start_worker()
        try:
            while True:
                while ready:
                    self._next_output += 1
                    if self._idle and 2 * (self._next_input - self._next_output) <= self._window:
                        self._hire()
                    item = ready.popleft()
                    if not keep_errors and item.error is not None:
                        raise item.error
                    yield item
                if self._working == 0:
                    if self._failure is not None:
                        raise self._failure
                    complete = True
                    return
                self._consumer = self._loop.create_future()
                self._hire()
                await self._consumer
        finally:
            await self._close()
            # A generator that was abandoned may be closed within some other call.
            if observe.active is not None and current.get() is within:
                worked = self._next_ready + len(self._done)
                name, failed = self._step.label, self._failed
                observe.report(observe.MapRecord(name, worked, failed, complete))

    def _start_worker(self) -> None:
        """Add a worker. Each starts the next when it takes an input, so few inputs need few."""
        self._working += 1
        self._vacancies -= 1
        self._hiring = True
        self._workers.append(self._loop.create_task(self._work()))

    def _full(self) -> bool:
        return self._next_input - self._next_output >= self._window

    def _hire(self) -> bool:
        """Wake or start one more worker, if there is room and the last one has begun."""
        if self._hiring or self._exhausted or self._full():
            return False
        if self._idle:
            self._hiring = True
            _wake(self._idle.popleft())
        elif self._vacancies:
            self._start_worker()
        else:
            return False
        return True

    def _hire_as_needed(self) -> None:
        """Run when the workers wait: add one more in each turn of the loop while there is work.

        A worker whose steps never wait does all the work alone before this is run.
        """
        self._will_hire = self._hire()
        if self._will_hire:
            self._loop.call_soon(self._hire_as_needed)

    async def _work(self) -> None:
        """Take inputs and run the step until there are none left."""
        try:
            context = self._context.with_deadline(
                self._context.deadline, enforced=self._context.deadline_enforced
            )
            tally = context.tally = Tally()
            step, source, window = self._step, self._source, self._window
            execute, watched = step.execute, observe.active is not None
            ready, ordered = self._ready, self._ordered
            new_draft = cast("Callable[[], Any]", _Draft)  # Any: it may be changed for now
            while not self._exhausted:
                if self._next_input - self._next_output >= window:
                    self._hiring = True
                    await asyncio.sleep(0)  # a quick consumer has made room after that
                    if self._full() and not self._exhausted:
                        self._hiring = False
                        room = self._loop.create_future()
                        self._idle.append(room)
                        await room
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
                self._hiring = False
                if not self._will_hire and (self._idle or self._vacancies):
                    self._will_hire = True
                    self._loop.call_soon(self._hire_as_needed)
                tally.attempts = 1
                draft: Any = new_draft()
                draft.index = index
                try:
                    if watched:
                        record = observe.MapItemRecord(index)
                        draft.value = await introduced(record, step, value, context)
                    else:
                        draft.value = await execute(value, context)
                except Exception as error:  # noqa: BLE001 - kept in the item for the caller
                    draft.ok, draft.value, draft.error = False, None, error
                    self._failed += 1
                else:
                    draft.ok, draft.error = True, None
                draft.attempts = tally.attempts
                draft.__class__ = Item
                if ordered and index != self._next_ready:
                    self._done[index] = draft
                    continue
                ready.append(draft)
                self._next_ready += 1
                if self._done:
                    self._add_following()
                if self._consumer is not None:
                    _wake(self._consumer)
                    self._consumer = None
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

    def _add_following(self) -> None:
        """Make ready what was finished before those ahead of it."""
        while (following := self._done.pop(self._next_ready, None)) is not None:
            self._ready.append(following)
            self._next_ready += 1

    async def _close(self) -> None:
        """Cancel the workers, wait for them, and close a source that is a generator."""
        self._exhausted = True
        try:
            if self._failure is not None or not all(worker.done() for worker in self._workers):
                for worker in self._workers:
                    worker.cancel()
                await asyncio.gather(*self._workers, return_exceptions=True)
        finally:
            # Generators only: closing files or cursors is up to those who opened them.
            source: object = self._source
            if source is None:
                source = self._async_source
                if isinstance(source, AsyncGenerator):
                    await cast("AsyncGenerator[X, None]", source).aclose()
            elif isinstance(source, Generator):
                cast("Generator[X, None, None]", source).close()


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
