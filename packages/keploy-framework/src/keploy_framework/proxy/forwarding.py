"""A connection in record whose requests are passed on one by one, each to its own server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from keploy_framework.errors import TargetError, UpstreamError, WireError
from keploy_framework.wire import (
    End,
    Refused,
    ResponseHead,
    ResponseParser,
    chunk_bytes,
    last_chunk_bytes,
    request_head,
    response_bytes,
    split_target,
)

from .answers import plain_response, refuse
from .link import join
from .origin import with_host, without_proxy
from .request_reader import RequestReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from keploy_framework.wire import Event, RequestHead

    from .channel import Channel
    from .limits import ProxyLimits
    from .origin import Origin
    from .recording import Reporter, Tap
    from .upstream import Upstream


class Forwarding:
    """Pass the requests of one connection on, and the answers back as they come.

    Requests are written anew, so that only what is well-formed goes out; answers pass untouched.

    Args:
        upstream: Opens the connections to the servers.
        reporter: Told of servers that cannot be reached.
        limits: How large a head may be, and how slowly it may come.
        origin_of: Says which server a request is for; raises `TargetError` where it must go to
            none.
        tap_for: Makes the tap on a connection to a server; None leaves it unrecorded.
        rewrite_host: Whether the ``Host`` header is made that of the server.
    """

    def __init__(
        self,
        upstream: Upstream,
        reporter: Reporter,
        limits: ProxyLimits,
        origin_of: Callable[[RequestHead], Origin],
        tap_for: Callable[[Origin], Tap | None],
        *,
        rewrite_host: bool = False,
    ) -> None:
        self._upstream = upstream
        self._reporter = reporter
        self._limits = limits
        self._origin_of = origin_of
        self._tap_for = tap_for
        self._rewrite_host = rewrite_host
        self._server: _Server | None = None

    async def serve(
        self,
        client: Channel,
        reader: RequestReader | None = None,
        head: RequestHead | None = None,
    ) -> None:
        """Pass on what a client asks, until it leaves or a server ends the connection.

        Args:
            client: The client.
            reader: Reads its requests, where that began already.
            head: The request that was read already.

        Raises:
            ConnectionError: The client left.
        """
        reader = reader or RequestReader(client, self._limits)
        try:
            head = head or await reader.head()
            while head is not None and await self.exchange(client, reader, head):
                reader.proceed()
                head = await reader.head()
        except WireError as error:
            await refuse(client, error)
        except TimeoutError:
            client.abort()
        finally:
            self.let_go()
        client.close()

    async def exchange(self, client: Channel, reader: RequestReader, head: RequestHead) -> bool:
        """Pass one request on and its answer back, and tell whether another may follow.

        Whoever calls it calls `let_go` at last.

        Raises:
            ConnectionError: The client left.
            WireError: The request is none.
            TimeoutError: The request came too slowly.
        """
        try:
            origin = self._origin_of(head)
            server = await self._server_for(origin)
        except (TargetError, UpstreamError) as error:
            path = split_target(head.target)[2].partition("?")[0]
            reason = error.reason if isinstance(error, UpstreamError) else "target"
            self._reporter.report(reason, str(error), head.method, path)
            await client.send(response_bytes(plain_response(502, "Bad Gateway", str(error))))
            return False
        client.on_gone = server.drop
        try:
            server.responses.expect(head.method, upgrade=bool(head.upgrade))
            await server.ask(self._head_bytes(head, origin))
            if reader.body_is_here:
                await _pass_body(reader, head, server)
                return await self._pass_response(client, reader, head, server)
            return await self._pass_both(client, reader, head, server)
        finally:
            client.on_gone = None

    async def _pass_both(
        self, client: Channel, reader: RequestReader, head: RequestHead, server: _Server
    ) -> bool:
        """Pass the answer back while the body still comes, as servers may answer early."""
        sending = asyncio.ensure_future(_pass_body(reader, head, server))
        sending.add_done_callback(server.drop_if_failed)
        try:
            stays = await self._pass_response(client, reader, head, server)
            if stays:
                await asyncio.wait((sending,))
        finally:
            sending.cancel()
            await asyncio.wait((sending,))
        error = None if sending.cancelled() else sending.exception()
        if isinstance(error, WireError) and not server.answered:
            raise error
        return stays and error is None

    async def _pass_response(
        self, client: Channel, reader: RequestReader, head: RequestHead, server: _Server
    ) -> bool:
        """Pass the answer back as it comes, and tell whether another request may follow."""
        stays = head.keep_alive
        while data := await server.channel.receive():
            server.answered = True
            await client.send(data)
            for event in server.events(data):
                if isinstance(event, ResponseHead) and event.switches:
                    await self._switch(client, reader, server)
                    return False
                if isinstance(event, ResponseHead) and not event.interim:
                    stays = stays and event.keep_alive
                if isinstance(event, Refused):
                    return False
                if isinstance(event, End):
                    return stays
        return False

    async def _switch(self, client: Channel, reader: RequestReader, server: _Server) -> None:
        reader.switch()
        await join(client, server.channel)

    async def _server_for(self, origin: Origin) -> _Server:
        server = self._server
        if server is not None and (server.origin != origin or server.channel.ended):
            self.let_go()
            server = None
        if server is None:
            channel = await self._upstream.connect(origin.host, origin.port)
            if origin.scheme == "https":
                channel = await self._upstream.secure(channel, origin.host, origin.port)
            server = self._server = _Server(origin, channel, self._tap_for(origin))
        server.answered = False
        return server

    def _head_bytes(self, head: RequestHead, origin: Origin) -> bytes:
        headers = without_proxy(head.headers)
        if self._rewrite_host:
            headers = with_host(headers, origin.authority)
        written = request_head(head.method, split_target(head.target)[2], headers)
        if head.minor_version == 0:
            # A client of HTTP/1.0 must not be answered in chunks.
            written = written.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)
        return written

    def let_go(self) -> None:
        """Close the connection to the server, if there is one."""
        server, self._server = self._server, None
        if server is not None:
            server.close()


class _Server:
    """A connection to a server, with the tap on it."""

    def __init__(self, origin: Origin, channel: Channel, tap: Tap | None) -> None:
        self.origin = origin
        self.channel = channel
        self.responses = ResponseParser()
        self.answered = False
        self._tap = tap

    async def ask(self, data: bytes) -> None:
        """Send what the client asks."""
        if self._tap is not None:
            self._tap.client_sent(data)
        await self.channel.send(data)

    def events(self, data: bytes) -> list[Event]:
        """Read what came."""
        if self._tap is not None:
            self._tap.server_sent(data)
        return self.responses.feed(data)

    def drop(self) -> None:
        """Let go of an answer that nobody waits for any more."""
        if self._tap is not None:
            self._tap.client_closed()
        self.channel.abort()

    def drop_if_failed(self, sending: asyncio.Future[None]) -> None:
        """Let go of an answer to a request that will never be whole."""
        if not sending.cancelled() and sending.exception() is not None:
            self.channel.abort()

    def close(self) -> None:
        """Close, and hand on what was recorded."""
        if self._tap is not None:
            self._tap.server_closed()
        # Whatever was not sent yet belongs to a request that nobody waits for.
        self.channel.abort()


async def _pass_body(reader: RequestReader, head: RequestHead, server: _Server) -> None:
    async for piece in reader.body():
        await server.ask(chunk_bytes(piece) if head.length is None else piece)
    if head.length is None:
        await server.ask(last_chunk_bytes(reader.trailers))
