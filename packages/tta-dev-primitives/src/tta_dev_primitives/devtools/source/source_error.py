"""Why a file cannot be looked at."""

from __future__ import annotations


class SourceError(Exception):
    """A file cannot be read, decoded or parsed.

    Attributes:
        path: The file.
        line: Where the trouble is, from 1.
        reason: What is wrong with it, one short sentence.
    """

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(f"{path}:{line}: {reason}")
        self.path, self.line, self.reason = path, line, reason

    def __reduce__(self) -> tuple[type[SourceError], tuple[str, int, str]]:
        return SourceError, (self.path, self.line, self.reason)
