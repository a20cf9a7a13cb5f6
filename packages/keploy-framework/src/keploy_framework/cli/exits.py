"""How the keploy command ends."""

from __future__ import annotations

from typing import Final

PASSED: Final = 0
FAILED: Final = 1
"""A test failed, a check found something, or something went wrong on the way."""
MISUSE: Final = 2
"""What was asked for cannot be done: a wrong option, configuration or name."""
APP_FAILED: Final = 3
"""The app could not be started, or ended when it was needed."""


class UsageError(Exception):
    """Report arguments that do not fit together, or a value that is none."""
