"""The server a call is for, and how a request names it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keploy_framework.errors import TargetError
from keploy_framework.wire import split_target

from .passing import authority_of, host_and_port

if TYPE_CHECKING:
    from collections.abc import Container

    from keploy_framework.exchange import Headers
    from keploy_framework.wire import RequestHead

_FOR_PROXIES = ("proxy-connection", "proxy-authorization", "proxy-authenticate")


@dataclass(frozen=True, slots=True)
class Origin:
    """A server.

    Args:
        scheme: ``http`` or ``https``.
        host: Its name or address, without brackets.
        port: Its TCP port.
    """

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as a ``Host`` header has them."""
        return authority_of(self.host, self.port, self.scheme)

    def is_own(self, own_ports: Container[int]) -> bool:
        """Tell whether it is one of the app's own ports on this machine."""
        return self.port in own_ports and is_loopback(self.host)


def origin_of_url(url: str) -> Origin:
    """Find the server of a URL.

    Raises:
        TargetError: It is no URL of http or https. The error does not hold it, as a URL may hold
            a password.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        parts, scheme, host, port = None, "", None, None
    if parts is not None and "@" in parts.netloc:
        msg = "a dependency's target holds a user or a password; let the app send them in a header"
        raise TargetError(msg)
    if scheme not in ("http", "https") or not host:
        msg = "a dependency's target is no URL with a host; write it like https://api.example.com"
        raise TargetError(msg)
    return Origin(scheme, host, port or (443 if scheme == "https" else 80))


def origin_of_head(head: RequestHead) -> Origin:
    """Find the server of a request in the form that clients send to a proxy.

    Raises:
        TargetError: It is in another form, or for another protocol.
    """
    scheme, authority, _ = split_target(head.target)
    if scheme not in ("http", "https"):
        msg = "this is a proxy: send it requests with a whole http or https URL, or CONNECT"
        raise TargetError(msg)
    host, port = host_and_port(authority, scheme)
    return Origin(scheme, host, port)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, by its name alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def without_proxy(headers: Headers) -> Headers:
    """Leave out the headers that are for a proxy."""
    return tuple(field for field in headers if field[0].lower() not in _FOR_PROXIES)


def with_host(headers: Headers, host: str) -> Headers:
    """Make ``Host`` say *host* in its place."""
    return tuple((name, host if name.lower() == "host" else value) for name, value in headers)
