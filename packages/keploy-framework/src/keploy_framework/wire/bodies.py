"""Keep the body of a message while it comes, within a bound on memory."""

from __future__ import annotations

import contextlib
import tempfile
from typing import BinaryIO

from keploy_framework.exchange import Chunk

# Tiny pieces cost far more memory than their bytes: chunks are counted, others are joined.
_MOST_CHUNKS = 65_536
_MOST_PIECES = 1024


class RequestBody:
    """The body of a request: in memory at first, then in a temporary file, up to a cap.

    The file has no name others could open, and is gone when it is closed, or with the process.

    Args:
        memory_bytes: How much is kept in memory before it moves to the file.
        most_bytes: The cap. A body over it is not kept at all, only counted.
    """

    __slots__ = ("_file", "_memory_bytes", "_most_bytes", "_pieces", "size")

    def __init__(self, memory_bytes: int, most_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._most_bytes = most_bytes
        self._pieces: list[bytes] = []
        self._file: BinaryIO | None = None
        self.size = 0

    @property
    def too_large(self) -> bool:
        """Whether the body is over the cap, and was dropped."""
        return self.size > self._most_bytes

    @property
    def held(self) -> int:
        """How many bytes of it are in memory."""
        return 0 if self._file is not None or self.too_large else self.size

    def add(self, data: bytes) -> None:
        """Take the next piece.

        Raises:
            OSError: The temporary file cannot be written.
        """
        self.size += len(data)
        if self.too_large:
            self.close()
        elif self._file is not None:
            self._file.write(data)
        else:
            _append(self._pieces, data)
            if self.size > self._memory_bytes:
                # Not in a with block: it lives until the body is taken or dropped.
                self._file = tempfile.TemporaryFile(prefix="keploy-body-")  # noqa: SIM115
                self._file.writelines(self._pieces)
                self._pieces.clear()

    def take(self) -> bytes:
        """Give the whole body, and let the file go.

        Raises:
            OSError: The temporary file cannot be read.
        """
        if self._file is None:
            pieces = self._pieces
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        try:
            self._file.seek(0)
            return self._file.read()
        finally:
            self.close()

    def close(self) -> None:
        """Let go of all that is kept; twice is fine."""
        self._pieces.clear()
        file, self._file = self._file, None
        if file is not None:
            # Closing writes out what is left, and that is not wanted any more.
            with contextlib.suppress(OSError):
                file.close()


class ResponseBody:
    """The body of a response, with the times of its pieces where it is a stream.

    Args:
        most_bytes: A body over it keeps its size only.
        timed: Whether each piece is kept with its time.
    """

    __slots__ = ("_chunks", "_most_bytes", "_pieces", "_timed", "size")

    def __init__(self, most_bytes: int, *, timed: bool) -> None:
        self._most_bytes = most_bytes
        self._timed = timed
        self._pieces: list[bytes] = []
        self._chunks: list[Chunk] = []
        self.size = 0

    def add(self, data: bytes, at: int) -> None:
        """Take the next piece, which came *at* nanoseconds since 1970."""
        self.size += len(data)
        if self.size > self._most_bytes or len(self._chunks) >= _MOST_CHUNKS:
            # Neither shall a small piece that comes later be taken for the whole.
            self._most_bytes = 0
            self._pieces.clear()
            self._chunks.clear()
            return
        if self._timed:
            self._chunks.append(Chunk(at, data))
        else:
            _append(self._pieces, data)

    def take(self) -> tuple[bytes, tuple[Chunk, ...]]:
        """Give the body and its chunks: both empty where it was too large, or no stream."""
        chunks = tuple(self._chunks)
        pieces = [chunk.data for chunk in chunks] if self._timed else self._pieces
        return pieces[0] if len(pieces) == 1 else b"".join(pieces), chunks


def _append(pieces: list[bytes], data: bytes) -> None:
    pieces.append(data)
    if len(pieces) > _MOST_PIECES:
        pieces[:] = [b"".join(pieces)]
