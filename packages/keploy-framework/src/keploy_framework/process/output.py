"""What an app writes: passed on as it comes, and its last lines kept."""

from __future__ import annotations

import os
import threading
from collections import deque
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECE_BYTES: Final = 65_536
_LONGEST_LINE: Final = 2000


@dataclass(frozen=True, slots=True)
class Output:
    """Where what an app writes goes; both are called from other threads.

    Args:
        out: Gets its standard output.
        error: Gets its standard error.
    """

    out: Callable[[bytes], object] | None = None
    error: Callable[[bytes], object] | None = None


class LastLines:
    """Keep the last lines of several streams, in the order they came. Safe between threads.

    Args:
        most: How many lines.
    """

    def __init__(self, most: int = 20) -> None:
        self._lines: deque[str] = deque(maxlen=most)
        self._lock = threading.Lock()

    def add(self, line: bytes) -> None:
        """Take a line without its end; one that is too long is cut."""
        text = line[:_LONGEST_LINE].decode(errors="replace").rstrip("\r")
        with self._lock:
            self._lines.append(text)

    def lines(self) -> tuple[str, ...]:
        """Give the lines, the oldest first."""
        with self._lock:
            return tuple(self._lines)


class PassThrough(threading.Thread):
    """Pass a stream on while it lasts, in a thread, as a full terminal must not stop a proxy.

    Args:
        source: The pipe to read; it is closed at the end.
        write: Gets each piece as it comes; what it raises ends the passing, not the reading.
        kept: Gets each line.
    """

    def __init__(
        self, source: IO[bytes], write: Callable[[bytes], object] | None, kept: LastLines
    ) -> None:
        super().__init__(name="app-output", daemon=True)
        self._source = source
        self._write = write
        self._kept = kept

    def run(self) -> None:
        """Pass on until the last writer closed the pipe."""
        rest = b""
        with self._source:
            while piece := os.read(self._source.fileno(), _PIECE_BYTES):
                self._pass(piece)
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    self._kept.add(line)
                rest = rest[:_LONGEST_LINE]
        if rest:
            self._kept.add(rest)

    def _pass(self, piece: bytes) -> None:
        if self._write is None:
            return
        try:
            self._write(piece)
        except (OSError, ValueError):
            self._write = None  # nobody reads any more; the app must not stall for that
