"""Servers, callers and recorders of these tests, all on loopback and closed at the end."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from keploy_framework.exchange import Exchange, Request, Response
from keploy_framework.proxy import Answer, CertificateAuthority, Recording
from keploy_framework.wire import RequestHead, RequestParser, ResponseParser, Unrecorded

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
async def no_task_is_left() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left, f"tasks were left behind: {left}"


@pytest.fixture(autouse=True)
def no_connection_fails(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    records = caplog.get_records("call")
    names = ("asyncio", "keploy_framework")
    assert [each.getMessage() for each in records if each.name.startswith(names)] == []


@dataclass
class Server:
    """A server of a test.

    Args:
        port: Where it listens.
        accepted: How many connections it got.
    """

    port: int = 0
    accepted: int = 0
    failures: list[BaseException] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    """Start servers whose connections are handled by a coroutine."""
    started: list[tuple[asyncio.Server, Server]] = []

    async def start(handler: Handler, *, tls: ssl.SSLContext | None = None) -> Server:
        server = Server()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            server.accepted += 1
            try:
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    await handler(reader, writer)
            except Exception as error:
                server.failures.append(error)
            finally:
                writer.close()
                with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
                    await writer.wait_closed()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(handle(reader, writer))
            server.tasks.add(task)
            task.add_done_callback(server.tasks.discard)

        listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
        server.port = listening.sockets[0].getsockname()[1]
        started.append((listening, server))
        return server

    yield start
    for listening, server in started:
        listening.close()
        for task in server.tasks:
            task.cancel()
        if server.tasks:
            await asyncio.wait(server.tasks)
        await listening.wait_closed()
        assert not server.failures


async def read_request(reader: asyncio.StreamReader) -> tuple[RequestHead, bytes] | None:
    """Read one request with its body; None at the end."""
    parser, events = RequestParser(), []
    while not any(type(event).__name__ == "End" for event in events):
        data = await reader.read(65_536)
        if not data:
            return None
        events += parser.feed(data)
    body = b"".join(event.data for event in events if type(event).__name__ == "Data")
    return events[0], body


@pytest.fixture
def read() -> Callable[[asyncio.StreamReader], Awaitable[tuple[RequestHead, bytes] | None]]:
    return read_request


@pytest.fixture
def hello() -> Handler:
    """Answer every request with what it was, and keep the connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (found := await read_request(reader)) is not None:
            head, body = found
            text = f"{head.method} {head.target} {head.host} {len(body)}".encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text))
            await writer.drain()

    return handle


@dataclass
class Book:
    """What was recorded."""

    exchanges: list[Exchange] = field(default_factory=list)
    findings: list[Unrecorded] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def recording(self) -> Recording:
        return Recording(self._exchange, self._finding)

    @property
    def reasons(self) -> list[str]:
        return [finding.reason for finding in self.findings]

    @property
    def urls(self) -> list[str]:
        return [exchange.request.url for exchange in self.exchanges]

    async def wait(self, count: int) -> None:
        """Wait until so much came in all."""
        async with asyncio.timeout(5):
            while len(self.exchanges) + len(self.findings) < count:
                self.changed.clear()
                await self.changed.wait()

    def _exchange(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        self.changed.set()

    def _finding(self, finding: Unrecorded) -> None:
        self.findings.append(finding)
        self.changed.set()


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Wait for what other tasks bring about, and nobody announces."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - there is nothing to wait for instead
                await asyncio.sleep(0.001)

    return wait


@pytest.fixture
def book() -> Book:
    return Book()


@dataclass
class Caller:
    """A client's connection, byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def get(self, method: str = "GET") -> tuple[int, bytes]:
        """Read one response, and give its status and its body."""
        parser, events = ResponseParser(), []
        parser.expect(method)
        async with asyncio.timeout(5):
            while not any(type(event).__name__ in ("End", "Refused") for event in events):
                data = await self.reader.read(65_536)
                events += parser.feed(data) if data else parser.close()
        body = b"".join(event.data for event in events if type(event).__name__ == "Data")
        heads = [event for event in events if type(event).__name__ == "ResponseHead"]
        assert type(events[-1]).__name__ == "End", events
        return heads[-1].status, body

    async def ask(self, target: str, host: str = "a", more: str = "") -> tuple[int, bytes]:
        await self.send(f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode())
        return await self.get()

    async def rest(self) -> bytes:
        """Read to the end."""
        async with asyncio.timeout(5):
            return await self.reader.read()

    async def until(self, end: bytes) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.readuntil(end)

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        await self.writer.start_tls(context, server_hostname=name)

    async def tunnel(self, target: str) -> bytes:
        await self.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        return await self.until(b"\r\n\r\n")

    async def close(self) -> None:
        """Close, and wait for that."""
        self.writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
            await self.writer.wait_closed()


@pytest.fixture
async def call() -> AsyncIterator[Callable[[int], Awaitable[Caller]]]:
    """Connect to a port."""
    callers: list[Caller] = []

    async def connect(port: int) -> Caller:
        caller = Caller(*await asyncio.open_connection("127.0.0.1", port))
        callers.append(caller)
        return caller

    yield connect
    for caller in callers:
        await caller.close()


@dataclass
class Mocks:
    """Answer by path, and remember who asked."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        self.asked.append(request)
        found = self.answers.get(request.target)
        return found or Answer(Response(200, "OK", (), b"mock", body_size=4))


@pytest.fixture
def mocks() -> Mocks:
    return Mocks()


@pytest.fixture(scope="session")
def authority() -> CertificateAuthority:
    """The authority of a run."""
    if find_spec("cryptography") is None:
        pytest.skip("cryptography is not installed. Try: uv add cryptography")
    return CertificateAuthority()


@pytest.fixture(scope="session")
def world() -> CertificateAuthority:
    """The authority that the real servers of a test have their certificates from."""
    if find_spec("cryptography") is None:
        pytest.skip("cryptography is not installed. Try: uv add cryptography")
    return CertificateAuthority()


@pytest.fixture
def world_file(world: CertificateAuthority, tmp_path: Path) -> Path:
    path = tmp_path / "world.pem"
    path.write_bytes(world.pem)
    return path


@pytest.fixture
def client_tls(authority: CertificateAuthority) -> ssl.SSLContext:
    """A client that trusts the authority of the run alone."""
    context = ssl.create_default_context(cadata=authority.pem.decode())
    # The default of newer versions: certificates must keep to the letter of the standard.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and that nobody gets meanwhile."""
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
