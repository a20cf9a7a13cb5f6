"""Connections that switch to another protocol: upgrades and tunnels."""

from __future__ import annotations

import pytest

from keploy_framework.wire import (
    Data,
    End,
    Event,
    Limits,
    Refused,
    RequestHead,
    RequestParser,
    ResponseHead,
    ResponseParser,
    Tunnel,
)

START = b"POST / HTTP/1.1\r\nHost: a\r\n"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\n"
)


def responses(data: bytes, *methods: str, closed: bool = False) -> list[Event]:
    parser = ResponseParser()
    for method in methods:
        parser.expect(method)
    return parser.feed(data) + (parser.close() if closed else [])


def reasons(events: list[Event]) -> list[tuple[str, int]]:
    return [(e.error.reason, e.error.status) for e in events if isinstance(e, Refused)]


def test_a_request_that_asks_to_switch_holds_what_follows_it():
    parser = RequestParser()
    head, end = parser.feed(UPGRADE + START)
    assert isinstance(head, RequestHead)
    assert (head.upgrade, end, parser.paused) == ("websocket", End(), True)
    assert parser.feed(b"\r\n") == []
    assert [type(event) for event in parser.proceed()] == [RequestHead, End]
    assert not parser.paused


def test_what_was_held_is_the_other_protocols_after_a_switch():
    parser = RequestParser()
    parser.feed(UPGRADE + b"\x81\x00")
    assert parser.switch() == [Tunnel(b"\x81\x00")]
    assert parser.feed(b"GET") == [Tunnel(b"GET")]
    assert parser.close() == []


def test_what_is_held_has_a_limit():
    parser = RequestParser(Limits(head_bytes=100))
    parser.feed(UPGRADE)
    parser.feed(b"a" * 100)
    assert reasons(parser.feed(b"a")) == [("too-much-held", 400)]


def test_a_paused_connection_may_close():
    parser = RequestParser()
    parser.feed(UPGRADE)
    assert parser.close() == []


@pytest.mark.parametrize(
    "lines",
    [b"Upgrade: h2c\r\n", b"Connection: upgrade\r\n", b"Upgrade:\r\nConnection: upgrade\r\n"],
)
def test_half_an_upgrade_is_none(lines: bytes):
    parser = RequestParser()
    parser.feed(b"GET / HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n")
    assert not parser.paused


def test_connect_opens_a_tunnel_on_success_only():
    refusing = responses(b"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno", "CONNECT")
    assert [type(event) for event in refusing] == [ResponseHead, Data, End]
    head, *rest = responses(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\x16\x03", "CONNECT")
    assert isinstance(head, ResponseHead)
    assert head.switches
    assert rest == [Tunnel(b""), Tunnel(b"\x16\x03")]


def test_101_switches_where_it_was_asked_for():
    parser = ResponseParser()
    parser.expect("GET", upgrade=True)
    head, *rest = parser.feed(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\nabc")
    assert isinstance(head, ResponseHead)
    assert (head.switches, head.interim) == (True, False)
    assert rest == [Tunnel(b""), Tunnel(b"abc")]
    assert parser.close() == []
