"""Find steps that hold the event loop, by name and by line.

A step that calls `time.sleep`, uses a client that is not async, or computes for long, stops
everything else in its event loop. In asyncio's debug mode such steps are found without asking:
under `asyncio.run(..., debug=True)`, `PYTHONASYNCIODEBUG=1` and `python -X dev`. At any other time
`detect_blocking` finds them. Until then nothing of this is loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakSet

from tta_dev_primitives.errors import ConfigurationError

from . import debug_mode
from .observe import ObservabilityPrimitive, observe
from .watchdog import Call, Place, Watchdog, timed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Generator

    from .base import WorkflowPrimitive
    from .context import WorkflowContext
    from .observe import T
    from .watchdog import Hold

__all__ = ["BlockingCall", "Place", "detect_blocking", "watch_debug_loops"]

_THRESHOLD_SECONDS: Final = 0.1
_LOOKS_WITHIN_LIMIT: Final = 4
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BlockingCall:
    """A step that held the event loop.

    Attributes:
        primitive: Label of the primitive; of nested ones, the innermost.
        path: Its place in the workflow.
        seconds: For how long nothing else ran in the loop.
        place: Where it was most of that time; None where it let no other thread look.
    """

    primitive: str
    path: str
    seconds: float
    place: Place | None

    def __str__(self) -> str:
        where = "in code that let no thread look" if self.place is None else f"at {self.place}"
        return (
            f"{self.primitive} ({self.path}) held the event loop for {self.seconds:.3f} s {where}"
        )


@contextlib.contextmanager
def detect_blocking(
    *, threshold_seconds: float = _THRESHOLD_SECONDS
) -> Generator[list[BlockingCall], None, None]:
    """Find the steps that hold an event loop of this process while the block runs.

    Each is logged as a warning when it lets go of the loop, and stands in the list that the block
    gets. A step that holds the loop for ten times as long is logged once before it ends, too. What
    holds the loop outside of any step is not found, nor is a task that a step has started by
    itself, except where that task calls a primitive. Calls that had begun before the block are not
    looked at.

    In the block every call of a primitive costs some microseconds more, and a thread looks at the
    others four times within the threshold; it has ended when the block is left.

    Args:
        threshold_seconds: How long a step may go on without waiting for anything.

    Raises:
        ConfigurationError: The threshold is not a positive, finite number.
    """
    if not 0 < threshold_seconds < float("inf"):
        msg = f"threshold_seconds must be positive and finite, got {threshold_seconds!r}"
        raise ConfigurationError(msg)
    detector = _Detector(threshold_seconds)
    with detector.running():
        yield detector.found


def watch_debug_loops() -> None:
    """Find blocking steps in event loops in debug mode, for as long as one is open.

    A step may hold its loop for the loop's own `slow_callback_duration`.
    """
    _DebugDetector().run_until_no_loop_is_left()


class _Detector(ObservabilityPrimitive):
    """Has the steps of calls timed, and tells of those that took too long."""

    def __init__(self, limit: float) -> None:
        self.found: list[BlockingCall] = []
        self._limit = limit
        self._watchdog = Watchdog(limit / _LOOKS_WITHIN_LIMIT, self._tell, self._tell_hanging)

    @contextlib.contextmanager
    def running(self) -> Generator[None, None, None]:
        """Look while the block runs."""
        self._watchdog.start()
        try:
            with observe(self):
                yield
        finally:
            self._watchdog.stop()

    def start(
        self,
        primitive: WorkflowPrimitive[Any, Any],  # Any: an observer sees every kind
        path: str,
        context: WorkflowContext,
    ) -> Call | None:
        """Return what the steps of a call are told as; None where they are not looked at."""
        return Call(primitive.label, path, self._limit)

    def drive(self, token: object, work: Awaitable[T]) -> Awaitable[T]:
        """Have each step of *work* timed."""
        return work if token is None else timed(self._watchdog, cast("Call", token), work)

    def _tell(self, hold: Hold, seconds: float) -> None:
        found = BlockingCall(hold.call.primitive, hold.call.path, seconds, hold.place)
        self.found.append(found)
        _logger.warning("%s", found)

    def _tell_hanging(self, hold: Hold, seconds: float) -> None:
        found = BlockingCall(hold.call.primitive, hold.call.path, seconds, hold.place)
        _logger.warning("%s, and holds it still", found)


class _DebugDetector(_Detector):
    """Looks only at loops in debug mode, as long as one of those that it saw is open."""

    def __init__(self) -> None:
        super().__init__(_limit_of(asyncio.get_running_loop()))
        self._lock = threading.Lock()
        self._loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()

    def run_until_no_loop_is_left(self) -> None:
        """Look in the background."""
        handle = observe(self)

        def end() -> None:
            handle.remove()
            debug_mode.unsettle()

        self._note(asyncio.get_running_loop())
        self._watchdog.start(while_true=self._any_open, at_end=end)

    def start(
        self,
        primitive: WorkflowPrimitive[Any, Any],  # Any: an observer sees every kind
        path: str,
        context: WorkflowContext,
    ) -> Call | None:
        """Look at the call where its loop is in debug mode."""
        loop = debug_mode.running_loop()
        if loop is None or not loop.get_debug():
            return None
        self._note(loop)
        return Call(primitive.label, path, _limit_of(loop))

    def _tell(self, hold: Hold, seconds: float) -> None:
        super()._tell(hold, seconds)
        self.found.clear()  # nobody will ask, and the process may run for long

    def _note(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._loops.add(loop)

    def _any_open(self) -> bool:
        with self._lock:
            return any(not loop.is_closed() for loop in self._loops)


def _limit_of(loop: asyncio.AbstractEventLoop) -> float:
    """Return the seconds after which asyncio itself calls a callback of *loop* slow."""
    return getattr(loop, "slow_callback_duration", _THRESHOLD_SECONDS)
