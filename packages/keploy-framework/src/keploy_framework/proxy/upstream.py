"""Reach the real servers: connect, verify who they are, and say plainly why not."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from functools import cached_property
from typing import TYPE_CHECKING

from keploy_framework.errors import UpstreamError

from .channel import Channel
from .origin import is_loopback
from .tls.layer import connect_tls

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .limits import ProxyLimits


class Upstream:
    """Open connections to the servers an app depends on.

    A server of TLS must prove who it is, to the authorities the system trusts and those of
    *trusted*; there is no way to turn that off.

    Args:
        limits: How long connecting and the handshake may take.
        trusted: A file of further authorities in PEM, such as a company's own.
        moved_ports: Ports of this machine that are reached at another one.

    Raises:
        OSError: The file cannot be read.
        ssl.SSLError: The file holds no certificates.
    """

    def __init__(
        self,
        limits: ProxyLimits,
        trusted: Path | None = None,
        moved_ports: Mapping[int, int] | None = None,
    ) -> None:
        self._limits = limits
        self._trusted = trusted
        self._moved_ports: Mapping[int, int] = {} if moved_ports is None else moved_ports
        if trusted is not None:
            # A file that cannot be used is told now, not at the first call.
            _ = self._context

    @cached_property
    def _context(self) -> ssl.SSLContext:
        # Reading what the system trusts takes many milliseconds.
        context = ssl.create_default_context()
        if self._trusted is not None:
            context.load_verify_locations(self._trusted)
        context.set_alpn_protocols(["http/1.1"])
        return context

    async def connect(self, host: str, port: int) -> Channel:
        """Connect.

        Raises:
            UpstreamError: The server cannot be reached.
        """
        loop = asyncio.get_running_loop()
        place = self._moved_ports.get(port, port) if is_loopback(host) else port
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                _, channel = await loop.create_connection(Channel, host, place)
        except OSError as error:
            raise _unreachable(host, port, error) from error
        return channel

    async def secure(self, channel: Channel, host: str, port: int) -> Channel:
        """Put TLS on a connection.

        Raises:
            UpstreamError: The server is not who it should be, or no agreement was found.
        """
        try:
            async with asyncio.timeout(self._limits.handshake_seconds):
                return await connect_tls(channel, self._context, host)
        except (ssl.SSLError, OSError) as error:
            raise _not_secured(host, port, error) from error


def _unreachable(host: str, port: int, error: OSError) -> UpstreamError:
    place = f"cannot reach {host}:{port}"
    if isinstance(error, socket.gaierror):
        reason, problem = "dns", f"{place}: the name is unknown; check it and the network"
    elif isinstance(error, ConnectionRefusedError) or error.errno == errno.ECONNREFUSED:
        reason, problem = "refused", f"{place}: the connection was refused; is it running?"
    elif isinstance(error, TimeoutError):
        reason, problem = "timeout", f"{place}: no answer in time; check the network"
    else:
        what = error.strerror or "no address answered"
        reason, problem = "unreachable", f"{place}: {what.lower()}; check the network"
    return UpstreamError(reason, problem, host, port)


def _not_secured(host: str, port: int, error: Exception) -> UpstreamError:
    place = f"no secure connection to {host}:{port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        problem = (
            f"{place}: its certificate is not trusted ({error.verify_message}); "
            "if it is right, give the file of its authority"
        )
    elif isinstance(error, TimeoutError):
        problem = f"{place}: the TLS handshake took too long; try again"
    elif isinstance(error, ssl.SSLError):
        problem = f"{place}: {error.reason or 'the TLS handshake failed'}; does it speak TLS?"
    else:
        problem = f"{place}: it left during the TLS handshake; does it speak TLS?"
    return UpstreamError("tls", problem, host, port)
