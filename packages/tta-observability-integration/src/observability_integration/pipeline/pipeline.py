"""The way of every ended span: from the path of a call, through one thread, to the exporters."""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from opentelemetry import context as otel_context

from observability_integration.forking import tell_of_forks

from .carrier import Carrier
from .waiting import WaitingSpans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from observability_integration.export.exporter import SpanExporter
    from observability_integration.spans.light_span import LightSpan

DEFAULT_TIMEOUT_SECONDS: Final = 2.0
# Of the time for a shutdown: how much of it is for spans that still wait, and when an exporter that
# has not come back by then is taken to hang. The rest is for exporters to deliver what they have.
_FOR_WAITING: Final = 0.6
_UNTIL_STUCK: Final = 0.75


class _Flush:
    """Somebody waits for what was offered so far."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.delivered = False
        self.answered = threading.Event()


class SpanPipeline:
    """Take ended spans on the path of calls and bring them to exporters in batches, elsewhere.

    One daemon thread prepares the spans and calls the exporters, one exporter at a time: none of
    them needs a lock against the pipeline, and a slow one makes spans wait, not calls. What comes
    while `max_waiting` spans wait is dropped and counted. After `shutdown`, for each exporter that
    was there from the beginning, `exporter.exported + exporter.dropped + pipeline.dropped` is
    `pipeline.offered`.

    In a process that is forked off, the pipeline begins empty, at zero, with a thread of its own.

    Args:
        exporters: Where spans go.
        max_waiting: Most spans that wait for the thread.
        batch_size: Most spans that are handed over at once; so many wake the thread.
        interval_seconds: Longest that a span waits for the thread to wake by itself.
        resolve: Completes each span, in the thread, before exporters see it. Where it raises, the
            span goes on as it is.
        before: Called in the thread whenever it looks for spans, for work that can wait so long.

    Attributes:
        offer: Take an ended span; costs one step on a queue, never blocks and never raises. It may
            be a span of opentelemetry-sdk. After `shutdown` spans are dropped.

    Raises:
        ValueError: A number is too small.
    """

    offer: Callable[[object], None]

    def __init__(
        self,
        exporters: Iterable[SpanExporter],
        *,
        max_waiting: int = 65_536,
        batch_size: int = 512,
        interval_seconds: float = 0.5,
        resolve: Callable[[LightSpan], object] | None = None,
        before: Callable[[], object] | None = None,
    ) -> None:
        for name, number in (("max_waiting", max_waiting), ("batch_size", batch_size)):
            if number < 1:
                msg = f"{name} must be at least 1, got {number!r}"
                raise ValueError(msg)
        if not interval_seconds > 0:
            msg = f"interval_seconds must be positive, got {interval_seconds!r}"
            raise ValueError(msg)
        self._interval_seconds = _possible(interval_seconds)
        wake_at = min(batch_size, max(1, max_waiting // 2))
        self._waiting = WaitingSpans(max_waiting, wake_at, self._wake)
        self._carrier = Carrier(self._waiting, exporters, batch_size, resolve, before)
        self.offer = self._waiting.offer
        self._start_again(is_open=True)
        tell_of_forks(self)
        self._begin_thread()

    @property
    def exporters(self) -> tuple[SpanExporter, ...]:
        """Where spans go."""
        return self._carrier.exporters

    @property
    def offered(self) -> int:
        """How many spans came, whatever became of them."""
        return self._waiting.offered

    @property
    def dropped(self) -> int:
        """How many spans no exporter was given: too many waited, or the pipeline was shut down."""
        return self._waiting.refused

    @property
    def waiting(self) -> int:
        """How many spans wait for the thread."""
        return self._waiting.waiting

    @property
    def cpu_seconds(self) -> float:
        """How much processor time preparing and exporting cost so far."""
        return self._carrier.cpu_seconds

    def add_exporter(self, exporter: SpanExporter) -> None:
        """Give *exporter* the spans that are taken from the queue from now on."""
        self._carrier.add(exporter)

    def flush(self, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> bool:
        """Deliver what was offered so far; False when the time was up before all of it was.

        While an exporter flushes, what is offered waits. A call from the pipeline's own thread,
        such as that of an exporter, returns False at once.

        Args:
            timeout_seconds: Longest wait, all exporters together.
        """
        if self._in_thread():
            return False
        if self._closing:
            return self._done.is_set()
        request = _Flush(time.monotonic() + timeout_seconds)
        if self._begin_thread() is not None:
            self._requests.put(request)
            request.answered.wait(_possible(timeout_seconds))
        else:
            self._answer(request)
        return request.delivered

    def shutdown(self, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        """Deliver what waits, shut the exporters down and end the thread; twice is fine.

        Returns in time even where an exporter hangs. The thread then ends when it comes back, and
        what was not delivered counts as dropped. A call from the pipeline's own thread returns at
        once, and the thread does the rest.

        Args:
            timeout_seconds: Longest wait, all exporters together.
        """
        begun, seconds = time.monotonic(), _possible(timeout_seconds)
        with self._waiting.lock:
            if not self._closing:
                self._closing = True
                self._deadline = begun + seconds
                self._carrier.stop_at = begun + seconds * _FOR_WAITING
                self._waiting.close()
        if self._in_thread():
            return
        if self._done.is_set() or self._carrier.given_up:
            return
        thread = self._begin_thread()
        if thread is not None:
            self._requests.put(None)
            if self._drained.wait(seconds * _UNTIL_STUCK):
                thread.join(_possible(begun + seconds - time.monotonic()))
        else:
            self._finish()
        if not self._done.is_set():
            self._carrier.give_up(begun + seconds)

    def after_fork(self) -> None:
        """Begin at zero in a process that was forked off; the parent exports what waits."""
        is_open = not self._closing
        self._waiting.start_again(is_open=is_open)
        self._start_again(is_open=is_open)
        self._carrier.after_fork()

    def _start_again(self, *, is_open: bool) -> None:
        self._requests: SimpleQueue[_Flush | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._drained, self._done = threading.Event(), threading.Event()
        self._closing = not is_open
        self._deadline = float("inf")
        if self._closing:
            self._done.set()

    def _wake(self) -> None:
        if self._begin_thread() is not None:
            self._requests.put(None)

    def _in_thread(self) -> bool:
        return threading.current_thread() is self._thread

    def _begin_thread(self) -> threading.Thread | None:
        """Begin the thread unless it runs; None where no thread can be had."""
        with self._waiting.lock:
            if self._thread is not None and self._thread.is_alive():
                return self._thread
            thread = threading.Thread(target=self._run, name="tta-span-pipeline", daemon=True)
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:  # the interpreter is about to end, or there are too many threads
                self._thread = None
                return None
            self._waiting.watched()
            return thread

    def _run(self) -> None:
        # Requests that exporters send make no spans, which would have to be sent in turn.
        otel_context.attach(
            otel_context.set_value(
                otel_context._SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage]
                True,  # noqa: FBT003 - OpenTelemetry's signature
                otel_context.Context(),
            )
        )
        while not self._closing:
            try:
                request = self._requests.get(timeout=self._interval_seconds)
            except Empty:
                request = None
            # From here on an offer wakes again, and what came before it is carried now.
            self._waiting.awake = False
            if request is None:
                self._carrier.carry()
            else:
                self._answer(request)
        self._finish()

    def _answer(self, request: _Flush) -> None:
        nobody_waits = time.monotonic() >= request.deadline
        if not nobody_waits and self._carrier.carry(request.deadline):
            request.delivered = self._carrier.flush(request.deadline)
        request.answered.set()

    def _finish(self) -> None:
        self._carrier.carry()
        self._drained.set()
        self._carrier.shutdown(self._deadline)
        self._done.set()
        while not self._requests.empty():
            late = self._requests.get()
            if late is not None:
                late.answered.set()


def _possible(seconds: float) -> float:
    """Return *seconds* as threads can wait."""
    return min(max(0.0, seconds), threading.TIMEOUT_MAX)
