"""The app is asked what was recorded, whatever it does with its connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from keploy_framework.exchange import Request
from keploy_framework.replay.client import AppClient, NoAnswerError, Patience

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
GET = Request("GET", "/", (("Host", "x"),))
LONG = Patience(10)


@pytest.fixture
async def start() -> AsyncIterator[Callable[[Serve], Awaitable[int]]]:
    servers: list[asyncio.Server] = []
    released = asyncio.Event()

    async def started(serve: Serve) -> int:
        async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                serving = asyncio.ensure_future(serve(reader, writer))
                waiting = asyncio.ensure_future(released.wait())
                await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
                for task in (serving, waiting):
                    task.cancel()
                await asyncio.gather(serving, waiting, return_exceptions=True)
            finally:
                writer.close()

        server = await asyncio.start_server(guarded, "127.0.0.1", 0)
        servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    yield started
    released.set()
    await asyncio.sleep(0.01)
    for server in servers:
        server.close()
        await server.wait_closed()


async def head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


async def test_one_connection_serves_many_tests(start: Callable[[Serve], Awaitable[int]]) -> None:
    """Each test opened a connection, and a thousand of them ran out of ports."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while True:
            await head(reader)
            writer.write(OK)

    async with AppClient("127.0.0.1", await start(serve)) as client:
        for _ in range(5):
            assert (await client.ask(GET, LONG)).body == b"ok"
    assert len(connections) == 1


async def test_a_connection_closed_while_idle_is_opened_anew(
    start: Callable[[Serve], Awaitable[int]],
) -> None:
    """A test failed as the app had closed the connection between two tests."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(OK)

    async with AppClient("127.0.0.1", await start(serve)) as client:
        for _ in range(3):
            assert (await client.ask(GET, LONG)).status == 200


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", b"not http at all\r\n\r\n"],
    ids=["nothing", "half", "no-http"],
)
async def test_no_whole_answer_is_an_error(
    start: Callable[[Serve], Awaitable[int]], sent: bytes
) -> None:
    """Half an answer was compared as if it were whole."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await head(reader))
        writer.write(sent)
        await writer.drain()

    async with AppClient("127.0.0.1", await start(serve)) as client:
        with pytest.raises(NoAnswerError):
            await client.ask(GET, LONG)
    assert len(asked) == 1, "a request that may have had an effect is not sent again"


async def test_half_an_answer_is_not_asked_for_again(
    start: Callable[[Serve], Awaitable[int]],
) -> None:
    """A POST was sent twice, as its first answer broke off on a connection used before."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await head(reader))
        writer.write(OK)
        asked.append(await head(reader))
        writer.write(OK[:-1])
        await writer.drain()

    async with AppClient("127.0.0.1", await start(serve)) as client:
        await client.ask(GET, LONG)
        with pytest.raises(NoAnswerError):
            await client.ask(GET, LONG)
    assert len(asked) == 2


async def test_a_silent_app_times_out(start: Callable[[Serve], Awaitable[int]]) -> None:
    """An app that hangs hung the run, and so did the next test on that connection."""
    silent = [True]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        if silent.pop():
            await asyncio.sleep(60)
        writer.write(OK)
        await asyncio.sleep(60)

    async with AppClient("127.0.0.1", await start(serve)) as client:
        with pytest.raises(TimeoutError):
            await client.ask(GET, Patience(0.05))
        silent.append(False)
        assert (await client.ask(GET, LONG)).body == b"ok"


async def test_a_stream_that_never_ends_is_left_when_it_said_enough(
    start: Callable[[Serve], Awaitable[int]],
) -> None:
    """The test of an endless stream waited for its end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(EVENTS + b"data: 1\n\ndata: 2\n\n")
        await asyncio.sleep(60)

    async with AppClient("127.0.0.1", await start(serve)) as client:
        response = await client.ask(GET, Patience(30, frames=2))
    assert response.body == b"data: 1\n\ndata: 2\n\n"
    assert response.chunks


async def test_an_early_answer_to_a_large_body_is_taken(
    start: Callable[[Serve], Awaitable[int]],
) -> None:
    """A 413 that came before the body was read counted as no answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await asyncio.sleep(60)

    request = Request("POST", "/", (("Host", "x"),), b"x" * 200_000)
    async with AppClient("127.0.0.1", await start(serve)) as client:
        assert (await client.ask(request, LONG)).status == 413
