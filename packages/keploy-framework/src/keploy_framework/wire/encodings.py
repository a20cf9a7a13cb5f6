"""Content encodings: take them off a body within a limit, and put them on again."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from keploy_framework.errors import EncodingError

from .decoders import compress_brotli, compress_zstandard, open_decoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from keploy_framework.exchange import Headers

    from .decoders import Decoder

_HEADER: Final = "content-encoding"

# Nobody stacks more; a longer list is an attack on the decoder.
_MOST_LAYERS: Final = 4
_COMPRESS: Final[dict[str, Callable[[bytes], bytes | None]]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "deflate": zlib.compress,
    "br": compress_brotli,
    "zstd": compress_zstandard,
}


class Encoded(NamedTuple):
    """A body and the encoding it really has.

    Args:
        data: The body.
        encoding: For the header ``Content-Encoding``; empty where the header must go.
    """

    data: bytes
    encoding: str


def decode_body(data: bytes, encoding: str, limit: int) -> bytes:
    """Take every content encoding off a whole body.

    An empty body has none, whatever the header says: so answer HEAD and 304.

    Args:
        data: The body as on the wire, without chunked framing.
        encoding: The value of ``Content-Encoding``: gzip, deflate, br, zstd, identity, or several
            of them with commas, in the order they were put on. May be empty.
        limit: The most bytes the decoded body, and each layer below it, may have. Little more
            than that is ever decoded, however much the body would become.

    Raises:
        EncodingError: An encoding is unknown, its package is not installed, or the body is
            damaged, cut short or too large.
    """
    decoder = BodyDecoder(encoding, limit)
    decoded = decoder.feed(data)
    decoder.finish()
    return decoded


def encode_body(data: bytes, encoding: str) -> Encoded:
    """Put content encodings on a body, for replay.

    Where one of them is unknown or its package is not installed the body stays as it is, and the
    result says so; `with_encoding` puts the headers right. The same body gives the same bytes
    with the same versions of the packages.

    Args:
        data: The body.
        encoding: As for `decode_body`.
    """
    names = _names(encoding)
    encoded: bytes | None = data
    for name in names:
        compress = _COMPRESS.get(name)
        encoded = compress(encoded) if compress is not None else None
        if encoded is None:
            return Encoded(data, "")
    return Encoded(encoded, encoding if names else "")


def with_encoding(headers: Headers, encoding: str) -> Headers:
    """Make ``Content-Encoding`` say *encoding* in its place, or take it away for none."""
    kept = [field for field in headers if field[0].lower() != _HEADER]
    if encoding:
        old = [at for at, field in enumerate(headers) if field[0].lower() == _HEADER]
        name = headers[old[0]][0] if old else "Content-Encoding"
        kept.insert(old[0] if old else len(kept), (name, encoding))
    return tuple(kept)


class BodyDecoder:
    """Take the content encodings off a body that comes in pieces.

    Args:
        encoding: As for `decode_body`.
        limit: As for `decode_body`, over all pieces.

    Raises:
        EncodingError: An encoding is unknown, or the package that decodes it is not installed.
    """

    __slots__ = ("_decoders", "_limit", "_sizes")

    def __init__(self, encoding: str, limit: int) -> None:
        names = _names(encoding)
        if len(names) > _MOST_LAYERS:
            problem = f"{len(names)} content encodings are stacked; use at most {_MOST_LAYERS}"
            raise EncodingError(encoding, "unknown", problem)
        self._limit = limit
        self._decoders: list[Decoder] = [open_decoder(name) for name in reversed(names)]
        # The last of them counts what comes out, be there a decoder or none.
        self._sizes = [0] * max(1, len(names))

    def feed(self, data: bytes) -> bytes:
        """Decode the next piece, as far as it goes.

        Raises:
            EncodingError: The body is damaged, or becomes larger than the limit.
        """
        if not self._decoders:
            self._count(0, data, "identity")
        for layer, decoder in enumerate(self._decoders):
            data = decoder.decode(data, self._limit - self._sizes[layer] + 1)
            self._count(layer, data, decoder.name)
        return data

    def finish(self) -> None:
        """Check that the body came to its end.

        Raises:
            EncodingError: It was cut short.
        """
        for decoder in self._decoders:
            if not decoder.finished:
                problem = f"the {decoder.name} body is cut short; record it again"
                raise EncodingError(decoder.name, "damaged", problem)

    def _count(self, layer: int, data: bytes, name: str) -> None:
        self._sizes[layer] += len(data)
        if self._sizes[layer] > self._limit:
            problem = f"the {name} body is larger than {self._limit} bytes; raise the limit"
            raise EncodingError(name, "too-large", problem)


def _names(encoding: str) -> list[str]:
    names = [name.strip().lower() for name in encoding.split(",")]
    return [name.removeprefix("x-") for name in names if name not in ("", "identity")]
