"""The body of a response as what it says, its content encoding taken off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from keploy_framework.errors import EncodingError
from keploy_framework.exchange import header
from keploy_framework.wire.encodings import decode_body

if TYPE_CHECKING:
    from keploy_framework.exchange import Response

_MOST_BYTES: Final = 64 * 1024 * 1024


class Decoded(NamedTuple):
    """A body, decoded as far as it could be.

    Args:
        data: The body; as it came where it cannot be decoded.
        problem: Why it cannot; empty where it can.
    """

    data: bytes
    problem: str = ""


def decoded_body(response: Response) -> Decoded:
    """Take the content encoding off a body, up to 64 MiB of what it says.

    Recorded bodies have none on, though their header still names it: they stay as they are.
    """
    encoding = header(response.headers, "content-encoding") or ""
    if not encoding:
        return Decoded(response.body)
    try:
        return Decoded(decode_body(response.body, encoding, _MOST_BYTES))
    except EncodingError as error:
        return Decoded(response.body, error.problem)
