"""Redact bodies by what they are: JSON, forms, multipart forms, streams, text, or binary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from keploy_framework.errors import WireError
from keploy_framework.exchange import Chunk
from keploy_framework.redaction.urls import redact_pairs
from keploy_framework.wire.encodings import decode_body
from keploy_framework.wire.frames import is_stream, media_type, timed_frames
from keploy_framework.wire.multipart import Part, boundary_of, multipart_bytes, parse_multipart

if TYPE_CHECKING:
    from keploy_framework.redaction.text import TextRedactor

MOST_BODY_BYTES: Final = 64 * 1024 * 1024
"""The largest body that is looked into."""

_FORM: Final = "application/x-www-form-urlencoded"
_TEXTUAL: Final = re.compile(r"text/|application/(?:.*\+)?(?:json|xml|javascript|graphql)")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def redact_body(body: bytes, content_type: str, redactor: TextRedactor) -> bytes:
    """Replace what is secret in a body without content encoding.

    Of a binary body only exact known secrets are replaced, each by as many bytes.

    Args:
        body: The body.
        content_type: The value of ``Content-Type``; may be empty.
        redactor: Redacts the texts in it.
    """
    if not body:
        return body
    kind = media_type(content_type)
    if kind.startswith("multipart/"):
        parts = _redact_parts(body, content_type, redactor)
        if parts is not None:
            return parts
    text, charset = _as_text(body, kind)
    if text is None:
        return redactor.ledger.replace_known_bytes(body)
    redacted = redact_pairs(text, redactor.field) if kind == _FORM else redactor.text(text)
    return body if redacted == text else redacted.encode(charset)


def redact_chunks(
    chunks: tuple[Chunk, ...], content_type: str, content_encoding: str, redactor: TextRedactor
) -> tuple[Chunk, ...]:
    """Replace what is secret in a streamed body; what changed has no content encoding any more.

    Events and lines stay apart and keep their times. A secret that goes over the border of two
    pieces is found, too.

    Args:
        chunks: The pieces as they came.
        content_type: The value of ``Content-Type``; may be empty.
        content_encoding: The value of ``Content-Encoding``; may be empty.
        redactor: Redacts the texts in it.

    Raises:
        EncodingError: The encoding cannot be taken off.
    """
    try:
        frames = timed_frames(chunks, content_type, content_encoding)
    except WireError:
        # A frame that is too long; the body is redacted as one text below.
        whole = b"".join(chunk.data for chunk in chunks)
        plain = decode_body(whole, content_encoding, MOST_BODY_BYTES)
        pieces = [Chunk(chunks[-1].at, plain)]
    else:
        pieces = [Chunk(timed.at, timed.frame.raw) for timed in frames]
    kept = [chunk.data for chunk in pieces]
    framed = is_stream(content_type)
    by_frame = [redact_body(data, "", redactor) for data in kept] if framed else kept
    joined = b"".join(by_frame)
    whole = redact_body(joined, "" if framed else content_type, redactor)
    if whole != joined:
        by_frame = _cut_alike(whole, by_frame)
    if by_frame == kept:
        return chunks
    return tuple(Chunk(one.at, data) for one, data in zip(pieces, by_frame, strict=True))


def decoded(body: bytes, content_encoding: str) -> bytes:
    """Take the content encoding off a body.

    Raises:
        EncodingError: It cannot be taken off.
    """
    return decode_body(body, content_encoding, MOST_BODY_BYTES) if content_encoding else body


def _redact_parts(body: bytes, content_type: str, redactor: TextRedactor) -> bytes | None:
    """Redact a multipart form; ``None`` for a body that is none."""
    try:
        parts = parse_multipart(body, content_type)
        clean = [_redact_part(part, redactor) for part in parts]
        if all(map(Part.__eq__, parts, clean)):
            return body
        return multipart_bytes(clean, boundary_of(content_type))
    except WireError:
        return None


def _redact_part(part: Part, redactor: TextRedactor) -> Part:
    if part.filename is None and redactor.names.field(part.name):
        text, charset = _as_text(part.data, "")
        if text is not None:
            return Part(part.headers, redactor.field(part.name, text).encode(charset))
    return Part(part.headers, redact_body(part.data, part.content_type, redactor))


def _as_text(body: bytes, kind: str) -> tuple[str | None, str]:
    """Give a body as text with its charset; ``None`` for a binary one."""
    try:
        text, charset = body.decode(), "utf-8"
    except UnicodeDecodeError:
        if not _TEXTUAL.match(kind) and kind != _FORM:
            return None, ""
        return body.decode("latin-1"), "latin-1"
    return (None, "") if _CONTROLS.search(text) else (text, charset)


def _cut_alike(whole: bytes, pieces: list[bytes]) -> list[bytes]:
    """Cut a body into as many pieces, each of about its old share."""
    joined = b"".join(pieces)
    cuts: list[int] = []
    at = 0
    for piece in pieces[:-1]:
        at += len(piece)
        cuts.append(min(round(at * len(whole) / len(joined)), len(whole)))
    return [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
