"""Every error this package raises on purpose, in one tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class KeployError(Exception):
    """Root of everything this package raises on purpose."""


class KeployConfigError(KeployError, ValueError):
    """Report a configuration that cannot be used.

    The text reads ``file:line: key what happened, the value; the next move``. The parts are
    attributes too, so nobody has to take the text apart.

    Args:
        problem: What happened, with the value and the next move.
        file: The file it is about, ``None`` for a configuration built in code.
        line: Where the file stops being YAML, counted from 1; ``None`` for a wrong value.
        key: The key it is about, such as ``app.port``; empty for none.
        value: The offending value.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: Path | None = None,
        line: int | None = None,
        key: str = "",
        value: object = None,
    ) -> None:
        place = "" if file is None else f"{file}: " if line is None else f"{file}:{line}: "
        super().__init__(f"{place}{key} {problem}" if key else f"{place}{problem}")
        self.problem, self.file, self.line = problem, file, line
        self.key, self.value = key, value


class KeployConfigNotFoundError(KeployConfigError, FileNotFoundError):
    """Report a configuration file that is not there; also caught as `FileNotFoundError`."""


class KeployResultsError(KeployError, ValueError):
    """Report test results that contradict themselves, or a threshold that is no fraction."""
