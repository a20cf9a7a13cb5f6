"""The tee where a connection ends early, switches or breaks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.exchange import Exchange
from keploy_framework.wire import Limits, Outcome, Recorded, Tee, Unrecorded

GET = b"GET /a?key=s3cret HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
UPGRADE = b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def post(size: int) -> bytes:
    return b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size


def one(outcomes: tuple[Outcome, ...]) -> Recorded:
    (outcome,) = outcomes
    assert isinstance(outcome, Recorded)
    return outcome


def told(outcomes: tuple[Outcome, ...]) -> list[tuple[str, str, str, bool]]:
    found: list[tuple[str, str, str, bool]] = []
    for outcome in outcomes:
        assert isinstance(outcome, Unrecorded)
        found.append((outcome.reason, outcome.method, outcome.path, outcome.stopped))
    return found


@pytest.mark.parametrize("answer", [CHUNKS, OK[:-1]], ids=["chunks", "length"])
@pytest.mark.parametrize("first", ["client", "server"])
def test_an_aborted_answer_is_kept_as_far_as_it_came(answer: bytes, first: str):
    """A stream that broke off was lost, or recorded as if it were whole."""
    tee = Tee()
    tee.client_sent(GET, 1)
    tee.server_sent(answer, 2)
    if first == "client":
        assert tee.client_closed(3) == ()
    outcome = one(tee.server_closed(4))
    assert (outcome.unfinished, outcome.closed_by) == ("response", first)
    assert outcome.exchange.response.body == (b"abc" if answer is CHUNKS else b"o")
    assert outcome.exchange.ended == 4
    assert tee.stopped


def test_a_stream_that_ends_with_the_connection_is_whole():
    tee = Tee()
    tee.client_sent(GET, 1)
    tee.server_sent(EVENTS + b"data: a\n\n", 2)
    outcome = one(tee.server_closed(3))
    assert (outcome.unfinished, outcome.closed_by, outcome.exchange.ended) == ("", "", 3)


def test_a_client_that_sends_no_more_still_gets_its_answer():
    """The answer to a client that closed its half was not recorded."""
    tee = Tee()
    tee.client_sent(GET, 1)
    assert tee.client_closed(2) == ()
    assert one(tee.server_sent(OK, 3)).unfinished == ""


@pytest.mark.parametrize("closes", ["client", "server"])
def test_an_answer_to_half_a_request_is_kept_with_that_half(closes: str):
    tee = Tee()
    tee.client_sent(post(9) + b"half", 1)
    assert tee.server_sent(OK, 2) == ()
    outcome = one(tee.client_closed(3) if closes == "client" else tee.server_closed(3))
    assert (outcome.unfinished, outcome.closed_by) == ("request", closes)
    assert (outcome.exchange.request.body, outcome.exchange.ended) == (b"half", 2)
    assert tee.server_closed(4) == ()


def test_requests_without_an_answer_are_told():
    tee = Tee()
    tee.client_sent(GET + post(1) + b"x", 1)
    assert told(tee.server_closed(2)) == [
        ("unanswered", "GET", "/a", False),
        ("unanswered", "POST", "/p", False),
    ]


def test_an_idle_connection_ends_with_nothing_to_tell():
    tee = Tee()
    tee.client_sent(GET, 1)
    tee.server_sent(OK, 2)
    assert tee.client_closed(3) == ()
    assert tee.stopped
    assert tee.server_closed(4) == ()


@pytest.mark.parametrize(
    ("asks", "answer", "expected"),
    [
        (UPGRADE, b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n", ("GET", "/ws")),
        (
            b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
            ("CONNECT", "a:443"),
        ),
    ],
    ids=["websocket", "connect"],
)
def test_a_connection_that_switches_is_told_once_and_left_alone(
    asks: bytes, answer: bytes, expected: tuple[str, str]
):
    """The frames of a WebSocket were reported as broken HTTP."""
    tee = Tee()
    tee.client_sent(asks, 1)
    assert told(tee.server_sent(answer + b"\x81\x05", 2)) == [("switched", *expected, True)]
    assert tee.client_sent(b"\x81\x85\x00", 3) == ()
    assert tee.server_sent(b"\x88\x00", 4) == ()
    assert tee.client_closed(5) + tee.server_closed(6) == ()


@pytest.mark.parametrize("early", [True, False], ids=["pipelined", "after"])
def test_a_declined_upgrade_is_an_exchange_like_any_other(early: bool):
    """Nothing was recorded of a client that offers h2c with its first request."""
    tee = Tee()
    tee.client_sent(UPGRADE + (GET if early else b""), 1)
    assert one(tee.server_sent(OK, 2)).exchange.request.target == "/ws"
    if not early:
        tee.client_sent(GET, 3)
    outcome = one(tee.server_sent(OK, 4))
    assert outcome.exchange.request.target == "/a?key=s3cret"
    assert outcome.exchange.began == (1 if early else 3)


def test_an_upgrade_declined_before_its_body_ended_goes_on():
    tee = Tee()
    start = UPGRADE[:-2] + b"Content-Length: 2\r\n\r\n"
    tee.client_sent(start + b"a", 1)
    assert tee.server_sent(OK, 2) == ()
    outcome = one(tee.client_sent(b"b" + GET, 3))
    assert outcome.exchange.request.body == b"ab"
    assert one(tee.server_sent(OK, 4)).exchange.request.target == "/a?key=s3cret"


@pytest.mark.parametrize(
    ("client", "server", "expected"),
    [
        (b"\x16\x03\x01", b"", [("not-http", "", "", True)]),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"", [("header", "", "", True)]),
        (GET, b"garbage", [("not-http", "GET", "/a", True)]),
        (GET + b"bad\r\n", b"", [("not-http", "GET", "/a", True)]),
        (b"", OK, [("unasked-response", "", "", True)]),
        (
            GET + GET,
            b"HTTP/2 200\r\n",
            [("version", "GET", "/a", False), ("version", "GET", "/a", True)],
        ),
    ],
    ids=["tls", "request", "response", "second-request", "unasked", "two-lost"],
)
def test_a_stream_that_cannot_be_read_is_told_once(
    client: bytes, server: bytes, expected: list[tuple[str, str, str, bool]]
):
    """One broken message filled the log, or broke the connection of the app."""
    tee = Tee()
    assert told(tee.client_sent(client, 1) + tee.server_sent(server, 2)) == expected
    assert tee.stopped
    assert tee.client_sent(GET, 3) + tee.server_sent(OK, 4) == ()
    assert tee.client_closed(5) + tee.server_closed(6) == ()


def test_what_is_told_holds_the_error_and_no_secret():
    tee = Tee()
    tee.client_sent(GET, 1)
    (outcome,) = tee.server_sent(b"HTTP/1.1 200 OK\r\nSet-Cookie : s3cret\r\n\r\n", 2)
    assert isinstance(outcome, Unrecorded)
    assert outcome.error is not None
    assert (outcome.error.reason, outcome.error.refuse, outcome.at) == ("header", True, 2)
    assert "s3cret" not in repr(outcome)


def test_too_many_waiting_requests_stop_the_tee():
    tee = Tee(pending=2)
    assert tee.client_sent(GET * 2, 1) == ()
    outcomes = tee.client_sent(GET, 2)
    assert [reason for reason, *_ in told(outcomes)] == ["too-many-pending"] * 2
    assert tee.stopped


def test_an_interim_response_is_no_answer_when_the_connection_ends():
    """100 Continue was recorded as the response of a request that got none."""
    tee = Tee()
    tee.client_sent(post(2), 1)
    tee.server_sent(b"HTTP/1.1 100 Continue\r\n\r\n", 2)
    assert told(tee.server_closed(3)) == [("unanswered", "POST", "/p", False)]


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["client_sent", "server_sent", "client_closed", "server_closed"]),
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from([GET, OK, UPGRADE, CHUNKS, EVENTS, post(3) + b"abc", b"0\r\n\r\n"]),
        ),
    ),
    max_size=14,
)


@given(ACTIONS)
def test_nothing_is_raised_into_the_relay_whatever_passes(actions: list[tuple[str, bytes]]):
    tee = Tee(pending=3, memory_bytes=2, limits=Limits(head_bytes=200, line_bytes=100))
    outcomes: tuple[Outcome, ...] = ()
    for now, (action, data) in enumerate(actions):
        if action.endswith("sent"):
            outcomes += getattr(tee, action)(data, now)
        else:
            outcomes += getattr(tee, action)(now)
    outcomes += tee.server_closed(99)
    assert tee.stopped
    assert tee.pending == 0
    assert not any(isinstance(o, Unrecorded) and o.reason == "fault" for o in outcomes)
    exchanges: list[Exchange] = [o.exchange for o in outcomes if isinstance(o, Recorded)]
    assert all(exchange.began <= exchange.ended for exchange in exchanges)
