"""Why bytes are refused: every reason, its status, and whether a relay may pass it on."""

from __future__ import annotations

import reprlib
from enum import StrEnum
from typing import Final, NamedTuple

from keploy_framework.errors import WireError


class Reason(StrEnum):
    """What can be wrong with bytes that are read or with a message that is to be written."""

    NOT_HTTP = "not-http"
    BARE_LINE_FEED = "bare-line-feed"
    TARGET_TOO_LONG = "target-too-long"
    HEAD_TOO_LARGE = "head-too-large"
    LINE_TOO_LONG = "line-too-long"
    TOO_MANY_HEADERS = "too-many-headers"
    FIRST_LINE = "first-line"
    VERSION = "version"
    TARGET = "target"
    FOLDED_HEADER = "folded-header"
    HEADER = "header"
    HOST = "host"
    BOTH_FRAMINGS = "both-framings"
    CONTENT_LENGTH = "content-length"
    TRANSFER_ENCODING = "transfer-encoding"
    TRANSFER_ENCODING_UNSUPPORTED = "transfer-encoding-unsupported"
    TRANSFER_ENCODING_VERSION = "transfer-encoding-version"
    BODY_TOO_LARGE = "body-too-large"
    CHUNK_SIZE = "chunk-size"
    CHUNK_LINE_TOO_LONG = "chunk-line-too-long"
    CHUNK_END = "chunk-end"
    UNASKED_SWITCH = "unasked-switch"
    UNASKED_RESPONSE = "unasked-response"
    TOO_MUCH_HELD = "too-much-held"
    CUT_SHORT = "cut-short"
    METHOD = "method"
    STATUS = "status"
    REASON_PHRASE = "reason-phrase"
    HEADER_NAME = "header-name"
    HEADER_VALUE = "header-value"
    BODY_MISSING = "body-missing"
    FRAME_FIELD = "frame-field"
    FRAME_TOO_LARGE = "frame-too-large"
    MULTIPART = "multipart"
    MULTIPART_BOUNDARY = "multipart-boundary"
    MULTIPART_TOO_LARGE = "multipart-too-large"


class _Refusal(NamedTuple):
    status: int
    problem: str
    move: str
    refuse: bool = True


_SEND = "send one that follows RFC 9112"
_RAISE = "raise the limit or send less"

_REFUSALS: Final = {
    Reason.NOT_HTTP: _Refusal(
        400, "the bytes are no HTTP/1 message", "speak HTTP/1.1 here", refuse=False
    ),
    Reason.BARE_LINE_FEED: _Refusal(400, "a line of the head ends without CR", "end it with CRLF"),
    Reason.TARGET_TOO_LONG: _Refusal(
        414, "the first line is too long for the limit", _RAISE, refuse=False
    ),
    Reason.HEAD_TOO_LARGE: _Refusal(
        431, "the head is too large for the limit", _RAISE, refuse=False
    ),
    Reason.LINE_TOO_LONG: _Refusal(431, "a header is too long for the limit", _RAISE, refuse=False),
    Reason.TOO_MANY_HEADERS: _Refusal(
        431, "there are too many headers for the limit", _RAISE, refuse=False
    ),
    Reason.FIRST_LINE: _Refusal(400, "the first line is malformed", _SEND),
    Reason.VERSION: _Refusal(
        505, "the protocol version is not supported", "use HTTP/1.1", refuse=False
    ),
    Reason.TARGET: _Refusal(400, "the target does not fit the method", _SEND),
    Reason.FOLDED_HEADER: _Refusal(400, "a header goes on in a second line", "put it in one line"),
    Reason.HEADER: _Refusal(400, "a header or trailer is malformed", _SEND),
    Reason.HOST: _Refusal(400, "there must be exactly one valid Host header", _SEND),
    Reason.BOTH_FRAMINGS: _Refusal(
        400, "both Content-Length and Transfer-Encoding are given", "send one of them"
    ),
    Reason.CONTENT_LENGTH: _Refusal(
        400, "the Content-Length is no single number", "send one of digits only"
    ),
    Reason.TRANSFER_ENCODING: _Refusal(
        400, "the Transfer-Encoding does not end with one chunked", "send chunked alone"
    ),
    Reason.TRANSFER_ENCODING_UNSUPPORTED: _Refusal(
        501, "the Transfer-Encoding is not supported", "send chunked alone", refuse=False
    ),
    Reason.TRANSFER_ENCODING_VERSION: _Refusal(
        400, "HTTP/1.0 has no Transfer-Encoding", "send HTTP/1.1 or a Content-Length"
    ),
    Reason.BODY_TOO_LARGE: _Refusal(
        413, "the body is too large for the limit", _RAISE, refuse=False
    ),
    Reason.CHUNK_SIZE: _Refusal(400, "the line before a chunk is malformed", _SEND),
    Reason.CHUNK_LINE_TOO_LONG: _Refusal(
        400, "the line before a chunk is too long for the limit", _RAISE
    ),
    Reason.CHUNK_END: _Refusal(400, "a chunk does not end where its size says", _SEND),
    Reason.UNASKED_SWITCH: _Refusal(
        502, "the server switches protocols unasked", "ask for it with Upgrade"
    ),
    Reason.UNASKED_RESPONSE: _Refusal(
        502, "the server answers without a request", "send a request first", refuse=False
    ),
    Reason.TOO_MUCH_HELD: _Refusal(
        400, "too much follows a request that asks to switch", "wait for the answer", refuse=False
    ),
    Reason.CUT_SHORT: _Refusal(
        400, "the connection ended within a message", "send all of it", refuse=False
    ),
    Reason.METHOD: _Refusal(500, "the method holds more than a name", "use letters"),
    Reason.STATUS: _Refusal(500, "the status is no number from 100 to 999", "use one such as 200"),
    Reason.REASON_PHRASE: _Refusal(
        500, "the words after the status hold control characters", "take them out"
    ),
    Reason.HEADER_NAME: _Refusal(
        500, "the header's name is no name", "use letters, digits and dashes"
    ),
    Reason.HEADER_VALUE: _Refusal(
        500, "the header's value holds line breaks or is not latin-1", "take them out"
    ),
    Reason.BODY_MISSING: _Refusal(
        500, "the body was too large to be kept", "record it again with a higher limit"
    ),
    Reason.FRAME_FIELD: _Refusal(
        500, "the field of an event holds a line break", "take it out or use data"
    ),
    Reason.FRAME_TOO_LARGE: _Refusal(
        502, "a frame of the stream is too large for the limit", _RAISE, refuse=False
    ),
    Reason.MULTIPART: _Refusal(
        400, "the multipart body is malformed", "send one as RFC 7578", refuse=False
    ),
    Reason.MULTIPART_BOUNDARY: _Refusal(
        500, "the boundary cannot separate the parts", "choose another one"
    ),
    Reason.MULTIPART_TOO_LARGE: _Refusal(
        413, "the multipart body has too many or too large parts", _RAISE, refuse=False
    ),
}


def refusal(reason: Reason, value: object = None) -> WireError:
    """Make the error for a reason.

    Args:
        reason: What is wrong.
        value: What the message shows, shortened. It must not be a secret: no header's value but
            those of the framing, no query.
    """
    status, problem, move, refuse = _REFUSALS[reason]
    shown = "" if value is None else f", got {reprlib.repr(value)}"
    return WireError(reason, f"{problem}{shown}; {move}", status=status, refuse=refuse)
