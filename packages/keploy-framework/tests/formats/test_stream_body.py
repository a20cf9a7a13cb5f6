"""Streamed bodies in files."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.exchange import Chunk
from keploy_framework.formats.models.stream_body import stream_from_data, stream_to_data

SSE = "text/event-stream; charset=utf-8"


def chunks_of(*pieces: bytes) -> list[Chunk]:
    return [Chunk(at * 1_000_000_000, piece) for at, piece in enumerate(pieces, 1)]


def body_of(chunks) -> bytes:
    return b"".join(chunk.data for chunk in chunks)


@pytest.mark.parametrize(
    ("pieces", "data"),
    [
        ([b"data: a\n\n"], [{"data": "a"}]),
        ([b"event: x\ndata: a\ndata:  b\nid: 7\n\n"], [{"event": "x", "data": "a\n b", "id": "7"}]),
        ([b"data:a\r\n\r\ndata:b\r\r"], [{"data": "a"}, {"data": "b"}]),
        ([b"\n\n: hi\n:\n\n\ndata\n\n"], [{"comment": "hi\n"}, {"data": ""}]),
        ([b"retry: 10\n\n"], [{"retry": "10"}]),
        ([b"data: \xff\n\n"], [{"data": b"\xff"}]),
        ([b"data: a\n\nda", b"ta: b"], [{"data": "a"}, {"raw": "data: b"}]),
        ([b"data: a\n"], [{"raw": "data: a\n"}]),
        ([b"odd: a\n\n"], [{"raw": "odd: a\n\n"}]),
        ([b"id: 1\nid: 2\n\n"], [{"raw": "id: 1\nid: 2\n\n"}]),
        ([], []),
    ],
    ids=["data", "fields", "returns", "comment", "retry", "binary", "aborted", "no-end", "unknown",
         "twice", "nothing"],
)  # fmt: skip
def test_event_is_kept_by_its_fields(pieces: list[bytes], data: list[object]):
    """An event of a recorded stream lost a field, or the rest of an aborted stream."""
    entries = stream_to_data(chunks_of(*pieces), SSE)
    assert [entry["data"] for entry in entries] == data


def test_event_has_the_time_its_end_arrived():
    """Replaying with the recorded times sent events early."""
    entries = stream_to_data(chunks_of(b"data: a\n", b"\ndata: b\n\nda", b"ta: c\n\n"), SSE)
    assert [entry["ts"] for entry in entries] == [
        "1970-01-01T00:00:02Z",
        "1970-01-01T00:00:02Z",
        "1970-01-01T00:00:03Z",
    ]


EVENT_LINES = st.lists(
    st.sampled_from([b"data: a", b"data: ", b"event: x", b": c", b"id: 1", b"odd", b"data: \xff"]),
    max_size=4,
)


@given(st.lists(EVENT_LINES, max_size=4), st.sampled_from([b"\n", b"\r\n"]), st.integers(1, 9))
def test_stream_that_was_kept_says_the_same(events: list[list[bytes]], end: bytes, size: int):
    """A client of a replayed stream saw other events than were recorded."""
    body = b"".join(end.join([*event, b"", b""]) for event in events)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    again = body_of(stream_from_data(stream_to_data(chunks_of(*pieces), SSE), SSE))
    assert events_of(again) == events_of(body)


def events_of(body: bytes) -> list[dict[bytes, list[bytes]]]:
    """Read a stream as the standard says."""
    events: list[dict[bytes, list[bytes]]] = []
    fields: dict[bytes, list[bytes]] = {}
    for line in re.split(rb"\r\n|\n|\r", body):
        name, _, value = line.partition(b":")
        if line:
            fields.setdefault(name, []).append(value.removeprefix(b" "))
        elif fields:
            events.append(fields)
            fields = {}
    return events


@pytest.mark.parametrize(
    ("content_type", "pieces", "data"),
    [
        ("application/x-ndjson", [b'{"a":1}\n{"b"', b":2}\n\n"], ['{"a":1}', '{"b":2}', ""]),
        ("application/octet-stream", [b"\xff", b"ab"], [b"\xff", "ab"]),
        ("text/plain", ["é".encode()[:1], "é".encode()[1:]], [b"\xc3", b"\xa9"]),
    ],
    ids=["lines", "binary", "split-letter"],
)
def test_other_streams_are_kept_raw(content_type: str, pieces: list[bytes], data: list[object]):
    """A stream of lines or bytes changed on its way through the file."""
    entries = stream_to_data(chunks_of(*pieces), content_type)
    assert [entry["data"] for entry in entries] == [{"raw": value} for value in data]
    assert body_of(stream_from_data(entries, content_type)) == b"".join(pieces)


def test_numbers_and_missing_values_of_a_hand_made_event_are_understood():
    """A retry without quotes stopped the replay."""
    entries = [{"ts": None, "data": {"retry": 3000, "data": None}}]
    assert stream_from_data(entries, SSE) == (Chunk(0, b"retry: 3000\ndata:\n\n"),)
