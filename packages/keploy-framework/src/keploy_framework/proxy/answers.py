"""What answers an app's calls in replay, and how an answer is sent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from keploy_framework.exchange import Response, header
from keploy_framework.wire import (
    LAST_CHUNK,
    chunk_bytes,
    response_bytes,
    response_head,
    streamed_headers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keploy_framework.errors import WireError
    from keploy_framework.exchange import Headers, Request
    from keploy_framework.wire import RequestHead

    from .channel import Channel

_BODYLESS: Final = (204, 304)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, and when its parts are sent.

    Args:
        response: What is sent; one with chunks is sent chunk by chunk.
        gaps: How many seconds to wait before each chunk, by its number; 0 where there are fewer.
        delay: How many seconds to wait before the head.
        cut: Whether the connection breaks after the last chunk, without the end of the body.
    """

    response: Response
    gaps: tuple[float, ...] = ()
    delay: float = 0.0
    cut: bool = False


class Answerer(Protocol):
    """Answer the calls of an app."""

    def answer(self, request: Request) -> Answer | None:
        """Give the answer to a call, or None where its server is to be asked; never waits.

        Calls of several connections come one after the other, in the order in which their
        requests were complete. What it raises is answered with status 502.

        Args:
            request: The whole call, without the headers that are meant for a proxy.
        """
        ...


def plain_response(status: int, reason: str, text: str) -> Response:
    """Make a response in plain text, for what this side has to say itself."""
    body = f"keploy: {text}\n".encode()
    headers = (
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    )
    return Response(status, reason, headers, body, body_size=len(body))


def checked_answer(answer: Answer) -> Answer:
    """Refuse an answer that could not be sent.

    Raises:
        WireError: The response cannot be written, or its body was not kept.
    """
    response = answer.response
    if response.body_skipped and response.status not in _BODYLESS:
        response_bytes(response)
    response_head(response.status, response.reason, response.headers)
    return answer


async def send_answer(channel: Channel, answer: Answer, head: RequestHead) -> bool:
    """Send an answer at its pace, and tell whether another request may follow.

    A client that leaves ends the waiting at once.

    Args:
        channel: Where to.
        answer: What; it must be one that `checked_answer` gave.
        head: The request it answers; it decides the framing.

    Raises:
        ConnectionError: The client left.
    """
    response = answer.response
    if head.minor_version == 0:
        # A client of HTTP/1.0 does not know chunks.
        response = replace(response, headers=_without_coding(response.headers))
    await _pause(channel, answer.delay)
    streams = response.chunks or answer.cut
    if head.method == "HEAD" or response.status in _BODYLESS or not streams:
        await channel.send(response_bytes(response, method=head.method))
        return _stays_open(response.headers, head)
    length = header(response.headers, "Content-Length")
    fits = answer.cut or length == str(len(response.body))
    chunked = head.minor_version == 1 and not (length is not None and fits)
    headers = streamed_headers(response.headers) if chunked else response.headers
    await channel.send(response_head(response.status, response.reason, headers))
    for gap, data in _timed(answer):
        await _pause(channel, gap)
        await channel.send(chunk_bytes(data) if chunked else data)
    if answer.cut or not (chunked or length is not None):
        return False
    if chunked:
        await channel.send(LAST_CHUNK)
    return _stays_open(headers, head)


async def refuse(channel: Channel, error: WireError) -> None:
    """Answer bytes that are no request, as far as the client still listens.

    Raises:
        ConnectionError: The client left.
    """
    if not channel.lost:
        await channel.send(response_bytes(plain_response(error.status, "", error.problem)))


def _timed(answer: Answer) -> Iterator[tuple[float, bytes]]:
    chunks = answer.response.chunks
    pieces = [chunk.data for chunk in chunks] if chunks else [answer.response.body]
    for number, data in enumerate(pieces):
        yield (answer.gaps[number] if number < len(answer.gaps) else 0.0), data


async def _pause(channel: Channel, seconds: float) -> None:
    if seconds <= 0:
        return
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    channel.on_gone = lambda: gone.set_result(None)
    try:
        async with asyncio.timeout(seconds):
            await gone
    except TimeoutError:
        return
    finally:
        channel.on_gone = None
    msg = "the client left before the answer was complete"
    raise ConnectionResetError(msg)


def _without_coding(headers: Headers) -> Headers:
    return tuple(field for field in headers if field[0].lower() != "transfer-encoding")


def _stays_open(headers: Headers, head: RequestHead) -> bool:
    said = (header(headers, "Connection") or "").lower()
    return head.keep_alive and "close" not in said
