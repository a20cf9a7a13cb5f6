"""An app's calls recorded from real servers, then answered without them."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys

from keploy_framework.exchange import Exchange, Request
from keploy_framework.proxy import (
    Answer,
    AnsweredCalls,
    EgressProxy,
    RecordedCalls,
    child_environment,
    trust_files,
)

APP = """
import sys, urllib.request
for url in sys.argv[1:]:
    with urllib.request.urlopen(url) as response:
        while line := response.readline():
            print(response.status, line.decode().strip())
"""


class FromExchanges:
    """Answer each URL with what was recorded for it."""

    def __init__(self, exchanges: list[Exchange]) -> None:
        self._responses = {each.request.url: each.response for each in exchanges}

    def answer(self, request: Request) -> Answer:
        return Answer(self._responses[request.url])


async def run_app(calls: RecordedCalls | AnsweredCalls, pem: bytes, *urls: str) -> str:
    with trust_files(pem, os.environ) as trust:
        async with EgressProxy(calls) as proxy:
            child = child_environment(os.environ, proxy_url=proxy.url, trust=trust)
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                APP,
                *urls,
                env=child,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            async with asyncio.timeout(30):
                out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return out.decode()


async def test_an_app_prints_the_same_without_its_servers(
    serve, read, authority, world, world_file, book
) -> None:
    """A replayed app saw other answers than the recorded one."""

    async def service(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (found := await read(reader)) is not None:
            name = found[0].target.encode()
            if name == b"/stream":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
                for number in range(3):
                    writer.write(b"data: %d\n\n" % number)
                    await writer.drain()
                return
            writer.write(b"HTTP/1.1 201 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name))

    context: ssl.SSLContext = world.context("localhost")
    plain, secure = await serve(service), await serve(service, tls=context)
    urls = (
        f"{plain.url}/plain",
        f"https://localhost:{secure.port}/secure",
        f"https://localhost:{secure.port}/stream",
    )
    recorded = RecordedCalls(book.recording, authority, trusted=world_file)
    first = await run_app(recorded, authority.pem, *urls)
    assert first.splitlines() == ["201 /plain", "201 /secure"] + [
        line for number in range(3) for line in (f"200 data: {number}", "200 ")
    ]
    assert book.urls == list(urls)
    assert not book.findings
    accepted = plain.accepted, secure.accepted
    answered = AnsweredCalls(FromExchanges(book.exchanges), authority)
    assert await run_app(answered, authority.pem, *urls) == first
    assert (plain.accepted, secure.accepted) == accepted
