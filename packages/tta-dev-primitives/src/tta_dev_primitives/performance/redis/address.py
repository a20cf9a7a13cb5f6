"""Where a Redis server is, and how to get a connection to it."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from tta_dev_primitives.core.clock import SYSTEM_CLOCK
from tta_dev_primitives.core.deadline import Alarm
from tta_dev_primitives.errors import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    import asyncio

    from redis.asyncio import Redis

_DEFAULT_URL: Final = "redis://127.0.0.1:6379/0"
# Arguments of pools, which connections do not take.
_OF_POOLS: Final = frozenset({"connection_class", "max_connections", "timeout"})
# A connection is asked once and its answer awaited with our own limit. Version 2 of the protocol
# because nothing may arrive that was not asked for.
_OURS: Final[dict[str, object]] = {
    "decode_responses": False,
    "health_check_interval": 0,
    "protocol": 2,
    "retry": None,
    "retry_on_error": [],
    "retry_on_timeout": False,
    "socket_connect_timeout": None,
    "socket_timeout": None,
}


class RedisAddress:
    """A server and how to log in to it: the arguments of redis-py's connections.

    redis-py opens the socket and does TLS, login and the choice of the database, so that whatever
    its URLs and clients can say holds here too.

    Args:
        url: Address as redis-py takes it; else `REDIS_URL`, else 127.0.0.1:6379.
        client: A client of redis-py whose settings to use. Its connections are not used, and it
            is not closed.

    Raises:
        ConfigurationError: The address cannot be understood. Its text is not repeated, because it
            may hold a password.
        MissingExtraError: redis-py or hiredis is not installed.
    """

    def __init__(self, url: str | None, client: Redis | None) -> None:
        if url is not None and client is not None:
            msg = "give a url or a client, not both"
            raise ConfigurationError(msg)
        try:
            import_module("hiredis")  # which reads the answers, see `wire`
            from redis.asyncio import connection
        except ImportError as error:
            raise MissingExtraError(error.name or "redis", "redis") from error
        settings: dict[str, Any]  # Any: whatever redis-py's connections take
        if client is None:
            settings = _parsed(os.environ.get("REDIS_URL") or _DEFAULT_URL if url is None else url)
            self._kind: Any = settings.get("connection_class", connection.Connection)
        else:
            pool: Any = getattr(client, "connection_pool", None)  # a cluster's client has none
            if pool is None:
                msg = f"client must be a redis.asyncio.Redis, got a {type(client).__qualname__}"
                raise ConfigurationError(msg)
            settings, self._kind = pool.connection_kwargs, pool.connection_class
        self._settings: dict[str, Any] = {
            name: value
            for name, value in settings.items()
            if name not in _OF_POOLS and not name.startswith("maint_notifications")
        } | _OURS
        try:
            self._kind(**self._settings)
        except Exception:  # noqa: BLE001 - its text and its cause may hold the password
            raise _not_understood() from None
        self.label = str(settings.get("path") or "{host}:{port}".format(
            host=settings.get("host", "localhost"), port=settings.get("port", 6379)
        ))  # fmt: skip

    async def open(self, timeout_seconds: float) -> asyncio.StreamWriter:
        """Return a new connection that is logged in, with no answer due.

        Raises:
            Exception: Whatever redis-py raises when it cannot be done, or TimeoutError.
        """
        connection = self._kind(**self._settings)
        with Alarm(timeout_seconds, SYSTEM_CLOCK, "connecting"):
            try:
                await connection.connect()
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
        # From here on the transport is ours: redis-py reads with a coroutine for each answer,
        # and cannot leave one answer to another caller when the first is cancelled.
        writer: asyncio.StreamWriter = connection._writer
        connection._reader = connection._writer = None  # or it complains when it is collected
        return writer


def _parsed(url: str) -> dict[str, Any]:  # Any: see above
    from redis.asyncio.connection import parse_url

    try:
        parts = urlsplit(url)
        # A password with a bare "/", "?" or "#" would end up in the path, or in the name of a host.
        # The path of a socket may have an "@", but not behind half of a login.
        is_socket = parts.scheme == "unix" and (not parts.netloc or "@" in parts.netloc)
        if "@" in parts.path + parts.query + parts.fragment and not is_socket:
            raise _not_understood()
        return dict(parse_url(url))
    except ValueError:
        raise _not_understood() from None


def _not_understood() -> ConfigurationError:
    return ConfigurationError(
        "the address of the Redis server cannot be understood; give it as "
        "redis://user:password@host:6379/0, with special characters percent-encoded"
    )
