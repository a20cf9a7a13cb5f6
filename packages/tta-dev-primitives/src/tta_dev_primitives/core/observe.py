"""Watch what primitives do, and pay nothing while nobody watches.

An observer implements `ObservabilityPrimitive` and is installed with `observe(observer)`. With no
observer installed, a primitive tests one module attribute and goes on.

What a primitive decided it tells in the records of `core.records`, which can be had from here.

In an event loop in debug mode, `core.debug_mode` installs an observer of its own.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import sys
from typing import TYPE_CHECKING, Any, Self, TypeVar

from . import debug_mode
from .frames import Frame, Place, current
from .observers import ObservabilityPrimitive, Observers, Outcome
from .records import (
    BatchReason,
    BatchRecord,
    BranchRecord,
    BreakerRecord,
    BreakerState,
    BreakerTransitionRecord,
    BudgetRecord,
    CacheRecord,
    CacheResult,
    FallbackRecord,
    FaultKind,
    FaultRecord,
    HedgeRecord,
    LLMContentRecord,
    LLMRecord,
    LLMRequestRecord,
    LoopRecord,
    MapItemRecord,
    MapRecord,
    OutputType,
    RateLimitRecord,
    RetryRecord,
    RetryScheduledRecord,
    RouteRecord,
    SagaRecord,
    SagaStepRecord,
    SagaUndoRecord,
    TimeoutRecord,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from contextvars import Token

    from .base import WorkflowPrimitive
    from .context import WorkflowContext

__all__ = [
    "BatchReason",
    "BatchRecord",
    "BranchRecord",
    "BreakerRecord",
    "BreakerState",
    "BreakerTransitionRecord",
    "BudgetRecord",
    "CacheRecord",
    "CacheResult",
    "FallbackRecord",
    "FaultKind",
    "FaultRecord",
    "Frame",
    "HedgeRecord",
    "LLMContentRecord",
    "LLMRecord",
    "LLMRequestRecord",
    "LoopRecord",
    "MapItemRecord",
    "MapRecord",
    "ObservabilityPrimitive",
    "ObserverHandle",
    "Observers",
    "Outcome",
    "OutputType",
    "RateLimitRecord",
    "RetryRecord",
    "RetryScheduledRecord",
    "RouteRecord",
    "SagaRecord",
    "SagaStepRecord",
    "SagaUndoRecord",
    "TimeoutRecord",
    "observe",
    "observed_execute",
    "observed_stream",
    "outcome_of",
    "report",
]

T = TypeVar("T")

active: Observers | None
"""The hook: None while nobody watches. It gets its value with the first call; see `debug_mode`."""

settled = False

if not TYPE_CHECKING:  # so that checkers go on refusing names that do not exist

    def __getattr__(name):  # noqa: ANN001, ANN202
        """Give `active` its value: asked for once, so that later calls find it without a test."""
        if name != "active":
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        return debug_mode.first_asked(sys._getframe(1).f_globals.get("__name__", ""))


class ObserverHandle:
    """Removes an observer again; also a context manager."""

    def __init__(self, observer: ObservabilityPrimitive) -> None:
        self._observer: ObservabilityPrimitive | None = observer

    def remove(self) -> None:
        """Stop telling the observer; calls under way still report their end to it."""
        global active  # noqa: PLW0603 - the one hook of the package
        if self._observer is None:
            return
        installed = debug_mode.installed()
        members = () if installed is None else installed.members
        kept = tuple(member for member in members if member is not self._observer)
        active = Observers(kept) if kept else None
        self._observer = None
        if not settled:
            debug_mode.unsettle()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def observe(observer: ObservabilityPrimitive) -> ObserverHandle:
    """Install *observer* for the whole process and return a handle that removes it.

    Several observers may be installed; one that is installed already is not added twice.
    """
    global active  # noqa: PLW0603 - the one hook of the package
    installed = debug_mode.installed()
    members = () if installed is None else installed.members
    if not any(member is observer for member in members):
        active = Observers((*members, observer))
    return ObserverHandle(observer)


def report(record: object, *, outcome: Outcome | None = None) -> None:
    """Hand *record* to the observers of the running call and set how the call will be seen.

    Primitives call this only after they have tested `active`. Outside any observed call it does
    nothing.
    """
    frame = current.get()
    if frame is None:
        return
    watcher = frame.observers.watcher
    try:
        watcher.event(frame.token, record)
    except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
        frame.observers.complain(watcher, "event", raised)
    if outcome is not None:
        frame.outcome = outcome


def outcome_of(error: BaseException) -> Outcome:
    """Return the outcome word for a call that ended with *error*."""
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return "cancelled"
    if isinstance(error, builtins.TimeoutError):
        return "timeout"
    return "error"


def _is_super_call(
    above: Frame | None,
    primitive: WorkflowPrimitive[Any, Any],
    run: Callable[..., Any],  # Any: only compared
) -> bool:
    """Tell whether *run* is `super().execute()` of the call that *above* stands for."""
    return above is not None and above.place.primitive is primitive and above.run is not run


def _place_of(primitive: WorkflowPrimitive[Any, Any], above: Frame | None) -> Place:
    """Return where *primitive* stands, called by *above*."""
    if above is None:
        place = primitive.root_place
        return place if place is not None and place.is_of(primitive) else primitive.make_root()
    place = above.place.below.get(id(primitive))
    return (
        place if place is not None and place.is_of(primitive) else above.place.place_of(primitive)
    )


def _started(
    observers: Observers,
    run: Callable[..., Any],  # Any: only compared
    place: Place,
    context: WorkflowContext,
) -> Frame:
    """Tell the observers that a call begins, and return its frame."""
    watcher, token = observers.watcher, None
    try:
        token = watcher.start(place.primitive, place.path, context)
    except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
        observers.complain(watcher, "start", raised)
    return Frame(observers, run, place, token)


def _ended(frame: Frame, error: BaseException | None) -> None:
    """Tell the observers that *frame* is over; a refusal that it reported stands."""
    outcome = frame.outcome
    if error is not None and outcome != "rejected":
        outcome = outcome_of(error)
    watcher = frame.observers.watcher
    try:
        watcher.end(frame.token, outcome, error)
    except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
        frame.observers.complain(watcher, "end", raised)


def _working(frame: Frame) -> tuple[Token[Frame | None], object, bool]:
    """Make *frame* the current one; return what `_stopped` takes."""
    before, observers = current.set(frame), frame.observers
    if not observers.resumes:
        return before, None, False
    try:
        return before, observers.watcher.resume(frame.token), True
    except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
        observers.complain(observers.watcher, "resume", raised)
        return before, None, False


def _stopped(frame: Frame, before: Token[Frame | None], resumed: object, told: bool) -> None:  # noqa: FBT001 - on the path of every call
    """Make the frame above *frame* the current one again."""
    try:
        current.reset(before)
    except ValueError:
        # An abandoned call is closed in the context of whoever collects it, where the frame was
        # never current: nothing to undo.
        return
    if told:
        observers = frame.observers
        try:
            observers.watcher.pause(frame.token, resumed)
        except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
            observers.complain(observers.watcher, "pause", raised)


async def observed_execute(
    run: Callable[..., Awaitable[T]],
    primitive: WorkflowPrimitive[Any, Any],
    input_data: Any,  # Any: passed through untouched
    context: WorkflowContext,
) -> T:
    """Run *run* as an observed call of *primitive*."""
    # As `observed_stream` does, with the helpers written out: calling them would double the price.
    observers = active if settled else debug_mode.settle()
    above = current.get()
    if above is None:
        place = primitive.root_place
    elif above.place.primitive is primitive and above.run is not run:
        return await run(primitive, input_data, context)  # `super().execute()`
    else:
        place = above.place.below.get(id(primitive))
    if observers is None:
        return await run(primitive, input_data, context)
    if place is None or place.primitive is not primitive or place.name != primitive.name:
        place = _place_of(primitive, above)
    watcher, told, token, resumed = observers.watcher, observers.resumes, None, None
    try:
        token = watcher.start(primitive, place.path, context)
    except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
        observers.complain(watcher, "start", raised)
    frame = Frame(observers, run, place, token)
    before = current.set(frame)
    if told:
        try:
            resumed = watcher.resume(token)
        except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
            told = False
            observers.complain(watcher, "resume", raised)
    try:
        work = run(primitive, input_data, context)
        value = await (observers.driven(token, work) if observers.drives else work)
    except BaseException as error:
        _stopped(frame, before, resumed, told)
        _ended(frame, error)
        raise
    _stopped(frame, before, resumed, told)
    try:
        watcher.end(token, frame.outcome, None)
    except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
        observers.complain(watcher, "end", raised)
    return value


async def observed_stream(
    run: Callable[..., AsyncGenerator[T, None]],
    primitive: WorkflowPrimitive[Any, Any],
    input_data: Any,  # Any: passed through untouched
    context: WorkflowContext,
) -> AsyncGenerator[T, None]:
    """Run *run* as an observed stream; the call ends with the stream, however it ends.

    The frame is current only while the stream is producing, never across a yield: a generator may
    be resumed, or closed, from another task than the one that began it.
    """
    observers = active if settled else debug_mode.settle()
    above = current.get()
    chunks = run(primitive, input_data, context)
    if observers is None or _is_super_call(above, primitive, run):
        async with contextlib.aclosing(chunks):
            async for chunk in chunks:
                yield chunk
        return
    frame = _started(observers, run, _place_of(primitive, above), context)
    error: BaseException | None = None
    try:
        while True:
            working = _working(frame)
            try:
                work = anext(chunks)
                chunk = await (observers.driven(frame.token, work) if observers.drives else work)
            except StopAsyncIteration:
                return
            finally:
                _stopped(frame, *working)
            yield chunk
    except BaseException as raised:
        error = raised
        raise
    finally:
        working = _working(frame)
        try:
            await chunks.aclose()
        finally:
            _stopped(frame, *working)
            _ended(frame, error)
