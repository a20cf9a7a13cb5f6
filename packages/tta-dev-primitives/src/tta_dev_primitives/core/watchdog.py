"""Time what holds an event loop, and look from a thread of its own where it is meanwhile."""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
import time
import types
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from types import FrameType

T = TypeVar("T")

_HANGS_AFTER_LIMITS: Final = 10
_OWN_FOLDER: Final = f"{Path(__file__).parents[1]}{os.sep}"
_LIBRARIES: Final = (
    "<frozen",
    _OWN_FOLDER,
    *(
        f"{sysconfig.get_path(name)}{os.sep}"
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    ),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of code; `inside` is where it had called into a library, where it had.

    Attributes:
        file: Path of the file.
        line: Number of the line, from 1.
        function: Qualified name of the function.
        inside: File, line and function in a library, as text, or None.
    """

    file: str
    line: int
    function: str
    inside: str | None = None

    def __str__(self) -> str:
        within = f" (inside {self.inside})" if self.inside else ""
        return f"{self.file}:{self.line} in {self.function}{within}"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a primitive whose steps are timed.

    Attributes:
        primitive: Label of the primitive.
        path: Its place in the workflow.
        limit: Seconds for which one step may hold the loop.
    """

    primitive: str
    path: str
    limit: float


class Hold:
    """One step of a call, from where it goes on to where it waits or ends.

    Attributes:
        call: Whose step it is.
        began: When.
        outer: The step of the enclosing call that this one is part of, or None.
        told: Seconds within it that were told of already.
        hanging: Whether it was told that it does not end.
        places: Where it was seen, and how often; without steps inside it that were told of.
    """

    __slots__ = ("began", "call", "hanging", "outer", "places", "told")

    def __init__(self, call: Call, outer: Hold | None, began: float) -> None:
        self.call, self.outer, self.began = call, outer, began
        self.told, self.hanging = 0.0, False
        self.places: Counter[Place] = Counter()

    @property
    def place(self) -> Place | None:
        """Where it was seen most often."""
        found = self.places.most_common(1)
        return found[0][0] if found else None


class Watchdog:
    """Times steps, and looks now and then where those are that take long.

    Args:
        interval: Seconds between two looks.
        too_long: Called in the loop's thread with a step that took too long, and the seconds.
        hanging: Called in the watchdog's thread, once, with a step that may never end.
    """

    def __init__(
        self,
        interval: float,
        too_long: Callable[[Hold, float], None],
        hanging: Callable[[Hold, float], None],
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._interval, self._monotonic = interval, monotonic
        self._too_long, self._hanging = too_long, hanging
        self._innermost: dict[int, Hold] = {}  # by the thread of the loop
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(
        self,
        while_true: Callable[[], bool] = lambda: True,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin to look.

        Args:
            while_true: Asked before each look; when it says no, the thread ends.
            at_end: Called by the thread as its last act.
        """
        self._thread = threading.Thread(
            target=self._watch, args=(while_true, at_end), name="tta-watchdog", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Look no more; the thread has ended when this returns."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def enter(self, call: Call) -> Hold:
        """Note that a step of *call* goes on in this thread."""
        thread = threading.get_ident()
        hold = Hold(call, self._innermost.get(thread), self._monotonic())
        self._innermost[thread] = hold
        return hold

    def leave(self, hold: Hold) -> None:
        """Note that a step waits or has ended, and tell of it where it took too long.

        What a step inside it was told of is not told again.
        """
        thread, outer = threading.get_ident(), hold.outer
        with self._lock:  # from here on nothing more is seen of it
            elapsed = self._monotonic() - hold.began
            untold = elapsed - hold.told
            tells = untold >= hold.call.limit
            if outer is None:
                del self._innermost[thread]
            else:
                self._innermost[thread] = outer
                outer.told += elapsed if tells else hold.told
                if not tells:
                    outer.places.update(hold.places)
        if tells:
            self._too_long(hold, untold)

    def _watch(self, while_true: Callable[[], bool], at_end: Callable[[], None]) -> None:
        while not self._stopped.wait(self._interval) and while_true():
            for thread, hold in list(self._innermost.items()):
                self._look(thread, hold)
        at_end()

    def _look(self, thread: int, innermost: Hold) -> None:
        now = self._monotonic()
        if not any(now - hold.began >= hold.call.limit / 2 for hold in _enclosing(innermost)):
            return
        # Not kept in a variable: the answer holds this very frame, and both would wait for the
        # collector together with the frames of all threads.
        frame = sys._current_frames().get(thread)  # pyright: ignore[reportPrivateUsage]
        place = None if frame is None else place_of(frame)
        with self._lock:
            if place is None or self._innermost.get(thread) is not innermost:
                return  # it has gone on meanwhile
            innermost.places[place] += 1
        age = now - innermost.began
        if age >= _HANGS_AFTER_LIMITS * innermost.call.limit and not innermost.hanging:
            innermost.hanging = True
            self._hanging(innermost, age)


@types.coroutine
def timed(
    watchdog: Watchdog, call: Call, work: Awaitable[T]
) -> Generator[Any, Any, T]:  # Any: what goes to and from the event loop
    """Await *work*, telling *watchdog* when it goes on and when it waits."""
    # Where detections are nested, the work is what this function made: awaitable, as
    # generator-based coroutines are, and yet without `__await__`.
    steps = cast("Generator[Any, Any, T]", getattr(work, "__await__", lambda: work)())
    answer: Any = None
    error: BaseException | None = None
    while True:
        hold = watchdog.enter(call)
        try:
            waits_for = steps.send(answer) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value
        finally:
            answer = error = None
            watchdog.leave(hold)
        try:
            answer = yield waits_for
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as thrown:  # noqa: BLE001 - thrown into the work, all of them
            error = thrown


def place_of(frame: FrameType) -> Place:
    """Return where the code runs whose innermost frame is *frame*.

    That is the innermost line outside of libraries. Where all of the step is in libraries, it is
    the line of the step's own function, and in a step of this package the innermost line.
    """
    step: list[FrameType] = []
    looked_at: FrameType | None = frame
    while looked_at is not None and looked_at.f_code is not timed.__code__:
        step.append(looked_at)
        looked_at = looked_at.f_back
    outside = (each for each in step if not each.f_code.co_filename.startswith(_LIBRARIES))
    foreign = (each for each in reversed(step) if not _is_own(each))
    found = next(outside, None) or next(foreign, None) or frame
    line = _line(found)
    return line if found is frame else replace(line, inside=str(_line(frame)))


def _line(frame: FrameType) -> Place:
    return Place(frame.f_code.co_filename, frame.f_lineno or 0, frame.f_code.co_qualname)


def _is_own(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_OWN_FOLDER)


def _enclosing(hold: Hold | None) -> Generator[Hold, None, None]:
    while hold is not None:
        yield hold
        hold = hold.outer
