"""Ask a Redis server whether it is there, with nothing but a socket."""

from __future__ import annotations

import socket
import ssl
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from .answer import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE: Final = "REDIS_URL"
DEFAULT_PORT: Final = 6379
LONGEST_WAIT_SECONDS: Final = 2.0

_ONLY_SOME: Final = 'only caches with backend="redis" need it'
_START: Final = f"start one, or point {VARIABLE} at yours"


def look_at_redis(
    environment: Mapping[str, str], timeout_seconds: float = LONGEST_WAIT_SECONDS
) -> Answer:
    """Tell whether a Redis server answers where a cache would look for one.

    One `PING` is sent, without a password. The login in the address is never shown.

    Args:
        environment: Variables, of which `REDIS_URL` counts.
        timeout_seconds: Longest wait for the connection, and again for the answer.
    """
    given = environment.get(VARIABLE)
    url = given or f"redis://127.0.0.1:{DEFAULT_PORT}"
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError:
        return _bad_address("it is no address")
    if parts.scheme not in {"redis", "rediss", "unix"}:
        return _bad_address("it must begin with redis://, rediss:// or unix://")
    place = parts.path if parts.scheme == "unix" else f"{parts.hostname or '127.0.0.1'}:{port}"
    try:
        reply = _ping(parts.scheme, place, parts.hostname or "127.0.0.1", port, timeout_seconds)
    except OSError as error:
        told = "in time" if isinstance(error, TimeoutError) else f"({error.strerror or error})"
        said = f"nobody answers at {place} {told}; {_ONLY_SOME}"
        return Answer("Redis", "problem" if given else "note", said, _START)
    if reply.startswith(b"+PONG"):
        return Answer("Redis", "ok", f"a server answers at {place}")
    if reply.startswith((b"-NOAUTH", b"-WRONGPASS", b"-NOPERM")):
        return Answer("Redis", "ok", f"a server answers at {place} and wants a password")
    said = f"something at {place} answers, but not as a Redis server does"
    return Answer("Redis", "problem", said, _START)


def _bad_address(why: str) -> Answer:
    said = f"{VARIABLE} cannot be used: {why}"
    return Answer("Redis", "problem", said, f"set {VARIABLE}=redis://127.0.0.1:6379, or unset it")


def _ping(scheme: str, path: str, host: str, port: int, timeout_seconds: float) -> bytes:
    if scheme == "unix":
        if sys.platform == "win32":
            msg = "there are no unix sockets here"
            raise OSError(msg)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout_seconds)
        with closing(connection):
            connection.connect(path)
            return _asked(connection)
    with closing(socket.create_connection((host, port), timeout_seconds)) as connection:
        if scheme == "redis":
            return _asked(connection)
        context = ssl.create_default_context()
        with context.wrap_socket(connection, server_hostname=host) as secured:
            return _asked(secured)


def _asked(connection: socket.socket) -> bytes:
    connection.sendall(b"PING\r\n")
    return connection.recv(64)
