"""The work of a pipeline's thread: take spans, prepare them, hand them to every exporter."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .delivery import Delivery
from .preparation import Preparation
from .telling import ToldOnce

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from observability_integration.export.exporter import SpanExporter
    from observability_integration.spans.light_span import LightSpan

    from .waiting import WaitingSpans


class Carrier:
    """Carry spans from the queue to the exporters; one thread at a time does.

    Only `give_up` comes from another thread, while this one hangs in an exporter.

    Args:
        waiting: The queue.
        exporters: Where spans go.
        batch_size: Most spans that are handed over at once.
        resolve: Completes each span.
        before: Called before spans are taken.

    Attributes:
        stop_at: Monotonic time in seconds at which what still waits is left behind.
        given_up: Whether what is not delivered yet never will be.
        cpu_seconds: Processor time that all this cost.
    """

    def __init__(
        self,
        waiting: WaitingSpans,
        exporters: Iterable[SpanExporter],
        batch_size: int,
        resolve: Callable[[LightSpan], object] | None,
        before: Callable[[], object] | None = None,
    ) -> None:
        self._waiting, self._batch_size = waiting, batch_size
        self._preparation = Preparation(resolve)
        self._before = before
        self._not_done = ToldOnce(
            "what is done before spans are exported failed", "they are exported without it"
        )
        self._deliveries = tuple(Delivery(exporter) for exporter in exporters)
        self._start_again()

    @property
    def exporters(self) -> tuple[SpanExporter, ...]:
        """Where spans go."""
        return tuple(delivery.exporter for delivery in self._deliveries)

    def add(self, exporter: SpanExporter) -> None:
        """Hand the next batches to *exporter* too."""
        with self._waiting.lock:
            self._deliveries = (*self._deliveries, Delivery(exporter))

    def carry(self, deadline: float = float("inf")) -> bool:
        """Hand over what waits now; False when the time was up before.

        Args:
            deadline: Monotonic time in seconds, looked at between batches.
        """
        # What comes meanwhile is for the next call, or one in a stream of spans would never end.
        left = self._waiting.waiting
        with self._measured():
            self._prepare()
            while left > 0:
                if time.monotonic() >= min(deadline, self.stop_at):
                    return False
                left -= self._carry_batch(min(left, self._batch_size))
        return not self.given_up

    def flush(self, deadline: float) -> bool:
        """Let every exporter deliver what it has, each in its share of the time."""
        with self._measured():
            results: list[bool] = []
            for position, delivery in enumerate(self._deliveries):
                with self._busy(delivery):
                    results.append(delivery.flush(self._share(position, deadline)))
        return all(results)

    def shutdown(self, deadline: float) -> None:
        """Refuse what waits, shut every exporter down and make all counts true."""
        self._waiting.end()
        with self._measured():
            self._shut_down(None, deadline)
        self._settle()

    def give_up(self, deadline: float) -> None:
        """Shut down what does not hang, from another thread than the one that hangs; once."""
        with self._waiting.lock:
            if self.given_up:
                return
            self.given_up = True
            self._waiting.end()
            stuck = self._busy_with
        self._shut_down(stuck, deadline)
        self._settle()

    def after_fork(self) -> None:
        """Forget everything in a process that was forked off."""
        self._start_again()
        for delivery in self._deliveries:
            delivery.after_fork()

    def _start_again(self) -> None:
        self.stop_at = float("inf")
        self.given_up = False
        self.cpu_seconds = 0.0
        self._busy_with: Delivery | None = None

    def _prepare(self) -> None:
        if self._before is not None:
            try:
                self._before()
            except Exception as error:  # noqa: BLE001 - spans are not lost for it
                self._not_done.tell(error)

    def _carry_batch(self, limit: int) -> int:
        with self._waiting.lock:
            if self.given_up:
                return limit
            batch = self._waiting.take(limit)
            deliveries = self._deliveries
            _owe(deliveries, len(batch))
        spans = self._preparation.prepared(batch)
        unfit = len(batch) - len(spans)
        if unfit:
            with self._waiting.lock:
                self._waiting.refuse_taken(unfit)
                _owe(deliveries, -unfit)
        for delivery in deliveries:
            with self._busy(delivery):
                if spans and not self.given_up:
                    delivery.export(spans)
        return limit

    def _shut_down(self, stuck: Delivery | None, deadline: float) -> None:
        for position, delivery in enumerate(self._deliveries):
            if delivery is not stuck:
                with self._busy(delivery):
                    delivery.shutdown(self._share(position, deadline))

    def _settle(self) -> None:
        with self._waiting.lock:
            for delivery in self._deliveries:
                delivery.settle()

    def _share(self, position: int, deadline: float) -> float:
        """Return the seconds for one exporter: what its like after it leave untouched is theirs."""
        return max(0.0, deadline - time.monotonic()) / (len(self._deliveries) - position)

    @contextmanager
    def _busy(self, delivery: Delivery) -> Generator[None]:
        self._busy_with = delivery
        try:
            yield
        finally:
            self._busy_with = None

    @contextmanager
    def _measured(self) -> Generator[None]:
        begun = time.thread_time()
        try:
            yield
        finally:
            self.cpu_seconds += time.thread_time() - begun


def _owe(deliveries: Iterable[Delivery], count: int) -> None:
    for delivery in deliveries:
        delivery.owed += count
