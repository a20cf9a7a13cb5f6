from __future__ import annotations

import logging
import math
import time
from collections.abc import AsyncIterator, Callable

import pytest
import redis.asyncio

from tta_dev_primitives.errors import ConfigurationError, StoreError
from tta_dev_primitives.performance.redis.format import pack_entry
from tta_dev_primitives.performance.stores.base import AsyncStore, ClusterStore, StoredEntry
from tta_dev_primitives.performance.stores.redis import RedisStore
from tta_dev_primitives.testing import FakeClock

pytestmark = pytest.mark.service("redis")

MakeStore = Callable[..., RedisStore]


@pytest.fixture
async def make_store(redis_url: str, redis_namespace: str) -> AsyncIterator[MakeStore]:
    """Makes stores in one namespace of the test's own, and tidies it up."""
    made: list[RedisStore] = []

    def make(**options: object) -> RedisStore:
        options.setdefault("namespace", redis_namespace)
        made.append(RedisStore(redis_url, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    await RedisStore(redis_url, namespace=redis_namespace).delete_prefix(b"")
    for store in made:
        await store.delete_prefix(b"")
        await store.aclose()


@pytest.fixture
async def store(make_store: MakeStore) -> RedisStore:
    return make_store()


def entry(data: bytes = b"data", expires_at: float = math.inf) -> StoredEntry:
    return StoredEntry(data, 1.0, expires_at, expires_at)


def name_of(store: RedisStore, key: bytes) -> bytes:
    return store._entries + key


ENTRIES = {
    "bare": StoredEntry(b"", 0.0, math.inf, math.inf),
    "whole": StoredEntry(b"\x00\xff", 1.5, 2e9, 3e9, 0.01, 10, 20, 0.25, ("a", "b c", "")),
    "free": StoredEntry(b"x", -1.0, 1e12, 1e13, 0.0, 0, 0, 0.0),
    "stale": StoredEntry(b"x", 1.0, 2.0, 3e9),
}


@pytest.mark.parametrize("value", ENTRIES.values(), ids=ENTRIES)
async def test_entry_comes_back_as_it_was(make_store: MakeStore, value: StoredEntry) -> None:
    await make_store().write(b"\x00key\r\n", value)
    assert await make_store().read(b"\x00key\r\n") == value
    assert await make_store().read(b"\x00") is None


async def test_it_is_what_a_cache_asks_for(store: RedisStore) -> None:
    assert isinstance(store, AsyncStore)
    assert isinstance(store, ClusterStore)


async def test_writing_again_replaces(store: RedisStore) -> None:
    for data in (b"old", b"new"):
        await store.write(b"k", entry(data))
    assert (await store.read(b"k"), await store.size()) == (entry(b"new"), 1)


async def test_each_reader_gets_an_entry_of_its_own(store: RedisStore) -> None:
    """Entries can be changed, and what one caller does is no business of another."""
    await store.write(b"k", entry())
    first = await store.read(b"k")
    assert first is not None
    first.data = b"changed"
    assert await store.read(b"k") == entry()


@pytest.mark.parametrize(
    ("life", "at_least", "at_most"),
    [(60.0, 59_000, 60_000), (1e-5, -2, 1), (math.inf, -1, -1), (1e300, -1, -1), (0.0, -2, -2),
     (-5.0, -2, -2)],
    ids=["minute", "moment", "for-ever", "as-good-as-for-ever", "now", "past"],
)  # fmt: skip
async def test_server_is_told_when_an_entry_expires(
    make_store: MakeStore,
    redis_client: redis.asyncio.Redis,
    clock: FakeClock,
    life: float,
    at_least: int,
    at_most: int,
) -> None:
    """Counted from now on, so that the clocks of the two need not agree. -1: never, -2: gone."""
    store = make_store(clock=clock)
    await store.write(b"k", entry(expires_at=math.inf))
    await store.write(b"k", entry(expires_at=clock.time() + life))
    assert at_least <= await redis_client.pttl(name_of(store, b"k")) <= at_most


async def test_deleting_counts_what_was_there(store: RedisStore) -> None:
    for key in (b"a", b"b", b"c"):
        await store.write(key, entry())
    assert await store.delete([b"a", b"b", b"missing"]) == 2
    assert await store.delete([b"a"]) == 0
    assert await store.delete([]) == 0
    assert await store.read(b"c") == entry()


async def test_more_keys_than_one_batch_are_deleted(store: RedisStore) -> None:
    keys = [b"%d" % number for number in range(1100)]
    for key in keys:
        await store.write(key, entry())
    assert await store.size() == 1100
    assert await store.delete(keys) == 1100
    assert await store.size() == 0


PATTERNS = [b"*", b"?", b"[ab]", b"[^a]", b"a\\", b"\\*", b"a[", b"]", b"a\n*"]


@pytest.mark.parametrize("prefix", PATTERNS, ids=repr)
async def test_prefix_is_taken_literally(store: RedisStore, prefix: bytes) -> None:
    """The server's patterns know five special characters, and keys are any bytes."""
    for key in (b"a", b"b", b"ax", b"\\x", prefix, prefix + b"1", prefix + b"\xff"):
        await store.write(key, entry())
    others = {b"a", b"b", b"ax", b"\\x"} - {prefix}
    others = {key for key in others if not key.startswith(prefix)}
    assert {key async for key, _ in store.scan(prefix)} >= {prefix, prefix + b"1"}
    await store.delete_prefix(prefix)
    assert {key async for key, _ in store.scan()} == others


async def test_prefix_deletes_in_batches_and_counts(store: RedisStore) -> None:
    for number in range(1500):
        await store.write(b"p%d" % number, entry())
    await store.write(b"q", entry())
    assert await store.delete_prefix(b"p") == 1500
    assert await store.size() == 1


async def test_scan_gives_keys_and_entries(store: RedisStore) -> None:
    written = {b"%d" % number: entry(b"d%d" % number) for number in range(700)}
    for key, value in written.items():
        await store.write(key, value)
    assert {key: value async for key, value in store.scan()} == written
    assert [key async for key, _ in store.scan(b"699")] == [b"699"]


async def test_namespaces_do_not_see_each_other(make_store: MakeStore) -> None:
    stem = f"test-{time.time_ns()}"
    one, other = make_store(namespace=stem), make_store(namespace=f"{stem}x")
    await one.write(b"k", entry())
    assert await other.read(b"k") is None
    assert await other.delete_prefix(b"") == 0
    assert (await one.size(), await other.size()) == (1, 0)


async def test_namespace_cannot_reach_into_another() -> None:
    with pytest.raises(ConfigurationError, match="must not contain a colon"):
        RedisStore(namespace="a:b")


async def test_ten_megabytes_come_back(store: RedisStore) -> None:
    data = bytes(range(256)) * 40_960
    await store.write(b"k", entry(data))
    assert await store.read(b"k") == entry(data)


async def test_value_that_the_server_cannot_keep_is_refused_here(store: RedisStore) -> None:
    """Sent, it would end the connection for everybody on it."""

    class Huge(bytes):
        def __len__(self) -> int:
            return 1 << 30

    with pytest.raises(StoreError, match="512 MiB") as caught:
        await store.write(b"k", entry(Huge()))
    assert not caught.value.reported


async def test_deleting_what_expired_is_left_to_the_server(store: RedisStore) -> None:
    await store.write(b"k", entry())
    assert await store.delete_expired(math.inf) == 0
    assert await store.read(b"k") == entry()


async def put_list(client: redis.asyncio.Redis, name: bytes) -> None:
    await client.rpush(name, b"x")  # type: ignore[misc]


async def put_text(client: redis.asyncio.Redis, name: bytes) -> None:
    await client.set(name, b"not ours")


async def put_newer(client: redis.asyncio.Redis, name: bytes) -> None:
    await client.set(name, b"tta\x02" + pack_entry(entry())[4:])


async def put_damaged(client: redis.asyncio.Redis, name: bytes) -> None:
    await client.set(name, pack_entry(entry())[:70])


GARBAGE = {"list": put_list, "text": put_text, "newer": put_newer, "damaged": put_damaged}


@pytest.mark.parametrize("put", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_under_our_key_is_a_miss(
    store: RedisStore,
    redis_client: redis.asyncio.Redis,
    caplog: pytest.LogCaptureFixture,
    put: Callable[[redis.asyncio.Redis, bytes], object],
) -> None:
    """With one warning at most, and the next write puts it right."""
    await store.write(b"good", entry())
    for key in (b"bad", b"worse"):
        await put(redis_client, name_of(store, key))  # type: ignore[misc]
    for key in (b"bad", b"worse"):
        assert await store.read(key) is None
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == (0 if put is put_list else 1)
    assert await store.read(b"good") == entry()
    await store.write(b"bad", entry(b"mended"))
    assert await store.read(b"bad") == entry(b"mended")
    assert await store.delete([b"worse"]) == 1


@pytest.mark.parametrize("put", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_is_filled_anew(
    store: RedisStore,
    redis_client: redis.asyncio.Redis,
    put: Callable[[redis.asyncio.Redis, bytes], object],
) -> None:
    await put(redis_client, name_of(store, b"k"))  # type: ignore[misc]

    async def fill() -> StoredEntry:
        return entry(b"filled")

    assert await store.fill_once(b"k", fill) == entry(b"filled")
    assert await store.read(b"k") == entry(b"filled")


async def test_garbage_does_not_spoil_a_scan(
    store: RedisStore, redis_client: redis.asyncio.Redis
) -> None:
    await put_list(redis_client, name_of(store, b"bad"))
    await store.write(b"good", entry())
    assert [key async for key, _ in store.scan()] == [b"good"]


async def test_scripts_that_the_server_forgot_are_sent_again(
    store: RedisStore, redis_client: redis.asyncio.Redis
) -> None:
    await store.write(b"k", entry(b"1"))
    await redis_client.script_flush()
    await store.write(b"k", entry(b"2"))
    assert await store.read(b"k") == entry(b"2")


async def test_store_that_was_closed_opens_again(store: RedisStore) -> None:
    await store.write(b"k", entry())
    await store.aclose()
    await store.aclose()
    assert await store.read(b"k") == entry()


async def test_client_lends_its_settings(redis_url: str, store: RedisStore) -> None:
    """The database, here; TLS and credentials take the same way."""
    async with redis.asyncio.Redis.from_url(redis_url, db=9, decode_responses=True) as client:
        other = RedisStore(client=client, namespace=f"test-{time.time_ns()}")
        await other.write(b"k", entry())
        assert await other.read(b"k") == entry()
        assert await client.exists(name_of(other, b"k")) == 1
        await other.delete_prefix(b"")
        await other.aclose()
        assert await client.ping()
