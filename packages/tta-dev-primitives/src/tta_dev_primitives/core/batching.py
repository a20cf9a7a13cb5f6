"""One call of a step that takes many inputs, for many callers with one input each."""

from __future__ import annotations

import asyncio
import contextvars
import functools
from collections.abc import Iterable, Mapping, Sized
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Generic, Literal, cast
from weakref import WeakKeyDictionary

from tta_dev_primitives.errors import (
    BatchError,
    ConfigurationError,
    TimeoutError,  # noqa: A004 - rooted in the stdlib's,
)

from . import observe
from .base import FRESH, In, Out, Step, WorkflowPrimitive, X, as_primitive
from .clock import SYSTEM_CLOCK, Clock
from .context import WorkflowContext
from .deadline import within
from .tasks import wait_for_end

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable, Sequence

    from .clock import TimerHandle


class BatchPrimitive(WorkflowPrimitive[In, Out]):
    """Turn concurrent calls into one call of a step that takes a list.

    Calls of one tick of the event loop, or of one window, are gathered in the order they came. The
    step gets the list of their inputs and returns one result for each, in the same order; a result
    that is an exception is raised to its caller alone. What the step itself raises reaches every
    caller of the batch.

    The step runs in a task of its own. A caller that is cancelled, the first one included, harms
    nobody: its input is withdrawn while the batch is gathering. The last caller to leave cancels
    the step, and goes on when that has ended. Each caller leaves at its own deadline; one that
    cannot wait for the end of the window sends the batch off at once.

    The step runs under a context of its own, without identity, state or deadline of any caller, so
    that nothing of one caller is used for another: what it needs belongs into the inputs. Calls
    whose contexts differ in `cache_mode` are not put together, and each event loop gathers for
    itself.

    Args:
        batch_step: Takes a list of inputs and returns a list of as many results or exceptions.
        max_size: Most inputs in one call; a full batch is sent off at once.
        window_seconds: How long a batch gathers after its first call; 0 for one tick of the loop,
            which delays nobody by any time worth naming.
        key: Takes input and context; calls with different keys are not put together.
        clock: Where the time comes from.
        name: Name in errors, paths, traces and diagrams.

    Raises:
        ConfigurationError: A number is out of its range.
        BatchError: (when run) the step returned anything but one result for each input.
        TimeoutError: (when run) the caller's deadline passed.
    """

    def __init__(
        self,
        batch_step: Step[list[In], Iterable[Out | BaseException]],
        *,
        max_size: int = 100,
        window_seconds: float = 0.0,
        key: Callable[[In, WorkflowContext], Hashable] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        if not max_size >= 1:
            msg = f"max_size must be 1 or more, got {max_size!r}"
            raise ConfigurationError(msg)
        if not 0 <= window_seconds < float("inf"):
            msg = f"window_seconds must be 0 or more and finite, got {window_seconds!r}"
            raise ConfigurationError(msg)
        self.batch_step = as_primitive(batch_step)
        self.max_size, self.window_seconds, self.name = max_size, window_seconds, name
        self._key, self._clock = key, clock
        self._tables: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, _Batch[In]]] = (
            WeakKeyDictionary()
        )

    @property
    def waiting(self) -> int:
        """How many calls are gathered now and not sent off yet, in all event loops together."""
        loops = [known() for known in self._tables.keyrefs()]
        tables = [self._tables.get(loop, {}) for loop in loops if loop is not None]
        return sum(len(batch.waiting) for table in tables for batch in list(table.values()))

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Wait for the result of *input_data* in its batch."""
        deadline = context.deadline
        if deadline is None:
            return await self._ask(input_data, context)
        if deadline <= self._clock.monotonic():
            raise TimeoutError(self.label, 0)
        limit = None if context.deadline_enforced else deadline
        return await within(self._ask(input_data, context), limit, self._clock, self.label)

    async def _ask(self, input_data: In, context: WorkflowContext) -> Out:
        own = None if self._key is None else self._key(input_data, context)
        key = (own, context.cache_mode)
        table = self._table()
        batch = table.get(key)
        if batch is None:
            batch = self._open(table, key, context.cache_mode)
        waiter = batch.join(input_data)
        deadline = context.deadline
        hurried = bool(self.window_seconds) and deadline is not None and deadline <= batch.ends
        if len(batch.waiting) >= self.max_size:
            batch.send("full")
        elif hurried:
            batch.send("deadline")
        try:
            outcome = await waiter
        except asyncio.CancelledError:
            task = batch.leave(waiter)
            if task is not None:
                await wait_for_end(task)
            raise
        finally:
            batch.leave(waiter)
            if batch.reason is not None and observe.active is not None:
                observe.report(observe.BatchRecord(batch.size, self.max_size, batch.reason))
        if isinstance(outcome, BaseException):
            try:
                raise outcome
            finally:
                del outcome, waiter, batch  # its traceback holds this frame, and these hold it
        return outcome

    def _open(
        self,
        table: dict[Hashable, _Batch[In]],
        key: Hashable,
        cache_mode: Literal["bypass", "refresh"] | None,
    ) -> _Batch[In]:
        step = self.batch_step

        async def call(inputs: list[In]) -> list[Any]:  # Any: results and exceptions
            count = len(inputs)
            results = await step.execute(inputs, WorkflowContext(cache_mode=cache_mode))
            return self._one_each(results, count)

        batch = table[key] = _Batch(table, key, call, self.label)
        if self.window_seconds:
            batch.ends = self._clock.monotonic() + self.window_seconds
            send = functools.partial(batch.send, "window")
            batch.timer = self._clock.call_later(self.window_seconds, send)
        else:
            batch.timer = batch.loop.call_soon(batch.send, "tick")
        return batch

    def _table(self) -> dict[Hashable, _Batch[In]]:
        """Return the batches that gather in the running loop, by key."""
        loop = asyncio.get_running_loop()
        table = self._tables.get(loop)
        if table is None:
            # A loop that was closed in the middle of a call would be kept alive by that call.
            for known in self._tables.keyrefs():
                gone = known()
                if gone is not None and gone.is_closed():
                    self._tables.pop(gone, None)
            table = self._tables[loop] = {}
        return table

    def _one_each(self, results: object, count: int) -> list[Any]:
        """Return *results* as a list of *count*."""
        # Not only sequences: embeddings often come as one array.
        whole = isinstance(results, Iterable) and isinstance(results, Sized)
        if not whole or isinstance(results, str | bytes | bytearray | Mapping | AbstractSet):
            kind = type(cast("object", results)).__name__
            msg = (
                f"{self.label} got a {kind} from its batch step; return a list "
                "with one result or exception for each input, in their order"
            )
            raise BatchError(msg)
        found = list(cast("Iterable[Any]", results))
        if len(found) != count:
            msg = (
                f"{self.label} sent {count} inputs to its batch step and got {len(found)} results; "
                "return one result or exception for each input, in their order"
            )
            raise BatchError(msg)
        return found

    def children(self) -> Sequence[tuple[str, WorkflowPrimitive[Any, Any]]]:
        """Return the step that takes the lists."""
        return [("", self.batch_step)]


class _Batch(Generic[X]):
    """Inputs with the callers who wait for their results: gathering at first, then under way."""

    __slots__ = (
        "_call",
        "_key",
        "_label",
        "_table",
        "_variables",
        "ends",
        "loop",
        "reason",
        "size",
        "task",
        "timer",
        "waiting",
    )

    def __init__(
        self,
        table: dict[Hashable, _Batch[X]],
        key: Hashable,
        call: Callable[[list[X]], Coroutine[Any, Any, list[Any]]],
        label: str,
    ) -> None:
        self._table, self._key, self._call, self._label = table, key, call, label
        # Observers see the step inside the first caller's call, whoever sends it off.
        self._variables = contextvars.copy_context()
        self.loop = asyncio.get_running_loop()
        self.waiting: dict[asyncio.Future[Any], X] = {}
        self.ends = 0.0
        self.timer: TimerHandle
        self.task: asyncio.Task[list[Any]] | None = None
        self.size = 0
        self.reason: observe.BatchReason | None = None

    def join(self, value: X) -> asyncio.Future[Any]:
        """Add an input and return the future that will hold its result or exception."""
        waiter: asyncio.Future[Any] = self.loop.create_future()
        self.waiting[waiter] = value
        return waiter

    def send(self, reason: observe.BatchReason) -> None:
        """Begin the call; whoever asks from now on opens another batch."""
        self._close()
        waiters, inputs = list(self.waiting), list(self.waiting.values())
        self.size, self.reason = len(inputs), reason
        self.task = self.loop.create_task(self._call(inputs), context=self._variables)
        self.task.add_done_callback(lambda task: self._deliver(task, waiters))

    def leave(self, waiter: asyncio.Future[Any]) -> asyncio.Task[list[Any]] | None:
        """Take a caller out; where it was the last one, cancel the task and return it."""
        if self.waiting.pop(waiter, self) is self or self.waiting:
            return None
        if self.task is None:
            self._close()
        else:
            self.task.cancel()  # without effect where it has ended
        return self.task

    def _close(self) -> None:
        """Gather no more."""
        self.timer.cancel()
        del self._table[self._key]

    def _deliver(self, task: asyncio.Task[list[Any]], waiters: list[asyncio.Future[Any]]) -> None:
        error = self._cancelled_within() if task.cancelled() else task.exception()
        outcomes = task.result() if error is None else [error] * len(waiters)
        for waiter, outcome in zip(waiters, outcomes, strict=True):
            if not waiter.done():
                # An error is a result here: set as one, it would be logged where nobody takes it.
                waiter.set_result(
                    self._cancelled_within()
                    if isinstance(outcome, asyncio.CancelledError)
                    else outcome
                )

    def _cancelled_within(self) -> BatchError:
        # Raised as it is, it would look as if the caller had been told to end.
        return BatchError(f"the batch step of {self._label} was cancelled from within")
