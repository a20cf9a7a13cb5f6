"""Deletions as counted messages of Redis, and how far this process has followed them.

Every deletion is counted and published by one script, so that nobody can see a count that was not
sent. Publishing is lossy: who is disconnected is told nothing. The count tells what was missed.
It has a random name, which tells a count that began anew from one that went on.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from tta_dev_primitives.errors import ConfigurationError, MissingExtraError
from tta_dev_primitives.performance.tiers.deletion import EVERYTHING, Deletion
from tta_dev_primitives.performance.tiers.position import Position, PositionFile

if TYPE_CHECKING:
    from pathlib import Path

    from redis.asyncio import Redis

_DEFAULT_URL: Final = "redis://127.0.0.1:6379/0"
_VERSION: Final = b"1"
_KEYS_PER_MESSAGE: Final = 1000
_MOST_UNTOLD: Final = 1000
_LOOK: Final = """
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
return {redis.call('HGET', KEYS[1], 'epoch'), redis.call('HGET', KEYS[1], 'generation') or '0'}
"""
_TELL: Final = """
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
local generation = redis.call('HINCRBY', KEYS[1], 'generation', 1)
local header = '1 ' .. redis.call('HGET', KEYS[1], 'epoch') .. string.format(' %.0f ', generation)
return redis.call('PUBLISH', ARGV[2], header .. ARGV[3])
"""
_logger = logging.getLogger("tta_dev_primitives.cache")


class DeletionChannel:
    """The channel of one namespace; shared by the event loops and threads of this process.

    Args:
        url: Address as redis-py takes it; else `REDIS_URL`, else 127.0.0.1:6379.
        client: A client whose settings to use instead.
        namespace: Part of the names.
        timeout_seconds: Longest wait for an answer.

    Attributes:
        name: Of the channel.
        position: What was followed last; None where that is not known.
        untold: Deletions of this process that are still to be published, oldest first.
    """

    def __init__(
        self, url: str | None, client: Redis | None, namespace: str, timeout_seconds: float
    ) -> None:
        self._kind, self._settings = _connection(url, client)
        self._settings |= {
            "decode_responses": False,
            "health_check_interval": 0,
            "protocol": 2,
            "socket_connect_timeout": timeout_seconds,
            "socket_timeout": timeout_seconds,
        }
        # Channels do not know of databases, but entries do.
        self.name = f"tta:cache-deletions:{self._settings.get('db', 0)}:{namespace}"
        self._count_key = f"tta:cache-deletion-count:{namespace}"
        self._lock = threading.Lock()
        self._file: PositionFile | None = None
        self._saved: Position | None = None
        self._warned = False
        self.position: Position | None = None
        self.untold: deque[Deletion] = deque()

    def client(self) -> Redis:
        """Return a client of its own that tries everything once; a count must not be sent twice."""
        from redis.asyncio import ConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        once: dict[str, Any] = {  # Any: as in _connection
            "retry": Retry(NoBackoff(), 0),
            "retry_on_error": [],
            "retry_on_timeout": False,
        }
        return Redis.from_pool(ConnectionPool(self._kind, **(self._settings | once)))

    async def look(self, client: Redis) -> Position:
        """Return how far the count has come; begin one if there is none."""
        # Any: redis-py does not say what a script returns.
        answer: Any = await _eval(client, _LOOK, self._count_key, secrets.token_hex(8))
        return Position(answer[0].decode(), int(answer[1]))

    def owe(self, deletion: Deletion) -> None:
        """Have *deletion* published by the next `tell`."""
        with self._lock:
            self.untold.extend(deletion.parts(_KEYS_PER_MESSAGE))
            if len(self.untold) > _MOST_UNTOLD:
                self.untold = deque([EVERYTHING])

    async def tell(self, client: Redis) -> None:
        """Publish what is owed, in order.

        What fails is still owed, and may be published twice, which deletes twice.
        """
        while self.untold:
            deletion = self.untold[0]
            epoch = secrets.token_hex(8)
            await _eval(client, _TELL, self._count_key, epoch, self.name, deletion.encode())
            with self._lock:
                if self.untold and self.untold[0] is deletion:
                    self.untold.popleft()

    def understand(self, message: bytes) -> tuple[Position, Deletion] | None:
        """Return what *message* says; everything is deleted where that is not understood.

        A message without a count is nobody's: None, and one warning.
        """
        try:
            version, epoch, generation, body = message.split(b" ", 3)
            if version != _VERSION or not 0 < len(epoch) <= 64:
                msg = "another version"
                raise ValueError(msg)
            position = Position(epoch.decode(), int(generation))
        except ValueError:
            self._warn("ignored a message without a count")
            return None
        try:
            return position, Deletion.decode(body)
        except ValueError:
            self._warn("forgot all nearer entries upon a message that makes no sense")
            return position, EVERYTHING

    def keep_beside(self, path: Path | None) -> None:
        """Remember the position beside *path* from now on, and take up the one that is there."""
        if path is not None and self._file is None:
            self._file = PositionFile(path, self.name)
            self.position = self._saved = self._file.load()

    def advance(self, position: Position) -> None:
        """Take note that everything up to *position* was followed."""
        with self._lock:
            known = self.position
            # Another event loop may have come further with the same tiers.
            if known is None or known.epoch != position.epoch or known < position:
                self.position = position

    def has_followed(self, goal: Position) -> bool:
        """Tell whether everything up to *goal* was followed, or is counted anew."""
        known = self.position
        return known is None or known.epoch != goal.epoch or known >= goal

    @property
    def lasts(self) -> bool:
        """Whether there is a tier that outlives the process."""
        return self._file is not None

    @property
    def unsaved(self) -> bool:
        """Whether `save` has something to do."""
        return self._file is not None and self.position != self._saved

    def save(self) -> None:
        """Write the position, if there is a tier that outlives the process."""
        position = self.position
        if self._file is None or position is None:
            return
        try:
            self._file.save(position)
        except OSError as error:
            self._warn(f"cannot write {self._file.path}: {error}")
        self._saved = position

    def _warn(self, text: str) -> None:
        if not self._warned:
            self._warned = True
            _logger.warning("cache deletions of other processes (%s): %s", self.name, text)


# Any: whatever redis-py's connections take, and their class.
def _connection(url: str | None, client: Redis | None) -> tuple[Any, dict[str, Any]]:
    if url is not None and client is not None:
        msg = "give a url or a client, not both"
        raise ConfigurationError(msg)
    try:
        from redis.asyncio.connection import Connection, parse_url
    except ImportError as error:
        raise MissingExtraError(error.name or "redis", "redis") from error
    if client is not None:
        pool = client.connection_pool
        # What a pool adds for its own connections is of no use to others.
        return pool.connection_class, {
            name: value
            for name, value in pool.connection_kwargs.items()
            if not name.startswith("maint_notifications")
        }
    try:
        settings: dict[str, Any] = dict(parse_url(url or os.environ.get("REDIS_URL", _DEFAULT_URL)))
    except ValueError:
        # Its text is not repeated, because it may hold a password.
        msg = "the Redis address is not understood; give it as redis://host:port/database"
        raise ConfigurationError(msg) from None
    return settings.pop("connection_class", Connection), settings


async def _eval(client: Redis, script: str, key: str, *arguments: str | bytes) -> Any:  # Any: above
    # The stubs allow for a client that is not asynchronous.
    running: Any = client.eval(script, 1, key, *arguments)
    return await running
