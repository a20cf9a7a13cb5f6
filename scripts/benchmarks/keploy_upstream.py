"""The app behind everything that is measured: small JSON at once, or a stream of timed frames.

    python keploy_upstream.py PORT [--told FILE]

`/stream` gives frames 50 ms apart, each with the monotonic time at which it was sent. With
--told the file gets a line for the time of listening, and one for the first request.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

BODY = b'{"id":1,"name":"book","price":100,"tags":["new","paper"]}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: fast\r\nContent-Length: "
ANSWER = HEAD + b"%d\r\n\r\n%b" % (len(BODY), BODY)
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
FRAMES = 20
FRAME_SECONDS = 0.05


class App(asyncio.Protocol):
    """Answer requests without a body, as many as come in one piece."""

    told: Path | None = None
    streams: set[asyncio.Task[None]] = set()  # noqa: RUF012 - one set for all connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.rest = b""

    def data_received(self, data: bytes) -> None:
        if App.told is not None:
            tell(App.told)
            App.told = None
        data = self.rest + data
        *heads, self.rest = data.split(b"\r\n\r\n")
        for head in heads:
            if head.startswith(b"GET /stream"):
                task = asyncio.ensure_future(self.stream())
                App.streams.add(task)
                task.add_done_callback(App.streams.discard)
            else:
                self.transport.write(ANSWER)

    async def stream(self) -> None:
        self.transport.write(STREAM_HEAD)
        for _ in range(FRAMES):
            await asyncio.sleep(FRAME_SECONDS)
            frame = b"data: %d\n\n" % time.monotonic_ns()
            self.transport.write(b"%x\r\n%b\r\n" % (len(frame), frame))
        self.transport.write(b"0\r\n\r\n")


def tell(file: Path) -> None:
    """Add the time to the file."""
    with file.open("a") as lines:
        lines.write(f"{time.monotonic_ns()}\n")


async def serve(port: int, told: Path | None) -> None:
    """Serve until the process is ended."""
    listener = await asyncio.get_running_loop().create_server(App, "127.0.0.1", port)
    if told is not None:
        tell(told)
        App.told = told
    await listener.serve_forever()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--told", type=Path)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.port, chosen.told))


if __name__ == "__main__":
    main()
