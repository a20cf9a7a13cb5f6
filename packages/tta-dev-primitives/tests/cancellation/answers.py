"""What a call may end with: every step gives back what it got, so each answer names its caller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tta_dev_primitives.errors import CompensationError, PrimitiveError
from tta_dev_primitives.recovery.fallback import StreamRestarted, since_restart

from .worlds import ServiceError

SPOILT = "!"
"""What a fault puts behind an answer to spoil it."""


def spoil(value: Any) -> Any:  # Any: a result, or a chunk of any kind
    """Spoil a text; other things have no text to spoil."""
    return value + SPOILT if isinstance(value, str) else value


def whole(value: Any) -> str:
    """Return what was said, in one piece and without what faults did to it."""
    if isinstance(value, str):
        return value.replace(SPOILT, "")
    if isinstance(value, list):
        return "".join(whole(part) for part in since_restart(value))
    if isinstance(value, StreamRestarted):
        return ""
    raise AssertionError(f"{value!r} is no answer of any step")


def same(values: Any) -> str:
    """Return the one answer that branches side by side have given."""
    found = {whole(value) for value in (values.values() if isinstance(values, Mapping) else values)}
    assert len(found) == 1, f"branches with one input gave {found}"
    return found.pop()


def wrong_error(error: BaseException, asked: str) -> str | None:
    """Return what is wrong about *error* as the end of a call that asked *asked*."""
    if isinstance(error, BaseExceptionGroup):
        parts = [wrong_error(part, asked) for part in error.exceptions]
        return next((part for part in parts if part is not None), None)
    if isinstance(error, ServiceError):
        said = whole(error.args[0])
        # Of a stream that goes on elsewhere only the rest is asked for.
        return None if asked.endswith(said) else f"was given the error of {said!r}"
    if isinstance(error, CompensationError):
        return None if _undone_in_vain(error) else f"failed by {error!r}"
    if isinstance(error, PrimitiveError | ConnectionResetError):
        return None
    return f"failed by {error!r}"


def _undone_in_vain(error: CompensationError) -> bool:
    return isinstance(error.compensation_error, ServiceError | PrimitiveError)
