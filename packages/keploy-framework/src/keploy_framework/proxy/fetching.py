"""Ask the real server, where a replay may: for calls that no mock answers."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from keploy_framework.errors import UpstreamError
from keploy_framework.wire import Recorded, Tee, Unrecorded, request_bytes

from .passing import host_and_port

if TYPE_CHECKING:
    from keploy_framework.exchange import Exchange, Request

    from .channel import Channel
    from .upstream import Upstream

_CUT_SHORT: Final = "cut-short"
_MOST_SECONDS: Final = 600.0
_MOST_BODY_BYTES: Final = 64 * 1024 * 1024


class Fetcher:
    """Make calls over connections of their own. A stream is given when it is whole.

    Args:
        upstream: Opens the connections.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def fetch(self, request: Request) -> Exchange:
        """Make the call.

        Raises:
            UpstreamError: The server cannot be reached, or gave no whole answer.
            WireError: The request cannot be written.
        """
        data = request_bytes(request)
        host, port = host_and_port(request.host, request.scheme)
        channel = await self._upstream.connect(host, port)
        try:
            if request.scheme == "https":
                channel = await self._upstream.secure(channel, host, port)
            async with asyncio.timeout(_MOST_SECONDS):
                found = await _answer(channel, data, request)
        except (ConnectionError, TimeoutError) as error:
            problem = f"{host}:{port} gave no whole answer; is it well?"
            raise UpstreamError(_CUT_SHORT, problem, host, port) from error
        finally:
            channel.abort()
        if isinstance(found, Recorded) and not found.unfinished:
            return found.exchange
        what = found.problem if isinstance(found, Unrecorded) else "it left before the end"
        problem = f"the answer of {host}:{port} cannot be used: {what}"
        raise UpstreamError(_CUT_SHORT, problem, host, port)


async def _answer(channel: Channel, data: bytes, request: Request) -> Recorded | Unrecorded | None:
    """Send a request, and read until the first outcome."""
    tee = Tee(
        connection="passed-on",
        scheme=request.scheme,
        host=request.host,
        response_bytes=_MOST_BODY_BYTES,
    )
    tee.client_sent(data, time.time_ns())
    await channel.send(data)
    while True:
        piece = await channel.receive()
        now = time.time_ns()
        outcomes = tee.server_sent(piece, now) if piece else tee.server_closed(now)
        if outcomes:
            return outcomes[0]
        if not piece:
            return None
