"""What processes that hear of each other's deletions would have, in one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import redis.asyncio

from tta_dev_primitives.performance.redis.invalidation import RedisInvalidation
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.encoded_memory import EncodedMemoryStore
from tta_dev_primitives.performance.stores.redis import RedisStore
from tta_dev_primitives.performance.stores.tiered import TieredStore
from tta_dev_primitives.performance.tiers.deletion import Deletion

FAR_AHEAD = 4e9


def entry(data: bytes = b"data", tags: tuple[str, ...] = ()) -> StoredEntry:
    return StoredEntry(data, time.time(), FAR_AHEAD, FAR_AHEAD, tags=tags)


def soon(_attempt: int) -> float:
    return 0.01


class Held:
    """A clock whose pause between attempts lasts until the test is ready."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()

    async def sleep(self, seconds: float) -> None:
        await self.gate.wait()


class Process:
    """What one process would have: its own near tier, and the shared one behind it."""

    def __init__(self, url: str, namespace: str, near: Any = None, **options: Any) -> None:
        self.near: Any = EncodedMemoryStore() if near is None else near
        options = {"pause": soon, "heartbeat_seconds": 0.1, **options}
        self.hearing = RedisInvalidation(url, namespace, **options)
        self.shared = RedisStore(url, namespace=namespace, pause=soon)
        self.store = TieredStore([self.near, self.shared], invalidation=self.hearing)

    async def has(self, key: bytes) -> None:
        """Read *key*, so that the near tier has it."""
        assert await self.store.read(key) is not None
        assert self.hearing.listening()
        assert self.near.read(key) is not None


Start = Callable[..., Process]


@pytest.fixture
async def start_process(redis_url: str, redis_namespace: str) -> AsyncIterator[Start]:
    """Starts processes in the test's own namespace, on the shared server unless told otherwise."""
    started: list[Process] = []

    def start(near: Any = None, *, at: str = redis_url, **options: Any) -> Process:
        started.append(Process(at, redis_namespace, near, **options))
        return started[-1]

    yield start
    for process in started:
        await process.store.aclose()


async def listener_id(client: redis.asyncio.Redis, process: Process) -> str:
    """Return the server's number of the connection by which *process* listens."""
    channel = process.hearing._channel.name.encode()
    assert (await client.pubsub_numsub(channel))[0][1] == 1
    listeners = [
        found for found in await client.client_list(_type="pubsub") if int(found["sub"]) == 1
    ]
    return str(max(int(found["id"]) for found in listeners))


async def nothing_to_forget(_deletion: Deletion) -> None:
    return
