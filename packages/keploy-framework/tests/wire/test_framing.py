"""Where a message ends, what follows it, and the smuggling that is refused."""

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
)

START = b"POST / HTTP/1.1\r\nHost: a\r\n"


def requests(data: bytes, limits: Limits | None = None) -> list[Event]:
    return RequestParser(limits or Limits()).feed(data)


def responses(data: bytes, *methods: str, closed: bool = False) -> list[Event]:
    parser = ResponseParser()
    for method in methods:
        parser.expect(method)
    return parser.feed(data) + (parser.close() if closed else [])


def body(events: list[Event]) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Data))


def reasons(events: list[Event]) -> list[tuple[str, int]]:
    return [(e.error.reason, e.error.status) for e in events if isinstance(e, Refused)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", ("both-framings", 400)),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", ("both-framings", 400)),
        (b"Content-Length: 1\r\nContent-Length: 2\r\n", ("content-length", 400)),
        (b"Content-Length: 1, 2\r\n", ("content-length", 400)),
        (b"Content-Length: 1,\r\n", ("content-length", 400)),
        (b"Content-Length: 1, 01\r\n", ("content-length", 400)),
        (b"Content-Length: +1\r\n", ("content-length", 400)),
        (b"Content-Length: -1\r\n", ("content-length", 400)),
        (b"Content-Length: 0x1\r\n", ("content-length", 400)),
        (b"Content-Length: 1_0\r\n", ("content-length", 400)),
        (b"Content-Length: 1 0\r\n", ("content-length", 400)),
        (b"Content-Length: \xb2\r\n", ("content-length", 400)),
        (b"Content-Length:\r\n", ("content-length", 400)),
        (b"Content-Length: " + b"9" * 19 + b"\r\n", ("content-length", 400)),
        (b"Content-Length: " + b"9" * 9000 + b"\r\n", ("content-length", 400)),
        (b"Transfer-Encoding: identity\r\n", ("transfer-encoding", 400)),
        (b"Transfer-Encoding: chunked, gzip\r\n", ("transfer-encoding", 400)),
        (b"Transfer-Encoding: chunked, chunked\r\n", ("transfer-encoding", 400)),
        (b"Transfer-Encoding: chunked,\r\n", ("transfer-encoding", 400)),
        (b"Transfer-Encoding: xchunked\r\n", ("transfer-encoding", 400)),
        (b"Transfer-Encoding: \r\n", ("transfer-encoding", 400)),
        (b"Transfer-Encoding: chunked\r\ntransfer-encoding: x\r\n", ("transfer-encoding", 400)),
        (b"Transfer-Encoding : chunked\r\n", ("header", 400)),
        (
            b"Transfer-Encoding: gzip, chunked\r\n",
            ("transfer-encoding-unsupported", 501),
        ),
    ],
)
def test_framing_that_two_readers_see_differently_is_refused(
    lines: bytes, expected: tuple[str, int]
):
    """A second request was smuggled within the body of the first."""
    assert reasons(requests(START + lines + b"\r\n1\r\na\r\n0\r\n\r\n")) == [expected]
    answer = b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n1\r\na\r\n0\r\n\r\n"
    assert reasons(responses(answer, "GET")) == [(expected[0], 502)]


def test_only_what_cannot_be_recorded_may_be_passed_on():
    """The relay could not tell an attack from a message that is merely too large."""
    cannot = requests(START + b"Transfer-Encoding: gzip, chunked\r\n\r\n")[-1]
    attack = requests(START + b"Transfer-Encoding: chunked, gzip\r\n\r\n")[-1]
    assert isinstance(cannot, Refused)
    assert isinstance(attack, Refused)
    assert (cannot.error.refuse, attack.error.refuse) == (False, True)


def test_chunks_are_not_for_http_1_0():
    data = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert reasons(requests(data)) == [("transfer-encoding-version", 400)]


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 3\r\n",
        b"Content-Length: 3\r\ncontent-length: 3\r\n",
        b"Content-Length: 3, 3\r\n",
        b"content-length:003\r\n",
    ],
)
def test_a_length_ends_the_body_and_the_next_request_follows(lines: bytes):
    events = requests(START + lines + b"\r\nabc" + START + b"\r\n")
    assert [type(event) for event in events] == [RequestHead, Data, End, RequestHead, End]
    assert body(events) == b"abc"


@pytest.mark.parametrize(
    ("wire", "pieces", "trailers"),
    [
        (b"3\r\nabc\r\n0\r\n\r\n", [b"abc"], ()),
        (b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", [b"abc", b"de"], ()),
        (b'0003;a=b;c="d"\r\nabc\r\n000;x\r\n\r\n', [b"abc"], ()),
        (
            b"A\r\n0123456789\r\n0\r\nX-Sum: 1\r\nb:\r\n\r\n",
            [b"0123456789"],
            (("X-Sum", "1"), ("b", "")),
        ),
        (b"0\r\n\r\n", [], ()),
        (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", [b"\r\n\r\n"], ()),
    ],
    ids=["one", "two", "extensions", "trailers", "empty", "line-ends-inside"],
)
def test_chunks_come_without_their_framing(
    wire: bytes, pieces: list[bytes], trailers: tuple[tuple[str, str], ...]
):
    events = requests(START + b"Transfer-Encoding: Chunked\r\n\r\n" + wire + START + b"\r\n")
    assert [event.data for event in events if isinstance(event, Data)] == pieces
    assert [event for event in events if isinstance(event, End)] == [End(trailers), End()]
    assert not reasons(events)


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        (b"g\r\n", "chunk-size"),
        (b"\r\n", "chunk-size"),
        (b"-1\r\n", "chunk-size"),
        (b"+1\r\n", "chunk-size"),
        (b"0x1\r\na\r\n", "chunk-size"),
        (b" 1\r\na\r\n", "chunk-size"),
        (b"1 \r\na\r\n", "chunk-size"),
        (b"1_0\r\n", "chunk-size"),
        (b"1 ;a\r\na\r\n", "chunk-size"),
        (b"1;\x00\r\na\r\n", "chunk-size"),
        (b"1;a\nb\r\n", "chunk-size"),
        (b"1\na\n0\n\r\n", "chunk-size"),
        (b"1" * 16 + b"\r\n", "chunk-size"),
        (b"1;" + b"a" * 5000, "chunk-line-too-long"),
        (b"1\r\nab\r\n", "chunk-end"),
        (b"1\r\na\n0\r\n", "chunk-end"),
        (b"1\r\na\rb", "chunk-end"),
        (b"0\r\nA : b\r\n\r\n", "header"),
        (b"0\r\nA: b\n\r\n", "bare-line-feed"),
        (b"0\r\n A: b\r\n\r\n", "folded-header"),
    ],
)
def test_a_malformed_chunk_is_refused(wire: bytes, expected: str):
    events = requests(START + b"Transfer-Encoding: chunked\r\n\r\n" + wire)
    assert reasons(events) == [(expected, 400)]


@pytest.mark.parametrize(
    "message",
    [
        START + b"Content-Length: 6\r\n\r\nabcdef",
        START + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n",
    ],
    ids=["length", "chunks"],
)
def test_a_body_over_its_limit_is_refused(message: bytes):
    assert reasons(requests(message, Limits(body_bytes=5))) == [("body-too-large", 413)]
    assert not reasons(requests(message, Limits(body_bytes=6)))


def test_a_body_that_ends_with_the_connection_has_a_limit_too():
    parser = ResponseParser(Limits(body_bytes=5))
    parser.expect("GET")
    parser.feed(b"HTTP/1.1 200 OK\r\n\r\nabcde")
    assert reasons(parser.feed(b"f")) == [("body-too-large", 502)]


@pytest.mark.parametrize(
    ("method", "status"),
    [("HEAD", 200), ("GET", 204), ("GET", 304), ("POST", 304)],
)
@pytest.mark.parametrize(
    "lines",
    [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b""],
    ids=["length", "chunks", "neither"],
)
def test_a_response_that_never_has_a_body_ends_with_its_head(
    method: str, status: int, lines: bytes
):
    """The answer after that to a HEAD request was taken for its body."""
    one = b"HTTP/1.1 %d X\r\n%b\r\n" % (status, lines)
    events = responses(one + one, method, method)
    assert [type(event) for event in events] == [ResponseHead, End] * 2


def test_a_body_without_a_length_ends_with_the_connection():
    wire = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nabc"
    head, *rest = responses(wire, "GET", closed=True)
    assert isinstance(head, ResponseHead)
    assert (head.length, head.chunked, head.keep_alive) == (None, False, False)
    assert rest == [Data(b"abc"), End()]


def test_an_empty_body_without_a_length_ends_too():
    events = responses(b"HTTP/1.0 200 OK\r\n\r\n", "GET", closed=True)
    assert [type(event) for event in events] == [ResponseHead, End]


@pytest.mark.parametrize(
    "wire",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP",
        b"",
    ],
)
def test_a_response_cut_short_is_told_from_a_whole_one(wire: bytes):
    """Half an answer was kept as if it were all of it."""
    assert reasons(responses(wire, "GET", closed=True)) == [("cut-short", 502)]


def test_a_request_cut_short_is_told_from_a_whole_one():
    parser = RequestParser()
    parser.feed(START + b"Content-Length: 5\r\n\r\nabc")
    assert reasons(parser.close()) == [("cut-short", 400)]
    assert parser.close() == []


def test_interim_responses_come_before_the_final_one():
    """100 Continue was recorded as the answer."""
    wire = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nContent-Length: 9\r\nA: b\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    )
    first, second, final, *rest = responses(wire, "POST")
    heads = (first, second, final)
    assert [(h.status, h.interim) for h in heads if isinstance(h, ResponseHead)] == [
        (100, True),
        (103, True),
        (200, False),
    ]
    assert rest == [Data(b"ok"), End()]


@pytest.mark.parametrize(
    ("version", "value", "expected"),
    [(1, b"100-Continue", True), (0, b"100-continue", False), (1, b"something", False)],
)
def test_a_client_that_waits_for_100_is_known(version: int, value: bytes, expected: bool):
    data = b"PUT / HTTP/1.%d\r\nHost: a\r\nContent-Length: 1\r\nExpect: %b\r\n\r\n"
    head = requests(data % (version, value))[0]
    assert isinstance(head, RequestHead)
    assert head.expects_continue is expected


def test_what_follows_a_message_that_ends_the_connection_is_ignored():
    last = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert [type(event) for event in requests(last + last)] == [RequestHead, End]
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    events = responses(answer + b"garbage", "GET", "GET", closed=True)
    assert [type(event) for event in events] == [ResponseHead, End]


def test_a_parser_is_gone_without_the_garbage_collector():
    """Every closed connection stayed in memory until a collection."""
    import gc
    import weakref

    class Watched(RequestParser):
        __slots__ = ("__weakref__",)

    gc.disable()
    try:
        parser = Watched()
        parser.feed(START + b"\r\n")
        gone = weakref.ref(parser)
        del parser
        assert gone() is None
    finally:
        gc.enable()
