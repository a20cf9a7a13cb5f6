"""What is wrong with recorded traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tta_dev_primitives.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


class TrafficError(ConfigurationError):
    """Raised when recorded traffic cannot be read, or says what cannot be.

    The text reads `file:line: what happened, the value; the next move`.

    Args:
        path: The file or folder it is about.
        reason: What happened, with the value and the next move; never what was said to a model.
        line: Where in the file, counted from 1; None where no line can be named.
    """

    def __init__(self, path: Path, reason: str, *, line: int | None = None) -> None:
        place = f"{path}" if line is None else f"{path}:{line}"
        super().__init__(f"{place}: {reason}")
        self.path, self.reason, self.line = path, reason, line


class RequestError(ValueError):
    """Raised for one request that says what cannot be; whoever knows its place adds that."""
