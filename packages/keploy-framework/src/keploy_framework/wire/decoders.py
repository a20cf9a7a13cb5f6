"""One decoder for each content encoding, each with a bound on what one call gives."""

from __future__ import annotations

import importlib
import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from keploy_framework.errors import EncodingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A zstandard frame may ask for gigabytes of memory; browsers stop at this window, too.
_ZSTANDARD_WINDOW_LOG: Final = 23
# One block of zstandard gives at most 128 KiB and takes at least four bytes, so a slice of this
# many bytes cannot give much more than 2 MiB.
_ZSTANDARD_SLICE: Final = 64
# What follows a member is copied at each of its ends, so endless tiny ones must not follow.
_ZLIB_SLICE: Final = 16_384
_BROTLI_QUALITY: Final = 5


class Decoder(Protocol):
    """Decodes one layer, piece by piece."""

    name: str

    @property
    def finished(self) -> bool:
        """Whether the body may end here; so it may before its first byte."""
        ...

    def decode(self, data: bytes, most: int) -> bytes:
        """Decode a piece.

        Args:
            data: The piece; may be empty.
            most: How many bytes are wanted. Giving as many means that there may be more, and
                that this decoder is not to be used further.

        Raises:
            EncodingError: The body is damaged.
        """
        ...


def open_decoder(name: str) -> Decoder:
    """Make a decoder for an encoding, in lower case.

    Raises:
        EncodingError: The encoding is unknown, or its package is not installed.
    """
    opener = _OPENERS.get(name)
    if opener is None:
        problem = f"the content encoding {name[:40]!r} is unknown; use gzip, deflate, br or zstd"
        raise EncodingError(name, "unknown", problem)
    return opener()


def compress_brotli(data: bytes) -> bytes | None:
    """Compress as ``br``; None where no package for it is installed."""
    brotli = _brotli()
    return None if brotli is None else brotli.compress(data, quality=_BROTLI_QUALITY)


def compress_zstandard(data: bytes) -> bytes | None:
    """Compress as ``zstd``; None where no package for it is installed."""
    standard, package = _zstandard()
    if standard is not None:
        return standard.compress(data)
    return None if package is None else package.ZstdCompressor().compress(data)


class _ZlibDecoder:
    """Decode gzip, of several members too, and deflate, which some send without its wrapper."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._start = b""
        # None before the first byte and between two members. Any: zlib names no type for it.
        self._member: Any = None
        self._ended = False

    @property
    def finished(self) -> bool:
        return self._member is None and not self._start

    def decode(self, data: bytes, most: int) -> bytes:
        decoded = bytearray()
        try:
            for piece in _slices(data, _ZLIB_SLICE):
                rest = piece
                while rest and len(decoded) < most:
                    member = self._member = self._member or self._open(rest)
                    if member is None:
                        break
                    rest, self._start = self._start + rest, b""
                    decoded += member.decompress(rest, most - len(decoded))
                    rest = member.unconsumed_tail
                    if member.eof:
                        rest = member.unused_data
                        self._member, self._ended = None, True
        except zlib.error as error:
            raise _damaged(self.name) from error
        return bytes(decoded)

    def _open(self, data: bytes) -> Any:
        """Begin a member; None while it cannot be told what it is."""
        if self.name == "gzip":
            # Some writers pad the end with zeros.
            if self._ended and not data.strip(b"\0"):
                return None
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        if self._ended:
            raise _damaged(self.name)
        start = self._start + data[:2]
        if len(start) < 2:
            self._start = start
            return None
        wrapped = start[0] & 0x0F == zlib.DEFLATED and int.from_bytes(start[:2], "big") % 31 == 0
        return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


class _BrotliDecoder:
    name = "br"

    # Any, here and below: the package is optional and brings no types.
    def __init__(self, package: Any) -> None:
        self._decompressor: Any = package.Decompressor()
        self._error: type[Exception] = package.error
        self._begun = False

    @property
    def finished(self) -> bool:
        return not self._begun or self._decompressor.is_finished()

    def decode(self, data: bytes, most: int) -> bytes:
        if not data:
            return b""
        if self._begun and self.finished:
            raise _damaged(self.name)
        self._begun = True
        try:
            decoded: bytes = self._decompressor.process(data, output_buffer_limit=most)
            while len(decoded) < most and not self._decompressor.can_accept_more_data():
                left = most - len(decoded)
                decoded += self._decompressor.process(b"", output_buffer_limit=left)
        except self._error as error:
            raise _damaged(self.name) from error
        return decoded


class _StandardZstandardDecoder:
    name = "zstd"

    def __init__(self, package: Any) -> None:
        options = {package.DecompressionParameter.window_log_max: _ZSTANDARD_WINDOW_LOG}
        self._open: Callable[[], Any] = lambda: package.ZstdDecompressor(options=options)
        self._error: type[Exception] = package.ZstdError
        self._frame: Any = None

    @property
    def finished(self) -> bool:
        return self._frame is None

    def decode(self, data: bytes, most: int) -> bytes:
        decoded = bytearray()
        try:
            for piece in _slices(data, _ZLIB_SLICE):
                rest = piece
                while rest and len(decoded) < most:
                    self._frame = self._frame or self._open()
                    decoded += self._frame.decompress(rest, most - len(decoded))
                    rest = b""
                    if self._frame.eof:
                        rest, self._frame = self._frame.unused_data, None
        except self._error as error:
            raise _damaged(self.name) from error
        return bytes(decoded)


class _PackagedZstandardDecoder:
    name = "zstd"

    def __init__(self, package: Any) -> None:
        decompressor = package.ZstdDecompressor(max_window_size=1 << _ZSTANDARD_WINDOW_LOG)
        self._open: Callable[[], Any] = decompressor.decompressobj
        self._error: type[Exception] = package.ZstdError
        self._frame: Any = None

    @property
    def finished(self) -> bool:
        return self._frame is None

    def decode(self, data: bytes, most: int) -> bytes:
        decoded = bytearray()
        try:
            for piece in _slices(data, _ZSTANDARD_SLICE):
                rest = piece
                while rest and len(decoded) < most:
                    self._frame = self._frame or self._open()
                    decoded += self._frame.decompress(rest)
                    rest = b""
                    if self._frame.eof:
                        rest, self._frame = self._frame.unused_data, None
        except self._error as error:
            raise _damaged(self.name) from error
        return bytes(decoded)


def _slices(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def _brotli() -> Any:
    """Find a package for brotli that can be told where to stop; older ones cannot."""
    for package in map(_installed, ("brotli", "brotlicffi")):
        if hasattr(getattr(package, "Decompressor", None), "can_accept_more_data"):
            return package
    return None


def _zstandard() -> tuple[Any, Any]:
    """Find a module with the interface of the standard library's, or the older package."""
    standard = _installed("compression.zstd") or _installed("backports.zstd")
    return standard, None if standard else _installed("zstandard")


def _installed(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _open_brotli() -> Decoder:
    package = _brotli()
    if package is None:
        raise _not_installed(_BrotliDecoder.name, "brotli>=1.2")
    return _BrotliDecoder(package)


def _open_zstandard() -> Decoder:
    standard, package = _zstandard()
    if standard is not None:
        return _StandardZstandardDecoder(standard)
    if package is None:
        raise _not_installed(_PackagedZstandardDecoder.name, "zstandard")
    return _PackagedZstandardDecoder(package)


_OPENERS: Final[dict[str, Callable[[], Decoder]]] = {
    "gzip": lambda: _ZlibDecoder("gzip"),
    "deflate": lambda: _ZlibDecoder("deflate"),
    "br": _open_brotli,
    "zstd": _open_zstandard,
}


def _damaged(name: str) -> EncodingError:
    return EncodingError(name, "damaged", f"the {name} body is damaged; record it again")


def _not_installed(name: str, package: str) -> EncodingError:
    problem = f"no package that decodes {name} is installed. Try: uv add '{package}'"
    return EncodingError(name, "not-installed", problem)
