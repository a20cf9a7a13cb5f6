"""One end of a connection, for code that waits for bytes rather than being called with them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections import deque
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_HELD: Final = 65_536
# Two C ints; Windows has two shorts.
_RESET_ON_CLOSE: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Channel(asyncio.Protocol):
    """Receive pieces in order as they came, and send, with back pressure both ways.

    One task may receive and another may send at the same time. `hand_over` gives the connection
    to a protocol that is called instead.

    Args:
        on_open: Called with the channel once it is connected.

    Attributes:
        on_gone: Called when the peer sends no more, or is gone.
    """

    def __init__(self, on_open: Callable[[Channel], None] | None = None) -> None:
        self.on_gone: Callable[[], None] | None = None
        self._on_open = on_open
        self._transport: asyncio.Transport | None = None
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._reading_paused = False
        self._writing_paused = False
        self._ended = False
        self._lost = False
        self._receiver: asyncio.Future[None] | None = None
        self._sender: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] | None = None

    @property
    def transport(self) -> asyncio.Transport:
        """The transport below."""
        assert self._transport is not None
        return self._transport

    @property
    def lost(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._lost or self.transport.is_closing()

    @property
    def ended(self) -> bool:
        """Whether the peer sends no more than what is already here."""
        return self._ended or self._lost

    async def receive(self) -> bytes:
        """Give the next piece, never joined with another; empty at the end."""
        if not self._pieces and not self.ended:
            self._receiver = asyncio.get_running_loop().create_future()
            try:
                await self._receiver
            finally:
                self._receiver = None
        if not self._pieces:
            return b""
        piece = self._pieces.popleft()
        self._held -= len(piece)
        if self._reading_paused and self._held < _MOST_HELD // 2:
            self._reading_paused = False
            self.transport.resume_reading()
        return piece

    def put_back(self, data: bytes) -> None:
        """Let `receive` give *data* again, first."""
        if data:
            self._pieces.appendleft(data)
            self._held += len(data)

    async def send(self, data: bytes) -> None:
        """Send, and wait while the peer reads too slowly.

        Raises:
            ConnectionResetError: The connection is gone.
        """
        if self.lost:
            raise _gone()
        self.transport.write(data)
        if self._writing_paused:
            self._sender = self._sender or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._sender)

    def finish(self) -> None:
        """Say that nothing more is sent, where the transport can say that; else close."""
        if self.lost:
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def close(self) -> None:
        """Close after everything was sent; twice is fine."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once; what was not sent is dropped."""
        if self._transport is not None:
            self._transport.abort()

    def reset(self) -> None:
        """Close at once in the way of a server that does not want the connection."""
        reset(self.transport)

    async def wait_closed(self) -> None:
        """Wait until the connection is gone."""
        if not self._lost:
            self._closed = self._closed or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._closed)

    def hand_over(self, protocol: asyncio.Protocol) -> None:
        """Let *protocol* be called from now on, first with what is already here.

        It must call this channel's `connection_lost` as well, for those who wait for that.
        """
        transport = self.transport
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._writing_paused:
            protocol.pause_writing()
        while self._pieces:
            protocol.data_received(self._pieces.popleft())
        if self._lost:
            protocol.connection_lost(None)
        elif self._ended:
            protocol.eof_received()
        elif self._reading_paused:
            transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; called by the transport."""
        self._transport = cast("asyncio.Transport", transport)
        if self._on_open is not None:
            self._on_open(self)

    def data_received(self, data: bytes) -> None:
        """Keep a piece; called by the transport."""
        self._pieces.append(data)
        self._held += len(data)
        if self._held > _MOST_HELD and not self._reading_paused:
            self._reading_paused = True
            self.transport.pause_reading()
        _wake(self._receiver)

    def eof_received(self) -> bool:
        """Take the end of what the peer sends; called by the transport."""
        self._ended = True
        _wake(self._receiver)
        self._tell_gone()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection; called by the transport."""
        self._lost = True
        for waiter in (self._receiver, self._closed):
            _wake(waiter)
        if self._sender is not None and not self._sender.done():
            self._sender.set_exception(_gone())
            # Nobody may be waiting any more; then the error is nobody's.
            self._sender.exception()
        self._tell_gone()

    def pause_writing(self) -> None:
        """Note that the peer reads too slowly; called by the transport."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """Note that the peer has caught up; called by the transport."""
        self._writing_paused = False
        _wake(self._sender)
        self._sender = None

    def _tell_gone(self) -> None:
        on_gone, self.on_gone = self.on_gone, None
        if on_gone is not None:
            on_gone()


def reset(transport: asyncio.Transport) -> None:
    """Close so that the peer sees a reset rather than an end."""
    connection = transport.get_extra_info("socket")
    if connection is not None:
        # A socket that is closed already has nothing left to reset.
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def _gone() -> ConnectionResetError:
    return ConnectionResetError("the peer closed the connection; connect again")
