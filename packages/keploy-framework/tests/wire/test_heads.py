"""First lines and headers: what is read, what is refused, and with which status."""

from __future__ import annotations

import time

import pytest

from keploy_framework.wire import (
    End,
    Limits,
    Refused,
    RequestHead,
    RequestParser,
    ResponseHead,
    ResponseParser,
    split_target,
)

HOST = b"Host: a\r\n"


def request(data: bytes, limits: Limits | None = None) -> RequestHead | Refused:
    events = RequestParser(limits or Limits()).feed(data)
    assert isinstance(events[0], RequestHead | Refused)
    return events[0]


def response(data: bytes, method: str = "GET") -> ResponseHead | Refused:
    parser = ResponseParser()
    parser.expect(method)
    events = parser.feed(data)
    assert isinstance(events[0], ResponseHead | Refused)
    return events[0]


def reason(event: object) -> tuple[str, int, bool]:
    assert isinstance(event, Refused), event
    return event.error.reason, event.error.status, event.error.refuse


def test_a_request_keeps_order_case_and_values_of_the_wire():
    """Headers came back sorted, in lower case or with the spaces around their values."""
    head = request(
        b"get /a?b=%20c HTTP/1.1\r\nhOST: a:80\r\nX-B:  two words \t\r\nx-a:\r\nX-B: \xe9\r\n\r\n"
    )
    assert isinstance(head, RequestHead)
    assert (head.method, head.target, head.minor_version) == ("get", "/a?b=%20c", 1)
    assert head.headers == (("hOST", "a:80"), ("X-B", "two words"), ("x-a", ""), ("X-B", "\xe9"))
    assert head.host == "a:80"


@pytest.mark.parametrize(
    ("line", "method", "target"),
    [
        (b"GET /", "GET", "/"),
        (b"OPTIONS *", "OPTIONS", "*"),
        (b"GET http://a.b:81/c?d", "GET", "http://a.b:81/c?d"),
        (b"GET https://[::1]", "GET", "https://[::1]"),
        (b"CONNECT a.b:443", "CONNECT", "a.b:443"),
        (b"CONNECT [::1]:443", "CONNECT", "[::1]:443"),
        (b"M-SEARCH /\xc3\xa9", "M-SEARCH", "/\xc3\xa9"),
    ],
    ids=["origin", "asterisk", "absolute", "absolute-ipv6", "authority", "authority-ipv6", "utf8"],
)
def test_every_form_of_target_is_read(line: bytes, method: str, target: str):
    head = request(line + b" HTTP/1.1\r\n" + HOST + b"\r\n")
    assert isinstance(head, RequestHead)
    assert (head.method, head.target) == (method, target)


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("/a?b", ("", "", "/a?b")),
        ("//a/b", ("", "", "//a/b")),
        ("*", ("", "", "*")),
        ("a:443", ("", "", "a:443")),
        ("HTTP://A:80/b?c://d", ("http", "A:80", "/b?c://d")),
        ("https://a", ("https", "a", "/")),
        ("http://a?b", ("http", "a", "/?b")),
    ],
)
def test_a_target_is_split_only_where_it_names_a_host(target: str, parts: tuple[str, str, str]):
    assert split_target(target) == parts


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x16\x03\x01\x02", ("not-http", 400, False)),
        (b"*3\r\n", ("not-http", 400, False)),
        (b"GET /\r\n", ("not-http", 400, False)),
        (b" GET / HTTP/1.1\r\n", ("not-http", 400, False)),
        (b"\r\n\r\nGET / HTTP/1.1\r\n", ("not-http", 400, False)),
        (b"\n", ("not-http", 400, False)),
        (b"GET / HTTP/1.1\n", ("bare-line-feed", 400, True)),
        (b"GET / HTTP/1.1\r\nA: b\nC", ("bare-line-feed", 400, True)),
        (b"GET / HTTP/1.1\r\n\nC", ("bare-line-feed", 400, True)),
        (b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n", ("bare-line-feed", 400, True)),
        (b"GET  / HTTP/1.1\r\n", ("first-line", 400, True)),
        (b"GET /a b HTTP/1.1\r\n", ("first-line", 400, True)),
        (b"GET /\x00 HTTP/1.1\r\n", ("first-line", 400, True)),
        (b"GET / HTTP/1.1 \r\n", ("first-line", 400, True)),
        (b"G(T / HTTP/1.1\r\n", ("first-line", 400, True)),
        (b"GET / http/1.1\r\n", ("not-http", 400, False)),
        (b"PRI * HTTP/2.0\r\n", ("version", 505, False)),
        (b"GET / HTTP/1.2\r\n", ("version", 505, False)),
        (b"GET / HTTP/0.9\r\n", ("version", 505, False)),
        (b"GET a HTTP/1.1\r\n", ("target", 400, True)),
        (b"GET * HTTP/1.1\r\n", ("target", 400, True)),
        (b"GET http://u:p@a/ HTTP/1.1\r\n", ("target", 400, True)),
        (b"GET http:///b HTTP/1.1\r\n", ("target", 400, True)),
        (b"CONNECT /a HTTP/1.1\r\n", ("target", 400, True)),
        (b"CONNECT a HTTP/1.1\r\n", ("target", 400, True)),
    ],
)
def test_a_line_that_is_no_request_is_refused_as_soon_as_it_shows(
    data: bytes, expected: tuple[str, int, bool]
):
    """A server waited for the rest of a head that could never become one."""
    assert reason(request(data)) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (b"A : b\r\n", "header"),
        (b"A\r\n", "header"),
        (b": b\r\n", "header"),
        (b"A b: c\r\n", "header"),
        (b"A\x00: b\r\n", "header"),
        (b"\xe9: b\r\n", "header"),
        (b"A: b\x00c\r\n", "header"),
        (b"A: b\rc\r\n", "header"),
        (b"A: b\x0bc\r\n", "header"),
        (b"A: b\x7f\r\n", "header"),
        (b"A: b\r\n c\r\n", "folded-header"),
        (b" A: b\r\n", "folded-header"),
        (b"A: b\r\n\tc: d\r\n", "folded-header"),
    ],
)
def test_a_malformed_header_is_refused(lines: bytes, expected: str):
    """A header was read that another reader sees as two, or as none."""
    assert reason(request(b"GET / HTTP/1.1\r\n" + HOST + lines + b"\r\n")) == (expected, 400, True)


@pytest.mark.parametrize(
    ("lines", "minor_version", "accepted"),
    [
        (b"Host: a\r\n", 1, True),
        (b"Host:\r\n", 1, True),
        (b"Host: [::1]:80\r\n", 1, True),
        (b"", 0, True),
        (b"", 1, False),
        (b"Host: a\r\nhost: a\r\n", 1, False),
        (b"Host: a, b\r\n", 1, False),
        (b"Host: a/b\r\n", 1, False),
        (b"Host: u@a\r\n", 0, False),
    ],
)
def test_a_request_has_exactly_one_valid_host(lines: bytes, minor_version: int, accepted: bool):
    head = request(b"GET / HTTP/1.%d\r\n%b\r\n" % (minor_version, lines))
    assert isinstance(head, RequestHead) if accepted else reason(head) == ("host", 400, True)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GET /" + b"a" * 300, ("target-too-long", 414, False)),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 220 + b"\r\n\r\n", ("line-too-long", 431, False)),
        (
            b"GET / HTTP/1.1\r\nA: " + b"a" * 220 + b"\nB: c\r\n\r\n",
            ("bare-line-feed", 400, True),
        ),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 101, ("head-too-large", 431, False)),
        (b"GET / HTTP/1.1\r\n" + b"A:\r\n" * 11 + b"\r\n", ("too-many-headers", 431, False)),
    ],
    ids=["first-line", "line", "line-without-cr", "head", "headers"],
)
def test_a_head_over_a_limit_is_refused(data: bytes, expected: tuple[str, int, bool]):
    limits = Limits(head_bytes=600, line_bytes=200, headers=10)
    assert reason(request(data, limits)) == expected


def test_a_head_at_its_limits_is_read():
    limits = Limits(head_bytes=49, line_bytes=16, headers=10)
    lines = HOST + b"A: bcdefghi\r\n" + b"B:\r\n" * 6 + b"\r\n"
    assert len(lines) == 48
    assert isinstance(request(b"GET / HTTP/1.1\r\n" + lines, limits), RequestHead)


def test_a_limit_must_be_positive():
    with pytest.raises(ValueError, match="head_bytes must be positive, got 0"):
        Limits(head_bytes=0)


def test_an_error_shows_no_value_of_a_header():
    """A bearer token was written to the log with the error about its header."""
    secret = b"tok-123456"
    for line in (b"Authorization : " + secret, b"Authorization: a\x00" + secret, secret):
        refused = request(b"GET /?key=" + secret + b" HTTP/1.1\r\n" + line + b"\r\n\r\n")
        assert isinstance(refused, Refused)
        assert "tok-" not in str(refused.error)
    refused = request(b"GET /?key=" + secret + b" x HTTP/1.1\r\n\r\n")
    assert isinstance(refused, Refused)
    assert "tok-" not in str(refused.error)


@pytest.mark.parametrize(
    ("minor_version", "connection", "expected"),
    [
        (1, b"", True),
        (1, b"Connection: keep-alive\r\n", True),
        (1, b"Connection: Close\r\n", False),
        (1, b"Connection: foo , close\r\n", False),
        (1, b"Connection: foo\r\nConnection: close\r\n", False),
        (1, b"Connection: closed\r\n", True),
        (0, b"", False),
        (0, b"Connection: Keep-Alive\r\n", True),
        (0, b"Connection: close, keep-alive\r\n", False),
    ],
)
def test_a_connection_stays_as_the_version_and_the_header_say(
    minor_version: int, connection: bytes, expected: bool
):
    head = request(b"GET / HTTP/1.%d\r\n%b%b\r\n" % (minor_version, HOST, connection))
    assert isinstance(head, RequestHead)
    assert head.keep_alive is expected
    answer = response(b"HTTP/1.%d 204 No\r\n%b\r\n" % (minor_version, connection))
    assert isinstance(answer, ResponseHead)
    assert answer.keep_alive is expected


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        (b"HTTP/1.1 200 OK", 200, "OK"),
        (b"HTTP/1.1 200 ", 200, ""),
        (b"HTTP/1.1 200", 200, ""),
        (b"HTTP/1.0 999 Not \xe9 known", 999, "Not \xe9 known"),
    ],
    ids=["usual", "no-words", "no-space", "odd"],
)
def test_a_status_line_is_read(line: bytes, status: int, words: str):
    head = response(line + b"\r\nContent-Type: a/b\r\n\r\n")
    assert isinstance(head, ResponseHead)
    assert (head.status, head.reason, head.content_type) == (status, words, "a/b")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"ICY 200 OK\r\n", ("not-http", 502, False)),
        (b"HTP", ("not-http", 502, False)),
        (b"HTTP/2 200\r\n", ("version", 502, False)),
        (b"HTTP/1.1 20 OK\r\n", ("first-line", 502, True)),
        (b"HTTP/1.1 099 OK\r\n", ("first-line", 502, True)),
        (b"HTTP/1.1 2000 OK\r\n", ("first-line", 502, True)),
        (b"HTTP/1.1  200 OK\r\n", ("first-line", 502, True)),
        (b"HTTP/1.1 200 O\x00K\r\n", ("first-line", 502, True)),
        (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", ("header", 502, True)),
        (b"HTTP/1.1 101 Switching\r\n\r\n", ("unasked-switch", 502, True)),
    ],
)
def test_a_malformed_response_is_refused_as_the_gateways_fault(
    data: bytes, expected: tuple[str, int, bool]
):
    assert reason(response(data)) == expected


def test_an_answer_without_a_request_is_no_answer():
    """The 408 of an idle connection was taken for the answer to the next request."""
    events = ResponseParser().feed(b"HTTP/1.1 408 Timeout\r\n\r\n")
    assert [reason(event) for event in events] == [("unasked-response", 502, False)]


def test_one_empty_line_before_a_request_is_skipped():
    """A client that ends a body with CRLF too many lost its next request."""
    parser = RequestParser()
    one = b"\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n"
    assert [type(event) for event in parser.feed(one + one)] == [RequestHead, End] * 2


def test_a_hostile_head_takes_time_in_proportion_to_its_length():
    """A header of spaces kept the relay busy for minutes."""
    limits = Limits(head_bytes=1_000_000, line_bytes=1_000_000, headers=1_000_000)
    for hostile in (b"A:" + b" \t" * 200_000 + b"\x00", b"A" * 400_000, b"A:b\r\n" * 80_000 + b"?"):
        began = time.process_time()
        request(b"GET / HTTP/1.1\r\n" + HOST + hostile + b"\r\n\r\n", limits)
        assert time.process_time() - began < 2


def test_nothing_is_read_after_a_refusal():
    parser = RequestParser()
    good = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
    kinds = [type(event) for event in parser.feed(good + b"bad\r\n" + good)]
    assert kinds == [RequestHead, End, Refused]
    assert parser.feed(good) == []
    assert parser.close() == []
