"""Recorded responses made ready to be sent: encoded again, with headers that fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from keploy_framework.exchange import Headers, Response, header
from keploy_framework.wire.encodings import encode_body, with_encoding

if TYPE_CHECKING:
    from keploy_framework.exchange import Request

_LENGTH: Final = "content-length"
_BODYLESS: Final = frozenset((204, 304))
# The body is whole here; whoever sends it says how it is framed.
_FRAMING: Final = frozenset(("transfer-encoding", "connection", "keep-alive", "trailer"))


def ready_to_send(recorded: Response, *, encoding: str) -> Response:
    """Make a recorded response fit to be sent; its body is without content encoding.

    The content encoding is put on again, or its header goes where that cannot be done: for a
    stream, whose pieces must be readable by themselves, and for an encoding that is not
    installed. ``Content-Length`` is put right. Answers without a body keep theirs.

    Args:
        recorded: The response as its file keeps it.
        encoding: The content encoding to put on; empty for none.
    """
    headers = tuple(one for one in recorded.headers if one[0].lower() not in _FRAMING)
    if recorded.status in _BODYLESS or (not recorded.body and not recorded.chunks):
        return replace(recorded, headers=_without_second_length(headers))
    if recorded.chunks:
        headers = with_encoding(_without(headers, _LENGTH), "")
        return replace(recorded, headers=headers)
    encoded = encode_body(recorded.body, encoding)
    headers = with_encoding(headers, encoded.encoding)
    headers = _with_length(headers, len(encoded.data))
    return replace(
        recorded, headers=headers, body=encoded.data, body_size=len(encoded.data), chunks=()
    )


def encoding_for(recorded: Response, request: Request) -> str:
    """Give the content encoding of a recorded response, if the request accepts it."""
    encoding = header(recorded.headers, "content-encoding") or ""
    if not encoding:
        return ""
    accepted = (header(request.headers, "accept-encoding") or "").lower()
    offers = {
        name.strip(): parameters.replace(" ", "")
        for name, _, parameters in (part.partition(";") for part in accepted.split(","))
    }
    names = [name.strip().lower() for name in encoding.split(",")]
    is_accepted = all(
        offers.get(name, offers.get("*", "q=0")) not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
        for name in names
    )
    return encoding if is_accepted else ""


def _without(headers: Headers, name: str) -> Headers:
    return tuple(one for one in headers if one[0].lower() != name)


def _with_length(headers: Headers, length: int) -> Headers:
    """Put the length in its place, once, or at the end."""
    name = next((one[0] for one in headers if one[0].lower() == _LENGTH), "Content-Length")
    at = next((at for at, one in enumerate(headers) if one[0].lower() == _LENGTH), len(headers))
    kept = list(_without(headers, _LENGTH))
    kept.insert(at, (name, str(length)))
    return tuple(kept)


def _without_second_length(headers: Headers) -> Headers:
    length = header(headers, _LENGTH)
    if length is None or "," not in length:
        return headers
    first = length.partition(",")[0].strip()
    return _with_length(headers, int(first)) if first.isdecimal() else _without(headers, _LENGTH)
