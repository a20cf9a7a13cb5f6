"""News of one event loop's waiters: one subscriber connection, open while somebody waits."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from tta_dev_primitives.performance.single_flight import SingleFlight

from .wire import ServerGoneError, Wire, pack, settle

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from .wire import Reply


class Listener:
    """Somebody who waits for news on one channel. News that came between waits is not lost."""

    def __init__(self) -> None:
        self._told = False
        self._waiting: asyncio.Future[None] | None = None
        self.deaf = False

    def tell(self) -> None:
        """Wake whoever waits, or who waits next."""
        self._told = True
        if self._waiting is not None:
            settle(self._waiting, None)

    async def wait(self, seconds: float) -> bool:
        """Wait for news, but not longer than *seconds*; tell whether there was any."""
        if not self._told:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            timer = loop.call_later(max(0.0, seconds), settle, self._waiting, None)
            try:
                await self._waiting
            finally:
                timer.cancel()
                self._waiting = None
        told, self._told = self._told, False
        return told


class Wakeups:
    """Share one subscriber connection between the waiters of an event loop.

    It is opened for the first and closed when the last one leaves. Messages may get lost with it,
    so a waiter also looks for itself now and then.

    Args:
        open_stream: Opens a connection.
        timeout_seconds: How long the server may take to confirm a subscription.
    """

    def __init__(
        self, open_stream: Callable[[], Awaitable[asyncio.StreamWriter]], timeout_seconds: float
    ) -> None:
        self._open_stream, self._timeout = open_stream, timeout_seconds
        self._opening: SingleFlight[None] = SingleFlight()
        self._channels: dict[bytes, set[Listener]] = {}
        self._confirmed: set[bytes] = set()
        self._unconfirmed: dict[bytes, set[Listener]] = {}
        self._wire: _Subscriptions | None = None

    @asynccontextmanager
    async def listen(self, channel: bytes) -> AsyncGenerator[Listener]:
        """Subscribe to *channel*; from the beginning of the block on, no news is missed.

        Raises:
            ServerGoneError: The server cannot be reached, or does not confirm the subscription.
        """
        listener = Listener()
        self._channels.setdefault(channel, set()).add(listener)
        try:
            await self._subscribe(channel, listener)
            yield listener
        finally:
            await self._leave(channel, listener)

    async def aclose(self) -> None:
        """Close the connection; whoever waits is woken."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.aclose()

    async def _subscribe(self, channel: bytes, listener: Listener) -> None:
        if self._wire is None:
            await self._opening.run("open", self._open)
        wire = self._wire
        if wire is None:
            msg = "the connection was lost"
            raise ServerGoneError(msg)
        if channel in self._confirmed:
            return
        confirming = self._unconfirmed.setdefault(channel, set())
        confirming.add(listener)
        try:
            if len(confirming) == 1:
                wire.send(pack((b"SUBSCRIBE", channel)))
            if not await listener.wait(self._timeout) or listener.deaf:
                msg = f"no answer within {self._timeout:g} s"
                raise ServerGoneError(msg)
        finally:
            confirming.discard(listener)
            if not confirming:
                self._unconfirmed.pop(channel, None)

    async def _open(self) -> None:
        wire = _Subscriptions(await self._open_stream(), self._said, self._lost)
        self._wire, self._confirmed = wire, set()

    async def _leave(self, channel: bytes, listener: Listener) -> None:
        listeners = self._channels[channel]
        listeners.discard(listener)
        if listeners:
            return
        del self._channels[channel]
        self._confirmed.discard(channel)
        if not self._channels:
            await self.aclose()
        elif self._wire is not None:
            self._wire.send(pack((b"UNSUBSCRIBE", channel)))

    def _said(self, kind: object, channel: bytes) -> None:
        if kind == b"subscribe":
            self._confirmed.add(channel)
            for listener in self._unconfirmed.get(channel, ()):
                listener.tell()
        elif kind == b"message":
            for listener in self._channels.get(channel, ()):
                listener.tell()

    def _lost(self, wire: _Subscriptions) -> None:
        if wire is not self._wire:
            return
        self._wire, self._confirmed = None, set()
        for listeners in self._channels.values():
            for listener in listeners:
                listener.deaf = True
                listener.tell()


class _Subscriptions(Wire):
    """A connection on which the server speaks whenever there is news."""

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        said: Callable[[object, bytes], None],
        lost: Callable[[_Subscriptions], None],
    ) -> None:
        super().__init__(writer)
        self._said, self._lost = said, lost

    def send(self, command: bytes) -> None:
        if not self.gone:
            self._transport.write(command)

    def received(self, reply: Reply) -> None:
        if isinstance(reply, list):
            kind, channel, *_ = cast("list[object]", reply)
            if isinstance(channel, bytes):
                self._said(kind, channel)

    def fail(self, kind: type[ServerGoneError], reason: str) -> None:
        super().fail(kind, reason)
        self._lost(self)
