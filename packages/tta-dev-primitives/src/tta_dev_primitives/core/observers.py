"""The interface of an observer, and several of them seen as one."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast

from .records import LLMContentRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from .base import WorkflowPrimitive
    from .context import WorkflowContext

Outcome: TypeAlias = Literal[
    "ok", "error", "rejected", "timeout", "cancelled", "fallback", "hit", "stale"
]
T = TypeVar("T")
_logger = logging.getLogger("tta_dev_primitives.observe")


class ObservabilityPrimitive:
    """The interface of an observer; override what you need.

    Calls come from the event loop's thread, on the path of the user's call: be quick. What an
    observer raises is logged once and never reaches the workflow.
    """

    captures_content: bool = False
    """Whether it wants `LLMContentRecord`: what was said to models and by them."""

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
        """Note that the call behind *token* stops working here: it ended, or yielded a chunk.

        It is called in the context that `resume` was called in. A call that was abandoned, and is
        closed by whoever collects it, ends without.
        """

    def drive(self, token: object, work: Awaitable[T]) -> Awaitable[T]:
        """Return what is awaited in place of *work*: the call behind *token*, or a chunk of it.

        For observers that look at each step between two waits. It must hand on everything.
        """
        return work

    def span(self, name: str) -> AbstractContextManager[object]:
        """Return a context manager around a piece of the user's own work."""
        return contextlib.nullcontext()


class Observers:
    """Those who are installed, called in the order of their installation.

    Attributes:
        members: Who is installed.
        watcher: The only one, or one that calls them all.
        resumes: Whether `resume` and `pause` are for anybody.
        drives: Whether `drive` is for anybody.
        captures_content: Whether anybody wants to know what was said to models and by them.
    """

    __slots__ = ("_complained", "captures_content", "drives", "members", "resumes", "watcher")

    def __init__(self, members: tuple[ObservabilityPrimitive, ...]) -> None:
        self.members = members
        self.watcher = members[0] if len(members) == 1 else _Several(members, self.complain)
        self.resumes = any(_overrides(member, "resume") for member in members)
        self.drives = any(_overrides(member, "drive") for member in members)
        self.captures_content = any(member.captures_content for member in members)
        self._complained: set[tuple[int, str]] = set()

    def complain(self, member: ObservabilityPrimitive, method: str, error: Exception) -> None:
        """Tell once that *method* of *member* raised; watching must not break the watched."""
        if (id(member), method) not in self._complained:
            self._complained.add((id(member), method))
            name = type(member).__name__
            _logger.warning(
                "%s.%s raised; the workflow goes on without it", name, method, exc_info=error
            )

    def driven(self, token: object, work: Awaitable[T]) -> Awaitable[T]:
        """Return what is awaited in place of *work*."""
        try:
            return self.watcher.drive(token, work)
        except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
            self.complain(self.watcher, "drive", raised)
            return work


class _Several(ObservabilityPrimitive):
    """Calls several observers, so that none keeps what another raises from the rest."""

    def __init__(
        self,
        members: tuple[ObservabilityPrimitive, ...],
        complain: Callable[[ObservabilityPrimitive, str, Exception], None],
    ) -> None:
        self._members, self._complain = members, complain
        self._resumers = [
            (index, member) for index, member in enumerate(members) if _overrides(member, "resume")
        ]
        self._drivers = [
            (index, member) for index, member in enumerate(members) if _overrides(member, "drive")
        ]

    def start(
        self,
        primitive: WorkflowPrimitive[Any, Any],
        path: str,
        context: WorkflowContext,
    ) -> tuple[object, ...]:
        tokens: list[object] = []
        for member in self._members:
            try:
                tokens.append(member.start(primitive, path, context))
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                tokens.append(None)
                self._complain(member, "start", raised)
        return tuple(tokens)

    def end(self, token: object, outcome: Outcome, error: BaseException | None) -> None:
        for member, own in zip(self._members, cast("tuple[object, ...]", token), strict=True):
            try:
                member.end(own, outcome, error)
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                self._complain(member, "end", raised)

    def event(self, token: object, record: object) -> None:
        told = isinstance(record, LLMContentRecord)
        for member, own in zip(self._members, cast("tuple[object, ...]", token), strict=True):
            if told and not member.captures_content:
                continue  # what is said to models is only for those who ask for it
            try:
                member.event(own, record)
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                self._complain(member, "event", raised)

    def resume(self, token: object) -> list[tuple[ObservabilityPrimitive, object, object]]:
        tokens = cast("tuple[object, ...]", token)
        begun: list[tuple[ObservabilityPrimitive, object, object]] = []
        for index, member in self._resumers:
            try:
                begun.append((member, tokens[index], member.resume(tokens[index])))
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                self._complain(member, "resume", raised)
        return begun

    def pause(self, token: object, resumed: object) -> None:
        begun = cast("list[tuple[ObservabilityPrimitive, object, object]]", resumed)
        for member, own, own_resumed in reversed(begun):
            try:
                member.pause(own, own_resumed)
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                self._complain(member, "pause", raised)

    def drive(self, token: object, work: Awaitable[T]) -> Awaitable[T]:
        tokens = cast("tuple[object, ...]", token)
        for index, member in self._drivers:
            try:
                work = member.drive(tokens[index], work)
            except Exception as raised:  # noqa: BLE001 - logged; watching must not break the watched
                self._complain(member, "drive", raised)
        return work


def _overrides(member: ObservabilityPrimitive, method: str) -> bool:
    return getattr(type(member), method) is not getattr(ObservabilityPrimitive, method)
