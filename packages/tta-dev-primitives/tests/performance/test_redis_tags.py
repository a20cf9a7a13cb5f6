from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator

import pytest
import redis.asyncio

from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.redis import RedisStore

pytestmark = pytest.mark.service("redis")


@pytest.fixture
async def store(redis_url: str, redis_namespace: str) -> AsyncIterator[RedisStore]:
    made = RedisStore(redis_url, namespace=redis_namespace)
    yield made
    await made.delete_prefix(b"")
    await made.aclose()


def entry(*tags: str, life: float = math.inf) -> StoredEntry:
    expires_at = time.time() + life
    return StoredEntry(b"data", 1.0, expires_at, expires_at, tags=tags)


async def index_of(store: RedisStore, client: redis.asyncio.Redis, tag: bytes) -> set[object]:
    return set(await client.zrange(store._tags + tag, 0, -1))


async def test_entries_with_any_of_the_tags_are_deleted(store: RedisStore) -> None:
    await store.write(b"1", entry("a"))
    await store.write(b"2", entry("a", "b"))
    await store.write(b"3", entry("c"))
    await store.write(b"4", entry())
    assert await store.delete_tags(["a", "b"]) == 2
    assert {key async for key, _ in store.scan()} == {b"3", b"4"}
    assert await store.delete_tags(["a", "b", "unknown"]) == 0
    assert await store.delete_tags([]) == 0


@pytest.mark.parametrize("tag", ["", "*", "a:b", "über", "\ud800", "x" * 1000], ids=ascii)
async def test_tag_may_be_any_text(store: RedisStore, tag: str) -> None:
    await store.write(b"1", entry(tag))
    await store.write(b"2", entry(f"{tag}-"))
    assert await store.delete_tags([tag]) == 1
    assert [key async for key, _ in store.scan()] == [b"2"]


async def test_more_entries_than_one_batch_are_deleted(store: RedisStore) -> None:
    for number in range(1100):
        await store.write(b"%d" % number, entry("a"))
    assert await store.delete_tags(["a"]) == 1100
    assert await store.size() == 0


async def test_entry_that_lost_its_tag_is_not_deleted_by_it(
    store: RedisStore, redis_client: redis.asyncio.Redis
) -> None:
    await store.write(b"k", entry("old", "both"))
    await store.write(b"k", entry("new", "both"))
    assert await index_of(store, redis_client, b"old") == set()
    assert await store.delete_tags(["old"]) == 0
    assert await store.delete_tags(["both"]) == 1


async def test_entry_written_after_somebody_deleted_another_is_not_deleted_by_its_tag(
    store: RedisStore, redis_client: redis.asyncio.Redis
) -> None:
    """An administrator, or a server that is full, removes entries without telling the index."""
    await store.write(b"k", entry("a"))
    await redis_client.delete(store._entries + b"k")
    await store.write(b"k", entry("b"))
    assert await store.delete_tags(["a"]) == 0
    assert await store.read(b"k") is not None


@pytest.mark.parametrize("how", ["key", "prefix", "tag"])
async def test_deleted_entry_leaves_every_index(
    store: RedisStore, redis_client: redis.asyncio.Redis, how: str
) -> None:
    """Or the index of a tag would grow for ever."""
    await store.write(b"k", entry("a", "b"))
    if how == "key":
        await store.delete([b"k"])
    elif how == "prefix":
        await store.delete_prefix(b"k")
    else:
        await store.delete_tags(["a"])
    assert (
        await index_of(store, redis_client, b"a")
        == await index_of(store, redis_client, b"b")
        == set()
    )


async def test_what_expired_leaves_the_index_at_the_next_write(
    store: RedisStore, redis_client: redis.asyncio.Redis
) -> None:
    await store.write(b"short", entry("a", life=0.05))
    await store.write(b"long", entry("a", life=60))
    assert await index_of(store, redis_client, b"a") == {b"short", b"long"}
    await asyncio.sleep(0.06)
    await store.write(b"new", entry("a", life=60))
    assert await index_of(store, redis_client, b"a") == {b"long", b"new"}


@pytest.mark.parametrize(
    ("lives", "at_least", "at_most"),
    [((60, 10), 59_000, 60_000), ((10, 60), 59_000, 60_000), ((math.inf, 10), -1, -1)],
    ids=["shorter-later", "longer-later", "one-for-ever"],
)
async def test_index_expires_with_its_last_member(
    store: RedisStore,
    redis_client: redis.asyncio.Redis,
    lives: tuple[float, ...],
    at_least: int,
    at_most: int,
) -> None:
    for number, life in enumerate(lives):
        await store.write(b"%d" % number, entry("a", life=life))
    assert at_least <= await redis_client.pttl(store._tags + b"a") <= at_most


async def test_index_of_short_entries_goes_by_itself(
    store: RedisStore, redis_client: redis.asyncio.Redis
) -> None:
    await store.write(b"k", entry("a", life=0.02))
    await asyncio.sleep(0.05)
    assert await redis_client.exists(store._tags + b"a") == 0


async def test_entry_filled_under_a_lease_has_its_tags(store: RedisStore) -> None:
    async def fill() -> StoredEntry:
        return entry("a")

    await store.fill_once(b"k", fill)
    assert await store.delete_tags(["a"]) == 1
