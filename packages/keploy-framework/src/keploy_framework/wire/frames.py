"""Cut streamed bodies into frames by their media type, with the time at which each came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from .encodings import BodyDecoder
from .refusals import Reason, refusal
from .sse import DEFAULT_FRAME_LIMIT, Frame, SseFrames, event_bytes, text_or_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keploy_framework.exchange import Chunk

_EVENTS: Final = "text/event-stream"
_LINES: Final = frozenset(
    (
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/jsonlines",
        "application/stream+json",
    )
)
_DEFAULT_BODY_LIMIT: Final = 67_108_864


@dataclass(frozen=True, slots=True)
class TimedFrame:
    """A frame and when it was complete.

    Args:
        at: When its last byte came, in nanoseconds since 1970.
        frame: The frame.
    """

    at: int
    frame: Frame


class LineFrames:
    """Cut a stream into lines, wherever its bytes are cut; each is one ``raw`` frame.

    A line ends with LF, which its text is without; a CR before it stays.

    Args:
        limit: The most bytes of one line.
    """

    __slots__ = ("_limit", "_rest")

    def __init__(self, limit: int = DEFAULT_FRAME_LIMIT) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes and give the lines they complete, in order.

        Raises:
            WireError: A line is longer than the limit; the frames of this call are lost.
        """
        *lines, self._rest = (self._rest + data).split(b"\n")
        if max(map(len, (*lines, self._rest))) > self._limit:
            raise refusal(Reason.FRAME_TOO_LARGE, self._limit)
        return [Frame({"raw": text_or_bytes(line)}, line + b"\n") for line in lines]

    def finish(self) -> list[Frame]:
        """Take the end of the stream and give what is left as one frame, or nothing."""
        rest, self._rest = self._rest, b""
        return [Frame({"raw": text_or_bytes(rest)}, rest, finished=False)] if rest else []


class PieceFrames:
    """Make every piece of a stream one ``raw`` frame, as it comes."""

    __slots__ = ()

    def feed(self, data: bytes) -> list[Frame]:
        """Give the piece as a frame, if it has any bytes."""
        return [Frame({"raw": text_or_bytes(data)}, data)] if data else []

    def finish(self) -> list[Frame]:
        """Give nothing: every piece was complete."""
        return []


FrameCutter: TypeAlias = SseFrames | LineFrames | PieceFrames


def media_type(content_type: str) -> str:
    """Give the media type in lower case, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def is_stream(content_type: str) -> bool:
    """Tell whether bodies of this type are streams of frames by their nature."""
    kind = media_type(content_type)
    return kind == _EVENTS or kind in _LINES


def frame_cutter(content_type: str, *, limit: int = DEFAULT_FRAME_LIMIT) -> FrameCutter:
    """Choose how bodies of a type are cut: into events, into lines, or as their pieces came.

    Args:
        content_type: The value of ``Content-Type``; may be empty.
        limit: The most bytes of one event or line.
    """
    kind = media_type(content_type)
    if kind == _EVENTS:
        return SseFrames(limit)
    return LineFrames(limit) if kind in _LINES else PieceFrames()


def timed_frames(
    chunks: Iterable[Chunk],
    content_type: str,
    content_encoding: str = "",
    *,
    limit: int = _DEFAULT_BODY_LIMIT,
) -> tuple[TimedFrame, ...]:
    """Cut the chunks of a response into frames; a frame came when its last byte came.

    A body that was cut short gives the frames that came, the last of them unfinished.

    Args:
        chunks: What came, in order; a content encoding is still on it.
        content_type: The value of ``Content-Type``; may be empty.
        content_encoding: The value of ``Content-Encoding``; may be empty.
        limit: The most bytes of the decoded body, and of one frame.

    Raises:
        EncodingError: The encoding cannot be taken off.
        WireError: A frame is larger than the limit.
    """
    decoder = BodyDecoder(content_encoding, limit)
    cutter = frame_cutter(content_type, limit=limit)
    frames: list[TimedFrame] = []
    at = 0
    for chunk in chunks:
        at = chunk.at
        frames += [TimedFrame(at, frame) for frame in cutter.feed(decoder.feed(chunk.data))]
    frames += [TimedFrame(at, frame) for frame in cutter.finish()]
    return tuple(frames)


def frame_bytes(
    fields: Mapping[str, str | bytes], content_type: str, *, finished: bool = True
) -> bytes:
    """Write a frame so that a client sees the same one.

    Args:
        fields: As `Frame` has them.
        content_type: The value of ``Content-Type``; a ``raw`` frame ends with LF where the type
            is one of lines.
        finished: Whether what ends the frame is written, too.

    Raises:
        WireError: A field of an event holds a line break.
    """
    raw = fields.get("raw")
    if raw is None:
        return event_bytes(fields, finished=finished)
    data = raw.encode() if isinstance(raw, str) else raw
    return data + b"\n" if finished and media_type(content_type) in _LINES else data
