"""What the command says: to people on standard error, its result on standard output."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from keploy_framework.process.output import Output

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from .settings import Settings


def say(line: str) -> None:
    """Tell the user something that is no part of the result."""
    sys.stderr.write(f"keploy: {line}\n")
    sys.stderr.flush()


def warn(settings: Settings) -> None:
    """Tell what is odd about the configuration."""
    for warning in settings.warnings:
        say(warning)


# Any: whatever JSON can say.
def print_json(data: Any) -> None:
    """Print a result as JSON."""
    print_text(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def print_text(text: str) -> None:
    """Print a result."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def app_output(*, json_result: bool) -> Output:
    """Give where the app's words go: where it wrote them, or aside where the result is JSON."""
    out = sys.stderr if json_result else sys.stdout
    return Output(_writer(out), _writer(sys.stderr))


def _writer(stream: TextIO) -> Callable[[bytes], object]:
    def write(piece: bytes) -> None:
        # Our own lines and the app's bytes must keep their order.
        stream.flush()
        stream.buffer.write(piece)
        stream.buffer.flush()

    return write


class Progress:
    """Show how far a run is, on a terminal only.

    Args:
        total: How many steps there are; 0 where that is not known.
        stream: Where to; ``None`` for standard error.
    """

    def __init__(self, total: int = 0, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._total = total
        self._done = 0
        self._is_shown = self._stream.isatty()

    def step(self, text: str) -> None:
        """Say that a step is done."""
        self._done += 1
        if self._is_shown:
            count = f"{self._done}/{self._total}" if self._total else str(self._done)
            self._stream.write(f"\r\x1b[K{count} {text[:60]}")
            self._stream.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._is_shown and self._done:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
