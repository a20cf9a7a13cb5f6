"""Let only so many calls run at a time, and so many wait."""

from __future__ import annotations

import contextlib
from asyncio import get_running_loop
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.core import observe, signatures
from tta_dev_primitives.core.base import FRESH, In, LambdaPrimitive, Out, Step, X, Y
from tta_dev_primitives.core.clock import SYSTEM_CLOCK, Clock
from tta_dev_primitives.core.policy import PolicyPrimitive
from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.recovery.places.adaptive_limit import AdaptiveLimit, LimitEstimate
from tta_dev_primitives.recovery.places.held_place import MeasuredPlace, Place
from tta_dev_primitives.recovery.places.queue import PlaceRules
from tta_dev_primitives.recovery.places.tables import PlaceTables

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Hashable

    from tta_dev_primitives.core.base import WorkflowPrimitive
    from tta_dev_primitives.core.context import WorkflowContext

__all__ = ["AdaptiveLimit", "BulkheadPrimitive", "BulkheadStats"]


@dataclass(frozen=True, slots=True)
class BulkheadStats:
    """What a bulkhead does now, in all event loops and for all keys together.

    Attributes:
        running: Calls that have a place.
        waiting: Calls in the queue.
        limit: Places for each event loop and key; with `adaptive`, the fewest that any has.
        rejected: Calls refused so far; in the shadow, those that would have been.
    """

    running: int
    waiting: int
    limit: int
    rejected: int


class BulkheadPrimitive(PolicyPrimitive[In, Out]):
    """Let at most *max_concurrent* calls run at a time.

    Further calls wait in a queue, the higher priority first and otherwise in the order they came.
    A place that comes free goes to the first of them at once; nobody passes the queue, and who
    is cancelled while waiting takes nothing along. A place is returned however its call ends; a
    stream keeps its place until it ends or is closed. A retry inside gives the place up while it
    waits between attempts, and has it back before those who had none. No wait goes beyond the
    context's deadline. Each event loop has places and a queue of its own.

    Args:
        primitive: What to run.
        max_concurrent: Most calls that run at a time; with *adaptive*, where the limit begins.
        max_queue: Most calls that wait.
        max_wait_seconds: Longest wait for a place; None for as long as the deadline allows.
        priority: Takes input and context, and says how urgent the call is: the higher comes first.
        adaptive: Find the limit from how long answers take.
        key: Takes input and context; calls with different keys have places and a queue each.
        shadow: Count and report, but let everything through.
        clock: Where the time comes from.
        name: Name in errors, paths, traces and diagrams.

    Raises:
        ConfigurationError: A number is out of its range.
        BulkheadFullError: (when run) the queue is full, or no place came free in time.
    """

    def __init__(
        self,
        primitive: Step[In, Out] | None = None,
        *,
        max_concurrent: int = 10,
        max_queue: int = 100,
        max_wait_seconds: float | None = None,
        priority: Callable[[In, WorkflowContext], int] | None = None,
        adaptive: AdaptiveLimit | None = None,
        key: Callable[[In, WorkflowContext], Hashable] | None = None,
        shadow: bool = False,
        clock: Clock = SYSTEM_CLOCK,
        name: str = "",
    ) -> None:
        super().__init__(primitive, name=name)
        if max_concurrent < 1:
            msg = f"max_concurrent must be 1 or more, got {max_concurrent!r}"
            raise ConfigurationError(msg)
        if max_queue < 0:
            msg = f"max_queue must be 0 or more, got {max_queue!r}; with 0 nobody waits"
            raise ConfigurationError(msg)
        if max_wait_seconds is not None and not max_wait_seconds >= 0:
            msg = f"max_wait_seconds must be 0 or more, or None, got {max_wait_seconds!r}"
            raise ConfigurationError(msg)
        rules = PlaceRules(
            max_concurrent=max_concurrent,
            max_queue=max_queue,
            max_wait_seconds=max_wait_seconds,
            adaptive=adaptive,
            shadow=shadow,
            clock=clock,
            label=f"the bulkhead {name!r}" if name else "the bulkhead",
        )
        self._tables = PlaceTables(rules)
        self._priority, self._key = priority, key
        self._measures = adaptive is not None
        self._plain = self._is_plain()

    def wrap(self, primitive: Step[X, Y]) -> BulkheadPrimitive[X, Y]:
        """Return this bulkhead around *primitive*, which shares the places and the queue."""
        wrapped = cast("BulkheadPrimitive[X, Y]", super().wrap(primitive))
        wrapped._plain = wrapped._is_plain()
        return wrapped

    if TYPE_CHECKING:  # what it wraps keeps its types

        def __call__(self, primitive: Step[X, Y]) -> BulkheadPrimitive[X, Y]: ...  # noqa: D102

    def stats(self) -> BulkheadStats:
        """Return what the bulkhead does now."""
        tables = self._tables.all()
        places = [each for table in tables for each in table.all()]
        return BulkheadStats(
            running=sum(each.running for each in places),
            waiting=sum(each.waiting for each in places),
            limit=min((each.limit for each in places), default=self._first_limit()),
            rejected=sum(table.rejected for table in tables),
        )

    async def execute(self, input_data: In, context: WorkflowContext = FRESH) -> Out:
        """Run the step as soon as it has a place."""
        primitive = self.primitive
        if self._measures:
            return await self._execute_measured(primitive, input_data, context)
        table = self._tables.latest
        if table.loop() is not get_running_loop():
            table = self._tables.here()
        places = table.common if self._key is None else table.of(self._key(input_data, context))
        priority = 0 if self._priority is None else self._priority(input_data, context)
        if places.running < places.limit and observe.active is None:
            places.running += 1
        else:
            await places.enter(context, priority)
        if self._plain:
            try:
                return await primitive.execute(input_data, context)
            finally:
                places.leave()
        place = Place(places, context, priority)
        try:
            return await primitive.execute(input_data, context.with_permit(place))
        finally:
            place.end()

    async def _execute_measured(
        self, primitive: WorkflowPrimitive[In, Out], input_data: In, context: WorkflowContext
    ) -> Out:
        place = await self._take(input_data, context)
        error: BaseException | None = None
        try:
            return await primitive.execute(input_data, context.with_permit(place))
        except BaseException as raised:
            error = raised
            raise
        finally:
            _end(place, error)

    async def stream(
        self, input_data: In, context: WorkflowContext = FRESH
    ) -> AsyncGenerator[Any, None]:  # Any: chunks need not have the type of the whole
        """Stream the step; the place is kept until the stream ends or is closed."""
        primitive = self.primitive
        place = await self._take(input_data, context)
        error: BaseException | None = None
        try:
            chunks = primitive.stream(input_data, context.with_permit(place))
            async with contextlib.aclosing(chunks):
                async for chunk in chunks:
                    if isinstance(place, MeasuredPlace):
                        place.answered()
                    yield chunk
        except BaseException as raised:
            error = raised
            raise
        finally:
            _end(place, error)

    async def _take(self, input_data: In, context: WorkflowContext) -> Place:
        """Wait for a place and return it; from then on it has to be ended."""
        table = self._tables.here()
        places = table.common if self._key is None else table.of(self._key(input_data, context))
        priority = 0 if self._priority is None else self._priority(input_data, context)
        await places.enter(context, priority)
        if places.estimate is None:
            return Place(places, context, priority)
        return MeasuredPlace(places, context, priority, places.estimate)

    def _is_plain(self) -> bool:
        """Tell whether the step is a function without a context, so that no permit reaches it."""
        step = self._primitive
        return isinstance(step, LambdaPrimitive) and not signatures.takes_context(step.fn)

    def _first_limit(self) -> int:
        rules = self._tables.rules
        if rules.adaptive is None:
            return rules.max_concurrent
        return LimitEstimate(rules.adaptive, rules.max_concurrent).limit


def _end(place: Place, error: BaseException | None) -> None:
    if isinstance(place, MeasuredPlace):
        place.learn(error)
    place.end()
