from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.redis.invalidation import RedisInvalidation
from tta_dev_primitives.performance.stores.disk import DiskStore
from tta_dev_primitives.performance.tiers.deletion import EVERYTHING, Deletion

from .hearing_processes import Held, Process, Start, entry, listener_id, nothing_to_forget, soon
from .redis_server import OwnServer, own_server
from .waiting import until

pytestmark = pytest.mark.service("redis")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnServer]:
    with own_server(tmp_path) as found:
        yield found


async def test_a_killed_connection_is_sought_again_and_what_was_missed_is_forgotten(
    start_process: Start, redis_client: redis.asyncio.Redis
) -> None:
    clock = Held()
    other = start_process(clock=clock, heartbeat_seconds=60)
    await other.store.write(b"k", entry())
    await other.store.write(b"j", entry())
    number = await listener_id(redis_client, other)
    one = start_process()
    await one.store.read(b"k")
    clock.gate.clear()
    await redis_client.client_kill_filter(_id=number)
    await until(lambda: not other.hearing.listening())
    await one.store.delete([b"k"])
    assert other.near.read(b"k") is not None
    assert await other.store.read(b"k") is None
    clock.gate.set()
    await until(other.hearing.listening)
    assert len(other.near) == 0


async def test_a_killed_connection_that_missed_nothing_costs_nothing(
    start_process: Start, redis_client: redis.asyncio.Redis
) -> None:
    process = start_process(heartbeat_seconds=60)
    await process.store.write(b"k", entry())
    await redis_client.client_kill_filter(_id=await listener_id(redis_client, process))
    await until(lambda: not process.hearing.listening())
    await until(process.hearing.listening)
    assert process.near.read(b"k") is not None


async def test_what_was_deleted_while_nothing_was_heard_is_told_afterwards(
    start_process: Start, redis_client: redis.asyncio.Redis
) -> None:
    clock = Held()
    one, other = (
        start_process(clock=clock, heartbeat_seconds=60),
        start_process(heartbeat_seconds=60),
    )
    await one.store.write(b"k", entry())
    number = await listener_id(redis_client, one)
    await other.has(b"k")
    clock.gate.clear()
    await redis_client.client_kill_filter(_id=number)
    await until(lambda: not one.hearing.listening())
    await one.store.delete([b"k"])
    await other.store.read(b"k")
    assert other.near.read(b"k") is not None
    clock.gate.set()
    await until(lambda: other.near.read(b"k") is None)
    assert not one.hearing._channel.untold


async def test_a_server_that_lost_its_count_makes_all_forget(server: OwnServer) -> None:
    process = Process(server.url, "n")
    await process.store.write(b"k", entry())
    assert process.near.read(b"k") is not None
    server.tell("FLUSHALL")
    await until(lambda: process.near.read(b"k") is None)
    await until(process.hearing.listening)
    await process.store.aclose()


async def test_a_new_count_that_has_come_as_far_is_not_taken_for_the_old_one(
    server: OwnServer,
) -> None:
    one, other = Process(server.url, "n"), Process(server.url, "n")
    await one.store.delete([b"x"])
    await other.store.write(b"k", entry())
    await other.hearing.aclose()
    server.tell("FLUSHALL")
    await one.hearing.aclose()
    await one.store.delete([b"x"])
    assert one.hearing._channel.position is not None
    assert other.hearing._channel.position is not None
    assert (await one.store.read(b"k"), other.near.read(b"k") is None) == (None, False)
    assert await other.store.read(b"k") is None
    await one.store.aclose()
    await other.store.aclose()


async def test_a_stopped_server_leaves_the_disk_to_answer_and_comes_back_by_itself(
    server: OwnServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One warning in all, though store and listener both lost their connections."""
    caplog.set_level(logging.INFO, "tta_dev_primitives.cache")
    disk = DiskStore(tmp_path)
    process = Process(server.url, "n", disk)
    await process.store.write(b"k", entry())
    server.stop()
    await until(lambda: not process.hearing.listening())
    for _ in range(20):
        found = await process.store.read(b"k")
        assert found is not None
        assert found.data == b"data"
        await process.store.write(b"during", entry(b"during"))
    assert await process.store.delete([b"k"]) == 1
    assert await process.store.read(b"k") is None
    found = await process.store.read(b"during")
    assert found is not None
    server.start()
    await until(process.hearing.listening)
    await process.store.write(b"after", entry())
    await until(lambda: server.tell("EXISTS", "tta:cache:n:after") == b":1\r\n")
    await process.store.aclose()
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


async def test_a_frozen_server_is_noticed_by_its_silence(server: OwnServer) -> None:
    process = Process(server.url, "n", heartbeat_seconds=0.05, timeout_seconds=0.1)
    await process.store.write(b"k", entry())
    server.pause()
    await until(lambda: not process.hearing.listening())
    assert await process.store.read(b"k") is not None
    server.resume()
    await until(process.hearing.listening)
    await process.store.aclose()


async def test_a_server_that_is_away_from_the_start_delays_the_first_call_a_little(
    server: OwnServer,
) -> None:
    server.stop()
    process = Process(server.url, "n")
    await process.store.write(b"k", entry())
    assert await process.store.read(b"k") is not None
    assert not process.hearing.listening()
    server.start()
    await until(process.hearing.listening)
    await process.store.aclose()


async def test_a_server_that_refuses_is_said_once_and_asked_on(
    server: OwnServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Not an outage that the store would have logged: only listening is forbidden."""
    server.tell("ACL", "SETUSER", "default", "-subscribe")
    process = Process(server.url, "n")
    await process.store.write(b"k", entry())
    for _ in range(20):
        assert await process.store.read(b"k") is not None
        await asyncio.sleep(0.005)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    server.tell("ACL", "SETUSER", "default", "+subscribe")
    await until(process.hearing.listening)
    await process.store.aclose()


async def test_a_near_tier_that_cannot_forget_is_not_trusted(
    start_process: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = start_process(), start_process()
    await one.store.write(b"k", entry())
    await other.has(b"k")

    def fail(*_: object) -> int:
        msg = "disk full"
        raise StoreError(msg)

    with monkeypatch.context() as patch:
        patch.setattr(other.near, "delete", fail)
        patch.setattr(other.near, "delete_prefix", fail)
        await one.store.delete([b"k"])
        await until(lambda: not other.hearing.listening())
        assert other.near.read(b"k") is not None
        assert await other.store.read(b"k") is None
    await until(other.hearing.listening)
    assert other.near.read(b"k") is None


async def test_closing_says_what_others_were_not_told(
    server: OwnServer, caplog: pytest.LogCaptureFixture
) -> None:
    process = Process(server.url, "n")
    await process.hearing.start(nothing_to_forget, None)
    server.stop()
    await until(lambda: not process.hearing.listening())
    await process.hearing.publish(Deletion((b"k",)))
    await process.store.aclose()
    assert "not told of all cache deletions" in caplog.text


async def test_what_cannot_be_told_for_long_becomes_everything(server: OwnServer) -> None:
    """A long outage must not fill the memory."""
    server.stop()
    hearing = RedisInvalidation(server.url, pause=soon)
    for number in range(1001):
        await hearing.publish(Deletion((b"%d" % number,)))
    assert list(hearing._channel.untold) == [EVERYTHING]


async def test_a_full_server_is_told_when_it_takes_writes_again(server: OwnServer) -> None:
    """The count is a write, and a server that is full refuses it."""
    one = Process(server.url, "n")
    other = Process(server.url, "n", heartbeat_seconds=60)
    await one.store.write(b"k", entry())
    await other.has(b"k")
    server.tell("CONFIG", "SET", "maxmemory", "1")
    await one.hearing.publish(Deletion((b"k",)))
    assert not one.hearing.listening()
    assert other.near.read(b"k") is not None
    server.tell("CONFIG", "SET", "maxmemory", "0")
    await until(lambda: other.near.read(b"k") is None)
    await until(one.hearing.listening)
    await one.store.aclose()
    await other.store.aclose()


async def test_a_connection_that_the_client_renewed_is_not_trusted(
    start_process: Start, redis_client: redis.asyncio.Redis
) -> None:
    """It subscribes again by itself, and what was missed in between is known by the count only."""

    class Renewed:
        async def get_message(self, **_options: float) -> dict[str, Any]:
            return {"type": "subscribe", "data": 1}

    process = start_process(heartbeat_seconds=60)
    await process.store.write(b"k", entry())
    channel = process.hearing._channel
    assert channel.position is not None
    channel.position = missed = channel.position._replace(generation=-1)
    listener = process.hearing._listeners[asyncio.get_running_loop()]
    renewed: Any = Renewed()
    assert await listener._follow(redis_client, renewed, missed) == channel.position
    assert process.near.read(b"k") is None
    assert channel.position.generation == 0
