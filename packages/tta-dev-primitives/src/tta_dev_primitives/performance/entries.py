"""From a result to an entry that no caller can corrupt."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tta_dev_primitives.errors import InputTypeError

from . import encoding
from .trees import without_uncached_fields

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Kept:
    """A result in the form in which it is kept.

    Attributes:
        value: What is kept.
        restore: Makes a caller's own copy of it; None where it can be shared.
        data: The encoded form; None when the result has none.
    """

    value: Any  # Any: whatever the cached step returned
    restore: Callable[[Any], Any] | None
    data: bytes | None


def keep(value: Any, *, share: bool, encoded: bool) -> Kept | None:  # Any: any step's result
    """Return *value* in the form in which it is kept, or None if there is none.

    Immutable values are kept as they are, others encoded; a value without an encoded form is
    copied deeply, once now and once per reader, and cannot leave the process.

    Args:
        value: The result.
        share: Keep the very object.
        encoded: An encoded form is needed, because the entry leaves the process.
    """
    if share:
        return Kept(value, None, None)
    value = without_uncached_fields(value)
    try:
        if not encoded and encoding.is_immutable(value):
            return Kept(value, None, None)
        data = encoding.encode(value)
    except (InputTypeError, RecursionError):
        pass  # a copy may be possible
    else:
        return Kept(data, encoding.decode, data)
    try:
        return Kept(copy.deepcopy(value), copy.deepcopy, None)
    except Exception:  # noqa: BLE001 - what __deepcopy__ raises is up to the type; None says it
        return None


def worth(value: object) -> tuple[float | None, int | None, int | None]:
    """Return what *value* says about its price: US dollars, tokens in, tokens out."""
    cost = getattr(value, "cost", None)
    usage = getattr(value, "usage", None)
    tokens_in = getattr(usage, "input_tokens", None)
    tokens_out = getattr(usage, "output_tokens", None)
    return (
        cost if isinstance(cost, int | float) else None,
        tokens_in if isinstance(tokens_in, int) else None,
        tokens_out if isinstance(tokens_out, int) else None,
    )
