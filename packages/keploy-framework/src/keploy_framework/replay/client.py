"""Ask the app what was recorded, byte for byte, over one connection that stays open."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from keploy_framework.exchange import Chunk, Response
from keploy_framework.wire import (
    Data,
    End,
    Refused,
    ResponseHead,
    ResponseParser,
    frame_cutter,
    is_stream,
    request_bytes,
)

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from keploy_framework.exchange import Request

_PIECE_BYTES: Final = 65_536
_MOST_BODY_BYTES: Final = 64 * 1024 * 1024
# A stream that goes on for ever is left when it said what was recorded and then is silent.
_SILENCE_SECONDS: Final = 0.3


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer is waited for.

    Args:
        seconds: For all of it.
        frames: After how many frames a stream that falls silent counts as complete; 0 for never.
    """

    seconds: float = 5.0
    frames: int = 0


class NoAnswerError(ConnectionError):
    """Report that the app closed the connection instead of answering.

    Args:
        problem: What happened.
        has_begun: Whether a part of an answer came.
    """

    def __init__(self, problem: str, *, has_begun: bool) -> None:
        super().__init__(problem)
        self.has_begun = has_begun


class AppClient:
    """Send requests to the app one after the other, as an async context manager.

    Args:
        host: Where it answers.
        port: The TCP port.
        secure: Whether it speaks https.
    """

    def __init__(self, host: str, port: int, *, secure: bool = False) -> None:
        self._place = host, port
        self._context = ssl.create_default_context() if secure else None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: Request, patience: Patience) -> Response:
        """Send a request, and give the answer as it is on the wire.

        A connection that the app closed while it was idle is opened anew.

        Raises:
            NoAnswerError: The app closed the connection, or answered what is no HTTP.
            OSError: It cannot be reached.
            TimeoutError: The answer did not come in time.
            WireError: The request cannot be written.
        """
        data = request_bytes(request)
        async with asyncio.timeout(patience.seconds):
            was_open = self._streams is not None
            try:
                return await self._exchange(request.method, data, patience)
            except ConnectionError as error:
                await self.close()
                has_begun = isinstance(error, NoAnswerError) and error.has_begun
                if not was_open or has_begun:
                    raise
                return await self._exchange(request.method, data, patience)
            except BaseException:
                self._drop()
                raise

    async def close(self) -> None:
        """Close the connection; twice is fine."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _drop(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()

    async def _exchange(self, method: str, data: bytes, patience: Patience) -> Response:
        if self._streams is None:
            host, port = self._place
            self._streams = await asyncio.open_connection(host, port, ssl=self._context)
        reader, writer = self._streams
        answer = _Answer(method, patience.frames)
        writer.write(data)
        # The app may answer, and close, before it has read all of a large body.
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        _acknowledge_at_once(writer)
        while not answer.is_complete:
            piece = await self._piece(reader, answer)
            if piece is None:
                break
            answer.take(piece)
        if not answer.keeps_alive:
            await self.close()
        return answer.response()

    async def _piece(self, reader: asyncio.StreamReader, answer: _Answer) -> bytes | None:
        if not answer.has_enough:
            return await reader.read(_PIECE_BYTES)
        try:
            async with asyncio.timeout(_SILENCE_SECONDS):
                return await reader.read(_PIECE_BYTES)
        except TimeoutError:
            answer.keeps_alive = False
            return None


class _Answer:
    """An answer while it comes."""

    def __init__(self, method: str, frames: int) -> None:
        self._parser = ResponseParser()
        self._parser.expect(method)
        self._head: ResponseHead | None = None
        self._pieces: list[Chunk] = []
        self._size = 0
        self._frames_wanted = frames
        self._frames = 0
        self._cutter = None
        self.is_complete = False
        self.keeps_alive = True

    @property
    def has_enough(self) -> bool:
        """Whether as many frames came as were recorded."""
        return bool(self._frames_wanted) and self._frames >= self._frames_wanted

    def take(self, data: bytes) -> None:
        """Take what came; nothing stands for the end of the connection.

        Raises:
            NoAnswerError: It is no answer.
        """
        events = self._parser.feed(data) if data else self._parser.close()
        if not data:
            self.keeps_alive = False
        for event in events:
            if isinstance(event, Refused):
                has_begun = self._head is not None or bool(data)
                problem = f"the app's answer cannot be read: {event.error.problem}"
                raise NoAnswerError(problem, has_begun=has_begun)
            if isinstance(event, ResponseHead) and not event.interim:
                self._begin(event)
            elif isinstance(event, Data):
                self._add(event.data)
            elif isinstance(event, End):
                self.is_complete = True
        if not data and not self.is_complete:
            problem = "the app closed the connection before its answer was whole"
            raise NoAnswerError(problem, has_begun=self._head is not None)

    def response(self) -> Response:
        """Give the answer."""
        head = self._head
        assert head is not None
        kept = self._size <= _MOST_BODY_BYTES
        body = b"".join(piece.data for piece in self._pieces) if kept else b""
        chunks = tuple(self._pieces) if kept and is_stream(head.content_type) else ()
        return Response(head.status, head.reason, head.headers, body, chunks, self._size)

    def _begin(self, head: ResponseHead) -> None:
        self._head = head
        self.keeps_alive = head.keep_alive and not head.switches
        self.is_complete = head.switches
        if self._frames_wanted and is_stream(head.content_type):
            self._cutter = frame_cutter(head.content_type)

    def _add(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > _MOST_BODY_BYTES:
            self._pieces.clear()
            return
        self._pieces.append(Chunk(time.time_ns(), data))
        if self._cutter is not None:
            self._frames += len(self._cutter.feed(data))


def _acknowledge_at_once(writer: asyncio.StreamWriter) -> None:
    """Let Linux acknowledge the answer's first packet now.

    Apps that send the head and the body apart wait for that, for 40 ms otherwise.
    """
    connection = writer.get_extra_info("socket")
    option = getattr(socket, "TCP_QUICKACK", None)
    if connection is not None and option is not None:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, option, 1)
