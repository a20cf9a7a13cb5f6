"""One store, several event loops, threads and processes."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.redis import RedisStore

from .redis_server import OwnServer, own_server

pytestmark = pytest.mark.service("redis")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("redis")) as found:
        yield found


@pytest.fixture
def store(server: OwnServer) -> RedisStore:
    return RedisStore(server.url)


ENTRY = StoredEntry(b"data", 1.0, 2e9, 2e9)


def connections(server: OwnServer) -> int:
    """How many there are besides the one that asks."""
    return server.tell("CLIENT", "LIST").count(b"id=") - 1


async def use(store: RedisStore, key: bytes = b"k") -> None:
    await store.write(key, ENTRY)
    assert await store.read(key) == ENTRY


def test_loops_one_after_the_other_use_one_store(server: OwnServer, store: RedisStore) -> None:
    """As a program does that calls `asyncio.run` now and then; no socket is left behind."""
    for _ in range(3):
        asyncio.run(use(store))
        gc.collect()
        assert connections(server) == 0


def test_loop_that_was_closed_during_a_fill_is_left_behind(store: RedisStore) -> None:
    async def begin() -> None:
        async def fill() -> StoredEntry:
            await asyncio.sleep(60)
            return ENTRY

        async def wait() -> None:
            await store.fill_once(b"filled", fill)

        task = asyncio.create_task(wait())
        await asyncio.sleep(0.05)
        assert not task.done()

    asyncio.run(begin())

    async def fill() -> StoredEntry:
        return ENTRY

    began = time.monotonic()
    assert asyncio.run(store.fill_once(b"filled", fill)) == ENTRY
    assert time.monotonic() - began < 5  # it need not wait for the lease to run out


def test_loops_in_two_threads_use_one_store_at_once(store: RedisStore) -> None:
    failures: list[BaseException] = []

    async def work(name: bytes) -> None:
        for turn in range(50):
            await asyncio.gather(*[use(store, b"%b-%d-%d" % (name, turn, n)) for n in range(4)])

    def run(name: bytes) -> None:
        try:
            asyncio.run(work(name))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(name,)) for name in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_outage_that_one_thread_found_is_known_to_the_others(server: OwnServer) -> None:
    store = RedisStore("redis://127.0.0.1:1", pause=lambda _: 60.0)
    errors: list[StoreError] = []

    def run() -> None:
        with pytest.raises(StoreError) as caught:
            asyncio.run(store.read(b"k"))
        errors.append(caught.value)

    run()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert [error.reported for error in errors] == [True, True]
    assert errors[0].__cause__ is not None
    assert errors[1].__cause__ is None  # it did not even try


async def test_store_that_is_forgotten_closes_its_connections(server: OwnServer) -> None:
    store = RedisStore(server.url)
    await use(store)
    assert connections(server) == 2
    del store
    gc.collect()
    for _ in range(100):
        if connections(server) == 0:
            break
        await asyncio.sleep(0.01)
    assert connections(server) == 0


async def test_many_who_begin_together_open_one_connection(
    server: OwnServer, store: RedisStore
) -> None:
    await asyncio.gather(*[store.read(b"k") for _ in range(20)])
    assert connections(server) == 1
    await store.aclose()
    await asyncio.sleep(0.02)
    assert connections(server) == 0


FORKING = """
import asyncio, gc, os, sys
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.redis import RedisStore

store = RedisStore(sys.argv[1])
entry = StoredEntry(b"data", 1.0, 2e9, 2e9)

async def use(name):
    for number in range(50):
        key = b"%b-%d" % (name, number)
        await store.write(key, entry)
        assert await store.read(key) == entry

with asyncio.Runner() as runner:
    runner.run(use(b"before"))
    lock = store._access._lock
    lock.acquire()  # by a thread that the child will not have
    child = os.fork()
    if child:
        lock.release()
    else:
        # The parent's loop is not this process's: it is left alone, and not closed either.
        asyncio.run(use(b"child"))
        del store
        gc.collect()
        os._exit(0)
    runner.run(use(b"parent"))
    assert os.waitpid(child, 0)[1] == 0
    runner.run(use(b"after"))
print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_store_can_be_used_on_both_sides_of_a_fork(server: OwnServer) -> None:
    """Two processes on one connection would read each other's answers."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORKING, server.url],
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_event_loop_of_another_make_works_too(server: OwnServer, store: RedisStore) -> None:
    uvloop = pytest.importorskip("uvloop", reason="uv add 'tta-dev-primitives[fast]'")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(use(store))
    assert connections(server) == 0
