"""Server-sent events: cut a stream into events, and write events as a stream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from .refusals import Reason, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

Fields: TypeAlias = "dict[str, str | bytes]"
"""What a frame says, by name: ``data``, ``event``, ``id``, ``retry`` and ``comment``, or ``raw``
alone. Text, or bytes where they are not UTF-8."""

DEFAULT_FRAME_LIMIT: Final = 1_048_576

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
# A CR at the very end may be the first half of CRLF, so it ends nothing yet.
_FRAME_END: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?=[^\n]))")
_LAST_END: Final = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)\Z")
_NAMES: Final = {b"": "comment", b"data": "data", b"event": "event", b"id": "id", b"retry": "retry"}
_JOINED: Final = ("data", "comment")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a streamed body.

    Args:
        fields: What it says; the order is that in which the names first came.
        raw: Its bytes on the wire, what ends it included. Joined, the raw bytes of all frames are
            the body.
        finished: Whether its end came. Clients ignore an event that was cut short.
    """

    fields: Fields
    raw: bytes
    finished: bool = True


class SseFrames:
    """Cut a stream of server-sent events into frames, wherever its bytes are cut.

    Each event is one frame, and so is a comment that stands alone. Lines may end with LF, CRLF or
    CR; a byte order mark at the start is skipped. Field names no client knows are left out of
    the fields; the raw bytes have them.

    Args:
        limit: The most bytes of one frame.
    """

    __slots__ = ("_limit", "_rest", "_scanned", "_started")

    def __init__(self, limit: int = DEFAULT_FRAME_LIMIT) -> None:
        self._limit = limit
        self._rest = b""
        self._scanned = 0
        self._started = False

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes and give the frames they complete, in order.

        Raises:
            WireError: A frame is larger than the limit; the frames of this call are lost.
        """
        data = self._rest + data
        frames: list[Frame] = []
        start, search = 0, max(0, self._scanned - 3)
        while (end := _FRAME_END.search(data, search)) is not None:
            search = end.end()
            raw = data[start:search]
            self._check(raw)
            fields = self._fields(raw)
            # Empty lines alone are no frame; they stay with the one that follows.
            if fields is not None:
                self._started = True
                frames.append(Frame(fields, raw))
                start = search
        self._rest = data[start:]
        self._scanned = len(self._rest)
        self._check(self._rest)
        return frames

    def finish(self) -> list[Frame]:
        """Take the end of the stream and give what is left as one frame, or nothing."""
        raw, self._rest = self._rest, b""
        if not raw:
            return []
        return [Frame(self._fields(raw) or {}, raw, _LAST_END.search(raw) is not None)]

    def _fields(self, raw: bytes) -> Fields | None:
        return parse_event(raw if self._started else raw.removeprefix(_BYTE_ORDER_MARK))

    def _check(self, raw: bytes) -> None:
        if len(raw) > self._limit:
            raise refusal(Reason.FRAME_TOO_LARGE, self._limit)


def parse_event(raw: bytes) -> Fields | None:
    """Read the lines of one event; None where there is none but empty ones.

    Several ``data`` lines, and several comments, are joined with LF; of other fields the last
    one counts.
    """
    found: dict[str, bytes] = {}
    lines = [line for line in _LINE_END.split(raw) if line]
    for line in lines:
        key, _, value = line.partition(b":")
        name = _NAMES.get(key)
        value = value.removeprefix(b" ")
        if name in _JOINED and name in found:
            value = found[name] + b"\n" + value
        if name is not None:
            found[name] = value
    return {name: text_or_bytes(value) for name, value in found.items()} if lines else None


def event_bytes(fields: Mapping[str, str | bytes], *, finished: bool = True) -> bytes:
    """Write an event that a client reads as these fields.

    Args:
        fields: As `Frame` has them; names no client knows are left out.
        finished: Whether the empty line follows that makes a client take the event.

    Raises:
        WireError: A field other than ``data`` and ``comment`` holds a line break.
    """
    lines: list[bytes] = []
    for name, text in fields.items():
        value = text.encode() if isinstance(text, str) else text
        if name in _JOINED:
            prefix = b": " if name == "comment" else b"data: "
            lines += [prefix + line for line in _LINE_END.split(value)]
        elif name in _NAMES.values():
            if _LINE_END.search(value):
                raise refusal(Reason.FRAME_FIELD, name)
            lines.append(name.encode() + b": " + value)
    return b"".join(line + b"\n" for line in lines) + (b"\n" if finished else b"")


def text_or_bytes(value: bytes) -> str | bytes:
    """Give the text of UTF-8, and anything else as it is."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
