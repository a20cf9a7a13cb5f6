"""Calls that have ended and are not counted yet: counting can wait, the calls cannot."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from observability_integration.forking import tell_of_forks

if TYPE_CHECKING:
    from collections.abc import Callable

    from observability_integration.spans.call_span import CallSpan


class EndedCalls:
    """Count the ends of calls later, in whichever thread asks for it first.

    Whoever reads what was counted calls `count` before, and so finds every call that has ended. In
    a process that is forked off, what its parent has not counted is the parent's to count.

    Attributes:
        add: Take the span of a call that has ended, at a place that counts; one step on a queue.
    """

    add: Callable[[CallSpan], None]

    def __init__(self) -> None:
        self.after_fork()
        tell_of_forks(self)

    def count(self) -> None:
        """Count the calls that wait for it; what another thread has begun on is done as well."""
        with self._lock:
            take = self._waiting.popleft
            for _ in range(len(self._waiting)):
                try:
                    span = take()
                except IndexError:  # a call that was collected meanwhile has counted the rest
                    return
                metrics, outcome = span.place.metrics, span.outcome
                if metrics is not None and outcome is not None:
                    metrics.ended(outcome, (span.end_ns - span.start_ns) / 1e9, span)

    def after_fork(self) -> None:
        """Begin with nothing."""
        self._lock = threading.RLock()
        self._waiting: deque[CallSpan] = deque()
        self.add = self._waiting.append
