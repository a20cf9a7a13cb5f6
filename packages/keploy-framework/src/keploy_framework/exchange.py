"""A request and the answer to it: what is recorded, kept in files, and replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

Headers: TypeAlias = "tuple[tuple[str, str], ...]"
"""Names and values in the order and the case of the wire, each byte one character (latin-1)."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request.

    Args:
        method: Such as ``GET``; in the case of the wire.
        target: Path and query, as on the wire.
        headers: As on the wire; the framing's own, such as ``Transfer-Encoding``, included.
        body: Without chunked framing; a content encoding is still on it.
        scheme: ``http`` or ``https``.
        host: The host the client meant, with its port where it is not the scheme's own.
    """

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    scheme: str = "http"
    host: str = ""

    @property
    def url(self) -> str:
        """The absolute URL; the target alone where the host is unknown."""
        return f"{self.scheme}://{self.host}{self.target}" if self.host else self.target


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed body, as it came.

    Args:
        at: When it came, in nanoseconds since 1970.
        data: Its bytes, without chunked framing.
    """

    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response.

    Args:
        status: Such as 200.
        reason: The words after the status; may be empty.
        headers: As on the wire.
        body: Without chunked framing; a content encoding is still on it.
        chunks: The pieces of a streamed body, whose data make up *body*; empty for any other.
        body_size: The length of the body in bytes. It is more than ``len(body)`` where the body
            was too large to be kept; *body* is empty then.
    """

    status: int
    reason: str = ""
    headers: Headers = ()
    body: bytes = b""
    chunks: tuple[Chunk, ...] = ()
    body_size: int = 0

    @property
    def body_skipped(self) -> bool:
        """Whether the body was too large to be kept."""
        return self.body_size > len(self.body)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer.

    Args:
        request: What was asked.
        response: What was answered.
        began: When the first byte of the request came, in nanoseconds since 1970.
        ended: When the last byte of the response came, in nanoseconds since 1970.
        connection: Tells the connections of a recording apart.
    """

    request: Request
    response: Response
    began: int
    ended: int
    connection: str = ""


def header(headers: Headers, name: str) -> str | None:
    """Give the value of a header found in any case, several joined with a comma, or None."""
    wanted = name.lower()
    values = [value for key, value in headers if key.lower() == wanted]
    return ", ".join(values) if values else None
