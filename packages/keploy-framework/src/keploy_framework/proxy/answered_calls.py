"""Outgoing calls in replay: each is answered here, and no socket leads out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keploy_framework.errors import TargetError, UpstreamError
from keploy_framework.wire import response_bytes

from .answering import Answering
from .answers import plain_response
from .fetching import Fetcher
from .forwarding import Forwarding
from .limits import ProxyLimits
from .link import join
from .opening import ESTABLISHED, accept_client, read_opening
from .origin import Origin, origin_of_head
from .passing import TELEMETRY
from .recording import Reporter
from .upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from keploy_framework.exchange import Exchange
    from keploy_framework.wire import RequestHead, Unrecorded

    from .answers import Answerer
    from .channel import Channel
    from .passing import PassRule
    from .request_reader import RequestReader
    from .tls.authority import CertificateAuthority


class AnsweredCalls:
    """Answer an app's calls without a network.

    The only sockets it opens lead to the app's own ports on this machine; with none of these it
    opens none, unless it was given *on_fetched*. What is no HTTP/1.1 is refused and reported.

    Args:
        answerer: Knows the answers.
        authority: Signs the certificates that the app is shown; None refuses https.
        on_unrecorded: Gets what could not be answered, each with its reason.
        rules: Calls that are answered by their rule, not by *answerer*.
        own_ports: Ports of this machine that are the app's own, or the relay's before it. The set
            may be changed later.
        moved_ports: Where the app really listens, by the port that the relay took over. The
            mapping may be changed later.
        limits: What clients may take up.
        on_fetched: Gets each exchange with a real server. Without it no real server is asked, also
            where *answerer* leaves a call to it.
        trusted: A file of further authorities in PEM that real servers may be verified by.
    """

    def __init__(
        self,
        answerer: Answerer,
        authority: CertificateAuthority | None,
        *,
        on_unrecorded: Callable[[Unrecorded], None] | None = None,
        rules: Iterable[PassRule] = TELEMETRY,
        own_ports: Iterable[int] = (),
        moved_ports: Mapping[int, int] | None = None,
        limits: ProxyLimits | None = None,
        on_fetched: Callable[[Exchange], None] | None = None,
        trusted: Path | None = None,
    ) -> None:
        self.limits = limits or ProxyLimits()
        self.own_ports = set(own_ports)
        self.reporter = Reporter(on_unrecorded)
        self._authority = authority
        self.moved_ports = dict(moved_ports or {})
        self._own = Upstream(self.limits, moved_ports=self.moved_ports)
        fetcher = None
        if on_fetched is not None:
            fetcher = Fetcher(Upstream(self.limits, trusted, self.moved_ports))
        self._answering = Answering(
            answerer, tuple(rules), self.limits, self.reporter, fetcher, on_fetched
        )

    async def forward(
        self, client: Channel, reader: RequestReader, head: RequestHead, connection: str
    ) -> None:
        """Serve a client that sends requests with whole URLs."""
        forwarding = Forwarding(
            self._own, self.reporter, self.limits, self._own_origin, lambda _: None
        )
        following: RequestHead | None = head
        try:
            # Clients send calls of several hosts over one connection to their proxy.
            while following is not None:
                origin = origin_of_head(following)
                if origin.is_own(self.own_ports):
                    stays = await forwarding.exchange(client, reader, following)
                else:
                    stays = await self._answering.exchange(client, reader, following, origin)
                if not stays:
                    break
                reader.proceed()
                following = await reader.head()
        finally:
            forwarding.let_go()
        client.close()

    async def depend(self, client: Channel, origin: Origin, connection: str) -> None:
        """Serve a client that takes this side for *origin*."""
        await self._answering.serve(client, origin, fixed=True)

    async def tunnel(self, client: Channel, origin: Origin, connection: str) -> None:
        """Serve a client that asked for a tunnel to *origin*."""
        if origin.is_own(self.own_ports):
            await self._tunnel_to_own(client, origin)
            return
        await client.send(ESTABLISHED)
        opening = await read_opening(client, self.limits)
        if opening.kind == "http":
            await self._answering.serve(client, Origin("http", origin.host, origin.port))
        elif opening.readable and self._authority is not None:
            name = opening.server_name or origin.host
            plain = await accept_client(client, self._authority, name, self.limits, self.reporter)
            if plain is not None:
                await self._answering.serve(plain, Origin("https", name, origin.port))
        else:
            problem = f"{opening.protocol} to {origin.host}:{origin.port} cannot be answered"
            self.reporter.report("not-http", problem, "CONNECT")

    async def _tunnel_to_own(self, client: Channel, origin: Origin) -> None:
        try:
            server = await self._own.connect(origin.host, origin.port)
        except UpstreamError as error:
            await client.send(response_bytes(plain_response(502, "Bad Gateway", error.problem)))
            return
        try:
            await client.send(ESTABLISHED)
            await join(client, server)
        finally:
            server.abort()

    def _own_origin(self, head: RequestHead) -> Origin:
        origin = origin_of_head(head)
        if not origin.is_own(self.own_ports):
            msg = f"{origin.authority} is not the app's own; a replay calls nobody else"
            raise TargetError(msg)
        return origin
