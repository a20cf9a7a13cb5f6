"""A value as an error shows it."""

from __future__ import annotations

import reprlib
from typing import Final

_short: Final = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 40


def shown(value: object) -> str:
    """Return *value* in few characters."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _short.repr(value)
