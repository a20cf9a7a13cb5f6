"""Bodies as files keep them: without content encoding, text where they are text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from keploy_framework.exchange import header
from keploy_framework.wire import decode_body, is_stream

if TYPE_CHECKING:
    from keploy_framework.exchange import Request, Response

_MOST_BYTES: Final = 64 * 1024 * 1024


def request_body(request: Request) -> bytes:
    """Give the body of a request without its content encoding.

    Raises:
        EncodingError: The encoding cannot be taken off.
    """
    return decode_body(request.body, header(request.headers, "content-encoding") or "", _MOST_BYTES)


def response_body(response: Response) -> bytes | None:
    """Give the body of a response without its content encoding.

    ``None`` stands for a stream that is kept in its pieces: one of events or lines, as others
    that came in chunks were only sent so because their length was not known.

    Raises:
        EncodingError: The encoding cannot be taken off.
    """
    encoding = header(response.headers, "content-encoding") or ""
    kind = header(response.headers, "content-type") or ""
    if response.body_skipped:
        return b""
    if response.chunks and is_stream(kind) and not encoding:
        return None
    return decode_body(response.body, encoding, _MOST_BYTES)
