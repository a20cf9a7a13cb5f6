"""SDK clients: made when first used, one per event loop, closed with it."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tta_dev_primitives.errors import MissingExtraError

from .hosts import Host, host_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


@dataclass(frozen=True, slots=True)
class Connection:
    """A client of an SDK that never retries by itself, and what is known of its server."""

    client: Any  # Any: differs by SDK
    host: Host
    secrets: tuple[str, ...]
    keeper: AsyncGenerator[None, None] | None = None


_RESOURCES = {
    "openai": "openai.resources.chat.completions",
    "anthropic": "anthropic.resources.messages",
}
_TURNS = 20
_loaded: dict[str, ModuleType] = {}


class Connections:
    """The clients of one adapter.

    An HTTP client is bound to the event loop it first ran in, so each loop gets its own. It is
    closed by `aclose()`, or with the loop: an async generator holds it, and event loops close
    those when they are shut down by `asyncio.run`.

    Args:
        package: The SDK's name, which is that of the extra as well.
        client: The user's own client, which is used in every loop and never closed; or None.
        make: Makes a client, given the SDK.
        closes: Whether closing a client made here closes nothing that is the user's.
    """

    def __init__(
        self,
        package: str,
        client: Any,  # Any: differs by SDK
        make: Callable[[Any], Any],
        *,
        closes: bool,
    ) -> None:
        self._package, self._make, self._closes = package, make, closes
        self._given = client
        self._shared: Connection | None = None
        self._by_loop: dict[asyncio.AbstractEventLoop, Connection] = {}

    async def current(self) -> Connection:
        """Return the connection of the running loop, making its client where there is none.

        Raises:
            MissingExtraError: The SDK is not installed.
        """
        if self._given is not None:
            if self._shared is None:
                self._shared = _connection(self._given.with_options(max_retries=0))
            return self._shared
        loop = asyncio.get_running_loop()
        found = self._by_loop.get(loop)
        if found is not None:
            return found
        sdk = await load_sdk(self._package)
        found = self._by_loop.get(loop)  # another call may have been faster
        if found is not None:
            return found
        for other in [other for other in self._by_loop if other.is_closed()]:
            del self._by_loop[other]
        client = self._make(sdk)
        keeper = _keep(client) if self._closes else None
        found = self._by_loop[loop] = _connection(client, keeper)
        if keeper is not None:
            await anext(keeper)
        return found

    async def aclose(self) -> None:
        """Close the running loop's client, if one was made; the next request makes another."""
        found = self._by_loop.pop(asyncio.get_running_loop(), None)
        if found is not None and found.keeper is not None:
            await found.keeper.aclose()


async def load_sdk(package: str) -> ModuleType:
    """Import an SDK without holding up the event loop, for it takes a second or two.

    Raises:
        MissingExtraError: It is not installed.
    """
    # Not `sys.modules`: a module is there already while another call is still importing it.
    loaded = _loaded.get(package)
    if loaded is not None:
        return loaded
    try:
        sdk = await asyncio.to_thread(_import, package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingExtraError(package, package) from error
    _loaded[package] = sdk
    return sdk


def _import(package: str) -> ModuleType:
    sdk = importlib.import_module(package)
    # Else the first use of a client would import this, on the event loop.
    importlib.import_module(_RESOURCES[package])
    return sdk


async def end_generators(stream: Any) -> None:  # Any: differs by SDK
    """Let what is suspended inside a closed *stream* end, so that no task of it outlives us.

    The SDK and its HTTP library read through half a dozen nested async generators. When the stream
    is left in the middle, the outermost can be closed; asyncio then ends the next one in a task,
    which frees the one after it, two turns of the loop for each.
    """
    iterator = getattr(stream, "_iterator", None)
    if isinstance(iterator, AsyncGenerator):
        await cast("AsyncGenerator[Any, None]", iterator).aclose()
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def _keep(client: Any) -> AsyncGenerator[None, None]:  # Any: differs by SDK
    try:
        yield
    finally:
        await client.close()


def _connection(
    client: Any,  # Any: differs by SDK
    keeper: AsyncGenerator[None, None] | None = None,
) -> Connection:
    keys = (getattr(client, name, None) for name in ("api_key", "auth_token"))
    secrets = tuple(key for key in keys if isinstance(key, str) and len(key) >= 8)
    return Connection(client, host_of(str(client.base_url)), secrets, keeper)
