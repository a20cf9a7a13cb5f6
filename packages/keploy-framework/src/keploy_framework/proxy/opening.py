"""How a tunnel begins: what its client speaks, and TLS with it."""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from .tls.client_hello import ClientHello, read_client_hello, starts_tls
from .tls.layer import accept_tls

if TYPE_CHECKING:
    from .channel import Channel
    from .limits import ProxyLimits
    from .recording import Reporter
    from .tls.authority import CertificateAuthority

ESTABLISHED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
"""What a client that asked for a tunnel is answered."""

_METHOD: Final = re.compile(rb"[A-Z]{1,20}(?P<space> )?")
_HTTP2: Final = b"PRI * HTTP/2.0"


@dataclass(frozen=True, slots=True)
class Opening:
    """What comes through a tunnel.

    Args:
        kind: ``tls``, ``http`` for HTTP/1.1 in the clear, ``http2``, ``silent`` where the client
            waits for the server to speak, or ``other``.
        hello: What a client of TLS said; None for others.
    """

    kind: Literal["tls", "http", "http2", "silent", "other"]
    hello: ClientHello | None = None

    @property
    def readable(self) -> bool:
        """Whether HTTP/1.1 comes, in the clear or within TLS."""
        return self.kind == "http" or (self.hello is not None and self.hello.speaks_http1)

    @property
    def server_name(self) -> str:
        """The host a client of TLS wants; empty where it does not say."""
        return "" if self.hello is None else self.hello.server_name

    @property
    def protocol(self) -> str:
        """What comes, for a person to read."""
        if self.hello is not None:
            return f"TLS for {', '.join(self.hello.protocols) or 'HTTP/1.1'}"
        names = {"http": "HTTP/1.1", "http2": "HTTP/2", "silent": "a protocol whose server begins"}
        return names.get(self.kind, "another protocol than HTTP")


async def read_opening(client: Channel, limits: ProxyLimits) -> Opening:
    """Wait for the first bytes of a tunnel, and leave them where they are.

    A client that stops in the middle of them is taken for one of another protocol.
    """
    try:
        async with asyncio.timeout(limits.first_byte_seconds):
            data = await client.receive()
    except TimeoutError:
        return Opening("silent")
    try:
        async with asyncio.timeout(limits.head_seconds):
            while (opening := _opening(data)) is None:
                more = await client.receive()
                if not more:
                    opening = Opening("other")
                    break
                data += more
    except TimeoutError:
        opening = Opening("other")
    client.put_back(data)
    return opening


async def accept_client(
    client: Channel,
    authority: CertificateAuthority,
    name: str,
    limits: ProxyLimits,
    reporter: Reporter,
) -> Channel | None:
    """Speak TLS with an app's client; None where the client does not want it, which is told."""
    try:
        async with asyncio.timeout(limits.handshake_seconds):
            return await accept_tls(client, authority.context(name))
    except (ssl.SSLError, OSError, ValueError) as error:
        why = error.reason if isinstance(error, ssl.SSLError) else type(error).__name__
        problem = (
            f"a client of {name} did not take the certificate of this run ({why}); "
            "let it trust the file that SSL_CERT_FILE names"
        )
        reporter.report("client-tls", problem, "CONNECT")
        client.close()
        return None


def _opening(data: bytes) -> Opening | None:
    """Tell what bytes begin; None while more are needed."""
    if starts_tls(data):
        hello = read_client_hello(data)
        return None if hello is None else Opening("tls", hello)
    if _HTTP2.startswith(data[: len(_HTTP2)]):
        return Opening("http2") if len(data) >= len(_HTTP2) else None
    method = _METHOD.match(data)
    if method is None:
        return Opening("other")
    if method["space"]:
        return Opening("http")
    return None if method.end() == len(data) < 20 else Opening("other")
