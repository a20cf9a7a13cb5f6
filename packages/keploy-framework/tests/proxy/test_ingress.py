"""The relay in front of the app: it must not be noticed, and it must not forget."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

import pytest

from keploy_framework.errors import ListenError
from keploy_framework.proxy import IngressRelay, ProxyLimits, Recording

REQUEST = b"GET /a HTTP/1.1\r\nHost: app\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


async def test_an_exchange_passes_and_is_recorded(serve, call, hello, book) -> None:
    """A caller's request and the app's answer were not recorded."""
    app = await serve(hello)
    async with IngressRelay(app.port, book.recording) as relay:
        assert await (await call(relay.port)).ask("/items?x=1", "shop") == (
            200,
            b"GET /items?x=1 shop 0",
        )
        await book.wait(1)
    assert book.urls == ["http://shop/items?x=1"]
    assert book.exchanges[0].response.body == b"GET /items?x=1 shop 0"


async def test_bytes_pass_untouched_whatever_they_are(serve, call, book) -> None:
    """The relay changed what was sent, though it was no HTTP at all."""
    sent = bytes(range(256)) * 2000

    async def echo(reader, writer) -> None:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
        writer.write_eof()

    app = await serve(echo)
    async with IngressRelay(app.port, book.recording) as relay:
        caller = await call(relay.port)
        reading = asyncio.ensure_future(caller.rest())
        await caller.send(sent)
        caller.writer.write_eof()
        assert await reading == sent
    assert book.reasons == ["not-http"]


async def test_requests_of_one_connection_come_in_order(serve, call, hello, book) -> None:
    """Pipelined requests were mixed up, or only the first was recorded."""
    app = await serve(hello)
    async with IngressRelay(app.port, book.recording) as relay:
        caller = await call(relay.port)
        for number in range(3):
            assert (await caller.ask(f"/{number}"))[0] == 200
        await book.wait(3)
    assert [each.request.target for each in book.exchanges] == ["/0", "/1", "/2"]
    assert len({each.connection for each in book.exchanges}) == 1


async def test_pipelined_requests_reach_the_app_as_they_were_sent(serve, call, book) -> None:
    """The relay waited for the first answer before it passed the second request on."""

    async def both(reader, writer) -> None:
        await reader.readexactly(2 * len(REQUEST))
        writer.write(2 * b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")

    app = await serve(both)
    async with IngressRelay(app.port, book.recording) as relay:
        caller = await call(relay.port)
        await caller.send(2 * REQUEST)
        assert (await caller.rest()).count(b"200 OK") == 2
        await book.wait(2)
    assert len(book.exchanges) == 2


async def test_a_caller_may_close_its_half_and_still_gets_the_answer(serve, call, book) -> None:
    """A caller that said it was done lost the answer."""

    async def after_the_end(reader, writer) -> None:
        await reader.read()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    app = await serve(after_the_end)
    async with IngressRelay(app.port, book.recording) as relay:
        caller = await call(relay.port)
        await caller.send(REQUEST)
        caller.writer.write_eof()
        assert (await caller.rest()).endswith(b"ok")


async def test_an_app_that_is_down_resets_its_callers(call, closed_port, book) -> None:
    """A caller hung, or saw an answer, though the app was not there."""
    async with IngressRelay(closed_port, book.recording) as relay:
        caller = await call(relay.port)
        with pytest.raises(ConnectionResetError):
            await caller.rest()
    assert not book.exchanges


async def test_an_app_that_dies_in_an_answer_ends_the_callers_connection(serve, call, book) -> None:
    """A caller waited for ever for the rest of an answer whose app had crashed."""

    async def dies(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()

    app = await serve(dies)
    async with IngressRelay(app.port, book.recording) as relay:
        caller = await call(relay.port)
        await caller.send(REQUEST)
        assert (await caller.rest()).endswith(b"half")
        await book.wait(1)
    assert book.reasons == ["cut-short"]


async def test_an_app_that_resets_a_connection_resets_its_caller(serve, call, book) -> None:
    """An answer that broke off looked to the caller like one that had ended."""

    async def breaks(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await writer.drain()
        await reader.readexactly(4)
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    app = await serve(breaks)
    async with IngressRelay(app.port, book.recording) as relay:
        caller = await call(relay.port)
        await caller.send(REQUEST)
        await caller.until(b"half")
        await caller.send(b"more")
        with pytest.raises(ConnectionResetError):
            await caller.rest()


async def test_a_caller_that_leaves_a_stream_is_recorded_as_far_as_it_came(
    serve, call, book
) -> None:
    """The app went on streaming to a caller that was gone, or the stream was not recorded."""
    gone = asyncio.Event()

    async def endless(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + b"9\r\ndata: 1\n\n\r\n")
        await reader.read()
        gone.set()

    app = await serve(endless)
    async with IngressRelay(app.port, book.recording) as relay:
        caller = await call(relay.port)
        await caller.send(REQUEST)
        await caller.until(b"data: 1\n\n\r\n")
        await caller.close()
        async with asyncio.timeout(5):
            await gone.wait()
        await book.wait(1)
    assert book.exchanges[0].response.body == b"data: 1\n\n"


async def test_an_answer_may_come_before_the_request_is_read(serve, call, book) -> None:
    """The refusal of a large upload was not passed on until the upload ended."""

    async def refuses(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        await reader.read()

    app = await serve(refuses)
    async with IngressRelay(app.port, book.recording) as relay:
        caller = await call(relay.port)
        await caller.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nfirst")
        assert (await caller.get())[0] == 413


async def test_a_caller_that_waits_to_continue_is_told_to(serve, call, book, read) -> None:
    """A caller that asked for 100 Continue never got it, or it was recorded as the answer."""

    async def continues(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert await reader.readexactly(4) == b"body"
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

    app = await serve(continues)
    async with IngressRelay(app.port, book.recording) as relay:
        caller = await call(relay.port)
        await caller.send(
            b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        )
        assert await caller.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await caller.send(b"body")
        assert (await caller.get())[0] == 201
        await book.wait(1)
    assert (book.exchanges[0].response.status, book.exchanges[0].request.body) == (201, b"body")


async def test_a_web_socket_passes(serve, call, book) -> None:
    """A connection that switched to another protocol was held up or broken."""

    async def web_socket(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        while data := await reader.read(100):
            writer.write(data[::-1])

    app = await serve(web_socket)
    async with IngressRelay(app.port, book.recording) as relay:
        caller = await call(relay.port)
        upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
        await caller.send(b"GET /ws HTTP/1.1\r\nHost: a\r\n" + upgrade + b"\r\n")
        assert b" 101 " in await caller.until(b"\r\n\r\n")
        for frame in (b"\x81\x02hi", b"\x00\xff"):
            await caller.send(frame)
            assert await caller.reader.readexactly(len(frame)) == frame[::-1]
    assert book.reasons == ["switched"]


async def test_frames_of_a_stream_come_one_by_one(serve, call, book) -> None:
    """The frames of a stream were held back, or arrived together."""
    taken = asyncio.Event()

    async def frames(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD)
        for number in range(5):
            taken.clear()
            writer.write(b"9\r\ndata: %d\n\n\r\n" % number)
            await taken.wait()
        writer.write(b"0\r\n\r\n")

    app = await serve(frames)
    async with IngressRelay(app.port, book.recording) as relay:
        caller = await call(relay.port)
        await caller.send(REQUEST)
        await caller.until(b"\r\n\r\n")
        for number in range(5):
            # The next frame is sent only after this one arrived, so none can be merged.
            assert await caller.until(b"\n\n\r\n") == b"9\r\ndata: %d\n\n\r\n" % number
            taken.set()
        await book.wait(1)
    chunks = book.exchanges[0].response.chunks
    assert [chunk.data for chunk in chunks] == [b"data: %d\n\n" % each for each in range(5)]
    assert sorted(chunk.at for chunk in chunks) == [chunk.at for chunk in chunks]


async def test_fifty_streams_at_once_each_get_their_own_frames(serve, call, book) -> None:
    """Streams that ran at the same time were mixed up or starved one another."""

    async def frames(reader, writer) -> None:
        number = (await reader.readuntil(b"\r\n\r\n")).split()[1][1:]
        writer.write(HEAD)
        for each in range(4):
            frame = b"data: %b.%d\n\n" % (number, each)
            writer.write(b"%x\r\n%b\r\n" % (len(frame), frame))
            await writer.drain()
            await asyncio.sleep(0.005)
        writer.write(b"0\r\n\r\n")

    async def listen(number: int, port: int) -> bytes:
        caller = await call(port)
        await caller.send(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number)
        return (await caller.get())[1]

    app = await serve(frames)
    async with IngressRelay(app.port, book.recording) as relay:
        bodies = await asyncio.gather(*(listen(each, relay.port) for each in range(50)))
        await book.wait(50)
    for number, body in enumerate(bodies):
        assert body == b"".join(b"data: %d.%d\n\n" % (number, each) for each in range(4))
    assert {each.request.target: each.response.body for each in book.exchanges} == {
        f"/{number}": body for number, body in enumerate(bodies)
    }


async def test_a_recorder_that_fails_is_not_noticed(serve, call, hello) -> None:
    """The recorder raised, and a caller lost its connection."""

    def fails(_: object) -> None:
        msg = "sk-secret"
        raise RuntimeError(msg)

    recording = Recording(fails, fails)
    app = await serve(hello)
    async with IngressRelay(app.port, recording) as relay:
        caller = await call(relay.port)
        assert [(await caller.ask("/"))[0] for _ in range(3)] == [200, 200, 200]
    assert (recording.failures, recording.last_failure) == (3, "RuntimeError")


async def test_a_caller_that_does_not_read_stops_the_app(serve, call) -> None:
    """An answer of any size was kept in memory for a caller that did not read it."""
    size = 64 * 1_048_576
    stopped = asyncio.Event()

    async def pours(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        piece = bytes(1_048_576)
        for _ in range(size // len(piece)):
            writer.write(piece)
            try:
                async with asyncio.timeout(0.2):
                    await writer.drain()
            except TimeoutError:
                stopped.set()
                await writer.drain()

    app = await serve(pours)
    async with IngressRelay(app.port) as relay:
        caller = await call(relay.port)
        await caller.send(REQUEST)
        async with asyncio.timeout(5):
            await stopped.wait()
        assert len(await caller.rest()) > size


async def test_closing_ends_connections_and_hands_on_what_came(serve, call, book) -> None:
    """The relay stopped, and an unfinished exchange was lost without a word."""

    received = asyncio.Event()

    async def silent(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        received.set()
        await reader.read()

    app = await serve(silent)
    async with IngressRelay(app.port, book.recording) as relay:
        caller = await call(relay.port)
        await caller.send(REQUEST)
        async with asyncio.timeout(5):
            await received.wait()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await caller.until(b"\n")
    assert book.reasons == ["unanswered"]


async def test_a_connection_too_many_is_reset(serve, call, hello) -> None:
    """Callers could open connections without any bound."""
    app = await serve(hello)
    async with IngressRelay(app.port, limits=ProxyLimits(connections=2)) as relay:
        for _ in range(2):
            assert (await (await call(relay.port)).ask("/"))[0] == 200
        third = await call(relay.port)
        with pytest.raises(ConnectionResetError):
            await third.rest()


async def test_closing_does_not_wait_for_a_caller_that_does_not_read(serve, call) -> None:
    """The relay could not be stopped while a caller held the end of an answer."""

    async def pours(reader, writer) -> None:
        writer.write(bytes(16 * 1_048_576))
        await writer.drain()

    app = await serve(pours)
    async with asyncio.timeout(5):
        async with IngressRelay(app.port) as relay:
            caller = await call(relay.port)
            await caller.until(b"\x00")
    assert relay.connections == 0


async def test_a_port_that_is_taken_is_named(serve, hello) -> None:
    """A taken port gave an error that does not say which."""
    app = await serve(hello)
    with pytest.raises(ListenError, match=f"port {app.port} on 127.0.0.1 is taken") as caught:
        await IngressRelay(1, port=app.port).open()
    assert (caught.value.host, caught.value.port) == ("127.0.0.1", app.port)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.com", "10.0.0.1"])
def test_only_loopback_is_listened_on(host: str) -> None:
    """The relay offered the app to the whole network."""
    with pytest.raises(ListenError, match="no loopback address"):
        IngressRelay(1, host=host)
