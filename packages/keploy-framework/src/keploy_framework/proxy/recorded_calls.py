"""Outgoing calls in record: each goes to its real server, and is recorded."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from keploy_framework.errors import UpstreamError
from keploy_framework.wire import response_bytes

from .answers import plain_response
from .forwarding import Forwarding
from .limits import ProxyLimits
from .link import join
from .opening import ESTABLISHED, accept_client, read_opening
from .origin import origin_of_head
from .passing import TELEMETRY, passing_rule
from .recording import Tap
from .request_reader import RequestReader
from .upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from keploy_framework.wire import RequestHead

    from .channel import Channel
    from .origin import Origin
    from .passing import PassRule
    from .recording import Recording
    from .tls.authority import CertificateAuthority


class RecordedCalls:
    """Pass an app's calls on to their servers and record them.

    The certificates of servers are verified. What is no HTTP/1.1 is passed on unread and reported.

    Args:
        recording: Gets the exchanges.
        authority: Signs the certificates that the app is shown; None passes https unread.
        rules: Calls that are passed on unrecorded.
        own_ports: Ports of this machine that are the app's own, or the relay's before it: calls
            to them are no dependencies. The set may be changed later.
        moved_ports: Where the app really listens, by the port that the relay took over: its calls
            to itself go there, not through the relay. The mapping may be changed later.
        trusted: A file of further authorities in PEM that servers may be verified by.
        limits: What clients may take up.

    Raises:
        OSError: The file of authorities cannot be read.
        ssl.SSLError: It holds no certificates.
    """

    def __init__(
        self,
        recording: Recording,
        authority: CertificateAuthority | None,
        *,
        rules: Iterable[PassRule] = TELEMETRY,
        own_ports: Iterable[int] = (),
        moved_ports: Mapping[int, int] | None = None,
        trusted: Path | None = None,
        limits: ProxyLimits | None = None,
    ) -> None:
        self.limits = limits or ProxyLimits()
        self.own_ports = set(own_ports)
        self._rules = tuple(rules)
        self._recording = recording
        self._authority = authority
        self.moved_ports = dict(moved_ports or {})
        self._upstream = Upstream(self.limits, trusted, self.moved_ports)

    async def forward(
        self, client: Channel, reader: RequestReader, head: RequestHead, connection: str
    ) -> None:
        """Serve a client that sends requests with whole URLs."""
        forwarding = Forwarding(
            self._upstream,
            self._recording,
            self.limits,
            origin_of_head,
            partial(self._tap, connection),
        )
        await forwarding.serve(client, reader, head)

    async def depend(self, client: Channel, origin: Origin, connection: str) -> None:
        """Serve a client that takes this side for *origin*."""
        forwarding = Forwarding(
            self._upstream,
            self._recording,
            self.limits,
            lambda _: origin,
            partial(self._tap, connection),
            rewrite_host=True,
        )
        await forwarding.serve(client)

    async def tunnel(self, client: Channel, origin: Origin, connection: str) -> None:
        """Serve a client that asked for a tunnel to *origin*."""
        try:
            server = await self._upstream.connect(origin.host, origin.port)
        except UpstreamError as error:
            self._recording.report(error.reason, error.problem, "CONNECT")
            await client.send(response_bytes(plain_response(502, "Bad Gateway", error.problem)))
            return
        try:
            await client.send(ESTABLISHED)
            blind = passing_rule(self._rules, origin.host, origin.port) is not None
            if blind or origin.is_own(self.own_ports):
                await join(client, server)
                return
            await self._pass(client, server, origin, connection)
        finally:
            server.abort()

    async def _pass(
        self, client: Channel, server: Channel, origin: Origin, connection: str
    ) -> None:
        opening = await read_opening(client, self.limits)
        if opening.kind == "http":
            await join(client, server, self._tunnel_tap(connection, "http"))
        elif opening.readable and self._authority is not None:
            name = opening.server_name or origin.host
            await self._intercept(client, server, name, origin.port, connection)
        else:
            problem = f"{opening.protocol} to {origin.host}:{origin.port} was passed on unread"
            self._recording.report("not-http", problem, "CONNECT")
            await join(client, server)

    async def _intercept(
        self, client: Channel, server: Channel, name: str, port: int, connection: str
    ) -> None:
        assert self._authority is not None
        refusal: UpstreamError | None = None
        try:
            server = await self._upstream.secure(server, name, port)
        except UpstreamError as error:
            refusal = error
        plain = await accept_client(client, self._authority, name, self.limits, self._recording)
        if plain is None:
            return
        try:
            if refusal is None:
                await join(plain, server, self._tunnel_tap(connection, "https"))
            else:
                await self._refuse(plain, refusal)
        finally:
            plain.close()
            server.abort()

    def _tap(self, connection: str, origin: Origin) -> Tap | None:
        if origin.is_own(self.own_ports):
            return None
        return Tap(
            self._recording,
            connection=connection,
            scheme=origin.scheme,
            host=origin.authority,
            rules=self._rules,
        )

    def _tunnel_tap(self, connection: str, scheme: str) -> Tap:
        # Requests in a tunnel name the host themselves; a tunnel may lead to an address.
        return Tap(self._recording, connection=connection, scheme=scheme, rules=self._rules)

    async def _refuse(self, client: Channel, error: UpstreamError) -> None:
        self._recording.report(error.reason, error.problem, "CONNECT")
        async with asyncio.timeout(self.limits.head_seconds):
            await RequestReader(client, self.limits).head()
        await client.send(response_bytes(plain_response(502, "Bad Gateway", error.problem)))
