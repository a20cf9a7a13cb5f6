"""Outgoing calls in record: they reach their servers, and are recorded or reported."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable

import pytest

from keploy_framework.proxy import (
    TELEMETRY,
    DependencyListener,
    EgressProxy,
    PassRule,
    ProxyLimits,
    RecordedCalls,
)

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


LIMITS = ProxyLimits(first_byte_seconds=0.1, head_seconds=1, handshake_seconds=2)


@pytest.fixture
def calls(book, authority, world_file) -> Callable[..., RecordedCalls]:
    def make(**options) -> RecordedCalls:
        options.setdefault("trusted", world_file)
        options.setdefault("limits", LIMITS)
        return RecordedCalls(book.recording, authority, **options)

    return make


@pytest.fixture
async def proxy(calls) -> AsyncIterator[EgressProxy]:
    async with EgressProxy(calls()) as proxy:
        yield proxy


async def test_one_client_connection_calls_several_servers(serve, call, hello, proxy, book) -> None:
    """A client that keeps its connection to the proxy got the answers of another server."""
    first, second = await serve(hello), await serve(hello)
    client = await call(proxy.port)
    for server in (first, second, first, first):
        host = f"127.0.0.1:{server.port}"
        assert await client.ask(f"{server.url}/p?q=1", host) == (
            200,
            f"GET /p?q=1 {host} 0".encode(),
        )
    await book.wait(4)
    assert book.urls == [f"{each.url}/p?q=1" for each in (first, second, first, first)]
    assert (first.accepted, second.accepted) == (2, 1)


async def test_headers_for_the_proxy_stay_with_it(serve, call, proxy, book, read) -> None:
    """A password for the proxy was sent on to the server, or recorded."""
    seen = []

    async def keeps(reader, writer) -> None:
        seen.append((await read(reader))[0].headers)
        writer.write(b"HTTP/1.1 204 No\r\n\r\n")

    server = await serve(keeps)
    more = "Proxy-Authorization: Basic eHh4\r\nProxy-Connection: keep-alive\r\nX-A: b\r\n"
    await (await call(proxy.port)).ask(server.url + "/", "a", more)
    await book.wait(1)
    assert seen == [(("Host", "a"), ("X-A", "b"))]
    assert book.exchanges[0].request.headers == (("Host", "a"), ("X-A", "b"))


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
async def test_a_body_passes_in_pieces(serve, call, proxy, book, hello, chunked: bool) -> None:
    """A body that came piece by piece arrived damaged."""
    server = await serve(hello)
    client = await call(proxy.port)
    framing = "Transfer-Encoding: chunked" if chunked else "Content-Length: 9"
    await client.send(f"POST {server.url}/ HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n".encode())
    for piece in (b"one", b"two", b"six"):
        await client.send(b"3\r\n%b\r\n" % piece if chunked else piece)
        await asyncio.sleep(0.01)
    if chunked:
        await client.send(b"0\r\n\r\n")
    assert (await client.get())[1] == b"POST / a 9"
    assert (await client.ask(f"{server.url}/after"))[0] == 200
    await book.wait(2)
    assert book.exchanges[0].request.body == b"onetwosix"


async def test_an_early_answer_is_passed_while_the_body_still_comes(
    serve, call, proxy, book
) -> None:
    """The refusal of a large upload was held back until the upload ended."""

    async def refuses(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    server = await serve(refuses)
    client = await call(proxy.port)
    head = f"POST {server.url}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n\r\n"
    await client.send(head.encode())
    assert (await client.get())[0] == 413
    assert await client.rest() == b""


async def test_a_body_that_turns_out_damaged_ends_the_call(serve, call, proxy, book) -> None:
    """A server waited for ever for the rest of a body that could not be read."""
    ended = asyncio.Event()

    async def waits(reader, writer) -> None:
        await reader.read()
        ended.set()

    server = await serve(waits)
    client = await call(proxy.port)
    chunked = "Transfer-Encoding: chunked"
    await client.send(f"POST {server.url}/ HTTP/1.1\r\nHost: a\r\n{chunked}\r\n\r\n".encode())
    await client.send(b"2\r\nab\r\n")
    await client.send(b"no chunk\r\n")
    assert (await client.get())[0] == 400
    async with asyncio.timeout(5):
        await ended.wait()


async def test_a_claim_of_ten_gigabytes_costs_no_memory(serve, call, proxy, book) -> None:
    """The proxy kept a body that its server does not read."""
    unread = asyncio.Event()

    async def reads_nothing(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await unread.wait()

    server = await serve(reads_nothing)
    client = await call(proxy.port)
    head = f"POST {server.url}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n\r\n"
    await client.send(head.encode())
    taken = 0
    with contextlib.suppress(TimeoutError):
        while taken < 256 * 1_048_576:
            async with asyncio.timeout(0.3):
                await client.send(bytes(1_048_576))
            taken += 1_048_576
    assert taken < 32 * 1_048_576
    unread.set()


async def test_a_client_that_leaves_stops_the_server(serve, call, proxy, book) -> None:
    """A stream that costs money went on after its client had left."""
    stopped = asyncio.Event()

    async def endless(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(STREAM + b"9\r\ndata: 1\n\n\r\n")
        await reader.read()
        stopped.set()

    server = await serve(endless)
    client = await call(proxy.port)
    await client.send(f"GET {server.url}/ HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    await client.until(b"data: 1\n\n\r\n")
    await client.close()
    async with asyncio.timeout(5):
        await stopped.wait()
    await book.wait(1)
    assert book.exchanges[0].response.body == b"data: 1\n\n"


async def test_a_web_socket_passes_through_the_proxy(serve, call, proxy, book) -> None:
    """A connection that switched to another protocol was held up or broken."""

    async def web_socket(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi")
        while data := await reader.read(100):
            writer.write(data[::-1])

    server = await serve(web_socket)
    client = await call(proxy.port)
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    await client.send(f"GET {server.url}/ HTTP/1.1\r\nHost: a\r\n{upgrade}\r\n".encode())
    await client.until(b"\r\n\r\nhi")
    await client.send(b"\x81abc")
    assert await client.reader.readexactly(4) == b"cba\x81"
    assert book.reasons == ["switched"]


async def test_https_is_read_and_its_server_verified(
    serve, call, hello, world, client_tls, proxy, book
) -> None:
    """A call of https was not recorded, or came to the server unencrypted."""
    server = await serve(hello, tls=world.context("localhost"))
    client = await call(proxy.port)
    assert b" 200 " in await client.tunnel(f"localhost:{server.port}")
    await client.start_tls(client_tls, "localhost")
    for number in range(2):
        assert (await client.ask(f"/{number}", f"localhost:{server.port}"))[0] == 200
    await book.wait(2)
    assert book.urls == [f"https://localhost:{server.port}/{each}" for each in range(2)]
    assert server.accepted == 1


async def test_frames_pass_through_tls_one_by_one(
    serve, call, world, client_tls, proxy, book
) -> None:
    """The frames of a stream over https were held back or merged."""
    taken = asyncio.Event()

    async def frames(reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(STREAM)
        for number in range(4):
            taken.clear()
            writer.write(b"9\r\ndata: %d\n\n\r\n" % number)
            await taken.wait()
        writer.write(b"0\r\n\r\n")

    server = await serve(frames, tls=world.context("localhost"))
    client = await call(proxy.port)
    await client.tunnel(f"localhost:{server.port}")
    await client.start_tls(client_tls, "localhost")
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await client.until(b"\r\n\r\n")
    for number in range(4):
        assert await client.until(b"\n\n\r\n") == b"9\r\ndata: %d\n\n\r\n" % number
        taken.set()
    await book.wait(1)
    assert len(book.exchanges[0].response.chunks) == 4


async def test_a_server_nobody_vouches_for_gets_no_call(
    serve, call, hello, world, client_tls, calls, book
) -> None:
    """A call went to a server whose certificate is not trusted."""
    server = await serve(hello, tls=world.context("localhost"))
    async with EgressProxy(calls(trusted=None)) as proxy:
        client = await call(proxy.port)
        await client.tunnel(f"localhost:{server.port}")
        await client.start_tls(client_tls, "localhost")
        status, text = await client.ask("/secret?key=sk-1")
    assert status == 502
    assert b"certificate is not trusted" in text
    assert book.reasons == ["tls"]
    assert "sk-1" not in book.findings[0].problem


@pytest.mark.parametrize("tunnel", [False, True], ids=["request", "tunnel"])
@pytest.mark.parametrize(
    ("host", "reason"), [("nobody.invalid", "dns"), ("127.0.0.1", "refused")], ids=["dns", "down"]
)
async def test_a_server_that_is_not_there_is_named(
    call, proxy, book, closed_port: int, host: str, reason: str, tunnel: bool
) -> None:
    """A call to nowhere hung, or failed without saying why."""
    client = await call(proxy.port)
    place = f"{host}:{closed_port}"
    target = f"CONNECT {place}" if tunnel else f"GET http://{place}/"
    await client.send(f"{target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    status, text = await client.get()
    assert status == 502
    assert f"cannot reach {host}:{closed_port}" in text.decode()
    assert book.reasons == [reason]


async def echo(reader, writer) -> None:
    while data := await reader.read(1000):
        writer.write(data)


@pytest.mark.parametrize(
    "sent",
    [b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"*1\r\nPING\r\n"],
    ids=["database", "http2", "redis"],
)
async def test_another_protocol_passes_unread(serve, call, proxy, book, sent: bytes) -> None:
    """A tunnel for something else than HTTP was broken, or passed in silence."""
    server = await serve(echo)
    client = await call(proxy.port)
    await client.tunnel(f"127.0.0.1:{server.port}")
    await client.send(sent)
    assert await client.reader.readexactly(len(sent)) == sent
    assert book.reasons == ["not-http"]
    assert str(server.port) in book.findings[0].problem


async def test_a_server_that_speaks_first_is_heard(serve, call, proxy, book) -> None:
    """A client that waits for its server waited for ever."""

    async def greets(reader, writer) -> None:
        writer.write(b"220 hello\r\n")
        await echo(reader, writer)

    server = await serve(greets)
    client = await call(proxy.port)
    await client.tunnel(f"127.0.0.1:{server.port}")
    assert await client.until(b"\r\n") == b"220 hello\r\n"
    assert book.reasons == ["not-http"]


async def test_a_client_of_http2_alone_meets_its_own_server(
    serve, call, world, proxy, book, world_file
) -> None:
    """A gRPC client was shown a certificate, and could not speak its protocol."""
    context = world.context("grpc.localhost")
    server = await serve(echo, tls=context)
    client = await call(proxy.port)
    await client.tunnel(f"127.0.0.1:{server.port}")
    own = ssl.create_default_context(cafile=str(world_file))
    own.set_alpn_protocols(["h2"])
    await client.start_tls(own, "grpc.localhost")
    await client.send(b"PRI")
    assert await client.reader.readexactly(3) == b"PRI"
    assert book.reasons == ["not-http"]
    assert "h2" in book.findings[0].problem


async def test_plain_http_in_a_tunnel_is_recorded(serve, call, hello, proxy, book) -> None:
    """A client that tunnels every call was not recorded."""
    server = await serve(hello)
    client = await call(proxy.port)
    await client.tunnel(f"127.0.0.1:{server.port}")
    assert (await client.ask("/x", f"127.0.0.1:{server.port}"))[0] == 200
    await book.wait(1)
    assert book.urls == [f"{server.url}/x"]


async def test_a_client_that_refuses_the_certificate_is_reported(
    serve, call, hello, world, world_file, proxy, book
) -> None:
    """An app that does not trust the run failed, and nothing said why."""
    server = await serve(hello, tls=world.context("localhost"))
    client = await call(proxy.port)
    await client.tunnel(f"localhost:{server.port}")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await client.start_tls(ssl.create_default_context(cafile=str(world_file)), "localhost")
    await book.wait(1)
    assert book.reasons == ["client-tls"]
    assert "SSL_CERT_FILE" in book.findings[0].problem


async def test_telemetry_passes_unrecorded(serve, call, hello, calls, book) -> None:
    """What an app tells others about itself was recorded as its dependency."""
    server = await serve(hello)
    rules = (*TELEMETRY, PassRule(path="^/batch/$"))
    async with EgressProxy(calls(rules=rules)) as proxy:
        client = await call(proxy.port)
        for path in ("/batch/", "/api/7/envelope/", "/kept"):
            assert (await client.ask(server.url + path))[0] == 200
        await book.wait(1)
    assert book.urls == [f"{server.url}/kept"]
    assert not book.findings


async def test_a_rule_for_a_whole_host_leaves_its_tls_alone(
    serve, call, hello, world, world_file, calls, book
) -> None:
    """A client that pins its server's certificate was shown another one."""
    server = await serve(hello, tls=world.context("localhost"))
    async with EgressProxy(calls(rules=[PassRule(host="^localhost$")])) as proxy:
        client = await call(proxy.port)
        await client.tunnel(f"localhost:{server.port}")
        await client.start_tls(ssl.create_default_context(cafile=str(world_file)), "localhost")
        assert (await client.ask("/"))[0] == 200
    assert not book.exchanges
    assert not book.findings


@pytest.mark.parametrize("tunnel", [False, True], ids=["request", "tunnel"])
async def test_a_call_to_the_app_itself_is_no_dependency(
    serve, call, hello, calls, book, tunnel: bool
) -> None:
    """An app that calls itself was recorded as its own dependency."""
    own = await serve(hello)
    recorded = calls()
    recorded.own_ports.add(own.port)
    async with EgressProxy(recorded) as proxy:
        client = await call(proxy.port)
        if tunnel:
            await client.tunnel(f"localhost:{own.port}")
        target = "/" if tunnel else f"http://localhost:{own.port}/"
        assert (await client.ask(target))[0] == 200
    assert not book.exchanges


@pytest.mark.parametrize("tunnel", [False, True], ids=["request", "tunnel"])
async def test_an_app_that_calls_itself_does_not_call_the_relay(
    serve, call, hello, calls, book, tunnel: bool
) -> None:
    """An app's call to itself was recorded as a test of its own."""
    relay, hidden = await serve(hello), await serve(hello)
    recorded = calls(own_ports=[relay.port], moved_ports={relay.port: hidden.port})
    async with EgressProxy(recorded) as proxy:
        client = await call(proxy.port)
        if tunnel:
            await client.tunnel(f"localhost:{relay.port}")
        target = "/" if tunnel else f"http://localhost:{relay.port}/"
        assert (await client.ask(target))[0] == 200
    assert (relay.accepted, hidden.accepted) == (0, 1)


async def test_a_listener_stands_for_its_server(serve, call, hello, world, calls, book) -> None:
    """An app that is told a URL reached the wrong host or path, or was recorded as calling us."""
    server = await serve(hello, tls=world.context("localhost"))
    target = f"https://localhost:{server.port}"
    async with DependencyListener(f"{target}/v1", calls()) as listener:
        assert listener.url == f"http://127.0.0.1:{listener.port}/v1"
        client = await call(listener.port)
        status, text = await client.ask("/v1/models", f"127.0.0.1:{listener.port}")
        await book.wait(1)
    assert (status, text) == (200, f"GET /v1/models localhost:{server.port} 0".encode())
    assert book.urls == [f"{target}/v1/models"]
    assert book.exchanges[0].request.headers == (("Host", f"localhost:{server.port}"),)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http://a/ HTTP/1.1\r\n\r\n", 400),
        (b"GET http://a/ HTTP/1.1\r\nHost: a\r\nA: " + b"x" * 70_000, 431),
        (b"\x04\x01\x00\x50", 400),
    ],
    ids=["no-proxy-request", "other-scheme", "no-host", "too-large", "socks"],
)
async def test_what_is_no_call_is_refused(call, proxy, sent: bytes, status: int) -> None:
    """Bytes that no client of a proxy sends were passed on or left waiting."""
    client = await call(proxy.port)
    await client.send(sent)
    assert (await client.get())[0] == status


async def test_a_slow_head_is_given_up(call, calls, eventually) -> None:
    """Clients that send a byte now and then held connections without bound."""
    limits = ProxyLimits(head_seconds=0.1, idle_seconds=0.1)
    async with EgressProxy(calls(limits=limits)) as proxy:
        dripping, silent = await call(proxy.port), await call(proxy.port)
        await dripping.send(b"GET http://a")
        for client in (dripping, silent):
            with contextlib.suppress(ConnectionResetError):
                assert await client.rest() == b""
        await eventually(lambda: not proxy.connections)
