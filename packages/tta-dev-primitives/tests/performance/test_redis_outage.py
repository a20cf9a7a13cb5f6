"""Servers that go away under load: the callers go on, soon, and the log says so once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.redis import RedisStore
from tta_dev_primitives.testing import FakeClock

from .redis_server import OwnServer, own_server

pytestmark = [pytest.mark.service("redis"), pytest.mark.slow]

TIMEOUT = 0.2
LONGEST_CALL_SECONDS = 1.5  # three times the timeout, and a machine that has other things to do


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    with own_server(tmp_path) as found:
        yield found


@pytest.fixture
async def store(server: OwnServer, caplog: pytest.LogCaptureFixture) -> AsyncIterator[RedisStore]:
    caplog.set_level(logging.INFO)
    made = RedisStore(server.url, timeout_seconds=TIMEOUT, pause=lambda _: 0.05)
    yield made
    await made.aclose()


def entry(data: bytes = b"data") -> StoredEntry:
    return StoredEntry(data, 1.0, 2e9, 2e9)


class Load:
    """Callers that read, fill and write all the time, and note how it went."""

    def __init__(self, store: RedisStore) -> None:
        self.worked = self.failed = self.fills = 0
        self.slowest = 0.0
        self.unexpected: list[BaseException] = []
        self._store = store
        self._tasks = [
            asyncio.create_task(self._repeat(call, b"%d" % number))
            for number in range(4)
            for call in (self._read, self._write, self._fill)
        ]

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        assert self.unexpected == []

    async def until(self, condition: Callable[[], bool]) -> None:
        give_up = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < give_up
            await asyncio.sleep(0.01)

    async def _repeat(self, call: Callable[[bytes], Awaitable[None]], key: bytes) -> None:
        while True:
            began = time.monotonic()
            try:
                await call(key)
                self.worked += 1
            except StoreError as error:
                self.failed += 1
                if not error.reported:
                    self.unexpected.append(error)
            except Exception as error:
                self.unexpected.append(error)
            self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(0.002)

    async def _read(self, key: bytes) -> None:
        await self._store.read(key)

    async def _write(self, key: bytes) -> None:
        await self._store.write(key, entry())

    async def _fill(self, key: bytes) -> None:
        async def fill() -> StoredEntry:
            self.fills += 1
            return StoredEntry(b"filled", 1.0, 2.0, 2e9)  # stale at once, so always made anew

        try:
            assert await self._store.fill_once(b"fill" + key, fill) is not None
        except StoreError as error:  # which would end the user's call
            self.unexpected.append(error)


def stop(server: OwnServer) -> None:
    server.stop()


def pause(server: OwnServer) -> None:
    server.pause()


def start(server: OwnServer) -> None:
    server.start()


def resume(server: OwnServer) -> None:
    server.resume()


@pytest.mark.parametrize(
    ("go_away", "come_back"), [(stop, start), (pause, resume)], ids=["killed", "silent"]
)
async def test_server_that_goes_away_under_load_and_comes_back(
    server: OwnServer,
    store: RedisStore,
    caplog: pytest.LogCaptureFixture,
    go_away: Callable[[OwnServer], None],
    come_back: Callable[[OwnServer], None],
) -> None:
    load = Load(store)
    await load.until(lambda: load.worked > 100)
    assert load.failed == 0
    go_away(server)
    await load.until(lambda: load.failed > 200)
    fills = load.fills
    await load.until(lambda: load.fills > fills + 20)  # the users' calls go on
    come_back(server)
    await load.until(lambda: "is back" in caplog.text)
    worked = load.worked
    await load.until(lambda: load.worked > worked + 100)
    await load.end()
    assert load.slowest < LONGEST_CALL_SECONDS
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert f"redis at 127.0.0.1:{server.port} cannot be used" in caplog.records[0].getMessage()


async def test_nobody_waits_while_the_server_is_known_to_be_away(server: OwnServer) -> None:
    clock = FakeClock()
    store = RedisStore(server.url, timeout_seconds=TIMEOUT, clock=clock)
    await store.read(b"k")
    server.pause()
    with pytest.raises(StoreError):
        await store.read(b"k")
    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(StoreError):
            await store.read(b"k")
        with pytest.raises(StoreError):
            await store.write(b"k", entry())
    assert time.monotonic() - began < TIMEOUT
    clock.advance(60)
    outcomes = await asyncio.gather(*[store.read(b"k") for _ in range(50)], return_exceptions=True)
    errors = [outcome for outcome in outcomes if isinstance(outcome, StoreError)]
    assert len(errors) == 50
    assert len([error for error in errors if error.__cause__ is not None]) == 1  # it has asked
    server.resume()
    await store.aclose()


async def test_server_that_is_full_is_read_on(
    server: OwnServer, store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.write(b"k", entry())
    server.tell("CONFIG", "SET", "maxmemory", "1")
    for _ in range(3):
        with pytest.raises(StoreError, match=r"takes no writes: .*OOM") as caught:
            await store.write(b"new", entry(bytes(1000)))
        assert caught.value.reported
        assert await store.read(b"k") == entry()
        await asyncio.sleep(0.06)

    async def fill() -> StoredEntry:
        return entry(b"filled")

    assert await store.fill_once(b"other", fill) == entry(b"filled")
    assert await store.delete([b"k"]) == 1
    server.tell("CONFIG", "SET", "maxmemory", "0")
    await asyncio.sleep(0.06)
    await store.write(b"new", entry())
    assert await store.read(b"new") == entry()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "takes writes again" in caplog.records[1].getMessage()


async def test_replica_is_read_on(
    server: OwnServer, store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    """After a failover, for as long as it takes the address to follow."""
    await store.write(b"k", entry())
    server.tell("CONFIG", "SET", "replica-serve-stale-data", "yes")
    server.tell("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(StoreError, match=r"takes no writes: .*READONLY"):
        await store.write(b"k", entry(b"new"))
    assert await store.read(b"k") == entry()
    server.tell("REPLICAOF", "NO", "ONE")
    await asyncio.sleep(0.06)
    await store.write(b"k", entry(b"new"))
    assert await store.read(b"k") == entry(b"new")
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_server_that_is_busy_is_left_alone(server: OwnServer, store: RedisStore) -> None:
    """With somebody's script that does not end."""
    await store.read(b"k")
    server.tell("CONFIG", "SET", "lua-time-limit", "1")
    script = asyncio.create_task(asyncio.to_thread(server.tell, "EVAL", '"while true do end"', "0"))
    await asyncio.sleep(0.1)
    with pytest.raises(StoreError, match="BUSY"):
        await store.read(b"k")
    server.tell("SCRIPT", "KILL")
    await script
    await asyncio.sleep(0.06)
    assert await store.read(b"k") is None


async def test_upkeep_that_is_forbidden_does_not_stop_the_rest(
    server: OwnServer, store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    await store.write(b"k", entry())
    server.tell("ACL", "SETUSER", "default", "-scan")
    with pytest.raises(StoreError, match="refuses: NOPERM") as caught:
        await store.delete_prefix(b"")
    assert not caught.value.reported
    await store.write(b"k", entry(b"new"))
    assert await store.read(b"k") == entry(b"new")
    assert caplog.records == []


async def test_leader_that_loses_the_server_returns_its_result(
    server: OwnServer, store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    async def fill() -> StoredEntry:
        server.stop()
        return entry()

    assert await store.fill_once(b"k", fill) == entry()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_waiter_that_loses_the_server_fills_here(
    server: OwnServer, store: RedisStore
) -> None:
    leader = RedisStore(server.url, timeout_seconds=TIMEOUT)
    gate = asyncio.Event()

    async def slow() -> StoredEntry:
        await gate.wait()
        return entry(b"slow")

    async def quick() -> StoredEntry:
        return entry(b"quick")

    first = asyncio.ensure_future(leader.fill_once(b"k", slow))
    await asyncio.sleep(0.05)
    second = asyncio.ensure_future(store.fill_once(b"k", quick))
    await asyncio.sleep(0.1)
    assert not second.done()
    server.stop()
    assert await second == entry(b"quick")
    gate.set()
    assert await first == entry(b"slow")
    await leader.aclose()


@pytest.mark.parametrize("call", ["read", "write", "fill"])
async def test_call_that_is_cancelled_while_the_server_is_silent_leaves_nothing(
    server: OwnServer, store: RedisStore, call: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fill() -> StoredEntry:
        return entry()

    await store.write(b"k", entry())
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "read": lambda: store.read(b"k"),
        "write": lambda: store.write(b"k", entry()),
        "fill": lambda: store.fill_once(b"other", fill),
    }
    server.pause()
    task = asyncio.ensure_future(calls[call]())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    server.resume()
    assert await store.read(b"k") == entry()
    assert caplog.records == []
