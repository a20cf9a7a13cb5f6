"""One client connection: HTTP/1.1 in and out, and the rude ways to end it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import h11

Headers = list[tuple[str, str]]

_LINGER_ZERO = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request, read to its end."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    too_large: bool


Handler = Callable[["HttpRequest", "Connection"], Awaitable[None]]


class OpenConnections(set["Connection"]):
    """The open connections of a server.

    Attributes:
        closing: Whether new ones are turned away.
    """

    closing = False

    async def shut_down(self) -> None:
        """End every connection, those included that are just being accepted."""
        self.closing = True
        while self:
            await asyncio.gather(*(connection.shut_down() for connection in self))


class Connection(asyncio.Protocol):
    """Read requests one after the other and hand each to *handle*, in a task of its own.

    The task is cancelled when the client hangs up. After the handler returns the connection
    serves the next request, unless it was ended.

    Args:
        handle: Answers a request by calling the methods below.
        max_body_bytes: A longer body is read to its end but not kept.
        connections: Those of the server; this one is in there while it is open.
    """

    def __init__(self, handle: Handler, max_body_bytes: int, connections: OpenConnections) -> None:
        import h11

        self._h11 = h11
        self._http = h11.Connection(h11.SERVER)
        self._handle, self._max_body_bytes, self._connections = handle, max_body_bytes, connections
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._too_large = False
        self._task: asyncio.Task[None] | None = None
        self._writable: asyncio.Event | None = None
        self._ended_here = False
        self._transport: asyncio.Transport | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Join the open connections, unless the server is closing."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        if self._connections.closing:
            self.reset()

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        self._http.receive_data(data)
        self._advance()

    def pause_writing(self) -> None:
        """Hold `write` back."""
        self._writable = asyncio.Event()

    def resume_writing(self) -> None:
        """Let `write` go on."""
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel what is being served."""
        self.resume_writing()
        if self._task is not None:
            self._task.cancel()
        self._connections.discard(self)
        self.closed.set()

    @property
    def client_left(self) -> bool:
        """Whether it was the client that ended the connection."""
        return self.closed.is_set() and not self._ended_here

    @property
    def answering(self) -> bool:
        """Whether an answer has begun, so that no other can be sent."""
        return self._http.our_state not in {self._h11.IDLE, self._h11.SEND_RESPONSE}

    def respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer."""
        framed = [*headers, ("content-length", str(len(body)))]
        if self._head is not None and self._head.method == b"HEAD":
            body = b""
        self._send(self._response(status, framed), self._h11.Data(body), self._h11.EndOfMessage())

    def start(self, status: int, headers: Headers, length: int | None = None) -> None:
        """Send the head of an answer whose body follows, chunked where no length is given."""
        framing = ("transfer-encoding", "chunked")
        if length is not None:
            framing = ("content-length", str(length))
        self._send(self._response(status, [*headers, framing]))

    async def write(self, data: bytes) -> None:
        """Send a piece of the body, waiting while the client does not read."""
        self._send(self._h11.Data(data))
        if self._writable is not None:
            await self._writable.wait()

    def finish(self) -> None:
        """End the body."""
        self._send(self._h11.EndOfMessage())

    def hang_up(self) -> None:
        """Close after what was sent has gone out, in the middle of an answer or not."""
        self._ended_here = True
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Close at once with a TCP reset; what was not sent yet is lost."""
        self._ended_here = True
        if self._transport is not None:
            found: socket.socket | None = self._transport.get_extra_info("socket")
            if found is not None:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            self._transport.abort()

    async def shut_down(self) -> None:
        """Cancel the request being served and close; nothing is left afterwards."""
        self._ended_here = True
        if self._transport is not None:
            self._transport.abort()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        await self.closed.wait()

    def _advance(self) -> None:
        while True:
            try:
                event = self._http.next_event()
            except self._h11.RemoteProtocolError as error:
                self._refuse(error)
                return
            if event is self._h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self._send(self._h11.InformationalResponse(status_code=100, headers=[]))
                return
            if event is self._h11.PAUSED:
                return
            if isinstance(event, self._h11.Request):
                self._head, self._body, self._too_large = event, bytearray(), False
            elif isinstance(event, self._h11.Data):
                self._too_large |= len(self._body) + len(event.data) > self._max_body_bytes
                if self._too_large:
                    self._body.clear()
                else:
                    self._body += event.data
            elif isinstance(event, self._h11.EndOfMessage):
                assert self._head is not None
                self._task = asyncio.get_running_loop().create_task(self._serve(self._head))

    async def _serve(self, head: h11.Request) -> None:
        request = HttpRequest(
            method=head.method.decode(),
            path=head.target.decode("ascii", "replace"),
            headers={name.decode(): value.decode("latin-1") for name, value in head.headers},
            body=bytes(self._body),
            too_large=self._too_large,
        )
        try:
            await self._handle(request, self)
        except Exception:
            # A handler that fails must not leave its client waiting for ever.
            self.reset()
            raise
        self._task = None
        if self._ended_here or self.closed.is_set():
            return
        if self._http.our_state is self._h11.DONE and self._http.their_state is self._h11.DONE:
            self._http.start_next_cycle()
            self._advance()
        else:
            self.hang_up()

    def _refuse(self, error: h11.RemoteProtocolError) -> None:
        if not self.answering:
            text = f"not HTTP/1.1 as this server understands it: {error}".encode()
            self.respond(error.error_status_hint, [("content-type", "text/plain")], text)
        self.hang_up()

    def _response(self, status: int, headers: Headers) -> h11.Response:
        return self._h11.Response(status_code=status, headers=headers)

    def _send(self, *events: h11.Event) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        pieces = [self._http.send(event) for event in events]
        self._transport.write(b"".join(piece for piece in pieces if piece))
