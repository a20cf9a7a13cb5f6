"""What one process deletes leaves the nearer tiers of all others, by way of Redis."""

from __future__ import annotations

import asyncio
import logging
from contextvars import Context
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

from tta_dev_primitives.core.clock import SYSTEM_CLOCK
from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.tiers.deletion import EVERYTHING, Deletion

from .channel import DeletionChannel
from .outage import doubling_pause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from redis.asyncio import Redis
    from redis.asyncio.client import PubSub

    from tta_dev_primitives.core.clock import Clock
    from tta_dev_primitives.performance.tiers.position import Position

_SECONDS_BEFORE_SAVING: Final = 0.05
_logger = logging.getLogger("tta_dev_primitives.cache")


class RedisInvalidation:
    """An `Invalidation` by a publish/subscribe channel of a Redis server.

    Connects at the first use, in a task of the running event loop that `aclose` ends. When the
    connection is lost, it is sought again with growing pauses. Who was told nothing meanwhile
    sees by a count that it missed something, and forgets all its nearer entries; what this
    process deleted meanwhile is told to the others then.

    Args:
        url: Address as redis-py takes it; else `REDIS_URL`, else 127.0.0.1:6379.
        namespace: Processes with the same one, on the same server and database, tell each other.
        client: A client of redis-py whose settings to use instead of *url*. Its connections are
            not used, and it is not closed.
        timeout_seconds: Longest wait for an answer.
        heartbeat_seconds: After this long without a message, the server is asked whether it is
            still there and still has the count.
        pause: Seconds to wait after so many failed attempts in a row, counted from 0.
        clock: Whose sleep to use between attempts.

    Raises:
        ConfigurationError: The address cannot be understood, or both *url* and *client* are given.
        MissingExtraError: redis-py is not installed.
    """

    def __init__(
        self,
        url: str | None = None,
        namespace: str = "",
        *,
        client: Redis | None = None,
        timeout_seconds: float = 0.5,
        heartbeat_seconds: float = 5.0,
        pause: Callable[[int], float] = doubling_pause,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._channel = DeletionChannel(url, client, namespace, timeout_seconds)
        self._timeout, self._heartbeat = timeout_seconds, heartbeat_seconds
        self._pause, self._clock = pause, clock
        self._listeners: WeakKeyDictionary[asyncio.AbstractEventLoop, _Listener] = (
            WeakKeyDictionary()
        )
        # Asked before every read, mostly from the same loop.
        self._latest: _Listener | None = None

    def listening(self) -> bool:
        """Tell whether the running event loop hears of every deletion now."""
        loop, listener = asyncio.get_running_loop(), self._latest
        if listener is None or listener.loop is not loop:
            listener = self._latest = self._listeners.get(loop)
        return listener is not None and listener.hears

    async def start(
        self, forget: Callable[[Deletion], Awaitable[None]], beside: Path | None
    ) -> None:
        """Begin to listen in the running event loop, unless that is done already.

        When this returns, it has been tried once; it goes on being tried until `aclose`.

        Args:
            forget: Deletes from the nearer tiers; raises `StoreError` where one failed.
            beside: File of a tier that outlives the process, if there is one.
        """
        loop = asyncio.get_running_loop()
        listener = self._listeners.get(loop)
        if listener is None or listener.task.done():
            for known in list(self._listeners):
                if known.is_closed():  # its task would keep it alive
                    self._listeners.pop(known, None)
            self._channel.keep_beside(beside)
            self._latest = None
            listener = self._listeners[loop] = _Listener(
                self._channel, forget, self._timeout, self._heartbeat, self._pause, self._clock
            )
        await listener.tried.wait()

    async def publish(self, deletion: Deletion) -> None:
        """Tell the others, or do so as soon as the server can be reached."""
        self._channel.owe(deletion)
        listener = self._listeners.get(asyncio.get_running_loop())
        if listener is not None and listener.hears:
            await listener.tell()

    async def aclose(self) -> None:
        """End the listening of the running event loop; the next use begins anew.

        One warning tells if others could not be told of all deletions.
        """
        listener = self._listeners.pop(asyncio.get_running_loop(), None)
        self._latest = None
        if listener is None:
            return
        await listener.end()
        if self._channel.untold:
            _logger.warning(
                "other processes were not told of all cache deletions (%s)", self._channel.name
            )


class _Listener:
    """Hears of deletions in one event loop, by a task that lasts until `end`."""

    def __init__(
        self,
        channel: DeletionChannel,
        forget: Callable[[Deletion], Awaitable[None]],
        timeout_seconds: float,
        heartbeat_seconds: float,
        pause: Callable[[int], float],
        clock: Clock,
    ) -> None:
        self._channel, self._forget = channel, forget
        self._timeout, self._heartbeat = timeout_seconds, heartbeat_seconds
        self._pause, self._clock = pause, clock
        self._client: Redis | None = None
        self._telling, self._moved = asyncio.Lock(), asyncio.Event()
        self._away = False
        self._attempts = 0
        self.hears = False
        self.tried = asyncio.Event()
        # Not in the context of whoever came first, which would live as long.
        self.loop = asyncio.get_running_loop()
        self.task = self.loop.create_task(self._listen(), name="cache deletions", context=Context())

    async def end(self) -> None:
        """Stop the task and wait until it has ended."""
        try:
            if self._channel.lasts and self._client is not None:
                await self._follow_to_the_end(self._client)
        except Exception as error:  # noqa: BLE001 - then the next process forgets more than it must
            self._lost(error)
        finally:
            self.task.cancel()
            await asyncio.wait((self.task,))

    async def _follow_to_the_end(self, client: Redis) -> None:
        """Let the task follow what was sent until now, its own process' deletions above all."""
        async with asyncio.timeout(self._timeout):
            goal = await self._channel.look(client)
            while not self._channel.has_followed(goal):
                self._moved.clear()
                await self._moved.wait()

    async def tell(self) -> None:
        """Publish what is owed; if that fails, it is owed until the server is heard again."""
        client = self._client
        if client is None:
            return
        try:
            async with self._telling:
                await self._channel.tell(client)
        except Exception as error:  # noqa: BLE001 - whatever the client raises, it is tried again
            self._lost(error)

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except Exception as error:  # noqa: BLE001 - whatever the client raises, it is tried again
                self._lost(error)
            finally:
                self.hears = False
                self.tried.set()
            await self._clock.sleep(self._pause(self._attempts))
            self._attempts += 1

    async def _hear(self) -> None:
        """Subscribe and follow until the connection is lost."""
        client = self._channel.client()
        subscription: PubSub = client.pubsub()  # pyright: ignore[reportUnknownMemberType] - redis-py's
        try:
            await self._subscribe(subscription)
            position = await self._catch_up(client)
            await self._channel.tell(client)
            self._client = client
            self._well()
            while True:
                position = await self._follow(client, subscription, position)
        finally:
            self.hears, self._client = False, None
            if self._channel.unsaved:
                await asyncio.to_thread(self._channel.save)
            await subscription.aclose()
            await client.aclose()

    async def _subscribe(self, subscription: PubSub) -> None:
        await subscription.subscribe(self._channel.name)
        message = await self._next(subscription, self._timeout)
        if message is None:
            msg = "the server does not answer"
            raise TimeoutError(msg)

    async def _catch_up(self, client: Redis) -> Position:
        """Forget everything if something was missed; only after subscribing is that known."""
        position = await self._channel.look(client)
        if self._channel.position != position:
            await self._forget(EVERYTHING)
            self._channel.advance(position)
        return position

    async def _follow(self, client: Redis, subscription: PubSub, position: Position) -> Position:
        """Do what the next message says, or see to what has waited for a quiet moment."""
        unsaved = self._channel.unsaved
        patience = _SECONDS_BEFORE_SAVING if unsaved else self._heartbeat
        message = await self._next(subscription, patience)
        if message is None and unsaved:
            await asyncio.to_thread(self._channel.save)
            return position
        if message is None:
            message = await self._beat(client, subscription, position)
        if message["type"] == "subscribe":
            # The client has connected again by itself, and does not say what was missed.
            return await self._catch_up(client)
        if message["type"] != "message":
            return position
        understood = self._channel.understand(message["data"])
        if understood is None:
            return position
        found, deletion = understood
        if found.epoch == position.epoch and found.generation <= position.generation:
            return position  # published before the count was looked at
        if found != (position.epoch, position.generation + 1):
            deletion = EVERYTHING
        await self._forget(deletion)
        self._channel.advance(found)
        self._moved.set()
        return found

    # Any: a message as redis-py gives it.
    async def _beat(
        self, client: Redis, subscription: PubSub, position: Position
    ) -> dict[str, Any]:
        """See that the server is there and has the count, and publish what could not be before."""
        await subscription.ping()  # pyright: ignore[reportUnknownMemberType] - redis-py's
        message = await self._next(subscription, self._timeout)
        if message is None:
            msg = "the server does not answer"
            raise TimeoutError(msg)
        # A higher number is not yet a missed message: it may be on its way.
        if (await self._channel.look(client)).epoch != position.epoch:
            msg = "the server has lost the count of deletions"
            raise StoreError(msg)
        await self._channel.tell(client)
        self._well()
        return message

    async def _next(self, subscription: PubSub, seconds: float) -> dict[str, Any] | None:
        return cast("dict[str, Any] | None", await subscription.get_message(timeout=seconds))

    def _well(self) -> None:
        if self._away:
            _logger.info("deletions of other processes are heard again (%s)", self._channel.name)
        self._away, self._attempts, self.hears = False, 0, True
        self.tried.set()

    def _lost(self, error: Exception) -> None:
        """Say so once; quietly, if the store behind it says so too: the server is away or full."""
        self.hears = False
        if self._away:
            return
        self._away = True
        # redis-py's own errors of this kind are not the built-in ones.
        usual = isinstance(error, OSError) or type(error).__name__ in (
            "ConnectionError", "TimeoutError", "BusyLoadingError", "OutOfMemoryError",
        )  # fmt: skip
        _logger.log(
            logging.INFO if usual else logging.WARNING,
            "deletions of other processes are not heard (%s): %r; shared entries are asked first",
            self._channel.name,
            error,
        )
