"""A Redis server as a store sees it: there, or away for a while."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Literal
from weakref import WeakKeyDictionary, WeakSet

from tta_dev_primitives.errors import StoreError

from .loop import LoopConnections
from .outage import Outage
from .wire import ReplyError, ServerGoneError, WireClosedError, pack

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from tta_dev_primitives.core.clock import Clock

    from .address import RedisAddress
    from .scripts import Script
    from .wakeups import Listener
    from .wire import Reply

Purpose = Literal["write", "upkeep"]
# What says that the server as a whole can do nothing now; scripts say it in the middle of a text.
_AWAY: Final = re.compile(r"(?:^|-)(?:LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|NOAUTH)\b")
_LONGEST_REASON: Final = 200


class RedisAccess:
    """Ask one server from any loop and thread, and keep away from it while it is away.

    Args:
        address: The server.
        timeout_seconds: How long it may be silent when it should say something.
        clock: Whose monotonic seconds count for an outage.
        pause: Seconds to keep away after so many failed attempts in a row, counted from 0.
    """

    def __init__(
        self,
        address: RedisAddress,
        timeout_seconds: float,
        clock: Clock,
        pause: Callable[[int], float],
    ) -> None:
        self._address, self._timeout = address, timeout_seconds
        patience = 3 * timeout_seconds
        name = f"redis at {address.label}"
        self._away = Outage(f"{name} cannot be used", f"{name} is back", patience, clock, pause)
        # A server that is full or is a replica refuses writes, and answers reads as ever.
        self._refusal = Outage(
            f"{name} takes no writes", f"{name} takes writes again", patience, clock, pause
        )
        self._lock = threading.Lock()
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopConnections] = (
            WeakKeyDictionary()
        )
        _all.add(self)

    async def get(self, name: bytes) -> bytes | None:
        """Return the value of *name*; reads of the same moment go as one question.

        Raises:
            StoreError: The server is away.
        """
        away = self._away
        permit = away.admit()
        here = self._loops.get(asyncio.get_running_loop()) or self._here()
        reads = here.reads
        try:
            if reads is None or reads.commands.gone:
                reads = await here.open_reads()
            value = await reads.get(name)
        except ServerGoneError as error:
            raise self._gone(permit, error) from error
        if value is None or type(value) is bytes:
            if away.lasts:
                away.worked(permit)
            return value
        if isinstance(value, ServerGoneError):
            raise self._gone(permit, value) from value
        raise away.failed(permit, _reason(value))

    async def ask(self, *parts: bytes) -> Reply:
        """Return the answer to a command that changes nothing.

        Raises:
            StoreError: The server is away, or does not do this.
        """
        permit = self._away.admit()
        try:
            commands = await self._here().open_commands()
            reply = await commands.ask(pack(parts))
        except ServerGoneError as error:
            raise self._gone(permit, error) from error
        return self._checked(reply, permit, None)

    async def run(
        self,
        script: Script,
        keys: Sequence[bytes],
        arguments: Sequence[bytes],
        *,
        purpose: Purpose = "write",
    ) -> Reply:
        """Run *script*, at most once, and return its result.

        When the caller is cancelled, it may yet run.

        Args:
            script: What to run.
            keys: The keys that it is told.
            arguments: Its other arguments.
            purpose: A refused write keeps further writes away for a while; upkeep does not.

        Raises:
            StoreError: The server is away, or does not do this.
        """
        refusal = self._refusal.admit() if purpose == "write" else None
        permit = self._away.admit()
        rest = (b"%d" % len(keys), *keys, *arguments)
        try:
            commands = await self._here().open_commands()
            reply = await commands.ask(pack((b"EVALSHA", script.digest, *rest)))
            if isinstance(reply, ReplyError) and str(reply).startswith("NOSCRIPT"):
                reply = await commands.ask(pack((b"EVAL", script.text, *rest)))
        except ServerGoneError as error:
            raise self._gone(permit, error) from error
        return self._checked(reply, permit, refusal)

    def send(
        self,
        script: Script,
        keys: Sequence[bytes],
        arguments: Sequence[bytes],
        answered: Callable[[Reply], None] = lambda _: None,
    ) -> None:
        """Have *script* run without waiting, where there is a connection; never raises."""
        commands = self._here().commands
        if commands is None or self._away.lasts:
            answered(ServerGoneError("there is no connection"))
            return
        rest = (b"%d" % len(keys), *keys, *arguments)
        commands.send(pack((b"EVAL", script.text, *rest)), answered)

    @asynccontextmanager
    async def listen(self, channel: bytes) -> AsyncGenerator[Listener]:
        """Subscribe to *channel* for as long as the block lasts.

        Raises:
            StoreError: The server is away.
        """
        permit = self._away.admit()
        try:
            async with self._here().wakeups.listen(channel) as listener:
                yield listener
        except ServerGoneError as error:
            raise self._gone(permit, error) from error

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        with self._lock:
            here = self._loops.pop(asyncio.get_running_loop(), None)
        if here is not None:
            await here.aclose()

    def _here(self) -> LoopConnections:
        loop = asyncio.get_running_loop()
        here = self._loops.get(loop)
        if here is None:
            with self._lock:
                # What is open in a loop knows the loop, and would keep it alive.
                for known in self._loops.keyrefs():
                    gone = known()
                    if gone is not None and gone.is_closed():
                        self._loops.pop(gone, None)
                here = self._loops[loop] = LoopConnections(self._address, self._timeout)
        return here

    def _checked(self, reply: Reply, permit: int, refusal: int | None) -> Reply:
        if not isinstance(reply, ReplyError):
            self._away.worked(permit)
            if refusal is not None:
                self._refusal.worked(refusal)
            return reply
        if _AWAY.search(str(reply)):
            raise self._away.failed(permit, _reason(reply))
        self._away.worked(permit)
        if refusal is not None:
            raise self._refusal.failed(refusal, _reason(reply))
        msg = f"redis at {self._address.label} refuses: {_reason(reply)}"
        raise StoreError(msg)

    def _gone(self, permit: int, error: ServerGoneError) -> StoreError:
        if isinstance(error, WireClosedError):
            return StoreError(str(error))
        return self._away.failed(permit, str(error)[:_LONGEST_REASON])

    def after_fork(self) -> None:
        """Leave what is open to the parent process; called in the child."""
        # Kept, because closing or collecting it would touch the parent's event loop.
        _of_parents.append(self._loops)
        self._loops = WeakKeyDictionary()
        self._lock = threading.Lock()
        self._away.forget()
        self._refusal.forget()


def _reason(reply: object) -> str:
    """Return what the server said, without the arguments that it may repeat."""
    return str(reply).split(", with args")[0][:_LONGEST_REASON]


_all: WeakSet[RedisAccess] = WeakSet()
_of_parents: list[object] = []


def _leave_to_parent() -> None:
    for access in list(_all):
        access.after_fork()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_leave_to_parent)
