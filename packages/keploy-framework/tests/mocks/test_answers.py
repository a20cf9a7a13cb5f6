"""Recorded responses, made ready to be sent."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from keploy_framework.errors import KeployConfigError
from keploy_framework.exchange import Chunk, Response, header
from keploy_framework.mocks.answers import ready_to_send
from keploy_framework.mocks.book import BookRules, MockBook
from keploy_framework.mocks.outcomes import Answer
from keploy_framework.mocks.timing import StreamTiming

Make = Callable[..., Any]
MILLISECOND = 1_000_000


def sent(mock: Any, request: Any, now: int = 0, timing: str = "fast") -> Response:
    rules = BookRules(timing=StreamTiming.parse(timing))
    found = MockBook([mock], rules=rules).answer(request, now)
    assert isinstance(found, Answer)
    return found.response


ENCODED = {"header": {"Content-Encoding": "gzip", "Content-Length": "3"}, "body": "decoded"}


@pytest.mark.parametrize(
    ("accepted", "is_encoded"),
    [
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("br", False),
        ("identity", False),
        ("", False),
    ],
)
def test_the_encoding_is_put_on_again(
    mock: Make, request_of: Make, accepted: str, is_encoded: bool
):
    """A client could not read the body that its header describes."""
    request = request_of("/", headers=(("Accept-Encoding", accepted),) if accepted else ())
    response = sent(mock("/", response=ENCODED), request)
    assert header(response.headers, "content-encoding") == ("gzip" if is_encoded else None)
    body = gzip.decompress(response.body) if is_encoded else response.body
    assert body == b"decoded"
    assert header(response.headers, "content-length") == str(len(response.body))


def test_clients_that_accept_other_encodings_get_their_own(mock: Make, request_of: Make):
    """One client without gzip took it from all others."""
    book = MockBook([mock("/", response=ENCODED, type_="config")])
    accepts = ["", "gzip", "", "gzip"]
    found = [
        book.answer(request_of("/", headers=(("Accept-Encoding", one),)), 0) for one in accepts
    ]
    encodings = [header(one.response.headers, "content-encoding") for one in found]
    assert encodings == [None, "gzip", None, "gzip"]


def test_an_encoding_that_is_not_installed_goes_from_the_header(mock: Make, request_of: Make):
    """A body without encoding was sent as one with an unknown one."""
    response = {"header": {"Content-Encoding": "dcb"}, "body": "plain"}
    answer = sent(
        mock("/", response=response), request_of("/", headers=(("Accept-Encoding", "dcb"),))
    )
    assert (header(answer.headers, "content-encoding"), answer.body) == (None, b"plain")


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        (Response(200, "", (("content-length", "9"), ("A", "1")), b"abc"),
         (("content-length", "3"), ("A", "1"))),
        (Response(200, "", (("A", "1"),), b"abc"), (("A", "1"), ("Content-Length", "3"))),
        (Response(200, "", (("Content-Length", "3"), ("Content-Length", "3")), b"abc"),
         (("Content-Length", "3"),)),
        (Response(200, "", (("Transfer-Encoding", "chunked"), ("Connection", "close")), b"abc"),
         (("Content-Length", "3"),)),
        (Response(200, "", (("Content-Length", "300"),), b""), (("Content-Length", "300"),)),
        (Response(200, "", (("Content-Length", "3, 3"),), b""), (("Content-Length", "3"),)),
        (Response(304, "", (("Content-Length", "5"), ("ETag", "x")), b""),
         (("Content-Length", "5"), ("ETag", "x"))),
        (Response(204, "", (), b""), ()),
    ],
    ids=["put-right", "added", "twice", "framing", "head", "head-twice", "not-modified", "none"],
)  # fmt: skip
def test_the_length_fits(recorded: Response, expected: Any):
    """A response said a length that its body does not have."""
    assert ready_to_send(recorded, encoding="").headers == expected


STREAM = {
    "header": {
        "Content-Type": "text/event-stream",
        "Content-Encoding": "gzip",
        "Content-Length": "9",
    },
    "body": [
        {"ts": f"2026-01-22T10:00:0{second}Z", "data": {"data": f"{second}"}}
        for second in (1, 2, 5)
    ],
}


@pytest.mark.parametrize(
    ("timing", "waits"),
    [
        ("original", [1000, 1000, 3000]),
        ("x2", [500, 500, 1500]),
        ("x0.5", [2000, 2000, 6000]),
        ("fast", [50, 50, 50]),
        ("instant", [0, 0, 0]),
    ],
)
def test_a_stream_keeps_its_pieces_and_their_times(
    mock: Make, request_of: Make, timing: str, waits: list[int]
):
    """The pieces of a stream came at once, merged, or at the wrong time."""
    response = sent(mock("/", at=0, response=STREAM), request_of("/"), 7, timing)
    times = [7, *(chunk.at for chunk in response.chunks)]
    found = [(after - before) / MILLISECOND for before, after in pairwise(times)]
    assert found == waits
    assert [chunk.data for chunk in response.chunks] == [
        b"data: 1\n\n",
        b"data: 2\n\n",
        b"data: 5\n\n",
    ]
    assert response.headers == (("Content-Type", "text/event-stream"),)


def test_the_waits_are_told_in_seconds(mock: Make, request_of: Make):
    """Whoever sends a stream had to work out the waits, or waited since 1970."""
    rules = BookRules(timing=StreamTiming.parse("x2"))
    book = MockBook([mock("/", at=0, response=STREAM), mock("/plain")], rules=rules)
    now = 1_769_079_242_702_712_900
    waits = [book.answer(request_of(target), now) for target in ("/", "/plain")]
    assert [one.gaps for one in waits if isinstance(one, Answer)] == [(0.5, 0.5, 1.5), ()]


def test_times_that_run_backwards_do_not(mock: Make):
    """A piece was to be sent before the one before it."""
    chunks = (Chunk(50, b"a"), Chunk(20, b"b"), Chunk(30, b"c"))
    scheduled = StreamTiming.parse("original").schedule(chunks, None, 100)
    assert [chunk.at for chunk in scheduled] == [100, 100, 110]


def test_without_a_time_of_the_request_the_first_piece_is_sent_at_once():
    """The first piece waited since 1970."""
    scheduled = StreamTiming.parse("original").schedule((Chunk(5, b"a"),), None, 100)
    assert [chunk.at for chunk in scheduled] == [100]
    assert StreamTiming.parse("original").schedule((), 5, 100) == ()


@pytest.mark.parametrize("text", ["", "slow", "x", "x0", "x-1", "2x", "xnan"])
def test_an_unknown_timing_is_refused(text: str):
    """A misspelt timing was taken for another."""
    with pytest.raises(KeployConfigError, match="must be original, fast, instant or xN"):
        StreamTiming.parse(text)
