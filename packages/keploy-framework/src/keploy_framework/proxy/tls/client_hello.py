"""Read the first message of a TLS client: which host it wants, and which protocols it speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_HANDSHAKE: Final = 22
_CLIENT_HELLO: Final = 1
_RECORD_HEADER: Final = 5
_MOST_BYTES: Final = 65_536
_SERVER_NAME: Final = 0
_PROTOCOLS: Final = 16


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a TLS client says first.

    Args:
        server_name: The host it wants, in lower case; empty where it does not say.
        protocols: What it offers to speak, best first; empty where it does not say.
    """

    server_name: str = ""
    protocols: tuple[str, ...] = ()

    @property
    def speaks_http1(self) -> bool:
        """Whether HTTP/1.1 may follow; a client that names no protocol may speak it."""
        return not self.protocols or "http/1.1" in self.protocols


def starts_tls(data: bytes) -> bool:
    """Tell whether bytes begin like a TLS client, as far as they go."""
    return data[:1] == b"\x16" and data[1:2] in (b"", b"\x03")


def read_client_hello(data: bytes) -> ClientHello | None:
    """Read a client's first message; None while more bytes are needed.

    What is damaged, or longer than any client's, gives a message that says nothing; the handshake
    itself will refuse it.
    """
    message = bytearray()
    position = 0
    while len(message) < 4 or len(message) < 4 + int.from_bytes(message[1:4]):
        if position >= _MOST_BYTES:
            return ClientHello()
        header = data[position : position + _RECORD_HEADER]
        if len(header) < _RECORD_HEADER:
            return None
        length = int.from_bytes(header[3:])
        if header[0] != _HANDSHAKE or not length:
            return ClientHello()
        position += _RECORD_HEADER
        if len(data) < position + length:
            return None
        message += data[position : position + length]
        position += length
    try:
        return _read(_Bytes(bytes(message)))
    except _CutShortError:
        return ClientHello()


class _CutShortError(Exception):
    """The message ends within a field."""


class _Bytes:
    """Take fields off the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def left(self) -> bool:
        return self._position < len(self._data)

    def take(self, count: int) -> bytes:
        end = self._position + count
        if end > len(self._data):
            raise _CutShortError
        taken, self._position = self._data[self._position : end], end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> _Bytes:
        """Take a field that a length of *size* bytes stands before."""
        return _Bytes(self.take(self.number(size)))

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._position)


def _read(message: _Bytes) -> ClientHello:
    if message.number(1) != _CLIENT_HELLO:
        return ClientHello()
    message = message.vector(3)
    message.take(2 + 32)
    message.vector(1)
    message.vector(2)
    message.vector(1)
    if not message.left:
        return ClientHello()
    extensions = message.vector(2)
    server_name, protocols = "", ()
    while extensions.left:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME and content.left:
            server_name = _first_name(content.vector(2))
        elif kind == _PROTOCOLS:
            protocols = _texts(content.vector(2))
    return ClientHello(server_name, protocols)


def _first_name(names: _Bytes) -> str:
    while names.left:
        kind, name = names.number(1), names.vector(2).rest()
        if kind == 0:
            return name.decode("latin-1").lower()
    return ""


def _texts(fields: _Bytes) -> tuple[str, ...]:
    texts: list[str] = []
    while fields.left:
        texts.append(fields.vector(1).rest().decode("latin-1"))
    return tuple(texts)
