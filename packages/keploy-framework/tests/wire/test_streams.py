"""Streams of messages, whole and damaged: cut anywhere, and against h11 as the judge."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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

CASES = 100_000 if os.environ.get("TTA_LONG") == "1" else 2_000
LIMITS = Limits(head_bytes=300, line_bytes=150, headers=8, chunk_line_bytes=30)

CHUNKS = (
    b"PUT /d HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n1;x=y\r\n\r\r\n0\r\nX-Sum: 7\r\n\r\n"
)
REQUESTS = (
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD /a?b HTTP/1.1\r\nHost: a\r\nAccept:  x/y \r\n\r\n",
    b"POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello\r\n\r\nab",
    b"POST /c HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nab",
    CHUNKS,
    b"PUT /d HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n0\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET http://a/b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"POST /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
)
RESPONSES = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200\r\nContent-Length: 0\r\nServer: x y\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1, 1\r\n\r\na",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\nT:\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    b"HTTP/1.1 103 Early\r\nLink: b\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na",
    b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\nContent-Type: a/b\r\n\r\n",
)
DAMAGE = (
    b"\r\n", b"\n", b"\r", b" ", b"\t", b"\x00", b":", b",", b";", b"0", b"1", b"F", b"-",
    b"\x80", b"HTTP/1.1", b"HTTP/1.0", b"Content-Length: 1\r\n", b"Content-Length: 2\r\n",
    b"chunked", b"Transfer-Encoding: chunked\r\n", b"Host: b\r\n", b"Connection: close\r\n",
    b"\r\n\r\n", b"0\r\n\r\n", b"a" * 200, b"X: y\r\n" * 9,
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "CONNECT")

Message = tuple[tuple[object, ...], frozenset[tuple[str, str]], bytes, frozenset[tuple[str, str]]]


def damaged(random: random.Random, messages: tuple[bytes, ...]) -> bytes:
    stream = bytearray(b"".join(random.choices(messages, k=random.randint(1, 4))))
    for _ in range(random.choice((0, 1, 1, 2, 5))):
        at = random.randrange(len(stream) + 1)
        kind = random.randrange(3)
        if kind == 0:
            stream[at:at] = random.choice(DAMAGE)
        elif kind == 1:
            del stream[at : at + random.choice((1, 1, 2, 9))]
        elif at < len(stream):
            stream[at] = random.randrange(256)
    return bytes(stream)


def merged(events: list[Event]) -> list[object]:
    """Join the pieces of a body, and take the errors by what they say."""
    found: list[object] = []
    for event in events:
        if isinstance(event, Data | Tunnel) and found and type(found[-1]) is type(event):
            found[-1] = type(event)(found[-1].data + event.data)  # pyright: ignore[reportArgumentType, reportUnknownMemberType]
        elif isinstance(event, Refused):
            found.append((event.error.reason, event.error.status, event.error.problem))
        else:
            found.append(event)
    return found


def read_requests(pieces: list[bytes], limits: Limits = LIMITS) -> list[Event]:
    parser = RequestParser(limits)
    events: list[Event] = []
    for piece in pieces:
        events += parser.feed(piece)
    while parser.paused:
        before = len(events)
        events += parser.proceed()
        if len(events) == before:
            break
    return events + parser.close()


def read_responses(
    pieces: list[bytes], methods: tuple[str, ...], limits: Limits = LIMITS
) -> list[Event]:
    parser = ResponseParser(limits)
    for method in methods:
        parser.expect(method)
    events: list[Event] = []
    for piece in pieces:
        events += parser.feed(piece)
    return events + parser.close()


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    ends = [*sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@settings(max_examples=300)
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 2000), max_size=8))
def test_requests_cut_anywhere_give_equal_events(rng: random.Random, places: list[int]):
    """A request that came in two packets was read as something else."""
    stream = damaged(rng, REQUESTS)
    whole = merged(read_requests([stream]))
    assert merged(read_requests(cut(stream, places))) == whole
    assert merged(read_requests([bytes([byte]) for byte in stream])) == whole


@settings(max_examples=300)
@given(
    st.randoms(use_true_random=False),
    st.lists(st.integers(0, 2000), max_size=8),
    st.lists(st.sampled_from(METHODS), min_size=1, max_size=5).map(tuple),
)
def test_responses_cut_anywhere_give_equal_events(
    rng: random.Random, places: list[int], methods: tuple[str, ...]
):
    stream = damaged(rng, RESPONSES)
    whole = merged(read_responses([stream], methods))
    assert merged(read_responses(cut(stream, places), methods)) == whole
    assert merged(read_responses([bytes([byte]) for byte in stream], methods)) == whole


def test_many_damaged_streams_are_read_the_same_in_pieces():
    """Fuzzing: what is damaged shows the same damage wherever it is cut."""
    rng = random.Random(77 + CASES)
    for _ in range(CASES):
        stream = damaged(rng, REQUESTS)
        pieces = cut(stream, rng.choices(range(len(stream) + 1), k=rng.randint(1, 5)))
        assert merged(read_requests(pieces)) == merged(read_requests([stream])), pieces
        stream, methods = damaged(rng, RESPONSES), tuple(rng.choices(METHODS, k=3))
        pieces = cut(stream, rng.choices(range(len(stream) + 1), k=rng.randint(1, 5)))
        whole = merged(read_responses([stream], methods))
        assert merged(read_responses(pieces, methods)) == whole, pieces


def our_messages(events: list[Event]) -> list[Message]:
    """Every message that came to its end, up to the first of HTTP/1.0.

    h11 ends the connection there, whatever its headers say.
    """
    messages: list[Message] = []
    start: tuple[object, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body = b""
    minor_version = 1
    for event in events:
        if isinstance(event, RequestHead | ResponseHead):
            minor_version = event.minor_version
        if isinstance(event, RequestHead):
            start, headers, body = (event.method, event.target), event.headers, b""
        elif isinstance(event, ResponseHead):
            start, headers, body = (event.status, event.reason), event.headers, b""
            if event.interim:
                messages.append((start, told(headers), b"", frozenset()))
        elif isinstance(event, Data):
            body += event.data
        elif isinstance(event, End):
            messages.append((start, told(headers), body, told(event.trailers)))
            if minor_version == 0:
                break
    return messages


def told(headers: tuple[tuple[str, str], ...]) -> frozenset[tuple[str, str]]:
    """The headers without those that h11 rewrites."""
    pairs = ((name.lower(), value) for name, value in headers)
    framing = ("content-length", "transfer-encoding")
    return frozenset(pair for pair in pairs if pair[0] not in framing)


def h11_told(headers: Iterable[tuple[bytes, bytes]]) -> frozenset[tuple[str, str]]:
    return told(tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in headers))


def h11_collect(
    connection: h11.Connection, stream: bytes, answer: Callable[[], bool]
) -> tuple[list[Message], str]:
    """What h11 reads, and its first error."""
    messages: list[Message] = []
    start: tuple[object, ...] = ()
    headers = frozenset[tuple[str, str]]()
    body = b""
    connection.receive_data(stream)
    closed = False
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Request):
                start = (event.method.decode(), event.target.decode("latin-1"))
                headers, body = h11_told(event.headers), b""
            elif isinstance(event, h11.Response | h11.InformationalResponse):
                start = (event.status_code, event.reason.decode("latin-1"))
                headers, body = h11_told(event.headers), b""
                if isinstance(event, h11.InformationalResponse):
                    messages.append((start, headers, b"", frozenset()))
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                messages.append((start, headers, body, h11_told(event.headers)))
                if not answer():
                    return messages, ""
            elif event is h11.NEED_DATA and not closed:
                connection.receive_data(b"")
                closed = True
            else:
                return messages, ""
    except h11.RemoteProtocolError as error:
        return messages, str(error)


def h11_requests(stream: bytes) -> tuple[list[Message], str]:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=100_000)

    def answer() -> bool:
        connection.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
        connection.send(h11.EndOfMessage())
        if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
            return False
        connection.start_next_cycle()
        return True

    return h11_collect(connection, stream, answer)


def h11_responses(stream: bytes, methods: tuple[str, ...]) -> tuple[list[Message], str]:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=100_000)
    waiting = list(methods)

    def ask() -> bool:
        if not waiting:
            return False
        if connection.our_state is h11.DONE:
            if connection.their_state is not h11.DONE:
                return False
            connection.start_next_cycle()
        elif connection.our_state is not h11.IDLE:
            return False
        connection.send(h11.Request(method=waiting.pop(0), target="/", headers=[("Host", "a")]))
        connection.send(h11.EndOfMessage())
        return True

    ask()
    return h11_collect(connection, stream, ask)


def taken_only_here(message: Message, error: str) -> bool:
    """The two documented cases: an empty line before a request, and UTF-8 in a target."""
    target = str(message[0][1])
    return error == "no request line received" or not target.isascii()


@pytest.mark.parametrize("side", ["requests", "responses"])
def test_h11_reads_every_message_that_is_read_here_as_the_same(side: str):
    """Two readers of one stream saw different messages."""
    rng = random.Random(20_240_611 + CASES)
    taken = refused = 0
    for _ in range(CASES):
        if side == "requests":
            stream = damaged(rng, REQUESTS)
            events = read_requests([stream], Limits())
            judge, error = h11_requests(stream)
        else:
            stream = damaged(rng, RESPONSES)
            methods = tuple(rng.choices(METHODS[:3], k=5))
            events = read_responses([stream], methods, Limits())
            judge, error = h11_responses(stream, methods)
        ours = our_messages(events)
        if len(ours) > len(judge) and taken_only_here(ours[len(judge)], error):
            ours = ours[: len(judge)]
        assert ours == judge[: len(ours)], stream
        taken += len(ours)
        refused += isinstance(events[-1], Refused) if events else 0
    # Neither side of the comparison was empty.
    assert taken > CASES / 2
    assert refused > CASES / 10


@pytest.mark.parametrize("side", ["requests", "responses"])
def test_every_whole_message_is_read_here_and_by_h11(side: str):
    for message in REQUESTS if side == "requests" else RESPONSES:
        if side == "requests":
            events, (judge, _) = read_requests([message]), h11_requests(message)
        else:
            events = read_responses([message], ("GET",))
            judge, _ = h11_responses(message, ("GET",))
        assert judge
        assert our_messages(events) == judge
        assert not any(isinstance(event, Refused) for event in events)
