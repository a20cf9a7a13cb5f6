"""The relay in front of the app: the app's callers connect here, and are recorded."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

from .channel import Channel
from .limits import ProxyLimits
from .link import join
from .listener import Listener
from .recording import Tap

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from .recording import Recording


class IngressRelay:
    """Pass everything between callers and the app untouched, and record the exchanges.

    Bytes pass on before they are looked at, so streams, WebSockets and whatever else is spoken
    come through as they are. While the app does not answer on its port, callers are reset, as an
    app that is down resets them. Use it as an async context manager.

    Args:
        app_port: The TCP port the app answers on.
        recording: Gets the exchanges; None passes without recording.
        app_host: The host the app answers on.
        host: The loopback address to listen on.
        port: The TCP port to listen on; 0 for a free one.
        limits: How many connections may be open, and how long connecting to the app may take.

    Raises:
        ListenError: *host* is not of loopback.
    """

    def __init__(
        self,
        app_port: int,
        recording: Recording | None = None,
        *,
        app_host: str = "127.0.0.1",
        host: str = "127.0.0.1",
        port: int = 0,
        limits: ProxyLimits | None = None,
    ) -> None:
        self._app = app_host, app_port
        self._recording = recording
        self._limits = limits or ProxyLimits()
        self._listener = Listener(self._serve, host=host, port=port, limits=self._limits)
        self._numbers = itertools.count()

    @property
    def host(self) -> str:
        """The address it listens on."""
        return self._listener.host

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return self._listener.port

    @property
    def connections(self) -> int:
        """How many callers are connected."""
        return self._listener.connections

    async def open(self) -> None:
        """Start to listen.

        Raises:
            ListenError: The port is taken, or may not be used.
        """
        await self._listener.open()

    async def close(self) -> None:
        """Stop listening, end every connection, and hand on what was recorded of them."""
        await self._listener.close()

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

    async def _serve(self, client: Channel) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                _, app = await loop.create_connection(Channel, *self._app)
        except OSError:
            client.reset()
            return
        tap = None
        if self._recording is not None:
            tap = Tap(self._recording, connection=str(next(self._numbers)))
        await join(client, app, tap)
