"""HTTP/1.1 as bytes: framing, encodings, frames of streams, and a tee that makes exchanges.

Nothing here opens a socket or waits; bytes go in and values come out.
"""

from __future__ import annotations

from .encodings import BodyDecoder, Encoded, decode_body, encode_body, with_encoding
from .events import Data, End, Event, Refused, RequestHead, ResponseHead, Tunnel
from .frames import (
    LineFrames,
    PieceFrames,
    TimedFrame,
    frame_bytes,
    frame_cutter,
    is_stream,
    media_type,
    timed_frames,
)
from .framing import split_target
from .limits import Limits
from .messages import RequestParser, ResponseParser
from .multipart import (
    FormField,
    Part,
    boundary_of,
    file_part,
    form_fields,
    multipart_bytes,
    parse_multipart,
    text_part,
)
from .outcomes import Outcome, Recorded, Unrecorded
from .refusals import Reason
from .serialise import (
    LAST_CHUNK,
    chunk_bytes,
    last_chunk_bytes,
    request_bytes,
    request_head,
    response_bytes,
    response_head,
    streamed_headers,
)
from .sse import Frame, SseFrames, event_bytes, parse_event
from .tee import Tee

__all__ = [
    "LAST_CHUNK",
    "BodyDecoder",
    "Data",
    "Encoded",
    "End",
    "Event",
    "FormField",
    "Frame",
    "Limits",
    "LineFrames",
    "Outcome",
    "Part",
    "PieceFrames",
    "Reason",
    "Recorded",
    "Refused",
    "RequestHead",
    "RequestParser",
    "ResponseHead",
    "ResponseParser",
    "SseFrames",
    "Tee",
    "TimedFrame",
    "Tunnel",
    "Unrecorded",
    "boundary_of",
    "chunk_bytes",
    "decode_body",
    "encode_body",
    "event_bytes",
    "file_part",
    "form_fields",
    "frame_bytes",
    "frame_cutter",
    "is_stream",
    "last_chunk_bytes",
    "media_type",
    "multipart_bytes",
    "parse_event",
    "parse_multipart",
    "request_bytes",
    "request_head",
    "response_bytes",
    "response_head",
    "split_target",
    "streamed_headers",
    "text_part",
    "timed_frames",
    "with_encoding",
]
