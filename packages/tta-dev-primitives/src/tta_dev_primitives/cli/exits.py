"""How the command ends: its exit codes, and the errors that become one line and a code."""

from __future__ import annotations

from typing import Final

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_MISUSE: Final = 2
EXIT_NOT_MEASURED: Final = 3
EXIT_INTERRUPTED: Final = 130


class UsageError(Exception):
    """Raised by a command for a mistake in how it was called."""


class OutputError(Exception):
    """Raised when results cannot be written where they should go."""
