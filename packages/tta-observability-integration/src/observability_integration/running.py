"""What is set up in this process, and how it is undone."""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .forking import tell_of_forks

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import Meter
    from opentelemetry.trace import TracerProvider

    from .meters import LazyMeterProvider
    from .metrics.instrument import CellSource
    from .metrics.registry import Registry
    from .spans.light_tracer import LightTracerProvider

DELIVERY_SECONDS: Final = 2.0
# Finalizers of the app have priorities from 0 on, mostly, and may still make spans.
_AFTER_THE_APP: Final = -100
_logger = logging.getLogger("observability_integration")


class Delivery(NamedTuple):
    """What undoes a part that has something to deliver first.

    Attributes:
        close: Takes the seconds that this may last.
    """

    close: Callable[[float], object]


class Running:
    """What one `initialize_observability` set up, and how to undo it.

    Attributes:
        tracer_provider: Where spans come from; None without traces.
        cells: Where calls are counted; None without metrics.
        registry: The same where it is our own.
        meter: Where it is the user's.
        kept: What must live until all is delivered.
        closers: What undoes each part, in the order of their making.
    """

    def __init__(self) -> None:
        self.tracer_provider: TracerProvider | None = None
        self.cells: CellSource | None = None
        self.registry: Registry | None = None
        self.meter: Meter | None = None
        self.kept: list[object] = []
        self.closers: list[Callable[[], object] | Delivery] = []

    def attempt(self, what: str, set_up: Callable[[], None]) -> None:
        """Set a part up; one that fails is undone and told, and the app goes on without it."""
        done = len(self.closers)
        try:
            set_up()
        except Exception:
            _logger.exception("%s could not be set up; the app goes on without them", what)
            self.close(down_to=done)

    def close(self, *, down_to: int = 0) -> None:
        """Undo what was set up, last things first.

        What delivers shares two seconds: each has its part of what the ones before it left.
        """
        until = time.monotonic() + DELIVERY_SECONDS
        waiting = sum(isinstance(closer, Delivery) for closer in self.closers[down_to:])
        while len(self.closers) > down_to:
            closer = self.closers.pop()
            try:
                if isinstance(closer, Delivery):
                    seconds = max(0.0, until - time.monotonic()) / waiting
                    waiting -= 1
                    closer.close(seconds)
                else:
                    closer()
            except Exception:
                _logger.exception("a part of observability could not be shut down")


class Process:
    """The state of this process; providers can be installed only once in its life.

    Attributes:
        lock: Held while something is set up or closed; also by a signal handler of that thread.
        running: What is set up; None for nothing.
        tracer_provider: Ours, once it was installed.
        meter_provider: The same.
        shut_down: Closes what is running; set with it.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.shut_down: Callable[[], object] = list
        self.running: Running | None = None
        self.tracer_provider: LightTracerProvider | None = None
        self.meter_provider: LazyMeterProvider | None = None
        tell_of_forks(self)

    def after_fork(self) -> None:
        """Begin with a lock that nobody holds, and close at the end of a worker."""
        self.lock = threading.RLock()
        util: Any = sys.modules.get("multiprocessing.util")  # Any: it tells its workers of forks
        if util is not None:
            util.register_after_fork(self, Process.close_with_worker)

    def close_with_worker(self) -> None:
        """Close at the end of a worker of `multiprocessing`, which skips `atexit`."""
        util: Any = sys.modules.get("multiprocessing.util")  # Any: as above
        if util is not None and sys.modules["multiprocessing.process"].parent_process():
            util.Finalize(self, self.shut_down, exitpriority=_AFTER_THE_APP)
