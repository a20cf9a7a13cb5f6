"""Entries on a Redis server that many machines share."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Final, cast

from tta_dev_primitives.core.clock import SYSTEM_CLOCK
from tta_dev_primitives.errors import ConfigurationError, StoreError
from tta_dev_primitives.performance.redis.access import RedisAccess
from tta_dev_primitives.performance.redis.address import RedisAddress
from tta_dev_primitives.performance.redis.format import (
    FormatError,
    pack_entry,
    tag_name,
    unpack_entry,
)
from tta_dev_primitives.performance.redis.lease import Lease
from tta_dev_primitives.performance.redis.outage import doubling_pause
from tta_dev_primitives.performance.redis.scripts import DELETE, DELETE_TAGGED, WRITE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

    from redis.asyncio import Redis

    from tta_dev_primitives.core.clock import Clock

    from .base import StoredEntry

_BATCH: Final = 512
_LONGEST_MILLISECONDS: Final = 1 << 52  # as exact in the server's scripts as it is here
_logger = logging.getLogger("tta_dev_primitives.cache")


class RedisStore:
    """A cache store on a Redis server, 6.2 or later, that many processes share.

    It connects at the first use, and anew by itself. One object may be used from several threads
    and event loops, and on both sides of a fork; each loop has connections of its own, which are
    closed with it. Reads of the same moment go to the server as one question.

    While the server is away, calls fail at once and one of them looks again now and then; the
    log has one warning about it, and a line when it is over. A server that is full and refuses
    writes is read on.

    Args:
        url: Address as redis-py takes it; else `REDIS_URL`, else 127.0.0.1:6379.
        client: Instead of *url*, a client of redis-py whose settings to use (TLS, sentinel,
            credentials). Its connections are not used, and it is not closed.
        namespace: Keeps the entries of several users of one server apart.
        timeout_seconds: How long the server may be silent when it should say something. A call
            waits no longer than three times this.
        lease_seconds: After this time another process takes over from one that was killed while
            it made an entry. Longer calls renew their lease.
        clock: Where the time comes from. What expires, expires by the server's clock.
        pause: Seconds to leave a server alone after so many failed attempts in a row, from 0.

    Raises:
        ConfigurationError: The address cannot be understood, or arguments contradict each other.
        MissingExtraError: redis-py or hiredis is not installed.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        client: Redis | None = None,
        namespace: str = "",
        timeout_seconds: float = 0.5,
        lease_seconds: float = 10.0,
        clock: Clock = SYSTEM_CLOCK,
        pause: Callable[[int], float] = doubling_pause,
    ) -> None:
        if ":" in namespace:
            msg = f"namespace must not contain a colon, which ends it, got {namespace!r}"
            raise ConfigurationError(msg)
        for name, seconds in (("timeout", timeout_seconds), ("lease", lease_seconds)):
            if not 0 < seconds < math.inf:
                msg = f"{name}_seconds must be positive and finite, got {seconds!r}"
                raise ConfigurationError(msg)
        space = namespace.encode() + b":"
        self._entries = b"tta:cache:" + space
        self._leases = b"tta:cache-lease:" + space
        self._done = b"tta:cache-done:" + space
        self._tags = b"tta:cache-tag:" + space
        self._fences = b"tta:cache-fence:" + space
        self._lease_seconds = lease_seconds
        self._time = clock.time
        self._warned: set[str] = set()
        self._access = RedisAccess(RedisAddress(url, client), timeout_seconds, clock, pause)

    async def read(self, key: bytes) -> StoredEntry | None:
        """Return the entry of *key*, or None.

        Raises:
            StoreError: The server is away.
        """
        raw = await self._access.get(self._entries + key)
        return None if raw is None else self._decoded(raw)

    async def write(self, key: bytes, entry: StoredEntry) -> None:
        """Keep *entry* under *key*, replacing what was there.

        Raises:
            StoreError: The server is away or takes no writes, or the entry is too large.
        """
        await self._access.run(WRITE, (self._entries + key,), self._written(key, entry))

    async def fill_once(
        self, key: bytes, fill: Callable[[], Awaitable[StoredEntry | None]]
    ) -> StoredEntry | None:
        """Return the entry of *key* that another process is making, or else make it by *fill*.

        An entry that is fresh is returned as it is. Of all who ask for one that is not, one runs
        *fill* under a lease that is renewed while it runs. The others wait for as long as that
        takes, and get what it wrote; when it fails or dies, one of them takes over. Who lost the
        lease, by standing still for longer than it lasts, returns its result without writing it.
        When the server is away, *fill* runs here. When this call is cancelled, *fill* is too.

        Raises:
            Exception: What *fill* raised in this process.
        """
        lease = Lease(
            self._access,
            self._entries + key,
            self._leases + key,
            self._fences,
            self._done + key,
            self._lease_seconds,
        )
        try:
            entry = await lease.take(self._time(), self._decoded)
        except StoreError:  # the log has it
            return await fill()
        if entry is not None:
            return entry
        kept = False
        try:
            entry = await fill()
            if entry is not None and not lease.lost:
                try:
                    await lease.complete(self._written(key, entry, lease.fence))
                    kept = True
                except StoreError as error:
                    if not error.reported:
                        self._warn_once("write", str(error))
        finally:
            if not kept:
                lease.release()
        return entry

    async def delete(self, keys: Sequence[bytes]) -> int:
        """Delete the entries of *keys* and return how many there were.

        An answer that is under way for one of them in any process is not kept.

        Raises:
            StoreError: The server is away or refuses.
        """
        return sum(
            [
                await self._delete(keys[begin : begin + _BATCH])
                for begin in range(0, len(keys), _BATCH)
            ]
        )

    async def delete_prefix(self, prefix: bytes) -> int:
        """Delete the entries whose keys begin with *prefix* and return how many there were.

        Answers that are under way for such keys in any process are not kept. The server walks
        through all its keys for this, a few at a time.

        Raises:
            StoreError: The server is away or refuses.
        """
        deleted = 0
        for names in (self._entries, self._leases):
            async for found in self._names(names + prefix):
                deleted += await self._delete([name[len(names) :] for name in found])
        return deleted

    async def delete_tags(self, tags: Collection[str]) -> int:
        """Delete the entries that carry any of *tags* and return how many there were.

        Raises:
            StoreError: The server is away or refuses.
        """
        deleted = 0
        for tag in tags:
            name = tag_name(tag)
            seen = _BATCH
            while seen == _BATCH:
                reply = await self._access.run(
                    DELETE_TAGGED,
                    (self._tags + name,),
                    (name, b"%d" % _BATCH, self._entries, self._tags),
                    purpose="upkeep",
                )
                seen, count = cast("tuple[int, int]", reply)
                deleted += count
        return deleted

    async def delete_expired(self, now: float) -> int:
        """Return 0: the server deletes what expired by itself."""
        return 0

    async def scan(self, prefix: bytes = b"") -> AsyncIterator[tuple[bytes, StoredEntry]]:
        """Yield the entries whose keys begin with *prefix*.

        Of entries that come or go meanwhile some are missed, and some are met twice.

        Raises:
            StoreError: The server is away or refuses.
        """
        async for names in self._names(self._entries + prefix):
            values = cast("list[bytes | None]", await self._access.ask(b"MGET", *names))
            for name, raw in zip(names, values, strict=True):
                entry = None if raw is None else self._decoded(raw)
                if entry is not None:
                    yield name[len(self._entries) :], entry

    async def size(self) -> int:
        """Return about how many entries there are; counted anew each time, by `scan`'s rules.

        Raises:
            StoreError: The server is away or refuses.
        """
        return sum([len(names) async for names in self._names(self._entries)])

    async def aclose(self) -> None:
        """Close the connections of the running event loop; the next use opens them again."""
        await self._access.aclose()

    async def _delete(self, keys: Sequence[bytes]) -> int:
        reply = await self._access.run(
            DELETE,
            (),
            (self._entries, self._leases, self._done, self._tags, *keys),
            purpose="upkeep",
        )
        return cast("int", reply)

    async def _names(self, prefix: bytes) -> AsyncIterator[list[bytes]]:
        pattern = _escaped(prefix) + b"*"
        cursor = b"0"
        while True:
            reply = await self._access.ask(b"SCAN", cursor, b"MATCH", pattern, b"COUNT", b"512")
            cursor, names = cast("tuple[bytes, list[bytes]]", reply)
            if names:
                yield names
            if cursor == b"0":
                return

    def _written(self, key: bytes, entry: StoredEntry, fence: float = 0.0) -> list[bytes]:
        """Return the arguments of the script that writes *entry*."""
        left = (entry.expires_at - self._time()) * 1000
        milliseconds = -1 if left > _LONGEST_MILLISECONDS else max(0, math.ceil(left))
        return [
            key,
            pack_entry(entry, fence=fence),
            b"%d" % milliseconds,
            self._tags,
            *map(tag_name, entry.tags),
        ]

    def _decoded(self, raw: bytes) -> StoredEntry | None:
        try:
            return unpack_entry(raw)
        except FormatError as error:
            self._warn_once("read", f"an entry in redis was passed over: {error}")
            return None

    def _warn_once(self, about: str, text: str) -> None:
        if about not in self._warned:
            self._warned.add(about)
            _logger.warning("%s; further ones are not reported", text)


def _escaped(text: bytes) -> bytes:
    """Return a pattern of the server's that matches *text* and nothing else."""
    for special in (b"\\", b"*", b"?", b"[", b"]"):
        text = text.replace(special, b"\\" + special)
    return text
