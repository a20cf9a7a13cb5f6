"""Write requests and responses as the bytes that a peer reads as the same message."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from keploy_framework.exchange import header

from .fields import NAME, VALUE, check_field
from .refusals import Reason, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keploy_framework.exchange import Headers, Request, Response

_METHOD: Final = re.compile(NAME)
_TARGET: Final = re.compile(r"[\x21-\x7e\x80-\xff]+")
_REASON_PHRASE: Final = re.compile(VALUE)
_LENGTH: Final = "content-length"
_CODING: Final = "transfer-encoding"
# Methods that announce an empty body, as servers may insist on a length with them.
_WITH_BODY: Final = frozenset(("POST", "PUT", "PATCH"))
_BODYLESS: Final = frozenset((204, 304))

LAST_CHUNK: Final = b"0\r\n\r\n"
"""What ends a chunked body without trailers."""


def request_bytes(request: Request) -> bytes:
    """Write a request, its headers in their own order and case.

    The framing fits the body whatever the headers said: chunked where they say so, else the
    Content-Length is put right in its place, or added.

    Raises:
        WireError: Something would not stay within its line.
    """
    chunked, headers = _framed(request.headers)
    announced = header(headers, _LENGTH) is not None
    if not chunked and (request.body or announced or request.method in _WITH_BODY):
        headers = _with_length(headers, len(request.body))
    head = request_head(request.method, request.target, headers)
    return head + _body(request.body, chunked=chunked)


def response_bytes(response: Response, *, method: str = "GET") -> bytes:
    """Write a whole response, its headers in their own order and case.

    The framing fits the body whatever the headers said; a chunked response keeps its chunks. For
    HEAD, 204 and 304 there is no body and a length that the headers announce stays.

    Args:
        response: What to write.
        method: That of the request it answers.

    Raises:
        WireError: Something would not stay within its line, or the body was not kept.
    """
    status = response.status
    if method == "HEAD" or status in _BODYLESS or 100 <= status < 200:
        return response_head(status, response.reason, response.headers)
    if response.body_skipped:
        raise refusal(Reason.BODY_MISSING, response.body_size)
    chunked, headers = _framed(response.headers)
    if not chunked:
        headers = _with_length(headers, len(response.body))
    head = response_head(status, response.reason, headers)
    if chunked and response.chunks:
        return head + b"".join(chunk_bytes(chunk.data) for chunk in response.chunks) + LAST_CHUNK
    return head + _body(response.body, chunked=chunked)


def streamed_headers(headers: Headers) -> Headers:
    """Change headers so that the body may follow in chunks, one by one."""
    kept = tuple((name, value) for name, value in headers if name.lower() != _LENGTH)
    if any(name.lower() == _CODING for name, _ in kept):
        return kept
    return (*kept, ("Transfer-Encoding", "chunked"))


def request_head(method: str, target: str, headers: Headers) -> bytes:
    """Write the first line and the headers of a request, as they are.

    Raises:
        WireError: Something would not stay within its line.
    """
    if not _METHOD.fullmatch(method):
        raise refusal(Reason.METHOD, method)
    if not _TARGET.fullmatch(target):
        raise refusal(Reason.TARGET, method)
    return _head(f"{method} {target} HTTP/1.1", headers)


def response_head(status: int, reason: str, headers: Headers) -> bytes:
    """Write the first line and the headers of a response, as they are.

    Raises:
        WireError: Something would not stay within its line.
    """
    if not 100 <= status <= 999:
        raise refusal(Reason.STATUS, status)
    if not _REASON_PHRASE.fullmatch(reason):
        raise refusal(Reason.REASON_PHRASE, status)
    return _head(f"HTTP/1.1 {status} {reason}", headers)


def chunk_bytes(data: bytes) -> bytes:
    """Write one chunk; nothing for no data, as an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def last_chunk_bytes(trailers: Headers = ()) -> bytes:
    """Write the end of a chunked body.

    Raises:
        WireError: A trailer would not stay within its line.
    """
    return b"0\r\n" + _lines(trailers) + b"\r\n"


def _head(first_line: str, headers: Headers) -> bytes:
    return first_line.encode("latin-1") + b"\r\n" + _lines(headers) + b"\r\n"


def _lines(headers: Headers) -> bytes:
    for name, value in headers:
        check_field(name, value)
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode("latin-1")


def _framed(headers: Headers) -> tuple[bool, Headers]:
    """Settle how the body is framed; both framings at once must not be written."""
    chunked = any(name.lower() == _CODING and value.lower() == "chunked" for name, value in headers)
    unwanted = _LENGTH if chunked else _CODING
    return chunked, tuple(field for field in headers if field[0].lower() != unwanted)


def _with_length(headers: Headers, length: int) -> Headers:
    return tuple(_put_length(headers, str(length)))


def _put_length(headers: Headers, length: str) -> Iterable[tuple[str, str]]:
    put = False
    for name, value in headers:
        if name.lower() != _LENGTH:
            yield name, value
        elif not put:
            put = True
            yield name, length
    if not put:
        yield "Content-Length", length


def _body(body: bytes, *, chunked: bool) -> bytes:
    return chunk_bytes(body) + LAST_CHUNK if chunked else body
