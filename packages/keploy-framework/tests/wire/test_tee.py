"""The tee: exchanges of a connection, as they pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.exchange import Chunk, Exchange, Request, Response
from keploy_framework.wire import Outcome, Recorded, Tee, Unrecorded

GET = b"GET /a?key=s3cret HTTP/1.1\r\nHost: a:80\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
POST = b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"
CREATED = (
    b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
)


def recorded(outcomes: tuple[Outcome, ...]) -> list[Exchange]:
    assert all(isinstance(outcome, Recorded) for outcome in outcomes), outcomes
    return [outcome.exchange for outcome in outcomes if isinstance(outcome, Recorded)]


def only(outcomes: tuple[Outcome, ...]) -> Exchange:
    (exchange,) = recorded(outcomes)
    return exchange


def reasons(outcomes: tuple[Outcome, ...]) -> list[tuple[str, str, str, bool]]:
    assert all(isinstance(outcome, Unrecorded) for outcome in outcomes), outcomes
    return [
        (outcome.reason, outcome.method, outcome.path, outcome.stopped)
        for outcome in outcomes
        if isinstance(outcome, Unrecorded)
    ]


def test_an_exchange_has_everything_that_passed():
    tee = Tee(connection="7", scheme="https")
    assert tee.client_sent(POST[:9], 10) == ()
    assert tee.client_sent(POST[9:], 20) == ()
    assert tee.pending == 1
    assert tee.server_sent(CREATED[:40], 30) == ()
    exchange = only(tee.server_sent(CREATED[40:], 40))
    chunks = (Chunk(40, b"ab"), Chunk(40, b"c"))
    assert exchange == Exchange(
        Request(
            "POST",
            "/p",
            (("Host", "a"), ("Content-Length", "4")),
            b"body",
            "https",
            "a",
        ),
        Response(201, "Created", (("Transfer-Encoding", "chunked"),), b"abc", chunks, 3),
        began=10,
        ended=40,
        connection="7",
    )
    assert tee.pending == 0


@pytest.mark.parametrize(
    ("start", "scheme", "given_host", "expected"),
    [
        (b"GET /b HTTP/1.1\r\nHost: a\r\n", "http", "", ("http", "a", "/b")),
        (b"GET /b HTTP/1.1\r\nHost: a:80\r\n", "http", "", ("http", "a", "/b")),
        (b"GET /b HTTP/1.1\r\nHost: a:80\r\n", "https", "", ("https", "a:80", "/b")),
        (b"GET /b HTTP/1.1\r\nHost: a:443\r\n", "https", "", ("https", "a", "/b")),
        (b"GET /b HTTP/1.1\r\nHost: localhost:1\r\n", "https", "c:443", ("https", "c", "/b")),
        (b"GET http://c:81/b?d HTTP/1.1\r\nHost: a\r\n", "http", "", ("http", "c:81", "/b?d")),
        (b"GET https://c:443 HTTP/1.1\r\nHost: a\r\n", "http", "", ("https", "c", "/")),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n", "http", "", ("http", "a", "*")),
        (b"GET /b HTTP/1.0\r\n", "http", "", ("http", "", "/b")),
    ],
)
def test_a_request_names_the_host_its_client_meant(
    start: bytes, scheme: str, given_host: str, expected: tuple[str, str, str]
):
    """The port of the relay's own listener was recorded as the target."""
    tee = Tee(scheme=scheme, host=given_host)
    tee.client_sent(start + b"\r\n", 1)
    request = only(tee.server_sent(OK, 2)).request
    assert (request.scheme, request.host, request.target) == expected


def test_pipelined_answers_belong_to_their_requests_in_order():
    """The second answer was recorded with the first request."""
    tee = Tee()
    assert tee.client_sent(GET + POST + GET[:5], 1) == ()
    assert tee.client_sent(GET[5:], 2) == ()
    assert tee.pending == 3
    first, second = recorded(tee.server_sent(OK + CREATED + OK[:3], 3))
    third = only(tee.server_sent(OK[3:], 4))
    assert [
        (e.request.method, e.response.status, e.began, e.ended) for e in (first, second, third)
    ] == [
        ("GET", 200, 1, 3),
        ("POST", 201, 1, 3),
        ("GET", 200, 1, 4),
    ]


def test_a_request_began_with_its_own_first_byte():
    """A keep-alive connection dated its second request by the first."""
    tee = Tee()
    tee.client_sent(GET, 1)
    tee.server_sent(OK, 2)
    tee.client_sent(GET[:1], 30)
    tee.client_sent(GET[1:], 31)
    exchange = only(tee.server_sent(OK, 40))
    assert (exchange.began, exchange.ended) == (30, 40)
    tee.client_sent(GET, 50)
    assert only(tee.server_sent(OK, 60)).began == 50


def test_time_zero_is_a_time():
    tee = Tee()
    tee.client_sent(GET[:1], 0)
    tee.client_sent(GET[1:], 5)
    exchange = only(tee.server_sent(OK, 0))
    assert (exchange.began, exchange.ended) == (0, 0)


def test_100_continue_is_not_the_answer():
    """100 Continue was recorded as the response of the test."""
    tee = Tee()
    head = b"POST /p HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
    tee.client_sent(head, 1)
    assert tee.server_sent(b"HTTP/1.1 100 Continue\r\n\r\n", 2) == ()
    tee.client_sent(b"body", 3)
    exchange = only(tee.server_sent(OK, 4))
    assert (exchange.response.status, exchange.request.body) == (200, b"body")


def test_the_answer_to_head_has_no_body_and_the_next_one_has():
    tee = Tee()
    tee.client_sent(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + GET, 1)
    head, get = recorded(tee.server_sent(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + OK, 2))
    assert (head.response.body, head.response.body_size) == (b"", 0)
    assert get.response.body == b"ok"


def test_an_answer_before_the_end_of_the_request_waits_for_it():
    tee = Tee()
    tee.client_sent(POST[:-2], 1)
    assert tee.server_sent(OK, 2) == ()
    exchange = only(tee.client_sent(POST[-2:], 3))
    assert (exchange.request.body, exchange.response.body, exchange.ended) == (b"body", b"ok", 2)


@pytest.mark.parametrize(
    ("lines", "timed"),
    [
        (b"Transfer-Encoding: chunked\r\nContent-Type: text/plain\r\n", True),
        (b"Content-Type: text/event-stream\r\n", True),
        (b"Content-Type: application/x-ndjson; charset=utf-8\r\nContent-Length: 12\r\n", True),
        (b"Content-Type: application/json\r\nContent-Length: 12\r\n", False),
        (b"Content-Type: text/html\r\n", False),
    ],
    ids=["chunked", "events", "lines", "json", "until-close"],
)
def test_a_stream_keeps_each_piece_with_its_time(lines: bytes, timed: bool):
    """All events of a stream had one time, that of its end."""
    chunked = b"chunked" in lines
    pieces = [b"c\r\ndata", b": a\n\nxyz\r\n0\r\n\r\n"] if chunked else [b"data", b": a\n\nxyz"]
    tee = Tee()
    tee.client_sent(GET, 1)
    outcomes = tee.server_sent(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n", 2)
    for at, piece in enumerate(pieces, 3):
        outcomes += tee.server_sent(piece, at)
    outcomes += tee.server_closed(6)
    (outcome,) = outcomes
    assert isinstance(outcome, Recorded)
    response = outcome.exchange.response
    assert outcome.unfinished == ""
    assert b"".join(chunk.data for chunk in response.chunks) == (response.body if timed else b"")
    assert [chunk.at for chunk in response.chunks] == ([3, 4] if timed else [])
    assert response.body == b"data: a\n\nxyz"


BODIES = {GET: (b"",), POST: (b"body",), OK: (b"ok",), CREATED: (b"abc",)}
MESSAGES = st.lists(st.sampled_from([(GET, OK), (POST, CREATED), (GET, CREATED)]), max_size=4)


@given(
    MESSAGES, st.lists(st.integers(0, 500), max_size=6), st.lists(st.integers(0, 500), max_size=6)
)
def test_exchanges_are_the_same_wherever_the_bytes_are_cut(
    messages: list[tuple[bytes, bytes]], asked: list[int], answered: list[int]
):
    def pieces(stream: bytes, places: list[int]) -> list[bytes]:
        ends = [*sorted(place % (len(stream) + 1) for place in places), len(stream)]
        return [stream[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    tee = Tee()
    outcomes: tuple[Outcome, ...] = ()
    for piece in pieces(b"".join(request for request, _ in messages), asked):
        outcomes += tee.client_sent(piece, 1)
    for piece in pieces(b"".join(response for _, response in messages), answered):
        outcomes += tee.server_sent(piece, 2)
    found = [(e.request.method, e.request.body, e.response.body) for e in recorded(outcomes)]
    assert found == [
        (
            request[:4].strip().decode(),
            b"body" if request is POST else b"",
            b"ok" if response is OK else b"abc",
        )
        for request, response in messages
    ]
    assert tee.server_closed(3) == ()


def test_content_encodings_stay_on():
    tee = Tee()
    tee.client_sent(GET, 1)
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08"
    assert only(tee.server_sent(answer, 2)).response.body == b"\x1f\x8b\x08"
