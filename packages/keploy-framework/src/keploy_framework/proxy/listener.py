"""Listen on loopback: one task a connection, none of which outlives the listener."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import traceback
from typing import TYPE_CHECKING

from keploy_framework.errors import ListenError

from .channel import Channel
from .limits import ProxyLimits

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType
    from typing import Self

_BACKLOG = 512
_LOG = logging.getLogger(__name__)


class Listener:
    """Accept connections on loopback and run *serve* for each, as an async context manager.

    Closing ends every connection and waits for its task. What *serve* raises ends its connection
    alone, and is logged without its text.

    Args:
        serve: Runs for each connection; the connection is closed when it returns.
        host: A loopback address, or ``localhost`` for 127.0.0.1.
        port: The TCP port; 0 for a free one.
        limits: How many connections may be open, and how long the last bytes to a client may
            take.

    Raises:
        ListenError: The address is not of loopback.
    """

    def __init__(
        self,
        serve: Callable[[Channel], Awaitable[None]],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        limits: ProxyLimits | None = None,
    ) -> None:
        self._serve = serve
        self._host = _loopback(host, port)
        self._port = port
        self._limits = limits or ProxyLimits()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._host

    @property
    def port(self) -> int:
        """The TCP port it listens on; the wish for one until it is open."""
        return self._port

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    async def open(self) -> None:
        """Start to listen.

        Raises:
            ListenError: The port is taken, or may not be used.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                lambda: Channel(self._accept), self._host, self._port, backlog=_BACKLOG
            )
        except OSError as error:
            raise _cannot_listen(self._host, self._port, error) from error
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and end every connection; twice is fine."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        await server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _accept(self, channel: Channel) -> None:
        if len(self._connections) >= self._limits.connections or self._server is None:
            channel.reset()
            return
        task = asyncio.get_running_loop().create_task(self._run(channel))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _run(self, channel: Channel) -> None:
        try:
            await self._serve(channel)
            channel.close()
            async with asyncio.timeout(self._limits.body_seconds):
                await channel.wait_closed()
        except (ConnectionError, TimeoutError):
            # The client left, or takes nothing more, which is its right.
            pass
        except Exception as error:  # noqa: BLE001 - one connection must not end the others
            # The text of an error from anywhere may hold what was sent.
            where = "".join(traceback.format_tb(error.__traceback__))
            _LOG.error("a connection was dropped for %s:\n%s", type(error).__name__, where)
        finally:
            channel.abort()


def _loopback(host: str, port: int) -> str:
    if host == "localhost":
        return "127.0.0.1"
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_loopback:
            return host
    msg = f"{host!r} is no loopback address, and others could reach it; listen on 127.0.0.1"
    raise ListenError(msg, host, port)


def _cannot_listen(host: str, port: int, error: OSError) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        problem = f"port {port} on {host} is taken; end the process that has it, or use port 0"
    elif error.errno == errno.EACCES:
        problem = f"port {port} on {host} may not be used by this user; use one above 1023, or 0"
    else:
        problem = f"cannot listen on {host}:{port}: {error.strerror}; use 127.0.0.1 and port 0"
    return ListenError(problem, host, port)
