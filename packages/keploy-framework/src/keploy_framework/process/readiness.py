"""Wait until an app answers, and find the port it answers on."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from keploy_framework.errors import AppError

from .ports import answering_host, listening_ports

if TYPE_CHECKING:
    from .app import AppProcess
    from .moving import PortMove
    from .stopping import StopSignal

_LOOK_SECONDS: Final = 0.02
# An app may open several ports at its start; the lowest of those that came together is taken.
_SETTLE_SECONDS: Final = 0.25
_DOUBT_SECONDS: Final = 1.5
_HEALTH_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """What an app that is ready looks like.

    Args:
        port: The port it answers on; 0 to find it.
        is_port_sure: Whether it answers on that port and no other. Otherwise another one that it
            listens on is taken when that one stays silent for a while.
        health_url: A URL that answers with a status below 400 when the app is ready; empty for
            none, and then an accepted connection is enough.
        seconds: How long it may take.
    """

    port: int = 0
    health_url: str = ""
    seconds: float = 60.0
    is_port_sure: bool = True


@dataclass(frozen=True, slots=True)
class AppAddress:
    """Where an app answers.

    Args:
        host: The loopback address.
        port: The port that it really listens on.
        public: The port it was told, or would have taken: what its callers know.
    """

    host: str
    port: int
    public: int


async def wait_until_ready(
    app: AppProcess,
    wanted: Readiness,
    move: PortMove | None = None,
    *,
    stop: StopSignal | None = None,
) -> AppAddress | None:
    """Wait until the app accepts connections, and its health URL answers if there is one.

    Args:
        app: The app, started.
        wanted: What to wait for. The time is the most; it returns as soon as the app is ready.
        move: What was done to move the app; ``None`` for nothing.
        stop: Ends the waiting; then there is no address.

    Raises:
        AppError: The app ended, or was not ready in time; its last lines are given.
    """
    began = time.monotonic()
    found_since: tuple[float, list[int]] = (began, [])
    while stop is None or not stop.is_set:
        address, found_since = await _look(app, wanted, move, found_since)
        if address is not None and await _is_healthy(wanted.health_url, address):
            return address
        if not app.is_alive:
            await app.drain()
            raise ended(app, "before it listened on a port")
        if time.monotonic() - began > wanted.seconds:
            raise _silent(app, wanted, address)
        await asyncio.sleep(_LOOK_SECONDS)
    return None


def ended(app: AppProcess, when: str) -> AppError:
    """Make the error for an app that ended too early."""
    code = app.returncode
    how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with {code}"
    problem = f"the app {app.command!r} {how} {when}; see its last lines"
    return AppError(problem, reason="ended", last_lines=app.last_lines)


async def _look(
    app: AppProcess, wanted: Readiness, move: PortMove | None, since: tuple[float, list[int]]
) -> tuple[AppAddress | None, tuple[float, list[int]]]:
    port = wanted.port
    if move is not None:
        public = move.public or port
        if public:
            host = await answering_host(move.hidden)
            if host is not None:
                return AppAddress(host, move.hidden, public), since
    ports = listening_ports(app.members())
    if ports is None:
        # Nothing tells whose port it is, so only the one that was named can be tried.
        host = await answering_host(port) if port else None
        return (None if host is None else AppAddress(host, port, port)), since
    settle = _SETTLE_SECONDS
    if port in ports:
        ports, settle = [port], 0.0
    elif port and wanted.is_port_sure:
        ports = []
    elif port:
        settle = _DOUBT_SECONDS
    if move is not None:
        ports = [one for one in ports if one != move.hidden]
    now = time.monotonic()
    if ports != since[1]:
        since = now, ports
    if ports and now - since[0] >= settle:
        host = await answering_host(ports[0])
        if host is not None:
            return AppAddress(host, ports[0], ports[0]), since
    return None, since


async def _is_healthy(url: str, address: AppAddress) -> bool:
    if not url:
        return True
    parts = urlsplit(url if "://" in url else f"http://{address.host}:{address.public}{url}")
    port, host = parts.port or 80, parts.hostname or address.host
    if port == address.public:
        port, host = address.port, address.host
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(_HEALTH_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(request.encode())
                line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False
    words = line.split()
    return len(words) > 1 and words[1].isdigit() and int(words[1]) < 400


def _silent(app: AppProcess, wanted: Readiness, address: AppAddress | None) -> AppError:
    if address is not None:
        problem = (
            f"{wanted.health_url} did not answer in {wanted.seconds:g} s; "
            "check the URL, or give more time with --health-poll-timeout"
        )
    elif wanted.port:
        problem = (
            f"the app does not listen on port {wanted.port} after {wanted.seconds:g} s; "
            "give its port with --port, or more time with --health-poll-timeout"
        )
    else:
        problem = (
            f"the app listens on no port that can be seen after {wanted.seconds:g} s; "
            "give its port with --port, or more time with --health-poll-timeout"
        )
    return AppError(problem, reason="silent", last_lines=app.last_lines)
