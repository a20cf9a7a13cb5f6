"""A cache over a store of the user's own: Redis, through the public store protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, cast

import pytest
import redis

from tta_dev_primitives import CachePrimitive
from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import StoredEntry

pytestmark = pytest.mark.service("redis")


class RedisStore:
    """The smallest store that keeps entries in Redis; a round trip blocks, so for tests only."""

    def __init__(self, url: str, prefix: bytes) -> None:
        connect = cast("Any", redis.Redis).from_url  # Any: redis-py leaves its options untyped
        self._client = connect(url, socket_connect_timeout=2)
        self._prefix = prefix

    def read(self, key: bytes, *, wait: bool = False) -> StoredEntry | None:
        try:
            found = self._client.get(self._prefix + key)
        except redis.ConnectionError as error:
            raise StoreError(str(error)) from error
        if found is None:
            return None
        fields = json.loads(found)
        return StoredEntry(**(fields | {"data": bytes.fromhex(fields["data"])}))

    def write(self, key: bytes, entry: StoredEntry, *, wait: bool = False) -> None:
        text = json.dumps(asdict(entry) | {"data": entry.data.hex()})
        try:
            self._client.set(self._prefix + key, text, ex=60)
        except redis.ConnectionError as error:
            raise StoreError(str(error)) from error

    def delete_expired(self, now: float) -> int:
        return 0

    def clear(self) -> None:
        for key in self._client.scan_iter(self._prefix + b"*"):
            self._client.delete(key)

    def __len__(self) -> int:
        return sum(1 for _ in self._client.scan_iter(self._prefix + b"*"))

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def store(redis_url: str, request: pytest.FixtureRequest) -> Iterator[RedisStore]:
    """A store whose entries are gone after the test."""
    made = RedisStore(redis_url, request.node.name.encode() + b":")
    yield made
    made.clear()
    made.close()


async def test_two_caches_over_one_redis_share_entries(store: RedisStore) -> None:
    """What one process has bought, another need not buy again."""
    calls: list[str] = []

    async def expensive(word: str) -> dict[str, int]:
        calls.append(word)
        return {word: len(word)}

    first = CachePrimitive(expensive, ttl_seconds=60, backend=store)
    second = CachePrimitive(expensive, ttl_seconds=60, backend=store)
    assert await first.execute("tent") == {"tent": 4}
    assert await second.execute("tent") == {"tent": 4}
    assert calls == ["tent"]
    assert len(store) == 1


async def test_a_redis_that_is_away_costs_the_cache_but_not_the_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The step runs, the caller gets the answer, one warning says why it was not kept."""
    away = RedisStore("redis://127.0.0.1:1/0", b"")
    cache = CachePrimitive(str.upper, backend=away)
    assert [await cache.execute("tent"), await cache.execute("tent")] == ["TENT", "TENT"]
    assert sum("refused" in record.message for record in caplog.records) == 1
    away.close()
