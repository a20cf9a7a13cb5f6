"""Streamed responses are judged frame by frame."""

from __future__ import annotations

import gzip

import pytest

from keploy_framework.exchange import Chunk, Response
from keploy_framework.matching.judging import judge
from keploy_framework.matching.rules import Expectation, Rules

STRICT, KEPLOY = Rules(), Rules(compat="keploy")
EVENTS, LINES = "text/event-stream; charset=utf-8", "application/x-ndjson"


def stream(*pieces: bytes, kind: str = EVENTS) -> Response:
    chunks = tuple(Chunk(at, piece) for at, piece in enumerate(pieces))
    body = b"".join(pieces)
    return Response(200, "", (("Content-Type", kind),), body, chunks, len(body))


def verdicts(recorded: Response, actual: Response, noise: dict[str, list[str]] | None = None):
    expectation = Expectation(recorded, noise or {})
    return tuple(judge(expectation, actual, rules).passed for rules in (STRICT, KEPLOY))


@pytest.mark.parametrize(
    ("recorded", "actual", "strict", "keploy"),
    [
        (b"data: 1\n\ndata: 2\n\n", b"data: 1\n\ndata: 2\n\n", True, True),
        (b"data: 1\n\ndata: 2\n\n", b"data: 1\r\n\r\ndata:2\r\n\r\n", True, True),
        (b"data: 1\n\ndata: 2\n\n", b": ping\n\ndata: 1\n\ndata: 2\n\n", True, True),
        (b"data: 1\n\ndata: 2\n\n", b"data: 2\n\ndata: 1\n\n", False, False),
        (b"data: 1\n\ndata: 2\n\n", b"data: 1\n\n", False, False),
        (b"data: 1\n\n", b"data: 1\n\ndata: 2\n\n", False, True),
        (b'data: {"a":1,"b":2}\n\n', b'data: {"b":2, "a":1}\n\n', True, True),
        (b'data: {"a":1}\n\n', b'data: {"a":2}\n\n', False, False),
        (b"data: [DONE]\n\n", b"data: {}\n\n", False, False),
        (b"event: a\ndata: 1\n\n", b"event: b\ndata: 1\n\n", False, False),
        (b"event: a\ndata: 1\n\n", b"data: 1\n\n", False, False),
    ],
    ids=[
        "equal",
        "line-ends",
        "keep-alive",
        "order",
        "missing",
        "more-than-recorded",
        "json-keys",
        "json-value",
        "done",
        "event",
        "no-event",
    ],
)
def test_events(recorded: bytes, actual: bytes, strict: bool, keploy: bool):
    """Events passed or failed against the rule for them."""
    assert verdicts(stream(recorded), stream(actual)) == (strict, keploy)


def test_where_the_pieces_are_cut_does_not_count():
    """The same events failed because they came in other pieces."""
    recorded = stream(b"data: one\n\n", b"data: two\n\n")
    assert verdicts(recorded, stream(b"data: o", b"ne\n\nda", b"ta: two\n\n")) == (True, True)


def test_a_stream_kept_as_one_text_is_compared_as_frames():
    """An old recording, which has the stream as one text, failed for a field that is noise."""
    recorded = Response(200, "", (("Content-Type", EVENTS),), b'data: {"id":"a","n":1}\n\n')
    actual = stream(b'data: {"id":"b","n":1}\n\n')
    assert verdicts(recorded, actual, {"body.id": []}) == (True, True)
    assert verdicts(recorded, actual, {"body.n": []}) == (False, False)


def test_lines_of_json():
    """A changed line of JSON passed, or one with other spaces failed."""
    recorded = stream(b'{"n":1}\n', b'{"n":2}\n', kind=LINES)
    assert verdicts(recorded, stream(b'{"n": 1}\n{"n": 2}\n', kind=LINES)) == (True, True)
    assert verdicts(recorded, stream(b'{"n":1}\n{"n":3}\n', kind=LINES)) == (False, False)


def test_a_difference_names_its_frame():
    """Of many frames nobody could tell which one differs."""
    recorded = stream(b'data: {"a":1}\n\n', b'data: {"c":[{"d":1}]}\n\n')
    actual = stream(b'data: {"a":1}\n\n', b'data: {"c":[{"d":2}]}\n\n')
    verdict = judge(Expectation(recorded), actual)
    assert [(one.path, one.place) for one in verdict.body] == [("body.c.d", "body[1].data.c[0].d")]
    assert verdict.body_kind == "stream"


def test_a_compressed_stream_is_decoded():
    """Events with gzip failed."""
    data = b"data: 1\n\n"
    headers = (("Content-Type", EVENTS), ("Content-Encoding", "gzip"))
    recorded = Response(200, "", headers, data, (Chunk(0, data),), len(data))
    encoded = gzip.compress(data)
    actual = Response(200, "", headers, encoded, (Chunk(0, encoded),), len(encoded))
    assert verdicts(recorded, actual) == (True, True)


@pytest.mark.slow
def test_a_stream_without_an_end_of_its_events_is_one_frame():
    """A stream of many megabytes without an empty line ended the run."""
    other = Expectation(stream(b"data: x\n\n"))
    assert not judge(other, stream(b"data: " + b"x" * 68_000_000)).passed
