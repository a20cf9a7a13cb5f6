"""Streamed bodies: a list of timed pieces in a file, chunks elsewhere."""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from keploy_framework.exchange import Chunk
from keploy_framework.formats.models.headers import bytes_of, text_or_bytes
from keploy_framework.formats.timestamps import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# Any: other tools write the files too.
Entry: TypeAlias = "dict[str, Any]"

_EVENTS: Final = "text/event-stream"
_LINES: Final = frozenset(
    ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
)
_FIELDS: Final = frozenset((b"data", b"event", b"id", b"retry"))
_EMPTY_LINE: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)\Z")
_LINE: Final = re.compile(rb"([^\r\n]*)(?:\r\n|\n|\r)")


def stream_to_data(chunks: Sequence[Chunk], content_type: str) -> list[Entry]:
    """Give the pieces of a streamed body: its events, its lines, or its chunks as they came.

    An event or a line has the time of the chunk that completed it. Events keep their fields,
    not the exact spaces and line ends around them. What is no whole event, such as the rest of
    an aborted stream, is kept under ``raw``. A line that the stream ended without its newline
    is read back with one.

    Args:
        chunks: The chunks, in order.
        content_type: The value of the header ``Content-Type``.
    """
    kind = _media_type(content_type)
    if kind == _EVENTS:
        return [_entry(at, _event(data)) for at, data in _cut(chunks, _event_ends)]
    if kind in _LINES:
        lines = _cut(chunks, _line_ends)
        return [_entry(at, {"raw": data.removesuffix(b"\n")}) for at, data in lines]
    return [_entry(chunk.at, {"raw": chunk.data}) for chunk in chunks]


def stream_from_data(entries: Sequence[Entry], content_type: str) -> tuple[Chunk, ...]:
    """Give the chunks of a streamed body, one for each piece.

    Raises:
        KeployFormatError: The time of a piece is none.
        TypeError: A piece is no mapping with a mapping ``data``.
    """
    in_lines = _media_type(content_type) in _LINES
    chunks: list[Chunk] = []
    for entry in entries:
        data = entry["data"] if isinstance(entry.get("data"), dict) else None
        if data is None:
            msg = "a piece of a streamed body has no mapping 'data'"
            raise TypeError(msg)
        at = parse_time(str(entry.get("ts") or "")) or 0
        if "raw" not in data:
            chunks.append(Chunk(at, _event_bytes(data)))
        else:
            chunks.append(Chunk(at, bytes_of(_scalar(data["raw"])) + b"\n" * in_lines))
    return tuple(chunks)


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _entry(at: int, data: dict[str, bytes]) -> Entry:
    return {
        "ts": str(format_time(at)),
        "data": {name: text_or_bytes(value) for name, value in data.items()},
    }


def _cut(
    chunks: Sequence[Chunk], ends: Callable[[bytes], Iterator[int]]
) -> Iterator[tuple[int, bytes]]:
    """Yield the pieces that end where *ends* says, each with the time of its last byte."""
    body = b"".join(chunk.data for chunk in chunks)
    arrived = list(accumulate(len(chunk.data) for chunk in chunks))
    begin = 0
    for end in (*ends(body), len(body)):
        if end > begin:
            yield chunks[bisect_left(arrived, end)].at, body[begin:end]
            begin = end


def _event_ends(body: bytes) -> Iterator[int]:
    """Yield where events end: after each empty line that has a line before it."""
    in_event = False
    for line in _LINE.finditer(body):
        if line[1]:
            in_event = True
        elif in_event:
            yield line.end()
            in_event = False


def _line_ends(body: bytes) -> Iterator[int]:
    return (newline.end() for newline in re.finditer(b"\n", body))


def _event(data: bytes) -> dict[str, bytes]:
    """Take an event apart, or keep it raw where its fields do not say all of it."""
    fields: dict[str, bytes] = {}
    for line in _LINE.finditer(data):
        name, _, value = line[1].partition(b":")
        value = value.removeprefix(b" ")
        if not line[1]:
            continue
        key = name.decode("latin-1") or "comment"
        if name and (name not in _FIELDS or (name != b"data" and key in fields)):
            return {"raw": data}
        fields[key] = fields[key] + b"\n" + value if key in fields else value
    return fields if fields and _EMPTY_LINE.search(data) else {"raw": data}


def _event_bytes(data: Entry) -> bytes:
    lines: list[bytes] = []
    for name, value in data.items():
        prefix = b"" if name == "comment" else name.encode()
        lines += (
            prefix + b": " + part if part else prefix + b":"
            for part in bytes_of(_scalar(value)).split(b"\n")
        )
    return b"\n".join(lines) + b"\n\n"


def _scalar(value: object) -> str | bytes:
    return value if isinstance(value, str | bytes) else "" if value is None else str(value)
