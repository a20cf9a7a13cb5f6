"""A client sends calls of several hosts over its one connection to the proxy."""

from __future__ import annotations

import asyncio

import pytest

from keploy_framework.exchange import Request, Response
from keploy_framework.proxy import AnsweredCalls, DependencyListener, EgressProxy, Recording
from keploy_framework.proxy.answers import Answer
from keploy_framework.proxy.recording import Tap


class Hosts:
    """Answers each call with the host it was meant for."""

    def answer(self, request: Request) -> Answer:
        body = request.host.encode()
        return Answer(Response(200, "OK", (("Content-Length", str(len(body))),), body))


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str) -> bytes:
    host = url.split("/")[2]
    writer.write(f"GET {url} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        return await reader.readexactly(length)


@pytest.mark.parametrize(
    "order",
    [("own", "own"), ("own", "foreign"), ("foreign", "own"), ("foreign", "own", "foreign", "own")],
    ids="-".join,
)
async def test_every_call_of_a_connection_goes_where_it_is_meant(order: tuple[str, ...]) -> None:
    """The second call met a closed connection, or another host's answer."""
    calls = AnsweredCalls(Hosts(), None)
    async with (
        EgressProxy(calls) as proxy,
        DependencyListener("http://model.test/v1", calls) as listener,
    ):
        calls.own_ports.add(listener.port)
        urls = {"own": f"{listener.url}/x", "foreign": "http://rates.test/x"}
        hosts = {"own": b"model.test", "foreign": b"rates.test"}
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        try:
            said = [await ask(reader, writer, urls[which]) for which in order]
        finally:
            writer.close()
            await writer.wait_closed()
        assert said == [hosts[which] for which in order]


@pytest.mark.parametrize(
    ("length", "whole_only", "kept", "reasons"),
    [
        (100, True, [100], []),
        (101, True, [], ["response-too-large"]),
        (101, False, [0], []),
    ],
    ids=["fits", "a-mock-must-be-whole", "a-test-keeps-the-size"],
)
def test_what_is_too_large_for_a_mock_is_told(
    length: int, whole_only: bool, kept: list[int], reasons: list[str]
) -> None:
    """A large answer was recorded without a word, and could not be given in replay."""
    exchanges: list[int] = []
    told: list[str] = []
    recording = Recording(
        lambda exchange: exchanges.append(len(exchange.response.body)),
        lambda what: told.append(what.reason),
        response_bytes=100,
        whole_only=whole_only,
    )
    tap = Tap(recording, connection="1")
    tap.client_sent(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    tap.server_sent(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + b"x" * length)
    assert (exchanges, told) == (kept, reasons)
