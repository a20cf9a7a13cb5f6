"""Outgoing calls in replay: answered at once, at their pace, and never by a network."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable

import pytest

from keploy_framework.errors import WireError
from keploy_framework.exchange import Chunk, Response
from keploy_framework.proxy import (
    Answer,
    AnsweredCalls,
    DependencyListener,
    EgressProxy,
    PassRule,
    ProxyLimits,
)

SSE = (("Content-Type", "text/event-stream"),)
LIMITS = ProxyLimits(
    first_byte_seconds=0.1, head_seconds=0.3, body_seconds=0.1, request_bytes=100_000
)


def streamed(*pieces: bytes, headers=SSE) -> Response:
    body = b"".join(pieces)
    chunks = tuple(Chunk(0, piece) for piece in pieces)
    return Response(200, "OK", headers, body, chunks, len(body))


@pytest.fixture
def calls(mocks, authority, book) -> Callable[..., AnsweredCalls]:
    def make(**options) -> AnsweredCalls:
        report = book.findings.append
        return AnsweredCalls(mocks, authority, limits=LIMITS, on_unrecorded=report, **options)

    return make


@pytest.fixture
async def proxy(calls) -> AsyncIterator[EgressProxy]:
    async with EgressProxy(calls()) as proxy:
        yield proxy


async def test_no_socket_leads_anywhere(
    serve, call, hello, proxy, client_tls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay reached a real server, or looked its name up."""
    real = await serve(hello)
    clients = [await call(proxy.port) for _ in range(4)]
    opened: list[object] = []

    def refuse(*args: object, **_: object) -> None:
        opened.append(args)
        msg = "a replay opened a socket"
        raise OSError(msg)

    loop = asyncio.get_running_loop()
    for name in ("sock_connect", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(loop, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert (await clients[0].ask(real.url + "/"))[1] == b"mock"
    await clients[1].tunnel(f"127.0.0.1:{real.port}")
    assert (await clients[1].ask("/"))[1] == b"mock"
    await clients[2].tunnel("api.example.com:443")
    await clients[2].start_tls(client_tls, "api.example.com")
    assert (await clients[2].ask("/"))[1] == b"mock"
    await clients[3].tunnel(f"127.0.0.1:{real.port}")
    await clients[3].send(b"\x00\x00\x00\x08")
    assert await clients[3].rest() == b""
    assert real.accepted == 0
    assert opened == []


async def test_a_call_is_given_as_its_host_would_get_it(call, proxy, mocks) -> None:
    """The same call looked different through the proxy, so that its mock did not match."""
    client = await call(proxy.port)
    await client.send(
        b"POST http://API.example.com:80/a?b=c HTTP/1.1\r\nHost: api.example.com\r\n"
        b"Proxy-Connection: keep-alive\r\nContent-Length: 4\r\n\r\nbody"
    )
    assert await client.get() == (200, b"mock")
    request = mocks.asked[0]
    assert (request.method, request.url, request.body) == (
        "POST",
        "http://api.example.com/a?b=c",
        b"body",
    )
    assert request.headers == (("Host", "api.example.com"), ("Content-Length", "4"))


async def test_https_calls_are_answered(call, proxy, mocks, client_tls) -> None:
    """A call of https was refused, or its host was lost."""
    client = await call(proxy.port)
    await client.tunnel("api.example.com:8443")
    await client.start_tls(client_tls, "api.example.com")
    for _ in range(2):
        assert (await client.ask("/v1", "api.example.com:8443"))[1] == b"mock"
    assert [each.url for each in mocks.asked] == 2 * ["https://api.example.com:8443/v1"]


async def test_a_listener_is_asked_in_the_name_of_its_server(calls, call, mocks) -> None:
    """A mock recorded through the proxy did not answer an app that is told a URL."""
    async with DependencyListener("https://api.openai.com/v1", calls()) as listener:
        client = await call(listener.port)
        await client.ask("/v1/models", f"127.0.0.1:{listener.port}")
    assert mocks.asked[0].url == "https://api.openai.com/v1/models"
    assert mocks.asked[0].headers == (("Host", "api.openai.com"),)


async def test_pipelined_calls_are_answered_in_order(call, proxy, mocks) -> None:
    """Answers came in another order than the calls."""
    for number in range(3):
        body = str(number).encode()
        mocks.answers[f"/{number}"] = Answer(Response(200, "", (), body, body_size=1))
    client = await call(proxy.port)
    await client.send(
        b"".join(b"GET http://a/%d HTTP/1.1\r\nHost: a\r\n\r\n" % each for each in range(3))
    )
    received = await client.reader.readexactly(
        3 * len(b"HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n0")
    )
    assert [line[-1:] for line in received.split(b"HTTP/1.1 200 ")[1:]] == [b"0", b"1", b"2"]


async def test_frames_come_at_their_own_pace(call, proxy, mocks) -> None:
    """The frames of a recorded stream were sent in one piece."""
    mocks.answers["/"] = Answer(streamed(b"data: 1\n\n", b"data: 2\n\n"), gaps=(0.0, 0.15))
    client = await call(proxy.port)
    loop = asyncio.get_running_loop()
    await client.send(b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n")
    await client.until(b"data: 1\n\n\r\n")
    first = loop.time()
    assert await client.until(b"data: 2\n\n\r\n") == b"9\r\ndata: 2\n\n\r\n"
    assert loop.time() - first >= 0.1
    assert await client.until(b"0\r\n\r\n") == b"0\r\n\r\n"
    assert (await client.ask("http://a/next"))[1] == b"mock"


async def test_a_client_that_leaves_a_slow_stream_frees_its_place(
    call, proxy, mocks, eventually
) -> None:
    """A connection was held for the rest of a stream that nobody hears."""
    mocks.answers["/"] = Answer(streamed(b"1", b"2", b"3"), gaps=(0.0, 0.05, 60.0))
    client = await call(proxy.port)
    await client.send(b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n")
    await client.until(b"1\r\n")
    client.writer.transport.abort()
    await eventually(lambda: not proxy.connections)


async def test_a_recorded_break_breaks_again(call, proxy, mocks) -> None:
    """A stream that broke when it was recorded ended well in the replay."""
    mocks.answers["/"] = Answer(streamed(b"data: 1\n\n"), cut=True)
    client = await call(proxy.port)
    await client.send(b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n")
    received = await client.rest()
    assert received.endswith(b"9\r\ndata: 1\n\n\r\n")


@pytest.mark.parametrize(
    ("answer", "request_line", "expected"),
    [
        (
            Answer(streamed(b"ab", b"c")),
            "GET http://a/ HTTP/1.1",
            b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        ),
        (Answer(streamed(b"ab", b"c")), "GET http://a/ HTTP/1.0", b"\r\n\r\nabc"),
        (
            Answer(streamed(b"ab", headers=(("Content-Length", "2"),))),
            "GET http://a/ HTTP/1.1",
            b"Content-Length: 2\r\n\r\nab",
        ),
        (
            Answer(streamed(b"ab", headers=(("Content-Length", "9"),)), cut=True),
            "GET http://a/ HTTP/1.1",
            b"Content-Length: 9\r\n\r\nab",
        ),
        (
            Answer(Response(200, "", (("Transfer-Encoding", "chunked"),), b"ab", body_size=2)),
            "GET http://a/ HTTP/1.0",
            b"Content-Length: 2\r\n\r\nab",
        ),
        (
            Answer(Response(200, "", (("Content-Length", "7"),))),
            "HEAD http://a/ HTTP/1.1",
            b"HTTP/1.1 200 \r\nContent-Length: 7\r\n\r\n",
        ),
        (Answer(Response(204)), "GET http://a/ HTTP/1.1", b"HTTP/1.1 204 \r\n\r\n"),
    ],
    ids=["chunks", "old-client", "length", "cut", "old-client-whole", "head", "no-content"],
)
async def test_an_answer_is_framed_for_its_client(
    call, proxy, mocks, answer: Answer, request_line: str, expected: bytes
) -> None:
    """A client could not tell where an answer ended."""
    mocks.answers["/"] = answer
    client = await call(proxy.port)
    await client.send(f"{request_line}\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    received = await client.rest()
    assert received.endswith(expected)


async def test_a_client_that_waits_to_continue_is_told_to(call, proxy, mocks) -> None:
    """A client that asked for 100 Continue never sent its body."""
    client = await call(proxy.port)
    await client.send(
        b"PUT http://a/ HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )
    assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await client.send(b"ab")
    assert (await client.get())[1] == b"mock"
    assert mocks.asked[0].body == b"ab"


async def test_telemetry_is_answered_without_a_mock(call, calls, mocks) -> None:
    """What an app tells others about itself needed a mock."""
    rules = [PassRule(host="telemetry", status=202, body=b"{}")]
    async with EgressProxy(calls(rules=rules)) as proxy:
        client = await call(proxy.port)
        assert await client.ask("http://telemetry.example/batch") == (202, b"{}")
    assert mocks.asked == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("sk-secret"), "RuntimeError"),
        (WireError("status", "the status is none"), "the status is none"),
    ],
    ids=["fault", "wire"],
)
async def test_an_answerer_that_fails_is_answered_for(
    call, authority, book, error: Exception, said: str
) -> None:
    """A fault in choosing a mock left the app waiting, or gave a secret away."""

    class Fails:
        def answer(self, request) -> Answer:
            raise error

    calls = AnsweredCalls(Fails(), authority, on_unrecorded=book.findings.append)
    async with EgressProxy(calls) as proxy:
        status, text = await (await call(proxy.port)).ask("http://a/path?key=k-1")
    assert status == 502
    assert said in text.decode()
    assert "sk-secret" not in text.decode()
    assert [(each.reason, each.path) for each in book.findings] == [("fault", "/path")]


async def test_a_mock_whose_body_was_not_kept_is_named(call, proxy, mocks, book) -> None:
    """A mock without its body was answered with an empty one."""
    mocks.answers["/"] = Answer(Response(200, "OK", (), b"", body_size=2_000_000))
    assert (await (await call(proxy.port)).ask("http://a/"))[0] == 502
    assert book.reasons == ["fault"]


async def test_a_body_of_ten_gigabytes_is_refused(call, proxy, book) -> None:
    """A call's body was kept without bound."""
    client = await call(proxy.port)
    head = b"POST http://a/x?k=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n\r\n"
    await client.send(head + bytes(200_000))
    assert (await client.get())[0] == 413
    assert [(each.reason, each.path) for each in book.findings] == [("request-too-large", "/x")]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET http://a/ HT",
        b"POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
        b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\nGET http://a/ HT",
    ],
    ids=["head", "body", "second-head"],
)
async def test_a_slow_client_is_given_up(call, proxy, eventually, sent: bytes) -> None:
    """Clients that stop in the middle held connections without bound."""
    client = await call(proxy.port)
    await client.send(sent)
    with contextlib.suppress(ConnectionResetError):
        await client.rest()
    await eventually(lambda: not proxy.connections)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/2"),
        (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", "another protocol"),
        (b"", "whose server begins"),
    ],
    ids=["http2", "database", "silent"],
)
async def test_what_cannot_be_answered_is_refused_and_named(
    call, proxy, book, sent: bytes, said: str
) -> None:
    """A client of another protocol waited for ever, or was refused without a word."""
    client = await call(proxy.port)
    await client.tunnel("db.example.com:5432")
    if sent:
        await client.send(sent)
    assert await client.rest() == b""
    assert book.reasons == ["not-http"]
    assert said in book.findings[0].problem


async def test_https_without_an_authority_is_refused(call, mocks, book, client_tls) -> None:
    """Without certificates a call of https hung."""
    calls = AnsweredCalls(mocks, None, on_unrecorded=book.findings.append)
    async with EgressProxy(calls) as proxy:
        client = await call(proxy.port)
        await client.tunnel("api.example.com:443")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await client.start_tls(client_tls, "api.example.com")
    assert book.reasons == ["not-http"]


@pytest.mark.parametrize("tunnel", [False, True], ids=["request", "tunnel"])
async def test_the_app_may_call_itself_and_nobody_else(
    serve, call, hello, calls, mocks, tunnel: bool
) -> None:
    """An app that calls itself was answered from mocks, or could reach others that way."""
    own, other = await serve(hello), await serve(hello)
    async with EgressProxy(calls(own_ports=[own.port])) as proxy:
        client = await call(proxy.port)
        if tunnel:
            await client.tunnel(f"127.0.0.1:{own.port}")
            assert (await client.ask("/self"))[1] == b"GET /self a 0"
        else:
            assert (await client.ask(f"{own.url}/self"))[1] == b"GET /self a 0"
            assert (await client.ask(f"{other.url}/"))[1] == b"mock"
        assert (await (await call(proxy.port)).ask(f"{other.url}/"))[1] == b"mock"
    assert other.accepted == 0
    assert len(mocks.asked) == (1 if tunnel else 2)


@pytest.mark.parametrize("host", ["api.example.com", "10.0.0.1"])
async def test_the_apps_own_port_on_another_machine_is_not_its_own(
    serve, call, hello, calls, mocks, host: str
) -> None:
    """A call to another machine got out, as its port was the app's."""
    own = await serve(hello)
    async with EgressProxy(calls(own_ports=[own.port])) as proxy:
        client = await call(proxy.port)
        assert (await client.ask(f"http://{host}:{own.port}/"))[1] == b"mock"


async def test_an_answer_over_tls_ends_with_a_goodbye(call, proxy, mocks, client_tls) -> None:
    """A strict client took the end of an answer for an attack."""
    mocks.answers["/"] = Answer(Response(200, "", (("Connection", "close"),), b"ab", body_size=2))

    def ask() -> bytes:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as plain:
            plain.sendall(b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n")
            assert plain.recv(1000).endswith(b"\r\n\r\n")
            with client_tls.wrap_socket(
                plain, server_hostname="a.example", suppress_ragged_eofs=False
            ) as secure:
                secure.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
                return b"".join(iter(lambda: secure.recv(1000), b""))

    assert (await asyncio.to_thread(ask)).endswith(b"ab")


async def test_closing_does_not_wait_for_a_client_that_does_not_read(call, calls, mocks) -> None:
    """A replay could not be stopped while a client held the end of an answer."""
    body = bytes(16 * 1_048_576)
    mocks.answers["/"] = Answer(Response(200, "", (), body, body_size=len(body)))
    async with asyncio.timeout(5):
        async with EgressProxy(calls()) as proxy:
            client = await call(proxy.port)
            await client.send(b"GET http://a/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            await client.until(b"\r\n\r\n")
    assert proxy.connections == 0
