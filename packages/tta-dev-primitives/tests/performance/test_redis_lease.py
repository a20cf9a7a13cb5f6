"""Who fills an entry when several ask: two stores in one loop stand for two processes."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import redis.asyncio

from tta_dev_primitives.performance.redis.format import pack_entry
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.redis import RedisStore

from .redis_server import OwnServer, own_server

pytestmark = pytest.mark.service("redis")

MakeStore = Callable[..., RedisStore]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.fixture
async def make_store(server: OwnServer) -> AsyncIterator[MakeStore]:
    made: list[RedisStore] = []
    server.tell("FLUSHALL")

    def make(**options: object) -> RedisStore:
        made.append(RedisStore(server.url, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for store in made:
        await store.aclose()


@pytest.fixture
async def client(server: OwnServer) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(server.url) as found:
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


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.005)


async def waiters(server: OwnServer, count: int) -> None:
    """Wait until so many are subscribed to news of the key."""
    expected = b":%d\r\n" % count
    await until(lambda: server.tell("PUBSUB", "NUMSUB", "tta:cache-done::k").endswith(expected))


async def lease(client: redis.asyncio.Redis) -> object:
    return await client.get("tta:cache-lease::k")


async def test_one_of_many_fills_and_all_get_it(
    server: OwnServer, make_store: MakeStore, filling: Filling
) -> None:
    stores = [make_store() for _ in range(4)]
    calls = [start(store, filling) for store in stores]
    await filling.started.wait()
    await waiters(server, 3)
    filling.gate.set()
    assert await asyncio.gather(*calls) == [entry()] * 4
    assert filling.begun == 1
    assert await stores[3].read(b"k") == entry()


async def test_many_callers_of_one_process_need_one_subscriber(
    server: OwnServer, make_store: MakeStore, filling: Filling, client: redis.asyncio.Redis
) -> None:
    """And it is closed when the last of them has left."""
    leader, store = make_store(), make_store()
    calls = [start(leader, filling)]
    await filling.started.wait()
    calls += [start(store, filling) for _ in range(5)]
    calls += [start(store, filling, b"other") for _ in range(2)]
    await waiters(server, 1)
    assert server.tell("CLIENT", "LIST", "TYPE", "pubsub").count(b"id=") == 1
    filling.gate.set()
    await asyncio.gather(*calls)
    await until(lambda: b"id=" not in server.tell("CLIENT", "LIST", "TYPE", "pubsub"))


async def test_waiter_is_woken_at_once(
    server: OwnServer, make_store: MakeStore, filling: Filling
) -> None:
    """Not only when it looks for itself."""
    calls = [start(make_store(), filling) for _ in range(2)]
    await filling.started.wait()
    await waiters(server, 1)
    server.tell("CONFIG", "RESETSTAT")
    filling.gate.set()
    await asyncio.gather(*calls)
    assert server.calls().get("evalsha", 0) <= 3  # it was written, and found; one look may be due


async def test_waiter_whose_subscription_is_lost_subscribes_again(
    server: OwnServer, make_store: MakeStore, filling: Filling
) -> None:
    def subscriber() -> bytes:
        return server.tell("CLIENT", "LIST", "TYPE", "pubsub").partition(b"id=")[2].split(b" ")[0]

    calls = [start(make_store(), filling) for _ in range(2)]
    await filling.started.wait()
    await waiters(server, 1)
    before = subscriber()
    server.tell("CLIENT", "KILL", "TYPE", "pubsub")
    await until(lambda: subscriber() not in (b"", before))
    filling.gate.set()
    assert await asyncio.gather(*calls) == [entry()] * 2
    assert filling.begun == 1


async def test_news_that_got_lost_is_found_out(
    server: OwnServer, make_store: MakeStore, filling: Filling
) -> None:
    calls = [start(make_store(), filling) for _ in range(2)]
    await filling.started.wait()
    await waiters(server, 1)
    filling.gate.set()
    server.tell("CLIENT", "KILL", "TYPE", "pubsub")
    assert await asyncio.gather(*calls) == [entry()] * 2
    assert filling.begun == 1


async def test_fresh_entry_is_returned_without_a_call(
    make_store: MakeStore, filling: Filling
) -> None:
    store = make_store()
    await store.write(b"k", entry(b"there"))
    assert await store.fill_once(b"k", filling) == entry(b"there")
    assert filling.begun == 0


async def test_stale_entry_is_made_anew(
    server: OwnServer, make_store: MakeStore, filling: Filling
) -> None:
    """Those who wait do not take the old one for the new one."""
    stores = [make_store() for _ in range(2)]
    await stores[0].write(b"k", entry(b"stale", fresh_until=2.0))
    calls = [start(store, filling) for store in stores]
    await waiters(server, 1)
    assert not calls[1].done()
    filling.gate.set()
    assert await asyncio.gather(*calls) == [entry()] * 2
    assert filling.begun == 1


async def test_waiters_take_what_was_made_for_them_even_if_it_is_stale_by_now(
    server: OwnServer, make_store: MakeStore
) -> None:
    """Else each of them would make it once more, one after the other."""
    filling = Filling(entry(b"short", fresh_until=2.0))
    calls = [start(make_store(), filling) for _ in range(3)]
    await waiters(server, 2)
    filling.gate.set()
    await asyncio.gather(*calls)
    assert filling.begun == 1


@pytest.mark.parametrize("result", [None, ValueError("no")], ids=["nothing", "failed"])
async def test_one_waiter_takes_over_from_a_leader_that_made_nothing(
    server: OwnServer, make_store: MakeStore, result: Exception | None
) -> None:
    first, second = Filling(), Filling()
    first.result = result
    leader = start(make_store(), first)
    await first.started.wait()
    others = [start(make_store(), second) for _ in range(3)]
    await waiters(server, 3)
    first.gate.set()
    outcome = (await asyncio.gather(leader, return_exceptions=True))[0]
    assert outcome is result
    await second.started.wait()
    second.gate.set()
    assert await asyncio.gather(*others) == [entry()] * 3
    assert second.begun == 1


async def test_cancelled_leader_stops_its_call_and_one_waiter_takes_over(
    server: OwnServer, make_store: MakeStore
) -> None:
    first, second = Filling(), Filling()
    leader = start(make_store(), first)
    await first.started.wait()
    others = [start(make_store(), second) for _ in range(2)]
    await waiters(server, 2)
    began = time.monotonic()
    leader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leader
    assert first.ended == ["cancelled"]
    await second.started.wait()
    assert time.monotonic() - began < 5  # the lease was given back, not left to run out
    second.gate.set()
    assert await asyncio.gather(*others) == [entry()] * 2


async def test_cancelled_waiter_harms_nobody(
    server: OwnServer, make_store: MakeStore, filling: Filling
) -> None:
    leader = start(make_store(), filling)
    await filling.started.wait()
    store = make_store()
    others = [start(store, filling) for _ in range(3)]
    await waiters(server, 1)
    others[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await others[0]
    filling.gate.set()
    assert await asyncio.gather(leader, *others[1:]) == [entry()] * 3
    assert filling.begun == 1


@pytest.mark.parametrize("turns", range(0, 24, 2))
async def test_caller_who_is_cancelled_at_any_moment_leaves_no_lease(
    make_store: MakeStore, client: redis.asyncio.Redis, turns: int
) -> None:
    """Also when the lease was taken by a question whose answer it did not live to hear."""
    store, filling = make_store(), Filling()
    await store.write(b"other", entry())
    call = start(store, filling)
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await store.write(b"other", entry())  # behind whatever is under way
    assert await lease(client) is None
    assert filling.ended == ["cancelled"] * filling.begun


async def test_waiter_who_is_cancelled_while_taking_over_leaves_no_lease(
    server: OwnServer, make_store: MakeStore, client: redis.asyncio.Redis
) -> None:
    """It had the lease, was on its way out of its subscription, and renewed for ever after."""
    first, second = Filling(), Filling()
    first.result = None
    leader = start(make_store(), first)
    await first.started.wait()
    store = make_store()
    waiter = start(store, second)
    await waiters(server, 1)
    first.gate.set()
    await leader
    wakeups = store._access._here().wakeups
    while wakeups._wire is not None:  # noqa: ASYNC110 - the very turn counts
        await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert second.begun == 0  # or the moment was missed
    await store.write(b"other", entry())  # behind whatever is under way
    assert await lease(client) is None


async def test_lease_is_given_back_when_the_entry_is_written(
    make_store: MakeStore, client: redis.asyncio.Redis, filling: Filling
) -> None:
    filling.gate.set()
    await make_store().fill_once(b"k", filling)
    assert await lease(client) is None


async def test_long_call_keeps_its_lease(
    server: OwnServer, make_store: MakeStore, filling: Filling
) -> None:
    leader = start(make_store(lease_seconds=0.3), filling)
    await filling.started.wait()
    second = Filling(entry(b"second"))
    other = start(make_store(lease_seconds=0.3), second)
    await asyncio.sleep(0.9)
    filling.gate.set()
    assert await asyncio.gather(leader, other) == [entry()] * 2
    assert second.begun == 0


async def test_no_renewal_goes_on_after_the_call(
    server: OwnServer, make_store: MakeStore, filling: Filling
) -> None:
    filling.gate.set()
    await make_store(lease_seconds=0.06).fill_once(b"k", filling)
    server.tell("CONFIG", "RESETSTAT")
    await asyncio.sleep(0.1)
    assert server.calls().keys() & {"eval", "evalsha"} == set()


async def test_slow_leader_does_not_overwrite_what_came_after_it(
    make_store: MakeStore, client: redis.asyncio.Redis
) -> None:
    """Its lease ran out while it stood still, and another has made and written the entry."""
    slow, quick = Filling(entry(b"slow")), Filling(entry(b"quick"))
    leader = start(make_store(), slow)
    await slow.started.wait()
    await client.delete("tta:cache-lease::k")
    other = make_store()
    quick.gate.set()
    assert await other.fill_once(b"k", quick) == entry(b"quick")
    slow.gate.set()
    assert await leader == entry(b"slow")
    assert await other.read(b"k") == entry(b"quick")


async def test_leader_whose_lease_ran_out_does_not_write(
    make_store: MakeStore, client: redis.asyncio.Redis, filling: Filling
) -> None:
    store = make_store()
    leader = start(store, filling)
    await filling.started.wait()
    await client.delete("tta:cache-lease::k")
    filling.gate.set()
    assert await leader == entry()
    assert await store.read(b"k") is None


async def test_leader_that_learns_of_its_loss_gives_nobody_elses_lease_back(
    make_store: MakeStore, client: redis.asyncio.Redis, filling: Filling
) -> None:
    leader = start(make_store(lease_seconds=0.06), filling)
    await filling.started.wait()
    await client.set("tta:cache-lease::k", b"another's")
    await asyncio.sleep(0.05)
    filling.gate.set()
    assert await leader == entry()
    assert await lease(client) == b"another's"
    assert not await client.exists("tta:cache::k")


async def test_entry_of_a_later_fence_is_not_overwritten(
    make_store: MakeStore, client: redis.asyncio.Redis, filling: Filling
) -> None:
    """The lease came back from a replica that had missed the end of it."""
    leader = start(make_store(), filling)
    await filling.started.wait()
    later = pack_entry(entry(b"later"), fence=4e15)
    await client.set("tta:cache::k", later)
    filling.gate.set()
    await leader
    assert await client.get("tta:cache::k") == later
    assert await lease(client) is None


async def test_fences_rise_even_when_their_counter_is_lost(
    make_store: MakeStore, client: redis.asyncio.Redis, filling: Filling
) -> None:
    """A server that is full may evict it."""
    filling.gate.set()
    seen: list[float] = []
    for _ in range(3):
        await make_store().fill_once(b"k", filling)
        counter = await client.get("tta:cache-fence::")
        assert counter is not None
        seen.append(float(counter))
        await client.flushall()
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("how", ["key", "prefix"])
async def test_answer_under_way_for_a_deleted_key_is_not_kept(
    make_store: MakeStore, filling: Filling, how: str
) -> None:
    """It was asked for before whatever made somebody delete it."""
    leader = start(make_store(), filling)
    await filling.started.wait()
    other = make_store()
    assert await (other.delete([b"k"]) if how == "key" else other.delete_prefix(b"")) == 0
    filling.gate.set()
    assert await leader == entry()
    assert await other.read(b"k") is None


async def test_leader_without_a_connection_fills_here(filling: Filling) -> None:
    filling.gate.set()
    assert await RedisStore("redis://127.0.0.1:1").fill_once(b"k", filling) == entry()


async def test_entry_that_cannot_be_written_is_returned(
    make_store: MakeStore, client: redis.asyncio.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    filling = Filling(StoredEntry(b"", 1.0, 2e9, 2e9, tags=("x" * 70_000,)))
    filling.gate.set()
    store = make_store()
    for _ in range(2):
        assert await store.fill_once(b"k", filling) is filling.result
    assert await lease(client) is None
    [record] = caplog.records
    assert "a tag may be 65535 bytes long" in record.getMessage()
