from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import redis.asyncio

from tta_dev_primitives.errors import ConfigurationError
from tta_dev_primitives.performance.redis.invalidation import RedisInvalidation
from tta_dev_primitives.performance.stores.base import ClusterStore, StoredEntry
from tta_dev_primitives.performance.stores.tiered import TieredStore
from tta_dev_primitives.performance.tiers.deletion import EVERYTHING, Deletion

from .hearing_processes import Process, Start, entry, nothing_to_forget
from .redis_server import OwnServer, own_server
from .waiting import until

pytestmark = pytest.mark.service("redis")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    with own_server(tmp_path) as found:
        yield found


DELETIONS: dict[str, Callable[[TieredStore], Awaitable[object]]] = {
    "key": lambda store: store.delete([b"a\x00"]),
    "prefix": lambda store: store.delete_prefix(b"a"),
    "tag": lambda store: store.delete_tags(["t"]),
    "replacement": lambda store: store.write(b"a\x00", entry(b"new")),
}


@pytest.mark.parametrize("change", DELETIONS.values(), ids=DELETIONS)
async def test_what_one_process_changes_leaves_the_other_ones_near_tier(
    start_process: Start, change: Callable[[TieredStore], Awaitable[object]]
) -> None:
    one, other = start_process(), start_process()
    await one.store.write(b"a\x00", entry(tags=("t",)))
    await one.store.write(b"b", entry())
    await other.has(b"a\x00")
    await other.has(b"b")
    await change(one.store)
    await until(lambda: other.near.read(b"a\x00") is None)
    assert other.near.read(b"b") is not None


async def test_a_replaced_entry_reaches_the_other_process(start_process: Start) -> None:
    one, other = start_process(), start_process()
    await one.store.write(b"k", entry(b"old"))
    await other.has(b"k")
    await one.store.write(b"k", entry(b"new"))
    await until(lambda: other.near.read(b"k") is None)
    found = await other.store.read(b"k")
    assert found is not None
    assert found.data == b"new"


async def test_many_keys_are_told_in_parts(start_process: Start) -> None:
    one, other = start_process(), start_process()
    keys = [b"%d" % number for number in range(2500)]
    for key in (*keys, b"kept"):
        other.near.write(key, entry())
    await other.store.read(b"none")
    for key in (*keys, b"kept"):
        other.near.write(key, entry())
    await one.store.delete(keys)
    await until(lambda: len(other.near) == 1)
    assert other.near.read(b"kept") is not None


@pytest.mark.parametrize("other", ["other", "", "x:y"])
async def test_namespaces_do_not_hear_each_other(
    start_process: Start, redis_client: redis.asyncio.Redis, other: str
) -> None:
    process = start_process()
    await process.store.write(b"k", entry())
    stranger = RedisInvalidation(client=redis_client, namespace=other)
    await stranger.start(nothing_to_forget, None)
    await stranger.publish(EVERYTHING)
    await stranger.aclose()
    await process.hearing.publish(Deletion((b"last",)))
    process.near.write(b"last", entry())
    await process.hearing.publish(Deletion((b"last",)))
    await until(lambda: process.near.read(b"last") is None)
    assert process.near.read(b"k") is not None


async def test_databases_do_not_hear_each_other(server: OwnServer) -> None:
    """Channels are common to all databases of a server; entries and counts are not."""
    one = Process(server.url, "n")
    other = Process(server.url.removesuffix("0") + "1", "n")
    await other.store.write(b"k", entry())
    await one.store.write(b"k", entry())
    await one.store.delete([b"k"])
    other.near.write(b"last", entry())
    await other.hearing.publish(Deletion((b"last",)))
    await until(lambda: other.near.read(b"last") is None)
    assert other.near.read(b"k") is not None
    await one.store.aclose()
    await other.store.aclose()


GARBAGE = {
    "empty": b"",
    "words": b"hello world, how are you",
    "binary": bytes(range(256)),
    "newer": b"2 0123456789abcdef 1 {}",
    "no-number": b"1 0123456789abcdef x {}",
    "pickle": b"\x80\x04K\x01.",
}


async def test_garbage_is_ignored_with_one_warning(
    start_process: Start, redis_client: redis.asyncio.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    process = start_process()
    await process.store.write(b"k", entry())
    for message in GARBAGE.values():
        await redis_client.publish(process.hearing._channel.name, message)
    process.near.write(b"last", entry())
    await process.hearing.publish(Deletion((b"last",)))
    await until(lambda: process.near.read(b"last") is None)
    assert process.near.read(b"k") is not None
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[" * 100_000, b'{"keys":[1],"prefixes":[],"tags":[]}',
     b'{"keys":["?"],"prefixes":[],"tags":[]}', b'{"keys":[],"prefixes":[],"tags":[],"more":1}'],
    ids=["empty", "nothing", "deep", "number", "not-base64", "newer"],
)  # fmt: skip
async def test_a_counted_message_that_makes_no_sense_empties_the_near_tiers(
    start_process: Start, redis_client: redis.asyncio.Redis, body: bytes
) -> None:
    """A newer version deleted something; what that was is not known, so all of it may be wrong."""
    process = start_process()
    await process.store.write(b"k", entry())
    position = process.hearing._channel.position
    assert position is not None
    message = b"1 %s %d " % (position.epoch.encode(), position.generation + 1)
    await redis_client.publish(process.hearing._channel.name, message + body)
    await until(lambda: process.near.read(b"k") is None)


async def test_a_message_that_was_followed_already_is_not_followed_again(
    start_process: Start, redis_client: redis.asyncio.Redis
) -> None:
    """What was published while the count was looked at is counted in, and arrives as well."""
    process = start_process()
    await process.store.write(b"k", entry())
    position = process.hearing._channel.position
    assert position is not None
    message = b"1 %s %d " % (position.epoch.encode(), position.generation)
    await redis_client.publish(process.hearing._channel.name, message + Deletion((b"k",)).encode())
    process.near.write(b"last", entry())
    await process.hearing.publish(Deletion((b"last",)))
    await until(lambda: process.near.read(b"last") is None)
    assert process.near.read(b"k") is not None


async def test_a_gap_in_the_count_empties_the_near_tiers(
    start_process: Start, redis_client: redis.asyncio.Redis
) -> None:
    process = start_process()
    await process.store.write(b"k", entry())
    position = process.hearing._channel.position
    assert position is not None
    message = b"1 %s %d " % (position.epoch.encode(), position.generation + 2)
    await redis_client.publish(process.hearing._channel.name, message + Deletion((b"x",)).encode())
    await until(lambda: process.near.read(b"k") is None)


async def test_it_fills_once_for_the_cluster(start_process: Start) -> None:
    one, other = start_process(), start_process()
    assert isinstance(one.store, ClusterStore)
    assert isinstance(other.store, ClusterStore)
    calls = itertools.count()

    async def fill() -> StoredEntry:
        next(calls)
        await asyncio.sleep(0.05)
        return entry(b"filled")

    found = await asyncio.gather(*(each.store.fill_once(b"k", fill) for each in (one, other)))  # type: ignore[attr-defined]
    assert [each and each.data for each in found] == [b"filled", b"filled"]
    assert next(calls) == 1
    assert one.near.read(b"k") is not None
    assert other.near.read(b"k") is not None


async def test_closing_ends_the_listening_and_the_next_use_begins_anew(
    start_process: Start, redis_client: redis.asyncio.Redis
) -> None:
    process = start_process()
    await process.store.read(b"k")
    await process.store.aclose()
    await process.store.aclose()
    assert not process.hearing.listening()
    assert [task for task in asyncio.all_tasks() if task.get_name() == "cache deletions"] == []
    await process.store.read(b"k")
    assert process.hearing.listening()


async def test_every_loop_listens_for_itself(start_process: Start) -> None:
    """A second event loop in another thread neither shares a socket nor goes without news."""
    one, other = start_process(), start_process()

    async def elsewhere() -> None:
        await other.has(b"k")
        await one_deletes()
        await until(lambda: other.near.read(b"k") is None)
        await other.store.aclose()

    loop = asyncio.get_running_loop()

    async def one_deletes() -> None:
        running = asyncio.run_coroutine_threadsafe(one.store.delete([b"k"]), loop)
        await asyncio.wrap_future(running)

    await one.store.write(b"k", entry())
    for _ in range(2):
        await one.store.write(b"k", entry())
        await asyncio.to_thread(asyncio.run, elsewhere())


def test_a_loop_that_ends_without_closing_takes_its_task_along(
    redis_url: str, redis_namespace: str
) -> None:
    process = Process(redis_url, redis_namespace)
    for _ in range(2):
        asyncio.run(process.store.read(b"k"))
    assert len(process.hearing._listeners) <= 1


@pytest.mark.parametrize("bad", ["http://secret@host", "redis://:secret@host:port/x"], ids=str)
def test_an_address_that_is_not_understood_is_not_repeated(bad: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RedisInvalidation(bad)
    assert "secret" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_url_and_client_contradict_each_other(redis_url: str) -> None:
    with pytest.raises(ConfigurationError, match="not both"):
        RedisInvalidation(redis_url, client=redis.asyncio.Redis.from_url(redis_url))


async def test_a_given_client_is_neither_used_nor_closed(
    redis_client: redis.asyncio.Redis, redis_namespace: str
) -> None:
    hearing = RedisInvalidation(client=redis_client, namespace=redis_namespace)
    await hearing.start(nothing_to_forget, None)
    assert hearing.listening()
    await hearing.aclose()
    assert await redis_client.ping()
