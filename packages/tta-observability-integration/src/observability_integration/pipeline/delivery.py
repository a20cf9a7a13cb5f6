"""One exporter of a pipeline: what it is owed, and what becomes of it when it fails."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from .telling import ToldOnce

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from observability_integration.export.exporter import SpanExporter
    from observability_integration.spans.light_span import LightSpan


@runtime_checkable
class ForkAware(Protocol):
    """An exporter that must know when its process was forked off another."""

    def after_fork(self) -> None:
        """Forget spans and counts, which are the parent's, and make locks and connections anew."""
        ...


class Delivery:
    """Call one exporter, and keep its counts true to what it was given.

    Args:
        exporter: Raises nothing, if it keeps its promise; if it does not, the spans that it had
            not counted by then count as dropped.

    Attributes:
        owed: Spans that it was or will be given.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self.exporter = exporter
        self.owed = 0
        self._written_off = 0
        self._not_shut_down = threading.Lock()  # taken by the one thread that does it
        self._before = self._counted
        self._told = ToldOnce(
            f"the exporter {exporter.name!r} failed", "what it did not export counts as dropped"
        )

    def export(self, spans: Sequence[LightSpan]) -> None:
        """Hand *spans* to the exporter."""
        counted = self._counted
        if not self._attempt(lambda: self.exporter.export(spans)):
            self._add_to_dropped(max(0, len(spans) - (self._counted - counted)))

    def flush(self, timeout_seconds: float) -> bool:
        """Let the exporter deliver what it has; False when it could not in time."""
        done: list[bool] = []
        self._attempt(lambda: done.append(self.exporter.flush(timeout_seconds)))
        return done == [True]

    def shutdown(self, timeout_seconds: float) -> None:
        """Let the exporter deliver what it has and stop; a second call does nothing."""
        if self._not_shut_down.acquire(blocking=False):
            self._attempt(lambda: self.exporter.shutdown(timeout_seconds))

    def settle(self) -> None:
        """Count as dropped what the exporter was owed and has not counted.

        Where it counts some of it later after all, the next call takes that back.
        """
        missing = max(self.owed - (self._counted - self._before), -self._written_off)
        if missing:
            self._written_off += missing
            self._add_to_dropped(missing)

    def after_fork(self) -> None:
        """Begin at zero in a process that was forked off."""
        if isinstance(self.exporter, ForkAware):
            self._attempt(self.exporter.after_fork)
        else:
            self._attempt(self._forget_counts)
        self.owed = self._written_off = 0
        self._before = self._counted

    @property
    def _counted(self) -> int:
        return self.exporter.exported + self.exporter.dropped

    def _add_to_dropped(self, count: int) -> None:
        # An exporter may guard its counts, against what `SpanExporter` says.
        self._attempt(lambda: setattr(self.exporter, "dropped", self.exporter.dropped + count))

    def _forget_counts(self) -> None:
        self.exporter.exported = self.exporter.dropped = 0

    def _attempt(self, call: Callable[[], object]) -> bool:
        try:
            call()
        except BaseException as error:
            self._told.tell(error)
            # In the pipeline's thread nobody else is there to be told. Only where the main thread
            # does that thread's work can this be the user, who wants the program to end.
            if (
                isinstance(error, KeyboardInterrupt)
                and threading.current_thread() is threading.main_thread()
            ):
                raise
            return False
        return True
