"""Two connections joined: bytes pass both ways untouched, and a tap sees copies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .channel import reset

if TYPE_CHECKING:
    from collections.abc import Callable

    from .channel import Channel
    from .recording import Tap


async def join(client: Channel, server: Channel, tap: Tap | None = None) -> None:
    """Pass bytes both ways until both connections are gone.

    Each piece is passed on before the tap sees it. A side that reads slowly makes the other one
    wait; the end of one direction is passed on and the other direction stays open; a connection
    that breaks breaks the other. Cancelled, it drops both.

    Args:
        client: The end of the one who asks.
        server: The end of the one who answers.
        tap: Sees everything; None for nobody.
    """
    link = _Link(client, server, tap)
    try:
        await link.done
    finally:
        link.stop()


class _Link:
    """The state that the two ends share."""

    def __init__(self, client: Channel, server: Channel, tap: Tap | None) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tap = tap
        self._client = _End(self, client, server.transport, tap and tap.client_sent)
        self._server = _End(self, server, client.transport, tap and tap.server_sent)
        client.hand_over(self._client)
        server.hand_over(self._server)

    def end(self, end: _End) -> None:
        """Pass the end of what *end* sends on."""
        self._observe_end(end)
        other = self._client if end is self._server else self._server
        if other.ended or not end.peer.can_write_eof():
            end.transport.close()
            end.peer.close()
        elif not end.peer.is_closing():
            end.peer.write_eof()

    def lose(self, end: _End, error: Exception | None) -> None:
        """Let the other connection go the way this one went."""
        self._observe_end(end)
        if not end.ended and error is not None:
            reset(end.peer)
        else:
            end.peer.close()
        if self._client.lost and self._server.lost and not self.done.done():
            self.done.set_result(None)

    def stop(self) -> None:
        """Drop both connections where they are still there."""
        self._client.transport.abort()
        self._server.transport.abort()
        if self._tap is not None:
            self._tap.server_closed()

    def _observe_end(self, end: _End) -> None:
        if self._tap is None:
            return
        if end is self._client:
            self._tap.client_closed()
        if end is self._server or end.lost:
            self._tap.server_closed()


class _End(asyncio.Protocol):
    """One of the two connections, as its transport calls it."""

    __slots__ = ("_channel", "_link", "_observe", "ended", "lost", "peer", "transport")

    def __init__(
        self,
        link: _Link,
        channel: Channel,
        peer: asyncio.Transport,
        observe: Callable[[bytes], None] | None,
    ) -> None:
        self._link = link
        self._channel = channel
        self.transport = channel.transport
        self.peer = peer
        self._observe = observe
        self.ended = False
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.peer.write(data)
        if self._observe is not None:
            self._observe(data)

    def eof_received(self) -> bool:
        if not self.ended:
            self.ended = True
            self._link.end(self)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.lost:
            self.lost = True
            self._channel.connection_lost(exc)
            self._link.lose(self, exc)

    def pause_writing(self) -> None:
        self.peer.pause_reading()

    def resume_writing(self) -> None:
        self.peer.resume_reading()
