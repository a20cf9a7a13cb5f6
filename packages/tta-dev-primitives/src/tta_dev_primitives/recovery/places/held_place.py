"""One call's place in a bulkhead, which it may give up for a while and take again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .adaptive_limit import is_overload

if TYPE_CHECKING:
    from tta_dev_primitives.core.context import WorkflowContext

    from .adaptive_limit import LimitEstimate
    from .queue import Places

_HELD, _GIVEN_UP, _OVER = "held", "given up", "over"


class Place:
    """The place of one call; as the context's permit it is given up while the call only waits.

    Args:
        places: Where it was taken.
        context: Whose deadline caps the wait for it, should it be given up.
        priority: The call's.
    """

    __slots__ = ("_context", "_places", "_priority", "_state", "_turn")

    def __init__(self, places: Places, context: WorkflowContext, priority: int) -> None:
        self._places, self._context, self._priority = places, context, priority
        self._state = _HELD
        self._turn: asyncio.Lock | None = None

    def give_up(self) -> None:
        """Let somebody else have the place."""
        if self._state == _HELD:
            self._state = _GIVEN_UP
            if self._turn is None:
                self._turn = asyncio.Lock()
            self._places.away += 1
            self._places.leave()

    async def take_again(self) -> None:
        """Wait for a place, ahead of those who have had none yet.

        Raises:
            BulkheadFullError: There was none in time.
        """
        if self._turn is None or not self._is_given_up():
            return
        async with self._turn:  # branches side by side have one place, and take it again once
            if self._is_given_up():
                await self._places.enter(self._context, self._priority, returning=True)
                if self._is_given_up():
                    self._state = _HELD
                    self._places.away -= 1
                else:
                    self._places.leave()  # meanwhile the call ended without this task of it

    def end(self) -> None:
        """Return the place, if it is held; what comes back later finds the call over."""
        if self._state == _HELD:
            self._places.leave()
        else:
            self._places.away -= 1
        self._state = _OVER

    def _is_given_up(self) -> bool:
        return self._state == _GIVEN_UP


class MeasuredPlace(Place):
    """A place that tells the limit's estimate how the call went.

    Nothing is learned from a call that gave its place up meanwhile, as TCP learns nothing from a
    packet sent twice (Karn and Partridge, 1987).
    """

    __slots__ = ("_among", "_answered", "_began", "_estimate", "_rested")

    def __init__(
        self, places: Places, context: WorkflowContext, priority: int, estimate: LimitEstimate
    ) -> None:
        super().__init__(places, context, priority)
        self._estimate, self._among = estimate, places.running
        self._began = places.rules.clock.monotonic()
        self._answered: float | None = None
        self._rested = False

    def give_up(self) -> None:
        """Let somebody else have the place."""
        self._rested = True
        super().give_up()

    def answered(self) -> None:
        """Note that the answer began: what follows waits for whoever reads it."""
        if self._answered is None:
            self._answered = self._places.rules.clock.monotonic()

    def learn(self, error: BaseException | None) -> None:
        """Take in how the call went, before its `end`."""
        if self._rested:
            return
        places, estimate, deadline = self._places, self._estimate, self._context.deadline
        now = places.rules.clock.monotonic()
        late = deadline is not None and now >= deadline
        if error is not None and (late or is_overload(error)):
            estimate.cut(self._began, now)
        elif error is None or self._answered is not None:
            answered = now if self._answered is None else self._answered
            estimate.learn(self._began, answered - self._began, self._among)
        places.limit = estimate.limit
