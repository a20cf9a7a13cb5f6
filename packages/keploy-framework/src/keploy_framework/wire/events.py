"""What a parser finds in a stream of bytes, in the order of the stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from keploy_framework.errors import WireError
    from keploy_framework.exchange import Headers


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The first line and the headers of a request.

    Args:
        method: In the case of the wire.
        target: As on the wire: a path and query, an absolute URL, ``host:port`` or ``*``.
        headers: As on the wire, in order.
        minor_version: 1 for HTTP/1.1, 0 for HTTP/1.0.
        keep_alive: Whether another request may follow on the connection.
        length: How many bytes of body follow; None for a chunked body.
        upgrade: The protocol it asks to switch to, in lower case, or empty.
        expects_continue: Whether its client waits for 100 Continue before it sends the body.
        host: The value of ``Host``; empty where there is none.
    """

    method: str
    target: str
    headers: Headers
    minor_version: int = 1
    keep_alive: bool = True
    length: int | None = 0
    upgrade: str = ""
    expects_continue: bool = False
    host: str = ""


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """The first line and the headers of a response, final or interim.

    Args:
        status: From 100 to 999.
        reason: The words after the status; may be empty.
        headers: As on the wire, in order.
        minor_version: 1 for HTTP/1.1, 0 for HTTP/1.0.
        keep_alive: Whether another response may follow on the connection.
        length: How many bytes of body follow; None where that is not known beforehand.
        chunked: Whether the body comes in chunks. Neither this nor a length: it ends with the
            connection.
        content_type: The value of ``Content-Type``; empty where there is none.
        switches: Whether another protocol follows, after 101 or success of CONNECT.
    """

    status: int
    reason: str
    headers: Headers
    minor_version: int = 1
    keep_alive: bool = True
    length: int | None = 0
    chunked: bool = False
    content_type: str = ""
    switches: bool = False

    @property
    def interim(self) -> bool:
        """Whether the final answer is still to come."""
        return self.status < 200 and not self.switches


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of a body, without its framing.

    Args:
        data: Its bytes, never none. Pieces of one chunk may come apart, and pieces of two chunks
            never come together.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The end of a message.

    Args:
        trailers: The fields after a chunked body. They are not merged into the headers.
    """

    trailers: Headers = ()


@dataclass(frozen=True, slots=True)
class Tunnel:
    """Bytes of another protocol: HTTP has ended on this connection.

    Args:
        data: The bytes, none at first where nothing followed yet.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The stream cannot be read further; nothing comes after this.

    Args:
        error: Why, and what a server answers.
    """

    error: WireError


Event: TypeAlias = RequestHead | ResponseHead | Data | End | Tunnel | Refused
