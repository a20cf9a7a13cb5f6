"""Stores that lead and wait for each other, and calls that they make when they are told to."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import redis.asyncio

from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.redis import RedisStore

from .redis_server import OwnServer, own_server
from .waiting import until

MakeStore = Callable[..., RedisStore]


@pytest.fixture(scope="module")
def lease_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    """A server that the tests of one module have to themselves."""
    with own_server(tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.fixture
async def make_lease_store(lease_server: OwnServer) -> AsyncIterator[MakeStore]:
    """Makes stores on the server, which is empty at first."""
    made: list[RedisStore] = []
    lease_server.tell("FLUSHALL")

    def make(**options: object) -> RedisStore:
        made.append(RedisStore(lease_server.url, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for store in made:
        await store.aclose()


@pytest.fixture
async def lease_client(lease_server: OwnServer) -> AsyncIterator[redis.asyncio.Redis]:
    """Sees and changes what the stores keep on the server."""
    async with redis.asyncio.Redis.from_url(lease_server.url) as found:
        yield found


def entry(data: bytes = b"data", fresh_until: float = math.inf) -> StoredEntry:
    return StoredEntry(data, 1.0, fresh_until, math.inf)


class Filling:
    """Calls that begin, and go on when they are told to."""

    def __init__(self, result: StoredEntry | Exception | None = None) -> None:
        self.result: StoredEntry | Exception | None = result or entry()
        self.begun = 0
        self.ended: list[str] = []
        self.started = asyncio.Event()
        self.gate = asyncio.Event()

    async def __call__(self) -> StoredEntry | None:
        self.begun += 1
        self.started.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
async def filling() -> Filling:
    return Filling()


def start(store: RedisStore, fill: Filling, key: bytes = b"k") -> asyncio.Task[StoredEntry | None]:
    async def call() -> StoredEntry | None:
        return await store.fill_once(key, fill)

    return asyncio.create_task(call())


async def waiters(server: OwnServer, count: int) -> None:
    """Wait until so many are subscribed to news of the key."""
    expected = b":%d\r\n" % count
    await until(lambda: server.tell("PUBSUB", "NUMSUB", "tta:cache-done::k").endswith(expected))


async def lease(client: redis.asyncio.Redis) -> object:
    return await client.get("tta:cache-lease::k")
