"""TLS over a connection that is open already, whose first bytes may have been read."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING, Any, Final, cast

from keploy_framework.proxy.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_READ: Final = 65_536


async def accept_tls(channel: Channel, context: ssl.SSLContext) -> Channel:
    """Be the server of a TLS connection; what the channel holds already is read first.

    Raises:
        ssl.SSLError: The client and this side cannot agree, or the client refuses the certificate.
        ConnectionResetError: The client left.
    """
    return await _layered(channel, _Layer(channel, context, server_side=True))


async def connect_tls(channel: Channel, context: ssl.SSLContext, server_name: str) -> Channel:
    """Be the client of a TLS connection, whose server must prove to be *server_name*.

    Raises:
        ssl.SSLError: The server's certificate is not good, or the two cannot agree.
        ConnectionResetError: The server left.
    """
    layer = _Layer(channel, context, server_side=False, server_name=server_name)
    return await _layered(channel, layer)


async def _layered(channel: Channel, layer: _Layer) -> Channel:
    channel.hand_over(layer)
    layer.advance()
    try:
        await layer.ready
    except BaseException:
        channel.close()
        raise
    return layer.channel


class _Layer(asyncio.Protocol):
    """Between a transport of encrypted bytes and a channel of plain ones."""

    def __init__(
        self,
        below: Channel,
        context: ssl.SSLContext,
        *,
        server_side: bool,
        server_name: str | None = None,
    ) -> None:
        self.raw = below.transport
        self._below = below
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.channel = Channel()
        self.protocol: asyncio.BaseProtocol = self.channel
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side, server_name)
        self._transport = _PlainTransport(self)
        self._connected = False
        self._reading_paused = False
        self._ended = False

    @property
    def tls(self) -> ssl.SSLObject:
        """What encrypts."""
        return self._tls

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        self.advance()

    def eof_received(self) -> bool:
        # Many peers leave out the close alert; what came before is whole by HTTP's own framing.
        self._incoming.write_eof()
        if self._connected:
            self._read()
            self._end()
        else:
            self._fail(ConnectionResetError("the peer left during the TLS handshake; try again"))
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._below.connection_lost(exc)
        if not self._connected:
            self._fail(ConnectionResetError("the peer left during the TLS handshake; try again"))
        else:
            self.protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._connected:
            self.protocol.pause_writing()

    def resume_writing(self) -> None:
        if self._connected:
            self.protocol.resume_writing()

    def advance(self) -> None:
        """Go on with the handshake, then give what came."""
        if self._connected:
            self._read()
            return
        if self.ready.done():
            return
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._flush()
            self._fail(error)
        else:
            self._flush()
            self._connected = True
            self.protocol.connection_made(self._transport)
            self._read()
            # Cancelled while it waited, nobody reads what came.
            if not self.ready.done():
                self.ready.set_result(None)

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        left = memoryview(data)
        try:
            while left:
                left = left[self._tls.write(left) :]
        except ssl.SSLError:
            self.raw.abort()
            return
        self._flush()

    def pause_reading(self) -> None:
        """Give nothing more until `resume_reading`."""
        self._reading_paused = True
        self.raw.pause_reading()

    def resume_reading(self) -> None:
        """Give what came meanwhile, and what comes."""
        if self._reading_paused:
            self._reading_paused = False
            asyncio.get_running_loop().call_soon(self._read)
            self.raw.resume_reading()

    def is_reading(self) -> bool:
        """Tell whether what comes is given."""
        return not self._reading_paused

    def close(self) -> None:
        """Say goodbye, and close after everything was sent."""
        if self.raw.is_closing():
            return
        # The peer's own goodbye has not come, or never will; nobody waits for it.
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._flush()
        self.raw.close()

    def _read(self) -> None:
        try:
            while not self._reading_paused and not self._ended:
                data = self._tls.read(_MOST_READ)
                if not data:
                    self._end()
                    break
                cast("asyncio.Protocol", self.protocol).data_received(data)
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._end()
        except ssl.SSLError:
            self.raw.abort()
        self._flush()

    def _end(self) -> None:
        if not self._ended and not self._reading_paused:
            self._ended = True
            cast("asyncio.Protocol", self.protocol).eof_received()

    def _flush(self) -> None:
        if self._outgoing.pending and not self.raw.is_closing():
            self.raw.write(self._outgoing.read())

    def _fail(self, error: Exception) -> None:
        if not self.ready.done():
            self.ready.set_exception(error)
        self.raw.close()


class _PlainTransport(asyncio.Transport):
    """The plain side of a layer, in the shape of any other transport."""

    def __init__(self, layer: _Layer) -> None:
        super().__init__()
        self._layer = layer

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._layer.write(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self._layer.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return False

    def write_eof(self) -> None:
        msg = "TLS has no half-closed connections; close it"
        raise RuntimeError(msg)

    def pause_reading(self) -> None:
        self._layer.pause_reading()

    def resume_reading(self) -> None:
        self._layer.resume_reading()

    def is_reading(self) -> bool:
        return self._layer.is_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._layer.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._layer.protocol

    def is_closing(self) -> bool:
        return self._layer.raw.is_closing()

    def close(self) -> None:
        self._layer.close()

    def abort(self) -> None:
        self._layer.raw.abort()

    def get_write_buffer_size(self) -> int:
        return self._layer.raw.get_write_buffer_size()

    # Any: the interface of the standard library says so.
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._layer.tls
        return self._layer.raw.get_extra_info(name, default)
