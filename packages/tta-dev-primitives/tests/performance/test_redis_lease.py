"""Who fills an entry when several ask: two stores in one loop stand for two processes."""

from __future__ import annotations

import asyncio

import pytest
import redis.asyncio

from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.redis import RedisStore

from .lease_fillings import Filling, MakeStore, entry, lease, start, waiters
from .redis_server import OwnServer
from .waiting import until

pytestmark = pytest.mark.service("redis")


async def test_one_of_many_fills_and_all_get_it(
    lease_server: OwnServer, make_lease_store: MakeStore, filling: Filling
) -> None:
    stores = [make_lease_store() for _ in range(4)]
    calls = [start(store, filling) for store in stores]
    await filling.started.wait()
    await waiters(lease_server, 3)
    filling.gate.set()
    assert await asyncio.gather(*calls) == [entry()] * 4
    assert filling.begun == 1
    assert await stores[3].read(b"k") == entry()


async def test_many_callers_of_one_process_need_one_subscriber(
    lease_server: OwnServer,
    make_lease_store: MakeStore,
    filling: Filling,
    lease_client: redis.asyncio.Redis,
) -> None:
    """And it is closed when the last of them has left."""
    leader, store = make_lease_store(), make_lease_store()
    calls = [start(leader, filling)]
    await filling.started.wait()
    calls += [start(store, filling) for _ in range(5)]
    calls += [start(store, filling, b"other") for _ in range(2)]
    await waiters(lease_server, 1)
    assert lease_server.tell("CLIENT", "LIST", "TYPE", "pubsub").count(b"id=") == 1
    filling.gate.set()
    await asyncio.gather(*calls)
    await until(lambda: b"id=" not in lease_server.tell("CLIENT", "LIST", "TYPE", "pubsub"))


async def test_waiter_is_woken_at_once(
    lease_server: OwnServer, make_lease_store: MakeStore, filling: Filling
) -> None:
    """Not only when it looks for itself."""
    calls = [start(make_lease_store(), filling) for _ in range(2)]
    await filling.started.wait()
    await waiters(lease_server, 1)
    lease_server.tell("CONFIG", "RESETSTAT")
    filling.gate.set()
    await asyncio.gather(*calls)
    assert (
        lease_server.calls().get("evalsha", 0) <= 3
    )  # it was written, and found; one look may be due


async def test_waiter_whose_subscription_is_lost_subscribes_again(
    lease_server: OwnServer, make_lease_store: MakeStore, filling: Filling
) -> None:
    def subscriber() -> bytes:
        return (
            lease_server.tell("CLIENT", "LIST", "TYPE", "pubsub")
            .partition(b"id=")[2]
            .split(b" ")[0]
        )

    calls = [start(make_lease_store(), filling) for _ in range(2)]
    await filling.started.wait()
    await waiters(lease_server, 1)
    before = subscriber()
    lease_server.tell("CLIENT", "KILL", "TYPE", "pubsub")
    await until(lambda: subscriber() not in (b"", before))
    filling.gate.set()
    assert await asyncio.gather(*calls) == [entry()] * 2
    assert filling.begun == 1


async def test_news_that_got_lost_is_found_out(
    lease_server: OwnServer, make_lease_store: MakeStore, filling: Filling
) -> None:
    calls = [start(make_lease_store(), filling) for _ in range(2)]
    await filling.started.wait()
    await waiters(lease_server, 1)
    filling.gate.set()
    lease_server.tell("CLIENT", "KILL", "TYPE", "pubsub")
    assert await asyncio.gather(*calls) == [entry()] * 2
    assert filling.begun == 1


async def test_fresh_entry_is_returned_without_a_call(
    make_lease_store: MakeStore, filling: Filling
) -> None:
    store = make_lease_store()
    await store.write(b"k", entry(b"there"))
    assert await store.fill_once(b"k", filling) == entry(b"there")
    assert filling.begun == 0


async def test_stale_entry_is_made_anew(
    lease_server: OwnServer, make_lease_store: MakeStore, filling: Filling
) -> None:
    """Those who wait do not take the old one for the new one."""
    stores = [make_lease_store() for _ in range(2)]
    await stores[0].write(b"k", entry(b"stale", fresh_until=2.0))
    calls = [start(store, filling) for store in stores]
    await waiters(lease_server, 1)
    assert not calls[1].done()
    filling.gate.set()
    assert await asyncio.gather(*calls) == [entry()] * 2
    assert filling.begun == 1


async def test_waiters_take_what_was_made_for_them_even_if_it_is_stale_by_now(
    lease_server: OwnServer, make_lease_store: MakeStore
) -> None:
    """Else each of them would make it once more, one after the other."""
    filling = Filling(entry(b"short", fresh_until=2.0))
    calls = [start(make_lease_store(), filling) for _ in range(3)]
    await waiters(lease_server, 2)
    filling.gate.set()
    await asyncio.gather(*calls)
    assert filling.begun == 1


async def test_leader_without_a_connection_fills_here(filling: Filling) -> None:
    filling.gate.set()
    assert await RedisStore("redis://127.0.0.1:1").fill_once(b"k", filling) == entry()


async def test_entry_that_cannot_be_written_is_returned(
    make_lease_store: MakeStore, lease_client: redis.asyncio.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    filling = Filling(StoredEntry(b"", 1.0, 2e9, 2e9, tags=("x" * 70_000,)))
    filling.gate.set()
    store = make_lease_store()
    for _ in range(2):
        assert await store.fill_once(b"k", filling) is filling.result
    assert await lease(lease_client) is None
    [record] = caplog.records
    assert "a tag may be 65535 bytes long" in record.getMessage()
