"""How long a leader has its lease, and that nobody writes without one."""

from __future__ import annotations

import asyncio

import pytest
import redis.asyncio

from tta_dev_primitives.performance.redis.format import pack_entry

from .lease_fillings import Filling, MakeStore, entry, lease, start
from .redis_server import OwnServer

pytestmark = pytest.mark.service("redis")


async def test_lease_is_given_back_when_the_entry_is_written(
    make_lease_store: MakeStore, lease_client: redis.asyncio.Redis, filling: Filling
) -> None:
    filling.gate.set()
    await make_lease_store().fill_once(b"k", filling)
    assert await lease(lease_client) is None


async def test_long_call_keeps_its_lease(
    lease_server: OwnServer, make_lease_store: MakeStore, filling: Filling
) -> None:
    leader = start(make_lease_store(lease_seconds=0.3), filling)
    await filling.started.wait()
    second = Filling(entry(b"second"))
    other = start(make_lease_store(lease_seconds=0.3), second)
    await asyncio.sleep(0.9)
    filling.gate.set()
    assert await asyncio.gather(leader, other) == [entry()] * 2
    assert second.begun == 0


async def test_no_renewal_goes_on_after_the_call(
    lease_server: OwnServer, make_lease_store: MakeStore, filling: Filling
) -> None:
    filling.gate.set()
    await make_lease_store(lease_seconds=0.06).fill_once(b"k", filling)
    lease_server.tell("CONFIG", "RESETSTAT")
    await asyncio.sleep(0.1)
    assert lease_server.calls().keys() & {"eval", "evalsha"} == set()


async def test_slow_leader_does_not_overwrite_what_came_after_it(
    make_lease_store: MakeStore, lease_client: redis.asyncio.Redis
) -> None:
    """Its lease ran out while it stood still, and another has made and written the entry."""
    slow, quick = Filling(entry(b"slow")), Filling(entry(b"quick"))
    leader = start(make_lease_store(), slow)
    await slow.started.wait()
    await lease_client.delete("tta:cache-lease::k")
    other = make_lease_store()
    quick.gate.set()
    assert await other.fill_once(b"k", quick) == entry(b"quick")
    slow.gate.set()
    assert await leader == entry(b"slow")
    assert await other.read(b"k") == entry(b"quick")


async def test_leader_whose_lease_ran_out_does_not_write(
    make_lease_store: MakeStore, lease_client: redis.asyncio.Redis, filling: Filling
) -> None:
    store = make_lease_store()
    leader = start(store, filling)
    await filling.started.wait()
    await lease_client.delete("tta:cache-lease::k")
    filling.gate.set()
    assert await leader == entry()
    assert await store.read(b"k") is None


async def test_leader_that_learns_of_its_loss_gives_nobody_elses_lease_back(
    make_lease_store: MakeStore, lease_client: redis.asyncio.Redis, filling: Filling
) -> None:
    leader = start(make_lease_store(lease_seconds=0.06), filling)
    await filling.started.wait()
    await lease_client.set("tta:cache-lease::k", b"another's")
    await asyncio.sleep(0.05)
    filling.gate.set()
    assert await leader == entry()
    assert await lease(lease_client) == b"another's"
    assert not await lease_client.exists("tta:cache::k")


async def test_entry_of_a_later_fence_is_not_overwritten(
    make_lease_store: MakeStore, lease_client: redis.asyncio.Redis, filling: Filling
) -> None:
    """The lease came back from a replica that had missed the end of it."""
    leader = start(make_lease_store(), filling)
    await filling.started.wait()
    later = pack_entry(entry(b"later"), fence=4e15)
    await lease_client.set("tta:cache::k", later)
    filling.gate.set()
    await leader
    assert await lease_client.get("tta:cache::k") == later
    assert await lease(lease_client) is None


async def test_fences_rise_even_when_their_counter_is_lost(
    make_lease_store: MakeStore, lease_client: redis.asyncio.Redis, filling: Filling
) -> None:
    """A lease_server that is full may evict it."""
    filling.gate.set()
    seen: list[float] = []
    for _ in range(3):
        await make_lease_store().fill_once(b"k", filling)
        counter = await lease_client.get("tta:cache-fence::")
        assert counter is not None
        seen.append(float(counter))
        await lease_client.flushall()
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("how", ["key", "prefix"])
async def test_answer_under_way_for_a_deleted_key_is_not_kept(
    make_lease_store: MakeStore, filling: Filling, how: str
) -> None:
    """It was asked for before whatever made somebody delete it."""
    leader = start(make_lease_store(), filling)
    await filling.started.wait()
    other = make_lease_store()
    assert await (other.delete([b"k"]) if how == "key" else other.delete_prefix(b"")) == 0
    filling.gate.set()
    assert await leader == entry()
    assert await other.read(b"k") is None
