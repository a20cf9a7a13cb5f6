"""A connection to Redis whose answers find those who asked, without a task in between."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# What the server says: None, bytes, int, a list of these, or a ReplyError.
Reply = object
_LARGE_BYTES: Final = 65_536


class ServerGoneError(Exception):
    """Raised when the server cannot be reached, hung up, or was silent for too long."""


class WireClosedError(ServerGoneError):
    """Raised when a connection was closed on this side."""


class ReplyError(Exception):
    """What the server said instead of a result."""


def pack(parts: Iterable[bytes]) -> bytes:
    """Return a command in the protocol's form."""
    parts = list(parts)
    head = b"*%d\r\n" % len(parts)
    return head + b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts])


class Wire(asyncio.Protocol):
    """One connection, which hands what the server says to `received`.

    Args:
        writer: A connection that is logged in, with no answer due.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        from hiredis import Reader

        self._writer = writer  # kept, because it would close the transport when it is collected
        self._transport = writer.transport
        self._parser = Reader(protocolError=ServerGoneError, replyError=ReplyError)
        self._heard_at = 0.0
        self.gone = False
        self._loop = asyncio.get_running_loop()
        self._transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Take what arrived; called by the event loop."""
        self._heard_at = self._loop.time()
        parser = self._parser
        parser.feed(data)
        try:
            # False is "not yet": the server has no word for it in this version of the protocol.
            while (reply := parser.gets()) is not False:
                self.received(reply)
        except ServerGoneError as error:
            self.fail(ServerGoneError, f"it does not speak the protocol of Redis ({error})")

    def received(self, reply: Reply) -> None:
        """Take one whole thing that the server said."""
        raise NotImplementedError

    def eof_received(self) -> None:
        """Hang up when the server does; called by the event loop."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits; called by the event loop."""
        self.fail(ServerGoneError, f"the connection was lost ({exc or 'the server hung up'})")

    def fail(self, kind: type[ServerGoneError], reason: str) -> None:
        """Give the connection up."""
        if self.gone:
            return
        self.gone = True
        if kind is WireClosedError:
            self._transport.close()  # lets what was sent go out
        else:
            self._transport.abort()

    async def aclose(self) -> None:
        """Close the connection; what was sent goes out first, if it can at once."""
        self.fail(WireClosedError, "the store was closed")
        for _ in range(3):  # the event loop closes a socket some turns after it is told to
            await asyncio.sleep(0)
        self._transport.abort()
        await asyncio.sleep(0)


class Commands(Wire):
    """A connection for questions and answers, which come in the order of the questions.

    It is given up when an answer is due and nothing moved for *timeout_seconds*: no byte came,
    and none could be sent. One lazy timer sees to that, so a command costs no timer of its own.

    Args:
        writer: A connection that is logged in, with no answer due.
        timeout_seconds: How long nothing may move.
    """

    def __init__(self, writer: asyncio.StreamWriter, timeout_seconds: float) -> None:
        super().__init__(writer)
        self._timeout = timeout_seconds
        self._due: deque[tuple[float, Callable[[Reply], None]]] = deque()
        self._watched = False
        self._unsent = 0

    def send(self, command: bytes, answered: Callable[[Reply], None]) -> None:
        """Send a packed *command*; *answered* gets the reply, a ReplyError or a ServerGoneError."""
        if self.gone or self._transport.is_closing():
            answered(ServerGoneError("the connection was lost"))
            return
        now = self._loop.time()
        self._due.append((now, answered))
        if not self._watched:
            self._watched = True
            self._loop.call_at(now + self._timeout, self._watch)
        self._transport.write(command)
        if len(command) > _LARGE_BYTES:
            self._unsent = self._transport.get_write_buffer_size()

    async def ask(self, command: bytes) -> Reply:
        """Send a packed *command* and return the reply, which may be a ReplyError.

        A caller who is cancelled leaves the command sent and its answer unheard.

        Raises:
            ServerGoneError: No answer will come.
        """
        answer: asyncio.Future[Reply] = self._loop.create_future()
        self.send(command, partial(settle, answer))
        reply = await answer
        if isinstance(reply, ServerGoneError):
            raise reply
        return reply

    def received(self, reply: Reply) -> None:
        """Hand *reply* to who asked first."""
        if not self._due:
            self.fail(ServerGoneError, "it answered what nobody asked")
            return
        self._due.popleft()[1](reply)

    def fail(self, kind: type[ServerGoneError], reason: str) -> None:
        """Give the connection up, and tell everybody who waits for an answer."""
        super().fail(kind, reason)
        due, self._due = self._due, deque()
        for _, answered in due:
            answered(kind(reason))

    def _watch(self) -> None:
        self._watched = False
        if self.gone or not self._due:
            return
        unsent, now = self._transport.get_write_buffer_size(), self._loop.time()
        if unsent < self._unsent:
            self._heard_at = now
        self._unsent = unsent
        give_up_at = max(self._due[0][0], self._heard_at) + self._timeout
        if now >= give_up_at:
            self.fail(ServerGoneError, f"no answer within {self._timeout:g} s")
        else:
            self._watched = True
            self._loop.call_at(give_up_at, self._watch)


def settle(future: asyncio.Future[Any], value: object) -> None:  # Any: of whatever it is
    """Set the result of *future*, unless whoever waited for it has left."""
    if not future.done():
        future.set_result(cast("Any", value))
