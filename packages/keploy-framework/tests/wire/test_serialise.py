"""Messages as bytes: order and case kept, the framing right, nothing injected."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.errors import WireError
from keploy_framework.exchange import Chunk, Headers, Request, Response
from keploy_framework.wire import (
    LAST_CHUNK,
    Data,
    End,
    RequestHead,
    RequestParser,
    ResponseHead,
    ResponseParser,
    chunk_bytes,
    last_chunk_bytes,
    request_bytes,
    request_head,
    response_bytes,
    response_head,
    streamed_headers,
)

HOST = ("hOST", "a")


def reason(error: pytest.ExceptionInfo[WireError]) -> str:
    return error.value.reason


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            Request("GET", "/a?b", (HOST, ("X", "y"))),
            b"GET /a?b HTTP/1.1\r\nhOST: a\r\nX: y\r\n\r\n",
        ),
        (
            Request("POST", "/", (("content-length", "9"), HOST), b"ab"),
            b"POST / HTTP/1.1\r\ncontent-length: 2\r\nhOST: a\r\n\r\nab",
        ),
        (
            Request("POST", "/", (("Content-Length", "9"), ("content-length", "9")), b"ab"),
            b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab",
        ),
        (
            Request("POST", "/", (HOST,)),
            b"POST / HTTP/1.1\r\nhOST: a\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            Request("DELETE", "/", (HOST,), b"ab"),
            b"DELETE / HTTP/1.1\r\nhOST: a\r\nContent-Length: 2\r\n\r\nab",
        ),
        (
            Request("PUT", "/", (("Transfer-Encoding", "Chunked"), ("Content-Length", "2")), b"ab"),
            b"PUT / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        ),
        (
            Request("PUT", "/", (("Transfer-Encoding", "gzip, chunked"),), b"ab"),
            b"PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab",
        ),
    ],
    ids=["get", "length-in-place", "length-once", "empty-post", "length-added", "chunks", "other"],
)
def test_a_request_is_framed_by_what_its_body_is(request_: Request, expected: bytes):
    """A body that was edited in its file was sent with the old length."""
    assert request_bytes(request_) == expected


@pytest.mark.parametrize(
    ("response", "method", "expected"),
    [
        (Response(200, "OK"), "GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        (
            Response(200, "", (("content-length", "99"), ("B", "c")), b"ab"),
            "GET",
            b"HTTP/1.1 200 \r\ncontent-length: 2\r\nB: c\r\n\r\nab",
        ),
        (
            Response(200, "OK", (("Content-Length", "99"),)),
            "HEAD",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n",
        ),
        (Response(204, "No", (("A", ""),)), "GET", b"HTTP/1.1 204 No\r\nA: \r\n\r\n"),
        (
            Response(304, "Not", (("Content-Length", "9"),), b"ab"),
            "GET",
            b"HTTP/1.1 304 Not\r\nContent-Length: 9\r\n\r\n",
        ),
        (
            Response(200, "OK", (("transfer-encoding", "chunked"),), b"ab"),
            "GET",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        ),
        (
            Response(
                200,
                "OK",
                (("Transfer-Encoding", "chunked"),),
                b"abc",
                (Chunk(1, b"a"), Chunk(2, b""), Chunk(3, b"bc")),
                3,
            ),
            "GET",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        ),
        (
            Response(200, "OK", (), b"ab", (Chunk(1, b"ab"),), 2),
            "GET",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
        ),
    ],
    ids=["empty", "length", "head", "204", "304", "chunked", "chunks", "chunks-with-length"],
)
def test_a_response_is_framed_by_what_its_body_is(response: Response, method: str, expected: bytes):
    assert response_bytes(response, method=method) == expected


def test_a_body_that_was_not_kept_cannot_be_written():
    with pytest.raises(WireError) as error:
        response_bytes(Response(200, body_size=5))
    assert reason(error) == "body-missing"
    assert response_bytes(Response(200, body_size=5), method="HEAD")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("X", "a\r\nY: b", "header-value"),
        ("X", "a\nb", "header-value"),
        ("X", "a\rb", "header-value"),
        ("X", "a\x00", "header-value"),
        ("X", "a\n", "header-value"),
        ("X", "\u20ac", "header-value"),
        ("X: a\r\nY", "b", "header-name"),
        ("X\n", "b", "header-name"),
        ("", "b", "header-name"),
        ("X ", "b", "header-name"),
        ("\xe9", "b", "header-name"),
    ],
)
def test_no_header_becomes_another_one(name: str, value: str, expected: str):
    """A recorded value with a line break in it was sent as a header of its own."""
    headers: Headers = ((name, value),)
    for write in (
        lambda: request_bytes(Request("GET", "/", headers)),
        lambda: response_bytes(Response(200, "OK", headers)),
        lambda: last_chunk_bytes(headers),
    ):
        with pytest.raises(WireError) as error:
            write()
        assert reason(error) == expected
        assert "Y: b" not in str(error.value) or name != "X"


@pytest.mark.parametrize("target", ["", "/ b", "/\r\nX: y", "/\n", "/\u20ac"])
def test_no_target_becomes_a_header(target: str):
    with pytest.raises(WireError) as error:
        request_head("GET", target, ())
    assert reason(error) == "target"


@pytest.mark.parametrize("method", ["", "GET /", "G\n"])
def test_no_method_becomes_more(method: str):
    with pytest.raises(WireError) as error:
        request_head(method, "/", ())
    assert reason(error) == "method"


@pytest.mark.parametrize(
    ("status", "words", "expected"),
    [(99, "", "status"), (1000, "", "status"), (200, "O\r\nX: y", "reason-phrase")],
)
def test_no_status_line_becomes_more(status: int, words: str, expected: str):
    with pytest.raises(WireError) as error:
        response_head(status, words, ())
    assert reason(error) == expected


def test_headers_for_a_stream_say_chunked_and_no_length():
    headers: Headers = (("content-length", "3"), ("A", "b"))
    assert streamed_headers(headers) == (("A", "b"), ("Transfer-Encoding", "chunked"))
    chunked: Headers = (("transfer-encoding", "chunked"),)
    assert streamed_headers(chunked) == chunked


def test_an_empty_chunk_does_not_end_a_stream():
    """A frame without bytes ended the answer early."""
    assert chunk_bytes(b"") == b""
    assert chunk_bytes(b"a" * 26) == b"1a\r\n" + b"a" * 26 + b"\r\n"
    assert last_chunk_bytes() == LAST_CHUNK
    assert last_chunk_bytes((("T", "1"),)) == b"0\r\nT: 1\r\n\r\n"


NAMES = st.text("ABCxyz019-_!~", min_size=1, max_size=8).map(lambda name: f"X-{name}")
VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f").filter(
        lambda character: not 0x7F <= ord(character) < 0x80
    ),
    max_size=20,
).map(lambda value: value.strip(" "))
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=5).map(tuple)
FRAMINGS = st.sampled_from([(), (("Content-Length", "7"),), (("Transfer-Encoding", "chunked"),)])


@given(HEADERS, FRAMINGS, st.binary(max_size=40), st.sampled_from(["GET", "POST", "x"]))
def test_a_written_request_is_read_as_the_same(
    headers: Headers, framing: Headers, body: bytes, method: str
):
    written = request_bytes(Request(method, "/a?b", (HOST, *headers, *framing), body))
    events = RequestParser().feed(written)
    head = events[0]
    assert isinstance(head, RequestHead)
    assert (head.method, head.target) == (method, "/a?b")
    assert head.headers[: len(headers) + 1] == (HOST, *headers)
    assert b"".join(event.data for event in events if isinstance(event, Data)) == body
    assert events[-1] == End()


@given(
    HEADERS,
    FRAMINGS,
    st.lists(st.binary(min_size=1, max_size=9), max_size=5),
    st.sampled_from([200, 404, 599]),
)
def test_a_written_response_is_read_as_the_same(
    headers: Headers, framing: Headers, pieces: list[bytes], status: int
):
    body = b"".join(pieces)
    chunks = tuple(Chunk(at, piece) for at, piece in enumerate(pieces))
    response = Response(status, "a b", (*headers, *framing), body, chunks, len(body))
    parser = ResponseParser()
    parser.expect("GET")
    events = parser.feed(response_bytes(response))
    head = events[0]
    assert isinstance(head, ResponseHead)
    assert (head.status, head.reason) == (status, "a b")
    assert head.headers[: len(headers)] == headers
    found = [event.data for event in events if isinstance(event, Data)]
    assert b"".join(found) == body
    if head.chunked:
        assert found == pieces
    assert events[-1] == End()
    assert response_bytes(replace(response, headers=head.headers)) == response_bytes(response)
