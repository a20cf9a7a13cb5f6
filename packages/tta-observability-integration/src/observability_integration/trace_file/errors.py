"""What can be wrong with a trace file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class TraceFileError(Exception):
    """Raised when a trace file cannot be used.

    Attributes:
        path: The file.
        reason: What is wrong with it, and what to do.
        lasting: Whether trying again is of no use.
    """

    def __init__(self, path: Path, reason: str, *, lasting: bool = True) -> None:
        super().__init__(f"trace file {path} {reason}")
        self.path, self.reason, self.lasting = path, reason, lasting


class UnknownTraceError(TraceFileError, LookupError):
    """Raised when a file holds no such trace, or more than one that begins like it."""
