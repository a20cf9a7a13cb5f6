"""The proxy for an app's outgoing calls, and listeners that stand for one server each."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from keploy_framework.errors import TargetError, WireError
from keploy_framework.wire import response_bytes

from .answers import plain_response, refuse
from .listener import Listener
from .origin import Origin, origin_of_head, origin_of_url
from .passing import host_and_port
from .request_reader import RequestReader

if TYPE_CHECKING:
    from keploy_framework.wire import RequestHead

    from .channel import Channel
    from .limits import ProxyLimits


class Calls(Protocol):
    """What becomes of outgoing calls: `RecordedCalls` or `AnsweredCalls`."""

    limits: ProxyLimits

    async def forward(
        self, client: Channel, reader: RequestReader, head: RequestHead, connection: str
    ) -> None:
        """Serve a client that sends requests with whole URLs, from *head* on."""
        ...

    async def depend(self, client: Channel, origin: Origin, connection: str) -> None:
        """Serve a client that takes this side for *origin*."""
        ...

    async def tunnel(self, client: Channel, origin: Origin, connection: str) -> None:
        """Serve a client that asked for a tunnel to *origin*."""
        ...


class EgressProxy(Listener):
    """Take an app's calls as its HTTP and HTTPS proxy, as an async context manager.

    Closing ends every connection and waits for that.

    Args:
        calls: What becomes of them.
        host: The loopback address to listen on.
        port: The TCP port to listen on; 0 for a free one.

    Raises:
        ListenError: *host* is not of loopback.
    """

    def __init__(self, calls: Calls, *, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(self._serve_client, host=host, port=port, limits=calls.limits)
        self._calls = calls
        self._numbers = itertools.count()

    @property
    def url(self) -> str:
        """What ``HTTPS_PROXY`` says."""
        return f"http://{_shown(self.host)}:{self.port}"

    async def _serve_client(self, client: Channel) -> None:
        reader = RequestReader(client, self._calls.limits)
        try:
            head = await reader.head()
            if head is None:
                return
            connection = f"proxy-{next(self._numbers)}"
            if head.method == "CONNECT":
                reader.switch()
                host, port = host_and_port(head.target)
                await self._calls.tunnel(client, Origin("https", host, port), connection)
            else:
                origin_of_head(head)
                await self._calls.forward(client, reader, head, connection)
        except TargetError as error:
            await client.send(response_bytes(plain_response(400, "Bad Request", str(error))))
        except WireError as error:
            await refuse(client, error)
        except TimeoutError:
            client.abort()


class DependencyListener(Listener):
    """Stand for one server, for an app that is told its URL rather than a proxy.

    Args:
        target: The URL of the server; its path is kept, so that `url` has it too.
        calls: What becomes of the calls.
        host: The loopback address to listen on.
        port: The TCP port to listen on; 0 for a free one.

    Raises:
        ListenError: *host* is not of loopback.
        TargetError: *target* is no URL of http or https.
    """

    def __init__(
        self, target: str, calls: Calls, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        super().__init__(self._serve_client, host=host, port=port, limits=calls.limits)
        self._origin = origin_of_url(target)
        self._path = urlsplit(target).path
        self._calls = calls
        self._numbers = itertools.count()

    @property
    def url(self) -> str:
        """What the app is told instead of the target."""
        return f"http://{_shown(self.host)}:{self.port}{self._path}"

    async def _serve_client(self, client: Channel) -> None:
        connection = f"{self._origin.host}-{next(self._numbers)}"
        await self._calls.depend(client, self._origin, connection)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
