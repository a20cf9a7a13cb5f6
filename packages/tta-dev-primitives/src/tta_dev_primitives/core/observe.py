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
import logging
import sys
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypeVar

from . import debug_mode
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
    LLMRecord,
    LoopRecord,
    RateLimitRecord,
    RetryRecord,
    RetryScheduledRecord,
    RouteRecord,
    SagaRecord,
    TimeoutRecord,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from contextlib import AbstractContextManager

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
    "LLMRecord",
    "LoopRecord",
    "ObservabilityPrimitive",
    "ObserverHandle",
    "Observers",
    "Outcome",
    "RateLimitRecord",
    "RetryRecord",
    "RetryScheduledRecord",
    "RouteRecord",
    "SagaRecord",
    "TimeoutRecord",
    "observe",
    "observed_execute",
    "observed_stream",
    "outcome_of",
    "report",
]

Outcome: TypeAlias = Literal[
    "ok", "error", "rejected", "timeout", "cancelled", "fallback", "hit", "stale"
]
T = TypeVar("T")
Resumed: TypeAlias = "list[tuple[ObservabilityPrimitive, object, object]]"
_logger = logging.getLogger("tta_dev_primitives.observe")


class ObservabilityPrimitive:
    """The interface of an observer; override what you need.

    Calls come from the event loop's thread, on the path of the user's call: be quick. What an
    observer raises is logged once and never reaches the workflow.
    """

    def start(
        self,
        primitive: WorkflowPrimitive[Any, Any],  # Any: an observer sees every kind
        path: str,
        context: WorkflowContext,
    ) -> object:
        """Note that *primitive* begins; the returned token comes back with `event` and `end`."""
        return None

    def end(self, token: object, outcome: Outcome, error: BaseException | None) -> None:
        """Note that the call behind *token* is over."""

    def event(self, token: object, record: object) -> None:
        """Take one typed record about the call behind *token*."""

    def resume(self, token: object) -> object:
        """Note that the call behind *token* works in this task until `pause`.

        Called once for `execute`, and for a stream around each chunk, never across a yield. What
        it returns comes back with `pause`.
        """
        return None

    def pause(self, token: object, resumed: object) -> None:
        """Note that the call behind *token* stops working here: it ended, or yielded a chunk."""

    def drive(self, token: object, work: Awaitable[T]) -> Awaitable[T]:
        """Return what is awaited in place of *work*: the call behind *token*, or a chunk of it.

        For observers that look at each step between two waits. It must hand on everything.
        """
        return work

    def span(self, name: str) -> AbstractContextManager[object]:
        """Return a context manager around a piece of the user's own work."""
        return contextlib.nullcontext()


class Frame:
    """One running call, as the observers see it."""

    __slots__ = ("observers", "outcome", "path", "primitive", "run", "tokens")

    def __init__(
        self,
        observers: Observers,
        primitive: WorkflowPrimitive[Any, Any],
        run: Callable[..., Any],  # Any: only compared
        path: str,
        context: WorkflowContext,
    ) -> None:
        self.observers, self.primitive, self.run, self.path = observers, primitive, run, path
        self.outcome: Outcome = "ok"
        self.tokens: tuple[object, ...] = observers.start(primitive, path, context)


class Observers:
    """All installed observers, called in the order they were installed."""

    def __init__(self, members: tuple[ObservabilityPrimitive, ...]) -> None:
        self.members = members
        self._only = members[0] if len(members) == 1 else None
        self.resumers = tuple(
            (index, member)
            for index, member in enumerate(members)
            if type(member).resume is not ObservabilityPrimitive.resume
        )
        self.drivers = tuple(
            (index, member)
            for index, member in enumerate(members)
            if type(member).drive is not ObservabilityPrimitive.drive
        )
        self._complained: set[tuple[int, str]] = set()

    def start(
        self,
        primitive: WorkflowPrimitive[Any, Any],
        path: str,
        context: WorkflowContext,
    ) -> tuple[object, ...]:
        """Tell every observer, and return a token for each."""
        if self._only is not None:  # as below, for half of its price
            try:
                return (self._only.start(primitive, path, context),)
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                self._complain(self._only, "start", raised)
                return (None,)
        tokens: list[object] = []
        for member in self.members:
            try:
                tokens.append(member.start(primitive, path, context))
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                tokens.append(None)
                self._complain(member, "start", raised)
        return tuple(tokens)

    def end(self, frame: Frame, outcome: Outcome, error: BaseException | None) -> None:
        """Tell every observer that the call is over."""
        if self._only is not None:
            try:
                self._only.end(frame.tokens[0], outcome, error)
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                self._complain(self._only, "end", raised)
            return
        for member, token in zip(self.members, frame.tokens, strict=True):
            try:
                member.end(token, outcome, error)
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                self._complain(member, "end", raised)

    def event(self, frame: Frame, record: object) -> None:
        """Hand *record* to every observer."""
        for member, token in zip(self.members, frame.tokens, strict=True):
            try:
                member.event(token, record)
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                self._complain(member, "event", raised)

    def resume(self, frame: Frame) -> Resumed:
        """Tell those who want to know that *frame* works in this task until `pause`."""
        begun: Resumed = []
        for index, member in self.resumers:
            token = frame.tokens[index]
            try:
                begun.append((member, token, member.resume(token)))
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                self._complain(member, "resume", raised)
        return begun

    def pause(self, begun: Resumed) -> None:
        """Undo `resume`, last observer first."""
        while begun:
            member, token, resumed = begun.pop()
            try:
                member.pause(token, resumed)
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                self._complain(member, "pause", raised)

    def driven(self, frame: Frame, work: Awaitable[T]) -> Awaitable[T]:
        """Return what is awaited in place of *work*, which the first observer is closest to."""
        for index, member in self.drivers:
            try:
                work = member.drive(frame.tokens[index], work)
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                self._complain(member, "drive", raised)
        return work

    def _complain(self, member: ObservabilityPrimitive, method: str, error: Exception) -> None:
        if (id(member), method) not in self._complained:
            self._complained.add((id(member), method))
            name = type(member).__name__
            _logger.warning(
                "%s.%s raised; the workflow goes on without it", name, method, exc_info=error
            )


active: Observers | None
"""The hook: None while nobody watches. It gets its value with the first call; see `debug_mode`."""

settled = False
_frame: ContextVar[Frame | None] = ContextVar("tta_frame", default=None)

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
    frame = _frame.get()
    if frame is not None:
        frame.observers.event(frame, record)
        if outcome is not None:
            frame.outcome = outcome


def outcome_of(error: BaseException) -> Outcome:
    """Return the outcome word for a call that ended with *error*."""
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return "cancelled"
    if isinstance(error, builtins.TimeoutError):
        return "timeout"
    return "error"


def _ended(frame: Frame, error: BaseException) -> Outcome:
    """Return the outcome of *frame*, which *error* ended; a refusal it reported stands."""
    return "rejected" if frame.outcome == "rejected" else outcome_of(error)


def _enter(
    primitive: WorkflowPrimitive[Any, Any],
    run: Callable[..., Any],  # Any: only compared
    context: WorkflowContext,
    observers: Observers,
) -> Frame | None:
    """Open a frame, or return None when the call is `super().execute()` of one already open."""
    above = _frame.get()
    if above is None:
        path = primitive.path_segment("0")
    else:
        if above.primitive is primitive and above.run is not run:
            return None
        path = f"{above.path}/{above.primitive.segment_of(primitive)}"
    return Frame(observers, primitive, run, path, context)


def _leave(token: Token[Frame | None]) -> None:
    """Make the frame above the current one again."""
    try:  # noqa: SIM105 - on the path of every call
        _frame.reset(token)
    except ValueError:
        # An abandoned call is closed in the context of whoever collects it, where the frame was
        # never current: nothing to undo.
        pass


async def observed_execute(
    run: Callable[..., Awaitable[T]],
    primitive: WorkflowPrimitive[Any, Any],
    input_data: Any,  # Any: passed through untouched
    context: WorkflowContext,
) -> T:
    """Run *run* as an observed call of *primitive*."""
    observers = active if settled else debug_mode.settle()
    frame = None if observers is None else _enter(primitive, run, context, observers)
    if observers is None or frame is None:
        return await run(primitive, input_data, context)
    above = _frame.set(frame)
    begun = observers.resume(frame) if observers.resumers else None
    try:
        work = run(primitive, input_data, context)
        value = await (observers.driven(frame, work) if observers.drivers else work)
    except BaseException as error:
        if begun is not None:
            observers.pause(begun)
        _leave(above)
        observers.end(frame, _ended(frame, error), error)
        raise
    if begun is not None:
        observers.pause(begun)
    _leave(above)
    observers.end(frame, frame.outcome, None)
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
    frame = None if observers is None else _enter(primitive, run, context, observers)
    chunks = run(primitive, input_data, context)
    if observers is None or frame is None:
        async with contextlib.aclosing(chunks):
            async for chunk in chunks:
                yield chunk
        return
    error: BaseException | None = None
    outcome: Outcome = "ok"
    try:
        while True:
            above = _frame.set(frame)
            begun = observers.resume(frame)
            try:
                work = anext(chunks)
                chunk = await (observers.driven(frame, work) if observers.drivers else work)
            except StopAsyncIteration:
                outcome = frame.outcome
                return
            finally:
                observers.pause(begun)
                _leave(above)
            yield chunk
    except BaseException as raised:
        error, outcome = raised, _ended(frame, raised)
        raise
    finally:
        above = _frame.set(frame)
        begun = observers.resume(frame)
        try:
            await chunks.aclose()
        finally:
            observers.pause(begun)
            _leave(above)
            observers.end(frame, outcome, error)
