"""Read the requests of a connection, one after the other, within bounds of time."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from keploy_framework.wire import Data, End, Refused, RequestHead, RequestParser, Tunnel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from keploy_framework.exchange import Headers
    from keploy_framework.wire import Event

    from .channel import Channel
    from .limits import ProxyLimits


class RequestReader:
    """Give the head of each request, then its body.

    Args:
        channel: Where they come from.
        limits: What a request may hold, and how long its parts may take.
    """

    def __init__(self, channel: Channel, limits: ProxyLimits) -> None:
        self._channel = channel
        self._limits = limits
        self._parser = RequestParser(limits.message)
        self._events: deque[Event] = deque()
        self._ended = False
        self.trailers: Headers = ()

    async def head(self) -> RequestHead | None:
        """Wait for the next request; None where no more come.

        The body of the request before must have been read.

        Raises:
            WireError: What came is no request, or is too large.
            TimeoutError: It did not come in time.
        """
        if not self._events and not self._ended:
            await self._wait_for_head()
        if not self._events:
            return None
        event = self._next()
        assert isinstance(event, RequestHead)
        return event

    async def body(self, seconds: float | None = None) -> AsyncIterator[bytes]:
        """Give the pieces of the body as they came; `trailers` are known after the last.

        Args:
            seconds: How long each piece may take; None, as for a body that is only passed on,
                for as long as it takes.

        Raises:
            ConnectionResetError: An error was raised before, and nothing comes any more.
            WireError: What came is no body, or ended too early.
            TimeoutError: A piece did not come in time.
        """
        while True:
            while not self._events:
                async with asyncio.timeout(seconds):
                    await self._more()
            event = self._next()
            if isinstance(event, End):
                self.trailers = event.trailers
                return
            assert isinstance(event, Data)
            yield event.data

    @property
    def body_is_here(self) -> bool:
        """Whether the whole body came with the head."""
        return any(isinstance(event, End) for event in self._events)

    def proceed(self) -> None:
        """Read on after a request that asked for another protocol and did not get it."""
        if self._parser.paused:
            self._events.extend(self._parser.proceed())

    def switch(self) -> None:
        """Give the channel back what followed the request: it is another protocol's."""
        held = b"".join(e.data for e in self._parser.switch() if isinstance(e, Tunnel))
        self._channel.put_back(held)

    async def _wait_for_head(self) -> None:
        loop = asyncio.get_running_loop()
        begun = self._parser.waiting
        seconds = self._limits.head_seconds if begun else self._limits.idle_seconds
        async with asyncio.timeout(seconds) as limit:
            while not self._events and not self._ended:
                await self._more()
                if self._parser.waiting and not begun:
                    begun = True
                    limit.reschedule(loop.time() + self._limits.head_seconds)

    async def _more(self) -> None:
        if self._ended:
            msg = "the client sends nothing more"
            raise ConnectionResetError(msg)
        data = await self._channel.receive()
        if data:
            self._events.extend(self._parser.feed(data))
        else:
            self._ended = True
            self._events.extend(self._parser.close())

    def _next(self) -> Event:
        event = self._events.popleft()
        if isinstance(event, Refused):
            raise event.error
        return event
