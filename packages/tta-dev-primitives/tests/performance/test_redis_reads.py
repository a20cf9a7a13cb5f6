"""How reads are put together, against a connection that is held by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tta_dev_primitives.performance.redis.reads import Reads
from tta_dev_primitives.performance.redis.wire import ReplyError, ServerGoneError
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.redis import RedisStore

from .redis_server import own_server


class HeldConnection:
    """Keeps what it is asked, and answers when told to."""

    def __init__(self) -> None:
        self.asked: list[list[bytes]] = []
        self._answer: Callable[[object], None] | None = None

    def send(self, command: bytes, answered: Callable[[object], None]) -> None:
        self.asked.append(command.split(b"\r\n")[2::2])
        self._answer = answered

    def answer(self, reply: object) -> None:
        assert self._answer is not None
        self._answer(reply)


@pytest.fixture
def connection() -> HeldConnection:
    return HeldConnection()


@pytest.fixture
async def reads(connection: HeldConnection) -> Reads:
    return Reads(cast("Any", connection))


async def test_reads_of_one_turn_are_one_question(reads: Reads, connection: HeldConnection) -> None:
    waiting = [reads.get(name) for name in (b"a", b"b", b"c")]
    await asyncio.sleep(0)
    assert connection.asked == [[b"MGET", b"a", b"b", b"c"]]
    connection.answer([b"1", None, b"3"])
    assert [await waiter for waiter in waiting] == [b"1", None, b"3"]


async def test_single_read_is_asked_as_such(reads: Reads, connection: HeldConnection) -> None:
    waiter = reads.get(b"a")
    await asyncio.sleep(0)
    assert connection.asked == [[b"GET", b"a"]]
    connection.answer(b"1")
    assert await waiter == b"1"


async def test_key_that_several_want_is_asked_for_once(
    reads: Reads, connection: HeldConnection
) -> None:
    waiting = [reads.get(name) for name in (b"a", b"b", b"a")]
    await asyncio.sleep(0)
    assert connection.asked == [[b"MGET", b"a", b"b"]]
    connection.answer([b"1", b"2"])
    assert [await waiter for waiter in waiting] == [b"1", b"2", b"1"]


async def test_reads_gather_while_an_answer_is_awaited(
    reads: Reads, connection: HeldConnection
) -> None:
    first = reads.get(b"a")
    await asyncio.sleep(0)
    later = [reads.get(name) for name in (b"a", b"b")]
    await asyncio.sleep(0)
    assert connection.asked == [[b"GET", b"a"]]
    connection.answer(b"old")
    assert connection.asked[1:] == [[b"MGET", b"a", b"b"]]
    connection.answer([b"new", b"2"])
    assert await first == b"old"
    assert [await waiter for waiter in later] == [b"new", b"2"]


async def test_large_batch_is_cut(reads: Reads, connection: HeldConnection) -> None:
    waiting = [reads.get(b"%d" % number) for number in range(1100)]
    await asyncio.sleep(0)
    for expected in (512, 512, 76):
        [_, *names] = connection.asked[-1]
        assert len(names) == expected
        connection.answer(names)
    assert [await waiter for waiter in waiting] == [b"%d" % number for number in range(1100)]


@pytest.mark.parametrize("asked_already", [False, True], ids=["before-asking", "after-asking"])
async def test_cancelled_reader_harms_nobody(
    reads: Reads, connection: HeldConnection, asked_already: bool
) -> None:
    async def read(name: bytes) -> object:
        return await reads.get(name)

    tasks = [asyncio.create_task(read(name)) for name in (b"a", b"a", b"b")]
    await asyncio.sleep(0)
    if asked_already:
        await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.sleep(0)
    connection.answer([b"1", b"2"])
    assert await asyncio.gather(*tasks[1:]) == [b"1", b"2"]
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]


@pytest.mark.parametrize(
    "reply",
    [ServerGoneError("gone"), ReplyError("LOADING"), [b"1"]],
    ids=["gone", "refused", "too-few"],
)
async def test_failure_reaches_everybody(
    reads: Reads, connection: HeldConnection, reply: object
) -> None:
    waiting = [reads.get(name) for name in (b"a", b"b")]
    await asyncio.sleep(0)
    connection.answer(reply)
    assert all([isinstance(await waiter, Exception) for waiter in waiting])


async def test_real_server_is_asked_once(tmp_path: Path) -> None:
    """64 callers, 32 keys, one question."""
    with own_server(tmp_path) as server:
        store = RedisStore(server.url)
        keys = [b"%d" % number for number in range(32)]
        for key in keys:
            await store.write(key, StoredEntry(key, 1.0, 2e9, 2e9))
        await store.read(keys[0])
        server.tell("CONFIG", "RESETSTAT")
        found = await asyncio.gather(*[store.read(key) for key in keys * 2])
        calls = server.calls()
        await store.aclose()
    assert [entry and entry.data for entry in found] == keys * 2
    assert (calls.get("mget"), calls.get("get")) == (1, None)
