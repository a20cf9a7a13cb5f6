"""A small web site on loopback, which keeps what it was asked for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """What came in."""

    path: str
    headers: dict[str, str]

    @property
    def parent_id(self) -> int:
        """The span that asked, by its `traceparent`."""
        return int(self.headers["traceparent"].split("-")[2], 16)


@dataclass
class Site:
    """Answers by path.

    `/fails/N` fails the first N times, `/waits` answers only to a second request, `/never` to none,
    and `/chunks/N` sends N pieces. All else is answered at once.
    """

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    was_asked: asyncio.Event = field(default_factory=asyncio.Event)

    def asked(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with (
            contextlib.closing(writer),
            contextlib.suppress(ConnectionError, asyncio.IncompleteReadError),
        ):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
                path = head[0].split()[1]
                pairs = [line.split(": ", 1) for line in head[1:] if line]
                headers = {name.lower(): value for name, value in pairs}
                self.requests.append(Request(path, headers))
                self.was_asked.set()
                await self._answer(path, len(self.asked(path)), writer)
                await writer.drain()

    async def _answer(self, path: str, times: int, writer: asyncio.StreamWriter) -> None:
        kind, _, number = path.removeprefix("/").partition("/")
        if kind == "never" or (kind == "waits" and times == 1):
            await asyncio.Event().wait()
        if kind == "chunks":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for index in range(int(number)):
                writer.write(b"1\r\n%d\r\n" % index)
                await writer.drain()
                await asyncio.sleep(0)
            writer.write(b"0\r\n\r\n")
            return
        status = b"503 No" if kind == "fails" and times <= int(number) else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")


@contextlib.asynccontextmanager
async def running_site() -> AsyncGenerator[Site]:
    """Serve in this event loop; what still waits at the end is cancelled."""
    site = Site()
    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.create_task(site.serve(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield site
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
