"""Streamed bodies cut into frames: server-sent events, lines of JSON, pieces."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keploy_framework.errors import EncodingError, WireError
from keploy_framework.exchange import Chunk
from keploy_framework.wire import (
    Frame,
    LineFrames,
    PieceFrames,
    SseFrames,
    event_bytes,
    frame_bytes,
    frame_cutter,
    is_stream,
    timed_frames,
)


def cut(cutter: SseFrames | LineFrames, *pieces: bytes) -> list[Frame]:
    frames = [frame for piece in pieces for frame in cutter.feed(piece)]
    return frames + cutter.finish()


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\n\n", [{"data": "a"}]),
        (b"data: a\r\n\r\n", [{"data": "a"}]),
        (b"data: a\r\rdata: b\r\r", [{"data": "a"}, {"data": "b"}]),
        (b"data: a\n\r\ndata: b\r\n\n", [{"data": "a"}, {"data": "b"}]),
        (b"data: a\ndata: b\ndata:\n\n", [{"data": "a\nb\n"}]),
        (b"data:a\n\n", [{"data": "a"}]),
        (b"data:  a\n\n", [{"data": " a"}]),
        (b"data\n\n", [{"data": ""}]),
        (b"data: a: b\n\n", [{"data": "a: b"}]),
        (
            b"id: 1\nevent: e\nretry: 5\ndata: a\n\n",
            [{"id": "1", "event": "e", "retry": "5", "data": "a"}],
        ),
        (b"event: a\nevent: b\ndata: c\n\n", [{"event": "b", "data": "c"}]),
        (b": one\n:two\n\n", [{"comment": "one\ntwo"}]),
        (b":\n\n", [{"comment": ""}]),
        (b": c\ndata: a\n\n", [{"comment": "c", "data": "a"}]),
        (b"comment: x\nfoo: bar\nDATA: a\n\n", [{}]),
        (b"\n\n\ndata: a\n\n\n\ndata: b\n\n", [{"data": "a"}, {"data": "b"}]),
        (b"\xef\xbb\xbfdata: a\n\n", [{"data": "a"}]),
        (b"\xef\xbb\xbf\n\ndata: a\n\n", [{"data": "a"}]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [{"data": "a"}, {}]),
        ("data: \U0001f600é\n\n".encode(), [{"data": "\U0001f600é"}]),
        (b"data: \xff\n\n", [{"data": b"\xff"}]),
        ("data: a\u2028b\x85\n\n".encode(), [{"data": "a\u2028b\x85"}]),
        (b"", []),
    ],
)
def test_an_event_has_the_fields_a_client_sees(stream: bytes, expected: list[dict[str, str]]):
    """Two events came as one, or one with other fields."""
    for pieces in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
        assert [frame.fields for frame in cut(SseFrames(), *pieces)] == expected


@pytest.mark.parametrize(
    ("stream", "fields"),
    [
        (b"data: a", {"data": "a"}),
        (b"data: a\n", {"data": "a"}),
        (b"data: a\r\n", {"data": "a"}),
        (b"\n", {}),
    ],
)
def test_an_event_cut_short_is_marked(stream: bytes, fields: dict[str, str | bytes]):
    """A client ignored the last event, and the replay delivered it."""
    assert cut(SseFrames(), stream) == [Frame(fields, stream, finished=False)]


def test_a_frame_comes_with_its_last_byte():
    """Each event was given only when the next one began."""
    cutter = SseFrames()
    assert cutter.feed(b"data: a\r\n\r") == []
    assert [frame.fields for frame in cutter.feed(b"\n")] == [{"data": "a"}]
    assert [frame.fields for frame in cutter.feed(b"data: b\n\n")] == [{"data": "b"}]


LINE_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])
LINES = st.sampled_from(
    [
        b"",
        b"",
        b"data: a",
        b"data:",
        b"data",
        b": c",
        b"id: 1",
        b"x",
        b"data: \xff",
        b"data: \xc3\xa9",
    ]
)
STREAMS = st.lists(st.tuples(LINES, LINE_ENDS), max_size=12).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


@given(STREAMS, st.booleans(), st.lists(st.integers(0, 200), max_size=6))
def test_events_are_the_same_wherever_the_stream_is_cut(
    stream: bytes, mark: bool, places: list[int]
):
    stream = b"\xef\xbb\xbf" * mark + stream
    ends = [*sorted(place % (len(stream) + 1) for place in places), len(stream)]
    pieces = [stream[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    whole = cut(SseFrames(), stream)
    assert cut(SseFrames(), *pieces) == whole
    assert b"".join(frame.raw for frame in whole) == stream


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8)
ONE_LINE = TEXTS.map(lambda text: text.replace("\n", ""))
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "data": TEXTS,
        "event": ONE_LINE,
        "id": ONE_LINE,
        "retry": st.just("10"),
        "comment": TEXTS,
    },
).filter(bool)


@given(st.lists(EVENTS, max_size=5), st.booleans())
def test_written_events_are_read_as_the_same(events: list[dict[str, str]], finished: bool):
    stream = b"".join(event_bytes(fields) for fields in events)
    assert [frame.fields for frame in cut(SseFrames(), stream)] == events
    if events:
        last = event_bytes(events[-1], finished=finished)
        assert [(f.fields, f.finished) for f in cut(SseFrames(), last)] == [(events[-1], finished)]


@pytest.mark.parametrize("name", ["event", "id", "retry"])
@pytest.mark.parametrize("value", ["a\ndata: b", "a\r", "\n"])
def test_a_field_does_not_become_another_one(name: str, value: str):
    """An edited event name with a line break in it sent an event of its own."""
    with pytest.raises(WireError) as error:
        event_bytes({name: value})
    assert error.value.reason == "frame-field"


def test_data_with_any_line_break_stays_one_event():
    assert event_bytes({"data": "a\r\nb\rc\nd"}) == b"data: a\ndata: b\ndata: c\ndata: d\n\n"
    assert event_bytes({"": "x", "other": "y", "data": b"\xff"}) == b"data: \xff\n\n"


@pytest.mark.parametrize("cutter", [SseFrames(10), LineFrames(10)], ids=["events", "lines"])
def test_a_frame_without_end_is_refused(cutter: SseFrames | LineFrames):
    """A stream that never ended its line took all memory."""
    cutter.feed(b"data: 3456")
    with pytest.raises(WireError) as error:
        cutter.feed(b"7")
    assert error.value.reason == "frame-too-large"


def test_a_frame_over_the_limit_is_refused_even_in_one_piece():
    with pytest.raises(WireError):
        SseFrames(10).feed(b"data: 3456789\n\n")
    with pytest.raises(WireError):
        LineFrames(10).feed(b"01234567890\n")


@given(st.lists(st.binary(max_size=6), max_size=6))
def test_lines_are_neither_joined_nor_split(pieces: list[bytes]):
    """Half a line of JSON came as a frame of its own."""
    stream = b"".join(pieces)
    frames = cut(LineFrames(), *pieces)
    assert b"".join(frame.raw for frame in frames) == stream
    assert [frame.finished for frame in frames] == [True] * stream.count(b"\n") + [False] * (
        not stream.endswith(b"\n") and bool(stream)
    )
    kind = "application/x-ndjson"
    written = [frame_bytes(frame.fields, kind, finished=frame.finished) for frame in frames]
    assert b"".join(written) == stream


def test_a_line_keeps_everything_but_its_end():
    frames = cut(LineFrames(), b'{"a":1}\r\n\n{"b"', b":2}")
    assert [frame.fields for frame in frames] == [
        {"raw": '{"a":1}\r'},
        {"raw": ""},
        {"raw": '{"b":2}'},
    ]
    assert [frame.finished for frame in frames] == [True, True, False]


@pytest.mark.parametrize(
    ("content_type", "kind", "stream"),
    [
        ("text/event-stream", SseFrames, True),
        (" Text/Event-Stream ; charset=utf-8", SseFrames, True),
        ("application/x-ndjson", LineFrames, True),
        ("application/jsonl", LineFrames, True),
        ("text/plain", PieceFrames, False),
        ("application/octet-stream", PieceFrames, False),
        ("application/json", PieceFrames, False),
        ("", PieceFrames, False),
    ],
)
def test_the_type_decides_how_a_body_is_cut(content_type: str, kind: type, stream: bool):
    assert type(frame_cutter(content_type)) is kind
    assert is_stream(content_type) is stream


def test_a_frame_has_the_time_of_its_last_byte():
    """A frame in two packets was dated by the first of them."""
    chunks = (Chunk(10, b"data: a\n\nda"), Chunk(20, b"ta: b\n"), Chunk(30, b"\ndata: c"))
    frames = timed_frames(chunks, "text/event-stream")
    assert [(frame.at, frame.frame.fields) for frame in frames] == [
        (10, {"data": "a"}),
        (30, {"data": "b"}),
        (30, {"data": "c"}),
    ]
    assert [frame.frame.finished for frame in frames] == [True, True, False]


def test_pieces_are_frames_as_they_came():
    chunks = (Chunk(1, b"ab"), Chunk(2, b""), Chunk(3, b"\xc3"))
    frames = timed_frames(chunks, "text/plain")
    assert [(f.at, f.frame.fields) for f in frames] == [(1, {"raw": "ab"}), (3, {"raw": b"\xc3"})]
    assert frame_bytes({"raw": "ab"}, "text/plain") == b"ab"


def test_an_event_is_written_as_an_event_whatever_the_type():
    assert frame_bytes({"data": "a"}, "text/event-stream") == b"data: a\n\n"
    assert frame_bytes({"data": "a"}, "", finished=False) == b"data: a\n"


def test_compressed_events_are_cut_as_they_come():
    """Events of a compressed stream all had the time of the last one."""
    compressor = zlib.compressobj(wbits=31)
    parts: list[bytes] = []
    for event in (b"data: a\n\n", b"data: b\n\n"):
        parts.append(compressor.compress(event) + compressor.flush(zlib.Z_SYNC_FLUSH))
    chunks = [Chunk(at, part) for at, part in enumerate(parts)]
    frames = timed_frames(chunks, "text/event-stream", "gzip")
    assert [(frame.at, frame.frame.fields) for frame in frames] == [
        (0, {"data": "a"}),
        (1, {"data": "b"}),
    ]


def test_frames_of_a_bomb_are_refused():
    bomb = (Chunk(1, gzip.compress(b"\0" * 1_000_000)),)
    with pytest.raises(EncodingError, match="larger than 1000 bytes"):
        timed_frames(bomb, "text/plain", "gzip", limit=1000)
