"""Servers that do not behave: a few lines of a server each, in the test's own loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tta_dev_primitives.errors import StoreError
from tta_dev_primitives.performance.stores.base import StoredEntry
from tta_dev_primitives.performance.stores.redis import RedisStore

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
TIMEOUT = 0.1


@asynccontextmanager
async def server_that(behave: Behaviour) -> AsyncGenerator[str]:
    """Run a server that greets as Redis does, and then does *behave* for each command."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            while command := await reader.read(65_536):
                for _ in range(command.count(b"SETINFO")):
                    writer.write(b"+OK\r\n")
                if b"SETINFO" not in command:
                    await behave(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            pass  # the test is over, or the other side has hung up
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving)
        await asyncio.sleep(0)


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    pass


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raise ConnectionError


async def talks_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def stops_in_the_middle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"$100\r\nabc")


async def answers_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"$-1\r\n$-1\r\n")


async def is_loading(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"-LOADING Redis is loading the dataset in memory\r\n")


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (says_nothing, "no answer within 0.1 s"),
        (hangs_up, "the connection was lost"),
        (talks_nonsense, "does not speak the protocol"),
        (stops_in_the_middle, "no answer within 0.1 s"),
        (is_loading, "LOADING"),
    ],
)
async def test_server_that_does_not_behave_fails_the_call_in_time(
    behave: Behaviour, reason: str
) -> None:
    async with server_that(behave) as url:
        store = RedisStore(url, timeout_seconds=TIMEOUT)
        began = time.monotonic()
        with pytest.raises(StoreError, match=reason) as caught:
            await store.read(b"k")
        assert time.monotonic() - began < 10 * TIMEOUT
        assert caught.value.reported
        await store.aclose()


async def test_answer_that_nobody_asked_for_is_given_to_nobody() -> None:
    """Taken for the answer to the next question, it would be another key's value."""
    async with server_that(answers_twice) as url:
        store = RedisStore(url, timeout_seconds=TIMEOUT)
        assert await store.read(b"a") is None
        await asyncio.sleep(0.01)
        reads = store._access._here().reads
        assert reads is not None
        assert reads.commands.gone
        await store.aclose()


async def test_large_answer_may_take_its_time() -> None:
    """What counts is whether anything moves, not how long it takes altogether."""

    async def trickles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"$60\r\n")
        for _ in range(6):
            await asyncio.sleep(TIMEOUT / 3)
            writer.write(b"x" * 10)
        writer.write(b"\r\n")

    async with server_that(trickles) as url:
        store = RedisStore(url, timeout_seconds=TIMEOUT)
        assert await store.read(b"k") is None  # which is no entry, but it came
        await store.aclose()


async def test_large_write_may_take_its_time() -> None:
    seconds = 0.0

    async def swallows(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seconds
        began = time.monotonic()
        for _ in range(6):
            await reader.readexactly(5_000_000)
            await asyncio.sleep(TIMEOUT / 2)
        await reader.readexactly(1_900_000)
        seconds = time.monotonic() - began
        writer.write(b":1\r\n")

    async with server_that(swallows) as url:
        store = RedisStore(url, timeout_seconds=TIMEOUT)
        await store.write(b"k", StoredEntry(bytes(32_000_000), 1.0, 2e9, 2e9))
        assert seconds > 2 * TIMEOUT
        await store.aclose()


async def test_closing_under_a_caller_is_not_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    async with server_that(says_nothing) as url:
        store = RedisStore(url, timeout_seconds=5)
        readers = [asyncio.create_task(store.read(b"k")) for _ in range(2)]
        await asyncio.sleep(0.05)
        await store.aclose()
        for reader in readers:
            with pytest.raises(StoreError, match="the store was closed"):
                await reader
        assert caplog.records == []


@pytest.mark.parametrize("count", [1, 5], ids=["alone", "together"])
async def test_caller_who_is_cancelled_while_connecting_leaves_nothing(count: int) -> None:
    connected = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(1_000_000)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    store = RedisStore(f"redis://user:secret@127.0.0.1:{port}", timeout_seconds=5)
    readers = [asyncio.create_task(store.read(b"k")) for _ in range(count)]
    await connected.wait()
    for reader in readers:
        reader.cancel()
    outcomes = await asyncio.gather(*readers, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    server.close()
    await asyncio.sleep(0.05)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await store.aclose()
